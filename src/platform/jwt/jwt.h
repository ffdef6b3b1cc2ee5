/* JSON Web Tokens (RFC 7519) in compact form, signed with a key of the issuer's JWKS (RFC 7517). Pure: no I/O. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/json/json.h"

struct jwt_keys;

/* The public RSA and EC keys of a key set; keys of other types (symmetric ones above all) and for encryption are left
 * out. ERR_INVALID when none remains. */
struct jwt_keys *jwt_keys_parse(struct str jwks, struct err *err);
/* Accepts NULL inside. */
void jwt_keys_free(struct jwt_keys **keys);
size_t jwt_keys_count(const struct jwt_keys *keys);
/* A key with this id is among them: if not, the set may be out of date. */
bool jwt_keys_have(const struct jwt_keys *keys, struct str id);

/* Signature algorithms (RFC 7518 3.1); symmetric ones and "none" do not exist here. */
enum jwt_algorithm {
    JWT_RS256,
    JWT_RS384,
    JWT_RS512,
    JWT_PS256,
    JWT_PS384,
    JWT_PS512,
    JWT_ES256,
    JWT_ES384,
    JWT_ES512,
    JWT_ALGORITHM_COUNT
};
#define JWT_ALGORITHM_BIT(algorithm) (1u << (algorithm))
/* ERR_INVALID lists the known ones. */
bool jwt_algorithm_from_name(struct str name, enum jwt_algorithm *algorithm_out, struct err *err) MUST_USE;

struct jwt_policy {
    struct str issuer, audience; /* both have to be there */
    unsigned algorithms;         /* JWT_ALGORITHM_BIT of those that are accepted */
    int64_t skew_us;             /* how wrong the issuer's clock may be */
};

struct jwt {
    struct str subject; /* may be empty */
    const struct json *claims;
    int64_t expires_us; /* wall clock */
};

/* The key id that a token names; empty when it names none or is no token. In the arena. */
struct str jwt_key_id(struct arena *arena, struct str token);

/* ERR_UNAUTHENTICATED with the reason. Everything lives in the arena. Refused: tokens beyond oidc.max_token, algorithms
 * outside the policy, a key of another algorithm, `crit`, no `exp`, other issuers or audiences (RFC 8725). Keys and
 * addresses in the token's own header (jwk, jku, x5u) are never looked at. */
bool jwt_verify(const struct jwt_keys *keys, const struct jwt_policy *policy, struct str token, int64_t now_wall_us,
                struct arena *arena, struct jwt *jwt_out, struct err *err) MUST_USE;
