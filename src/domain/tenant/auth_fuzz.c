/* Any bytes as an Authorization header, and as the bearer of a login: credentials inside the text or an error with
 * words; and no bearer is ours that we did not sign. */
#include "domain/tenant/auth_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    static const unsigned char key[AUTH_KEY_SIZE] = {7};
    struct str text = str_bytes(data, size);
    struct auth_credentials shown;
    struct auth_login login;
    struct err err = {0};
    if (auth_header_parse(arena, text, &shown, &err)) {
        if (shown.user.len + shown.password.len + shown.token.len > size)
            __builtin_trap();
        if (shown.scheme == AUTH_BASIC && str_find_char(shown.user, ':') >= 0)
            __builtin_trap();
    } else if (err.code != ERR_UNAUTHENTICATED) {
        __builtin_trap();
    }
    if (auth_bearer_open(arena, key, text, &login))
        __builtin_trap();
    /* What we sign is what we read, whatever the user's name is. */
    const struct auth_login mine = {.user = str_slice(text, 0, 63), .epoch = (int64_t)size};
    if (mine.user.len && (!auth_bearer_open(arena, key, auth_bearer_sign(arena, key, &mine), &login) ||
                          !str_equal(login.user, mine.user) || login.epoch != mine.epoch))
        __builtin_trap();
    return 0;
}
