/* Users of an OpenID Connect issuer: a JWT as bearer, checked against the issuer's keys, becomes a principal whose
 * roles come from its claims. Keys are read from a file or fetched by a thread of their own, at start, every quarter of
 * an hour, and when a token names a key that is not known (at most every ten seconds). The loop's thread, but
 * oidc_thread.
 */
#pragma once
#include "domain/tenant/auth.h"

struct http_outgoing;
struct loop;
struct oidc;

/* What membership in one of the issuer's groups gives. */
struct oidc_group {
    struct str group;
    bool admin, metrics, audit;
    struct grant grant; /* role ROLE_NONE: none */
};

struct oidc_options {
    struct str issuer, audience;
    struct str jwks;         /* https://…, http://…, or the path of a file */
    unsigned algorithms;     /* JWT_ALGORITHM_BIT (platform/jwt) */
    int64_t skew_us;         /* how wrong the issuer's clock may be */
    struct str user_claim;   /* names the user: "sub", "email" */
    struct str grants_claim; /* an object {tenant: role}; empty: not looked at */
    struct str groups_claim; /* a list of names */
    const struct oidc_group *groups;
    size_t group_count;
    const struct http_outgoing *outgoing; /* which addresses may be asked; NULL: all */
};

/* Options are copied, outgoing apart. A file of keys is read here: *err says what is wrong with it. */
struct oidc *oidc_new(struct loop *loop, const struct oidc_options *options, struct err *err);
/* After oidc_thread has returned. Accepts NULL inside. */
void oidc_free(struct oidc **oidc);
/* From now on auth takes the issuer's tokens; oidc has to outlive it. */
void oidc_serve(struct oidc *oidc, struct auth *auth);

/* Keys come from an address: oidc_thread is needed. */
bool oidc_needs_thread(const struct oidc *oidc);
/* Fetches until oidc_stop, which takes as long as an answer may (5 s) at most. */
void oidc_thread(struct oidc *oidc);
void oidc_stop(struct oidc *oidc);
