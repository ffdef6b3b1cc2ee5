/* /api/v1/users, grants and server roles. The domain decides who may; changes go on when the client goes away. */
#include "base/clock.h"
#include "domain/tenant/user.h"
#include "face/rest/rest_priv.h"

/* --- Answers --- */

static void rest_user_encode(struct json_writer *writer, const struct user *user, const struct grant *grants,
                             size_t grant_count)
{
    char created[28];
    clock_format(user->created_us, created);
    json_begin_object(writer, NULL);
    json_write_text(writer, "name", user->name);
    json_write_bool(writer, "admin", user->admin);
    json_write_bool(writer, "metrics", user->metrics);
    json_write_bool(writer, "audit", user->audit);
    json_write_bool(writer, "disabled", user->disabled);
    json_write_bool(writer, "password", user->password.len > 0);
    json_write_text(writer, "created", str_from(created));
    json_begin_array(writer, "grants");
    for (size_t i = 0; i < grant_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "tenant", grants[i].tenant);
        json_write_text(writer, "role", str_from(role_name(grants[i].role)));
        json_end_object(writer);
    }
    json_end_array(writer);
    json_end_object(writer);
}

void rest_users_get(struct rest_exchange *exchange)
{
    const struct user_list *users = exchange->rest->users;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "users");
    for (size_t i = 0; i < user_count(users); i++) {
        const struct grant *grants;
        size_t count;
        if (user_view(exchange->edge.who, user_at(users, i), rest_arena(exchange), &grants, &count))
            rest_user_encode(&writer, user_at(users, i), grants, count);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

static void rest_user_added(void *owner, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    if (!exchange)
        return;
    const struct user *user = error ? NULL : user_find(exchange->rest->users, exchange->parameters[0]);
    if (error) {
        rest_fail_noted(exchange, error);
    } else if (!user) { /* removed by somebody else since */
        rest_answer(exchange, 204, S(""), S(""), NULL, 0);
    } else {
        AUTO(buf) struct buf body = {0};
        struct json_writer writer = {.buf = &body};
        rest_user_encode(&writer, user, user->grants.items, user->grants.count);
        rest_answer_json(exchange, 201, &body);
    }
}

/* --- Users --- */

void rest_users_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"name", "password", "admin", NULL};
    struct user_spec spec = {0};
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    if (!body || !json_get_text(body, "name", &spec.name, &err) ||
        !json_get_text(body, "password", &spec.password, &err) || !rest_get_bool(body, "admin", &spec.admin, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    const struct audit_actor by = edge_actor(&exchange->edge);
    exchange->parameters[0] = spec.name;
    user_add(exchange->rest->users, &by, &spec, rest_user_added, edge_wait_new(&exchange->edge));
}

void rest_users_import_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"yaml", NULL};
    struct str yaml;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    if (!body || !json_get_text(body, "yaml", &yaml, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    const struct audit_actor by = edge_actor(&exchange->edge);
    user_import(exchange->rest->users, &by, yaml, rest_on_changed, edge_wait_new(&exchange->edge));
}

void rest_user_delete(struct rest_exchange *exchange)
{
    const struct audit_actor by = edge_actor(&exchange->edge);
    user_remove(exchange->rest->users, &by, exchange->parameters[0], rest_on_changed, edge_wait_new(&exchange->edge));
}

void rest_user_password_put(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"password", NULL};
    struct str password;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    bool ok = body && json_get_text(body, "password", &password, &err);
    if (ok && password.len == 0)
        ok = err_set(&err, ERR_INVALID, "body: password is missing");
    if (!ok) {
        rest_fail(exchange, &err);
        return;
    }
    const struct audit_actor by = edge_actor(&exchange->edge);
    user_set_password(exchange->rest->users, &by, exchange->parameters[0], password, rest_on_changed,
                      edge_wait_new(&exchange->edge));
}

/* --- Server roles --- */

static void rest_user_role(struct rest_exchange *exchange, bool has)
{
    struct str name = exchange->parameters[0], role = exchange->parameters[1];
    const struct user *user = user_find(exchange->rest->users, name);
    struct err err;
    struct user_roles roles = {0};
    if (user)
        roles = (struct user_roles){
            .admin = user->admin, .metrics = user->metrics, .audit = user->audit, .disabled = user->disabled};
    bool *given = str_equal(role, S("admin"))      ? &roles.admin
                  : str_equal(role, S("metrics"))  ? &roles.metrics
                  : str_equal(role, S("audit"))    ? &roles.audit
                  : str_equal(role, S("disabled")) ? &roles.disabled
                                                   : NULL;
    if (!given) {
        err_set(&err, ERR_NOT_FOUND, "no such role: %.*s", STR_ARG(str_slice(role, 0, 32)));
        err_hint(&err, "roles in the server: admin, metrics, audit; roles in a tenant: reader, writer, owner");
        rest_fail(exchange, &err);
        return;
    }
    *given = has;
    const struct audit_actor by = edge_actor(&exchange->edge);
    user_set_roles(exchange->rest->users, &by, name, &roles, rest_on_changed, edge_wait_new(&exchange->edge));
}

void rest_user_role_put(struct rest_exchange *exchange)
{
    rest_user_role(exchange, true);
}

void rest_user_role_delete(struct rest_exchange *exchange)
{
    rest_user_role(exchange, false);
}

/* --- Roles in a tenant --- */

void rest_grants_get(struct rest_exchange *exchange)
{
    struct str tenant = exchange->parameters[0];
    const struct user_list *users = exchange->rest->users;
    struct err err;
    if (!tenant_find(exchange->rest->tenants, tenant, &err) ||
        !principal_need(exchange->edge.who, tenant, ROLE_OWNER, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "grants");
    for (size_t i = 0; i < user_count(users); i++) {
        const struct user *user = user_at(users, i);
        for (size_t j = 0; j < user->grants.count; j++) {
            if (!str_equal(user->grants.items[j].tenant, tenant))
                continue;
            json_begin_object(&writer, NULL);
            json_write_text(&writer, "user", user->name);
            json_write_text(&writer, "role", str_from(role_name(user->grants.items[j].role)));
            json_end_object(&writer);
        }
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_grant_put(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"role", NULL};
    struct str name;
    enum role role;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    if (!body || !json_get_text(body, "role", &name, &err) || !role_from_name(name, &role, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    const struct audit_actor by = edge_actor(&exchange->edge);
    user_grant(exchange->rest->users, &by, exchange->parameters[1], exchange->parameters[0], role, rest_on_changed,
               edge_wait_new(&exchange->edge));
}

void rest_grant_delete(struct rest_exchange *exchange)
{
    const struct audit_actor by = edge_actor(&exchange->edge);
    user_revoke(exchange->rest->users, &by, exchange->parameters[1], exchange->parameters[0], rest_on_changed,
                edge_wait_new(&exchange->edge));
}
