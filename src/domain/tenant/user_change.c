/* The changes of users and grants. Each is one job of the store: rights and form are looked at first, on the loop's
 * thread; existence and the last administrator inside the transaction, where changes cannot overtake each other. */
#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/tenant/password.h"
#include "domain/tenant/tenant.h"
#include "domain/tenant/user_priv.h"

/* --- What all changes share --- */

struct user_change *user_change_new(struct user_list *list, const struct audit_actor *by, enum audit_action action,
                                    struct str name, user_done *done, void *owner)
{
    struct arena *arena = arena_new();
    struct user_change *change = arena_new_object(arena, struct user_change);
    change->arena = arena;
    change->list = list;
    change->name = str_copy(arena, name);
    change->at_us = clock_wall_us();
    const struct audit_event event = {
        .user = by->who->user, .address = by->address, .action = action, .object = change->name};
    change->event = audit_copy(arena, &event);
    change->done = done;
    change->owner = owner;
    return change;
}

static void user_on_number(void *owner, const struct store_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)owner = columns[0].number;
}

bool user_number(struct store_db *db, const char *sql, const struct store_value *values, size_t count,
                 int64_t *number_out, struct err *err)
{
    *number_out = 0;
    return store_run(db, sql, values, count, user_on_number, number_out, err);
}

bool user_row_need(struct store_db *db, struct str name, struct err *err)
{
    int64_t found;
    if (!user_number(db, "SELECT count(*) FROM users WHERE name = ?", &STORE_STRING(name), 1, &found, err))
        return false;
    return found || err_set(err, ERR_NOT_FOUND, "user '%.*s' does not exist", STR_ARG(str_slice(name, 0, 80)));
}

bool user_admins_check(struct store_db *db, struct err *err)
{
    int64_t admins, users;
    if (!user_number(db, "SELECT count(*) FROM users WHERE admin AND NOT disabled", NULL, 0, &admins, err) ||
        !user_number(db, "SELECT count(*) FROM users", NULL, 0, &users, err))
        return false;
    if (admins)
        return true;
    if (users == 1)
        err_set(err, ERR_PRECONDITION, "the first user has to be an administrator, else nobody could add the others");
    else
        err_set(err, ERR_PRECONDITION, "this would leave no administrator");
    return err_hint(err, "make one: eider user add NAME --admin");
}

static bool user_change_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct user_change *change = job->owner;
    if (change->refused.code != ERR_OK) {
        *err = change->refused;
        return false;
    }
    struct str first = change->name.len ? change->name : USER_FIRST;
    struct str last = change->name.len ? change->name : USER_LAST;
    return change->apply(change, db, err) && audit_insert(db, change->audit_id, change->at_us, &change->event, err) &&
           user_load(db, first, last, &change->fresh, err);
}

static void user_change_end(struct user_change *change, const struct err *error)
{
    if (change->token_done)
        change->token_done(change->owner, error, error ? S("") : change->token_id, error ? S("") : change->token_text);
    else
        change->done(change->owner, error);
    if (change->token_text.len)
        explicit_bzero((char *)(uintptr_t)change->token_text.ptr, change->token_text.len);
    struct arena *arena = change->arena;
    vec_done(&change->fresh);
    arena_free(&arena);
}

/* The row of a change that was refused is durable; if it could not be written, the refusal stays. */
static void user_change_told(void *owner, const struct err *error)
{
    (void)error;
    struct user_change *change = owner;
    user_change_end(change, &change->refused);
}

static void user_change_refuse(struct user_change *change, const struct err *error)
{
    change->refused = *error;
    change->event.result = error->code;
    audit_write(change->list->options.audit, &change->event, user_change_told, change);
}

/* What they began before must not go on. */
static bool user_has_lost(const struct user *before, const struct user *after)
{
    if (after->disabled || after->epoch != before->epoch)
        return true;
    const struct principal now = {
        .admin = after->admin, .grants = after->grants.items, .grant_count = after->grants.count};
    for (size_t i = 0; i < before->grants.count; i++)
        if (principal_role(&now, before->grants.items[i].tenant) < before->grants.items[i].role)
            return true;
    return before->admin && !after->admin;
}

/* The list becomes what the store says. after NULL: the user is gone. */
static void user_change_show(struct user_list *list, struct str name, struct user *after)
{
    const struct user *before = user_find(list, name);
    bool ends = before && (!after || user_has_lost(before, after));
    if (after)
        user_put(list, after);
    else
        user_drop(list, name);
    if (ends && list->end)
        list->end(list->end_owner, name);
}

