#include "platform/jwt/jwt.h"

#include <cjose/base64.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <cjose/util.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"

/* More keys than any issuer publishes. */
#define JWT_KEYS_MAX 64

enum jwt_type { JWT_RSA, JWT_EC };

static const struct {
    const char *name;
    enum jwt_type type;
    const char *curve; /* EC: the only curve of the algorithm */
} jwt_algorithms[JWT_ALGORITHM_COUNT] = {
    [JWT_RS256] = {"RS256", JWT_RSA, NULL},   [JWT_RS384] = {"RS384", JWT_RSA, NULL},
    [JWT_RS512] = {"RS512", JWT_RSA, NULL},   [JWT_PS256] = {"PS256", JWT_RSA, NULL},
    [JWT_PS384] = {"PS384", JWT_RSA, NULL},   [JWT_PS512] = {"PS512", JWT_RSA, NULL},
    [JWT_ES256] = {"ES256", JWT_EC, "P-256"}, [JWT_ES384] = {"ES384", JWT_EC, "P-384"},
    [JWT_ES512] = {"ES512", JWT_EC, "P-521"},
};

struct jwt_key {
    struct str id, algorithm, curve; /* may be empty */
    enum jwt_type type;
    cjose_jwk_t *jwk;
};

struct jwt_keys {
    struct arena *arena;
    VEC(struct jwt_key) items;
};

