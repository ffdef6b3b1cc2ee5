/* Who asks, and what they may do. A principal is made by auth.h for one request and lives in that request's arena. */
#pragma once
#include "base/arena.h"
#include "domain/tenant/role.h"

struct grant {
    struct str tenant;
    enum role role;
};

/* How it was proved. */
enum principal_proof {
    PRINCIPAL_OPEN, /* no users are configured: everyone on loopback is the administrator */
    PRINCIPAL_PASSWORD,
    PRINCIPAL_LOGIN, /* the bearer that a login gave out */
    PRINCIPAL_TOKEN,
    PRINCIPAL_JWT,
    PRINCIPAL_CERTIFICATE,
};
const char *principal_proof_name(enum principal_proof proof);

struct principal {
    struct str user;
    bool admin;   /* may do everything */
    bool metrics; /* may read /metrics */
    bool audit;   /* may read the whole audit trail */
    enum principal_proof proof;
    const struct grant *grants; /* ordered by tenant */
    size_t grant_count;
    enum role everywhere; /* in every tenant: an administrator's token that is no administrator itself; else NONE */
    struct str token;     /* PRINCIPAL_TOKEN: its name */
    struct str login;     /* PRINCIPAL_LOGIN: the login's id, which names a session; else empty */
    struct str tenant;    /* the tenant that a token is for: the default of its requests; else empty */
};

/* ROLE_NONE when the tenant is hidden from them. An admin owns every tenant. */
enum role principal_role(const struct principal *who, struct str tenant);
/* ERR_NOT_FOUND, the same for a tenant that does not exist and for one that is hidden. Always false. */
bool principal_no_tenant(struct str tenant, struct err *err);
/* ERR_DENIED with the role that is missing; ERR_NOT_FOUND when it is hidden. */
bool principal_need(const struct principal *who, struct str tenant, enum role role, struct err *err) MUST_USE;
/* They are this user of ours and have proved more than a token does. A name in a JWT is the issuer's, not ours. */
bool principal_is_user(const struct principal *who, struct str user);
/* ERR_DENIED unless admin. */
bool principal_need_admin(const struct principal *who, struct err *err) MUST_USE;
/* A copy that lives in the arena. */
struct principal *principal_copy(struct arena *arena, const struct principal *who);