static void user_change_done(struct store_job *job, const struct err *error)
{
    struct user_change *change = job->owner;
    if (error) {
        for (size_t i = 0; i < change->fresh.count; i++)
            user_free(change->fresh.items[i]);
        change->fresh.count = 0;
        user_change_refuse(change, error);
        return;
    }
    if (change->fresh.count == 0)
        user_change_show(change->list, change->name, NULL);
    for (size_t i = 0; i < change->fresh.count; i++)
        user_change_show(change->list, change->fresh.items[i]->name, change->fresh.items[i]);
    user_change_end(change, NULL);
}

void user_change_submit(struct user_change *change)
{
    if (change->refused.code != ERR_OK) {
        struct err refused = change->refused;
        user_change_refuse(change, &refused);
        return;
    }
    assert(change->apply);
    change->audit_id = audit_take_id(change->list->options.audit);
    change->job = (struct store_job){.apply = user_change_apply, .done = user_change_done, .owner = change};
    store_submit(change->list->options.store, &change->job);
}

/* ok: what can be looked at now is in order; else refused says what is not. */
static void user_change_decide(struct user_change *change, bool ok)
{
    assert(ok == (change->refused.code == ERR_OK));
    user_change_submit(change);
}

/* Logins of before an epoch end with it, so two are never equal. */
static int64_t user_new_epoch(void)
{
    int64_t epoch;
    random_bytes(&epoch, sizeof(epoch));
    return (epoch & INT64_MAX) | 1;
}

/* The password's hash comes from another thread; then the change goes on its way. */
static void user_on_hash(void *owner, bool ok, struct str hash)
{
    struct user_change *change = owner;
    change->hash = str_copy(change->arena, hash);
    if (!ok)
        err_set(&change->refused, ERR_RESOURCE, "there is no memory to hash a password");
    user_change_submit(change);
}

static void user_change_submit_password(struct user_change *change, struct str password)
{
    bool hashes = change->refused.code == ERR_OK && password.len && password_check(password, &change->refused);
    if (hashes && password_hash(change->list->options.pool, password, user_on_hash, change, &change->refused))
        return;
    user_change_submit(change);
}

/* --- Users --- */

static bool user_add_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    int64_t known, count;
    if (!user_number(db, "SELECT count(*) FROM users WHERE name = ?", &STORE_STRING(change->name), 1, &known, err) ||
        !user_number(db, "SELECT count(*) FROM users", NULL, 0, &count, err))
        return false;
    if (known)
        return err_set(err, ERR_EXISTS, "user '%.*s' exists already", STR_ARG(change->name));
    if (count >= limits_get(LIMIT_USERS))
        return limits_err(LIMIT_USERS, err);
    if (count == 0 && change->roles.admin && change->hash.len == 0) {
        err_set(err, ERR_PRECONDITION, "the first user needs a password, else nobody could get in");
        return err_hint(err, "eider user add %.*s --admin asks for one", STR_ARG(change->name));
    }
    const struct store_value values[] = {STORE_STRING(change->name),        STORE_STRING(change->hash),
                                         STORE_NUMBER(change->roles.admin), STORE_NUMBER(change->roles.metrics),
                                         STORE_NUMBER(change->roles.audit), STORE_NUMBER(change->at_us),
                                         STORE_NUMBER(user_new_epoch())};
    return store_run(db,
                     "INSERT INTO users(name, password, admin, metrics, audit, disabled, created_us, epoch) VALUES (?, "
                     "?, ?, ?, ?, 0, ?, ?)",
                     values, 7, NULL, NULL, err) &&
           user_admins_check(db, err);
}

void user_add(struct user_list *list, const struct audit_actor *by, const struct user_spec *spec, user_done *done,
              void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_USER_ADD, spec->name, done, owner);
    change->apply = user_add_apply;
    change->roles = (struct user_roles){.admin = spec->admin, .metrics = spec->metrics, .audit = spec->audit};
    if (!principal_need_admin(by->who, &change->refused) || !user_name_check(spec->name, &change->refused)) {
        user_change_submit(change);
        return;
    }
    user_change_submit_password(change, spec->password);
}

static bool user_remove_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    return user_row_need(db, change->name, err) &&
           store_run(db, "DELETE FROM users WHERE name = ?", &STORE_STRING(change->name), 1, NULL, NULL, err) &&
           user_admins_check(db, err);
}

void user_remove(struct user_list *list, const struct audit_actor *by, struct str name, user_done *done, void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_USER_REMOVE, name, done, owner);
    change->apply = user_remove_apply;
    bool ok = principal_need_admin(by->who, &change->refused) && user_name_check(name, &change->refused);
    user_change_decide(change, ok);
}

