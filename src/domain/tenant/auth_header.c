/* RFC 9110 section 11 (credentials), RFC 7617 (Basic), RFC 6750 (Bearer). */
#include <sodium.h>

#include "domain/tenant/auth_priv.h"

static bool auth_header_bad(const char *why, struct err *err)
{
    err_set(err, ERR_UNAUTHENTICATED, "the authorization header is not understood: %s", why);
    return err_hint(err, "send 'Basic base64(user:password)' or 'Bearer TOKEN'");
}

bool auth_base64(struct str text, int variant, unsigned char *bytes, size_t size, size_t *len_out)
{
    /* libsodium takes some bytes beyond ASCII for the letters that they become without their highest bit. */
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > 127)
            return false;
    const char *end = NULL;
    return sodium_base642bin(bytes, size, text.ptr, text.len, NULL, len_out, &end, variant) == 0 &&
           end == text.ptr + text.len;
}

/* Both alphabets, padded or not: clients do all of it. */
static bool auth_header_base64(struct arena *arena, struct str text, struct str *bytes_out)
{
    for (int i = 0; i < 2 && str_ends_with(text, S("=")); i++)
        text.len--;
    bool url = str_find_char(text, '-') >= 0 || str_find_char(text, '_') >= 0;
    unsigned char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!auth_base64(text, url ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                     bytes, text.len + 1, &len))
        return false;
    *bytes_out = str_bytes(bytes, len);
    return true;
}

bool auth_header_parse(struct arena *arena, struct str header, struct auth_credentials *credentials_out,
                       struct err *err)
{
    struct str rest = str_trim(header), scheme;
    *credentials_out = (struct auth_credentials){.scheme = AUTH_NO_SCHEME};
    if (rest.len == 0)
        return true;
    if (!str_split_next(&rest, ' ', &scheme))
        return auth_header_bad("it has no scheme", err);
    rest = str_trim(rest);
    if (str_equal_nocase(scheme, S("Bearer"))) {
        if (rest.len == 0 || str_find_char(rest, ' ') >= 0)
            return auth_header_bad("Bearer needs one token", err);
        *credentials_out = (struct auth_credentials){.scheme = AUTH_BEARER, .token = rest};
        return true;
    }
    if (!str_equal_nocase(scheme, S("Basic")))
        return auth_header_bad("its scheme is neither Basic nor Bearer", err);
    struct str pair;
    if (!auth_header_base64(arena, rest, &pair))
        return auth_header_bad("this is not base64", err);
    ptrdiff_t colon = str_find_char(pair, ':');
    if (colon < 0)
        return auth_header_bad("there is no ':' between user and password", err);
    *credentials_out = (struct auth_credentials){
        .scheme = AUTH_BASIC,
        .user = str_slice(pair, 0, (size_t)colon),
        .password = str_from_index(pair, (size_t)colon + 1),
    };
    return true;
}

bool auth_basic_pair(struct arena *arena, struct str header, struct str *user_out, struct str *password_out)
{
    struct auth_credentials shown;
    struct err ignored;
    if (!auth_header_parse(arena, header, &shown, &ignored) || shown.scheme != AUTH_BASIC)
        return false;
    *user_out = shown.user;
    *password_out = shown.password;
    return true;
}
