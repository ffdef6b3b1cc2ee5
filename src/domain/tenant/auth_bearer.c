/* "eider_l1." and base64url of: HMAC-SHA-512/256 of the rest, login id, time of issue, epoch, name of the user. */
#include <sodium.h>

#include "domain/tenant/auth_priv.h"

#define AUTH_BEARER_HEAD (crypto_auth_BYTES + AUTH_LOGIN_ID_SIZE + 16)
#define AUTH_BEARER_MAX (AUTH_BEARER_HEAD + 64)

_Static_assert(AUTH_KEY_SIZE == crypto_auth_KEYBYTES, "one key for one algorithm");

static void auth_bearer_put(unsigned char *bytes, int64_t number)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
}

static int64_t auth_bearer_take(const unsigned char *bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

struct str auth_bearer_sign(struct arena *arena, const unsigned char key[AUTH_KEY_SIZE], const struct auth_login *login)
{
    unsigned char bytes[AUTH_BEARER_MAX], *next = bytes + crypto_auth_BYTES;
    memcpy(next, login->id, AUTH_LOGIN_ID_SIZE);
    auth_bearer_put(next + AUTH_LOGIN_ID_SIZE, login->issued_us);
    auth_bearer_put(next + AUTH_LOGIN_ID_SIZE + 8, login->epoch);
    size_t name_len = login->user.len < sizeof(bytes) - AUTH_BEARER_HEAD ? login->user.len : 0;
    memcpy(bytes + AUTH_BEARER_HEAD, login->user.ptr, name_len);
    size_t len = AUTH_BEARER_HEAD + name_len;
    crypto_auth(bytes, next, len - crypto_auth_BYTES, key);
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = arena_alloc(arena, size);
    sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return str_format(arena, AUTH_LOGIN_PREFIX "%s", text);
}

bool auth_bearer_open(struct arena *arena, const unsigned char key[AUTH_KEY_SIZE], struct str text,
                      struct auth_login *login_out)
{
    unsigned char bytes[AUTH_BEARER_MAX];
    struct str body = str_from_index(text, sizeof(AUTH_LOGIN_PREFIX) - 1);
    size_t len = 0;
    if (!str_starts_with(text, S(AUTH_LOGIN_PREFIX)) ||
        !auth_base64(body, sodium_base64_VARIANT_URLSAFE_NO_PADDING, bytes, sizeof(bytes), &len) ||
        len <= AUTH_BEARER_HEAD)
        return false;
    const unsigned char *next = bytes + crypto_auth_BYTES;
    if (crypto_auth_verify(bytes, next, len - crypto_auth_BYTES, key) != 0)
        return false;
    memcpy(login_out->id, next, AUTH_LOGIN_ID_SIZE);
    login_out->issued_us = auth_bearer_take(next + AUTH_LOGIN_ID_SIZE);
    login_out->epoch = auth_bearer_take(next + AUTH_LOGIN_ID_SIZE + 8);
    login_out->user = str_copy(arena, str_bytes(bytes + AUTH_BEARER_HEAD, len - AUTH_BEARER_HEAD));
    return true;
}