bool jwt_algorithm_from_name(struct str name, enum jwt_algorithm *algorithm_out, struct err *err)
{
    for (unsigned i = 0; i < JWT_ALGORITHM_COUNT; i++) {
        if (str_equal(name, str_from(jwt_algorithms[i].name))) {
            *algorithm_out = (enum jwt_algorithm)i;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "unknown signature algorithm '%.*s'", STR_ARG(str_slice(name, 0, 32)));
    return err_hint(err, "one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512");
}

/* --- Keys --- */

/* The public members of a key, as a JSON text of its own: nothing else of it reaches the library. */
static void jwt_key_encode(struct buf *text, const struct json *key)
{
    static const char *const members[] = {"kty", "n", "e", "crv", "x", "y"};
    struct json_writer writer = {.buf = text};
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (json_get(key, members[i]))
            json_write_text(&writer, members[i], json_text(json_get(key, members[i])));
    json_end_object(&writer);
}

static void jwt_keys_add(struct jwt_keys *keys, const struct json *json)
{
    struct str type = json_text(json_get(json, "kty")), use = json_text(json_get(json, "use"));
    bool is_rsa = str_equal(type, S("RSA")), is_ec = str_equal(type, S("EC"));
    if ((!is_rsa && !is_ec) || (use.len > 0 && !str_equal(use, S("sig"))) || keys->items.count == JWT_KEYS_MAX)
        return;
    AUTO(buf) struct buf text = {0};
    jwt_key_encode(&text, json);
    struct jwt_key key = {
        .id = str_copy(keys->arena, json_text(json_get(json, "kid"))),
        .algorithm = str_copy(keys->arena, json_text(json_get(json, "alg"))),
        .curve = str_copy(keys->arena, json_text(json_get(json, "crv"))),
        .type = is_rsa ? JWT_RSA : JWT_EC,
        .jwk = cjose_jwk_import(buf_str(&text).ptr, buf_len(&text), NULL),
    };
    if (key.jwk)
        vec_push(&keys->items, key);
}

struct jwt_keys *jwt_keys_parse(struct str jwks, struct err *err)
{
    struct jwt_keys *keys = mem_new(struct jwt_keys);
    keys->arena = arena_new();
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *set = json_parse(arena, jwks, err);
    const struct json *list = json_get(set, "keys");
    for (size_t i = 0; i < json_count(list); i++)
        jwt_keys_add(keys, json_at(list, i));
    if (!set)
        err_wrap(err, "key set");
    else if (keys->items.count == 0)
        err_set(err, ERR_INVALID, "the key set holds no RSA or EC key for signatures");
    if (keys->items.count == 0)
        jwt_keys_free(&keys);
    return keys;
}

void jwt_keys_free(struct jwt_keys **keys)
{
    if (!*keys)
        return;
    for (size_t i = 0; i < (*keys)->items.count; i++)
        cjose_jwk_release((*keys)->items.items[i].jwk);
    vec_done(&(*keys)->items);
    arena_free(&(*keys)->arena);
    mem_free(*keys);
    *keys = NULL;
}

size_t jwt_keys_count(const struct jwt_keys *keys)
{
    return keys->items.count;
}

bool jwt_keys_have(const struct jwt_keys *keys, struct str id)
{
    for (size_t i = 0; i < keys->items.count; i++)
        if (str_equal(keys->items.items[i].id, id))
            return true;
    return false;
}

static bool jwt_key_fits(const struct jwt_key *key, enum jwt_algorithm algorithm)
{
    struct str name = str_from(jwt_algorithms[algorithm].name);
    const char *curve = jwt_algorithms[algorithm].curve;
    return key->type == jwt_algorithms[algorithm].type &&
           (key->algorithm.len == 0 || str_equal(key->algorithm, name)) &&
           (!curve || str_equal(key->curve, str_from(curve)));
}

/* By its id; a token without one is for the only key that fits. */
static const struct jwt_key *jwt_key_find(const struct jwt_keys *keys, struct str id, enum jwt_algorithm algorithm,
                                          struct err *err)
{
    const struct jwt_key *found = NULL;
    for (size_t i = 0; i < keys->items.count; i++) {
        const struct jwt_key *key = &keys->items.items[i];
        if (!jwt_key_fits(key, algorithm) || (id.len > 0 && !str_equal(key->id, id)))
            continue;
        if (found)
            return err_set(err, ERR_UNAUTHENTICATED, "the token does not say which key it is signed with"), NULL;
        found = key;
    }
    if (!found)
        err_set(err, ERR_UNAUTHENTICATED, "the token is signed with a key that the issuer does not publish");
    return found;
}

/* --- Tokens --- */

struct jwt_parts {
    struct str header, claims; /* still in base64url */
};

static bool jwt_split(struct str token, struct jwt_parts *parts_out, struct err *err)
{
    struct str rest = token, signature = {0}, more;
    struct jwt_parts parts = {0};
    bool three = str_split_next(&rest, '.', &parts.header) && str_split_next(&rest, '.', &parts.claims) &&
                 str_split_next(&rest, '.', &signature) && !str_split_next(&rest, '.', &more);
    if (!three || parts.header.len == 0 || parts.claims.len == 0 || signature.len == 0)
        return err_set(err, ERR_UNAUTHENTICATED, "the bearer is neither a token of this server nor a signed JWT");
    *parts_out = parts;
    return true;
}

static const struct json *jwt_decode(struct arena *arena, struct str part, const char *name, struct err *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct err cause;
    const struct json *json = NULL;
    if (cjose_base64url_decode(part.ptr, part.len, &bytes, &len, NULL))
        json = json_parse(arena, str_copy(arena, str_bytes((const char *)bytes, len)), &cause);
    cjose_get_dealloc()(bytes);
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_UNAUTHENTICATED, "the token's %s is no JSON object", name), NULL;
    return json;
}

struct str jwt_key_id(struct arena *arena, struct str token)
{
    struct jwt_parts parts;
    struct err ignored;
    bool is_token = token.len <= (uint64_t)limits_get(LIMIT_JWT) && jwt_split(token, &parts, &ignored);
    return is_token ? json_text(json_get(jwt_decode(arena, parts.header, "header", &ignored), "kid")) : S("");
}

static bool jwt_check_header(const struct json *header, const struct jwt_policy *policy,
                             enum jwt_algorithm *algorithm_out, struct err *err)
{
    struct err ignored;
    struct str name = json_text(json_get(header, "alg"));
    bool known = jwt_algorithm_from_name(name, algorithm_out, &ignored);
    if (!known || !(policy->algorithms & JWT_ALGORITHM_BIT(*algorithm_out)))
        return err_set(err, ERR_UNAUTHENTICATED, "the token's algorithm '%.*s' is not accepted",
                       STR_ARG(str_slice(name, 0, 16)));
    if (json_get(header, "crit"))
        return err_set(err, ERR_UNAUTHENTICATED, "the token asks for an extension (crit) that is not known here");
    return true;
}

