/* What the files of auth share. */
#pragma once
#include "base/map.h"
#include "domain/tenant/auth.h"
#include "domain/tenant/recent.h"

/* --- auth_header.c: what an Authorization header says --- */

enum auth_scheme { AUTH_NO_SCHEME, AUTH_BASIC, AUTH_BEARER };

struct auth_credentials {
    enum auth_scheme scheme;
    struct str user, password; /* AUTH_BASIC; may be any bytes */
    struct str token;          /* AUTH_BEARER */
};
/* Texts are in the arena or in the header. ERR_UNAUTHENTICATED for what is no credentials. */
bool auth_header_parse(struct arena *arena, struct str header, struct auth_credentials *credentials_out,
                       struct err *err) MUST_USE;

/* The bytes of a text in one of libsodium's variants of base64; false when it is none, or longer than size. */
bool auth_base64(struct str text, int variant, unsigned char *bytes, size_t size, size_t *len_out) MUST_USE;

/* --- auth_bearer.c: the signed bearer of a login --- */

#define AUTH_LOGIN_PREFIX "eider_l1."
#define AUTH_KEY_SIZE 32
#define AUTH_LOGIN_ID_SIZE 16

struct auth_login {
    struct str user;
    unsigned char id[AUTH_LOGIN_ID_SIZE];
    int64_t issued_us; /* wall clock */
    int64_t epoch;     /* of the user when it was issued */
};
/* In the arena. */
struct str auth_bearer_sign(struct arena *arena, const unsigned char key[AUTH_KEY_SIZE],
                            const struct auth_login *login);
/* False unless the signature is ours. Texts in the arena; whether it is still good is the caller's to say. */
bool auth_bearer_open(struct arena *arena, const unsigned char key[AUTH_KEY_SIZE], struct str text,
                      struct auth_login *login_out) MUST_USE;

/* --- auth_pass.c: bearers of programs that the server starts --- */

#define AUTH_PASS_PREFIX "eider_p1_"
/* Digest of the bearer → its tenant. */
struct map *auth_passes(struct auth *auth);
bool auth_pass_check(struct auth *auth, struct str pass, struct arena *arena, struct principal *who_out,
                     struct err *err) MUST_USE;
void auth_passes_done(struct map *passes);

/* --- auth_backoff.c: failures per user and address, and per address --- */

struct auth_backoff {
    struct recent failures;
    bool addresses_shared; /* by all clients, because a proxy is in front: an address alone says nothing */
};
void auth_backoff_init(struct auth_backoff *backoff, bool addresses_shared);
void auth_backoff_done(struct auth_backoff *backoff);
/* False with ERR_RESOURCE and the seconds to wait. */
bool auth_backoff_check(struct auth_backoff *backoff, struct str user, struct str remote, struct err *err) MUST_USE;
/* An attempt of the user counts from its beginning, so that many at once are no way around; of the address when it
 * failed. */
void auth_backoff_begin(struct auth_backoff *backoff, struct str user, struct str remote);
void auth_backoff_failed(struct auth_backoff *backoff, struct str remote);
/* Forgets the user's attempts from there. */
void auth_backoff_succeeded(struct auth_backoff *backoff, struct str user, struct str remote);

/* --- JWTs: whoever checks them sets this --- */

struct auth_jwt {
    /* At once, from keys that are there: a principal with proof PRINCIPAL_JWT and its texts in the arena, or
     * ERR_UNAUTHENTICATED. */
    bool (*check)(struct auth_jwt *jwt, struct str token, struct arena *arena, struct principal *who_out,
                  struct err *err);
};
/* NULL: none are accepted. */
void auth_set_jwt(struct auth *auth, struct auth_jwt *jwt);