static bool user_set_password_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    const struct store_value values[] = {STORE_STRING(change->hash), STORE_NUMBER(user_new_epoch()),
                                         STORE_STRING(change->name)};
    return user_row_need(db, change->name, err) &&
           store_run(db, "UPDATE users SET password = ?, epoch = ? WHERE name = ?", values, 3, NULL, NULL, err);
}

void user_set_password(struct user_list *list, const struct audit_actor *by, struct str name, struct str password,
                       user_done *done, void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_USER_PASSWORD, name, done, owner);
    change->apply = user_set_password_apply;
    bool ok = (principal_is_user(by->who, name) || principal_need_admin(by->who, &change->refused)) &&
              user_name_check(name, &change->refused);
    if (!ok) {
        user_change_submit(change);
        return;
    }
    user_change_submit_password(change, password);
}

static bool user_set_roles_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    const struct store_value values[] = {STORE_NUMBER(change->roles.admin), STORE_NUMBER(change->roles.metrics),
                                         STORE_NUMBER(change->roles.audit), STORE_NUMBER(change->roles.disabled),
                                         STORE_STRING(change->name)};
    return user_row_need(db, change->name, err) &&
           store_run(db, "UPDATE users SET admin = ?, metrics = ?, audit = ?, disabled = ? WHERE name = ?", values, 5,
                     NULL, NULL, err) &&
           user_admins_check(db, err);
}

void user_set_roles(struct user_list *list, const struct audit_actor *by, struct str name,
                    const struct user_roles *roles, user_done *done, void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_USER_CHANGE, name, done, owner);
    change->apply = user_set_roles_apply;
    change->roles = *roles;
    bool ok = principal_need_admin(by->who, &change->refused) && user_name_check(name, &change->refused);
    user_change_decide(change, ok);
}

/* --- Grants --- */

static bool user_grant_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    int64_t found;
    const struct store_value active[] = {STORE_STRING(change->tenant), STORE_NUMBER(TENANT_ACTIVE)};
    if (!user_number(db, "SELECT count(*) FROM tenants WHERE id = ? AND state = ?", active, 2, &found, err))
        return false;
    if (!found)
        return principal_no_tenant(change->tenant, err);
    const struct store_value values[] = {STORE_STRING(change->name), STORE_STRING(change->tenant),
                                         STORE_NUMBER(change->role)};
    return user_row_need(db, change->name, err) &&
           store_run(db, "INSERT OR REPLACE INTO grants(user, tenant, role) VALUES (?, ?, ?)", values, 3, NULL, NULL,
                     err);
}

static bool user_revoke_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    int64_t found;
    const struct store_value values[] = {STORE_STRING(change->name), STORE_STRING(change->tenant)};
    if (!user_number(db, "SELECT count(*) FROM grants WHERE user = ? AND tenant = ?", values, 2, &found, err))
        return false;
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "%.*s has no role on %.*s", STR_ARG(change->name), STR_ARG(change->tenant));
    return store_run(db, "DELETE FROM grants WHERE user = ? AND tenant = ?", values, 2, NULL, NULL, err);
}

static void user_change_grant(struct user_change *change, const struct audit_actor *by, struct str tenant)
{
    change->tenant = str_copy(change->arena, tenant);
    change->event.tenant = change->tenant;
    bool ok = tenant_id_check(tenant, &change->refused) &&
              principal_need(by->who, tenant, ROLE_OWNER, &change->refused) &&
              user_name_check(change->name, &change->refused);
    user_change_decide(change, ok);
}

void user_grant(struct user_list *list, const struct audit_actor *by, struct str name, struct str tenant,
                enum role role, user_done *done, void *owner)
{
    assert(role >= ROLE_READER && role <= ROLE_OWNER);
    struct user_change *change = user_change_new(list, by, AUDIT_GRANT, name, done, owner);
    change->apply = user_grant_apply;
    change->role = role;
    user_change_grant(change, by, tenant);
}

void user_revoke(struct user_list *list, const struct audit_actor *by, struct str name, struct str tenant,
                 user_done *done, void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_REVOKE, name, done, owner);
    change->apply = user_revoke_apply;
    user_change_grant(change, by, tenant);
}

/* --- Import --- */

static bool user_change_import_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    return user_import_apply(db, change->import, err);
}

void user_import(struct user_list *list, const struct audit_actor *by, struct str yaml, user_done *done, void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_USER_IMPORT, S(""), done, owner);
    change->apply = user_change_import_apply;
    if (principal_need_admin(by->who, &change->refused))
        change->import = user_import_parse(change->arena, yaml, &change->refused);
    user_change_submit(change);
}