static bool jwt_check_signature(const struct jwt_key *key, struct str token, struct err *err)
{
    cjose_jws_t *jws = cjose_jws_import(token.ptr, token.len, NULL);
    bool ok = jws && cjose_jws_verify(jws, key->jwk, NULL);
    if (jws)
        cjose_jws_release(jws);
    return ok || err_set(err, ERR_UNAUTHENTICATED, "the token's signature is wrong");
}

static bool jwt_has_audience(const struct json *audience, struct str wanted)
{
    if (json_kind(audience) == JSON_TEXT)
        return str_equal(json_text(audience), wanted);
    for (size_t i = 0; json_kind(audience) == JSON_ARRAY && i < json_count(audience); i++)
        if (json_kind(json_at(audience, i)) == JSON_TEXT && str_equal(json_text(json_at(audience, i)), wanted))
            return true;
    return false;
}

/* NumericDate: seconds since 1970, perhaps with a fraction. False when the claim is no such number. */
static bool jwt_time(const struct json *claim, int64_t *wall_us_out)
{
    double seconds = json_double(claim);
    if ((json_kind(claim) != JSON_I64 && json_kind(claim) != JSON_DOUBLE) || !(seconds >= 0 && seconds < 1e11))
        return false;
    *wall_us_out = (int64_t)(seconds * (double)CLOCK_SECOND);
    return true;
}

static bool jwt_check_times(const struct json *claims, const struct jwt_policy *policy, int64_t now_us,
                            int64_t *expires_out, struct err *err)
{
    int64_t begins_us = 0, issued_us = 0;
    const struct json *begins = json_get(claims, "nbf"), *issued = json_get(claims, "iat");
    if (!jwt_time(json_get(claims, "exp"), expires_out))
        return err_set(err, ERR_UNAUTHENTICATED, "the token has no time of expiry");
    if ((begins && !jwt_time(begins, &begins_us)) || (issued && !jwt_time(issued, &issued_us)))
        return err_set(err, ERR_UNAUTHENTICATED, "a time in the token is no number of seconds");
    if (*expires_out + policy->skew_us <= now_us)
        return err_set(err, ERR_UNAUTHENTICATED, "the token has expired");
    if (begins_us > now_us + policy->skew_us || issued_us > now_us + policy->skew_us)
        return err_set(err, ERR_UNAUTHENTICATED, "the token is not valid yet");
    return true;
}

static bool jwt_check_claims(const struct json *claims, const struct jwt_policy *policy, int64_t now_us,
                             struct jwt *jwt, struct err *err)
{
    if (!str_equal(json_text(json_get(claims, "iss")), policy->issuer))
        return err_set(err, ERR_UNAUTHENTICATED, "the token is from another issuer");
    if (!jwt_has_audience(json_get(claims, "aud"), policy->audience))
        return err_set(err, ERR_UNAUTHENTICATED, "the token is for another audience");
    jwt->claims = claims;
    jwt->subject = json_text(json_get(claims, "sub"));
    return jwt_check_times(claims, policy, now_us, &jwt->expires_us, err);
}

bool jwt_verify(const struct jwt_keys *keys, const struct jwt_policy *policy, struct str token, int64_t now_wall_us,
                struct arena *arena, struct jwt *jwt_out, struct err *err)
{
    struct jwt_parts parts;
    struct jwt jwt = {0};
    enum jwt_algorithm algorithm;
    if (token.len > (uint64_t)limits_get(LIMIT_JWT))
        return err_set(err, ERR_UNAUTHENTICATED, "the token is longer than limit %s", limits_name(LIMIT_JWT));
    if (!jwt_split(token, &parts, err))
        return false;
    const struct json *header = jwt_decode(arena, parts.header, "header", err);
    if (!header || !jwt_check_header(header, policy, &algorithm, err))
        return false;
    const struct jwt_key *key = jwt_key_find(keys, json_text(json_get(header, "kid")), algorithm, err);
    if (!key || !jwt_check_signature(key, token, err))
        return false;
    const struct json *claims = jwt_decode(arena, parts.claims, "payload", err);
    if (!claims || !jwt_check_claims(claims, policy, now_wall_us, &jwt, err))
        return false;
    *jwt_out = jwt;
    return true;
}
