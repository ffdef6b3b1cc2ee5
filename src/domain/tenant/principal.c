#include "domain/tenant/principal.h"

const char *principal_proof_name(enum principal_proof proof)
{
    static const char *const names[] = {"open", "password", "login", "token", "jwt", "certificate"};
    return names[proof];
}

enum role principal_role(const struct principal *who, struct str tenant)
{
    if (who->admin)
        return ROLE_OWNER;
    for (size_t i = 0; i < who->grant_count; i++)
        if (str_equal(who->grants[i].tenant, tenant))
            return who->grants[i].role > who->everywhere ? who->grants[i].role : who->everywhere;
    return who->everywhere;
}

bool principal_no_tenant(struct str tenant, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "tenant '%.*s' does not exist", STR_ARG(str_slice(tenant, 0, 80)));
}

bool principal_need(const struct principal *who, struct str tenant, enum role role, struct err *err)
{
    enum role have = principal_role(who, tenant);
    if (have >= role)
        return true;
    if (have == ROLE_NONE)
        return principal_no_tenant(tenant, err);
    err_set(err, ERR_DENIED, "this needs the role %s on %.*s; %.*s is %s", role_name(role), STR_ARG(tenant),
            STR_ARG(who->user), role_name(have));
    return err_hint(err, "an owner of the tenant can grant it: eider grant %s on %.*s to %.*s", role_name(role),
                    STR_ARG(tenant), STR_ARG(who->user));
}

bool principal_is_user(const struct principal *who, struct str user)
{
    bool ours =
        who->proof == PRINCIPAL_PASSWORD || who->proof == PRINCIPAL_LOGIN || who->proof == PRINCIPAL_CERTIFICATE;
    return ours && str_equal(who->user, user);
}

bool principal_need_admin(const struct principal *who, struct err *err)
{
    if (who->admin)
        return true;
    err_set(err, ERR_DENIED, "this needs an administrator; %.*s is none", STR_ARG(who->user));
    return err_hint(err, "ask whoever runs this server");
}

struct principal *principal_copy(struct arena *arena, const struct principal *who)
{
    struct principal *copy = arena_new_object(arena, struct principal);
    *copy = *who;
    copy->user = str_copy(arena, who->user);
    copy->token = str_copy(arena, who->token);
    copy->login = str_copy(arena, who->login);
    copy->tenant = str_copy(arena, who->tenant);
    struct grant *grants = arena_alloc(arena, (who->grant_count + 1) * sizeof(*grants));
    for (size_t i = 0; i < who->grant_count; i++)
        grants[i] = (struct grant){.tenant = str_copy(arena, who->grants[i].tenant), .role = who->grants[i].role};
    copy->grants = grants;
    return copy;
}
