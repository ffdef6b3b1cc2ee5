#include "app/serve_auth.h"

#include <stdlib.h>

#include "domain/tenant/audit.h"
#include "domain/tenant/auth.h"
#include "domain/tenant/password.h"
#include "domain/tenant/oidc.h"
#include "domain/tenant/user.h"

static void *serve_auth_hash(void *owner)
{
    password_pool_thread(owner);
    return NULL;
}

static void *serve_auth_fetch(void *owner)
{
    oidc_thread(owner);
    return NULL;
}

static bool serve_auth_issuer(struct serve_auth *identity, const struct config *config, struct loop *loop,
                              struct err *err)
{
    if (!config->oidc)
        return true;
    identity->oidc = oidc_new(loop, config->oidc, err);
    if (!identity->oidc)
        return false;
    oidc_serve(identity->oidc, identity->auth);
    if (!oidc_needs_thread(identity->oidc))
        return true;
    int failed = pthread_create(&identity->oidc_thread, NULL, serve_auth_fetch, identity->oidc);
    identity->oidc_runs = failed == 0;
    return identity->oidc_runs ||
           err_set(err, ERR_RESOURCE, "cannot start a thread for the issuer's keys: %s", strerror(failed));
}

static bool serve_auth_start(struct serve_auth *identity, struct err *err)
{
    while (identity->thread_count < SERVE_PASSWORD_THREADS) {
        pthread_t *thread = &identity->threads[identity->thread_count];
        int failed = pthread_create(thread, NULL, serve_auth_hash, identity->pool);
        if (failed)
            return err_set(err, ERR_RESOURCE, "cannot start a thread for passwords: %s", strerror(failed));
        identity->thread_count++;
    }
    return true;
}

bool serve_auth_open(struct serve_auth *identity, const struct config *config, struct loop *loop, struct store *store,
                     struct tenant_list *tenants, struct err *err)
{
    if (config->users.len && !user_import_file(store, config->users, err))
        return false;
    identity->audit = audit_open(loop, store, err);
    if (!identity->audit)
        return false;
    identity->pool = password_pool_new(loop);
    const struct user_options users = {
        .loop = loop, .store = store, .tenants = tenants, .pool = identity->pool, .audit = identity->audit};
    identity->users = user_list_open(&users, err);
    if (!identity->users)
        return false;
    const struct auth_options auth = {.store = store,
                                      .users = identity->users,
                                      .pool = identity->pool,
                                      .audit = identity->audit,
                                      .open_to_all = config->insecure,
                                      .addresses_shared = config->tls.proxy,
                                      .owner_token = str_from(getenv("EIDER_OWNER_TOKEN"))};
    identity->is_private = auth.owner_token.len > 0;
    identity->auth = auth_new(&auth, err);
    unsetenv("EIDER_OWNER_TOKEN"); /* workers must not see it */
    return identity->auth && serve_auth_issuer(identity, config, loop, err) && serve_auth_start(identity, err);
}

void serve_auth_stop(struct serve_auth *identity)
{
    if (identity->oidc_runs) {
        oidc_stop(identity->oidc);
        pthread_join(identity->oidc_thread, NULL);
    }
    if (identity->pool)
        password_pool_stop(identity->pool);
    while (identity->thread_count)
        pthread_join(identity->threads[--identity->thread_count], NULL);
    user_list_flush(identity->users);
    audit_flush(identity->audit);
}

void serve_auth_close(struct serve_auth *identity)
{
    auth_free(&identity->auth);
    oidc_free(&identity->oidc);
    user_list_close(&identity->users);
    password_pool_free(&identity->pool);
    audit_close(&identity->audit);
}
