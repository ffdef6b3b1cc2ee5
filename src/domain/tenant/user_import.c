/* users.yaml: what it says about users, checked as a whole before anything is written. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/tenant/password.h"
#include "domain/tenant/tenant.h"
#include "domain/tenant/user_priv.h"
#include "platform/yaml/yaml.h"

#define USER_IMPORT_BYTES_MAX (4 << 20)

struct user_import_row {
    struct str name, hash;
    struct user_roles roles;
    const struct grant *grants;
    size_t grant_count;
};

struct user_import {
    struct user_import_row *rows;
    size_t count;
};

static const char *const user_import_keys[] = {"name",  "password_hash", "admin",  "metrics",
                                               "audit", "disabled",      "grants", NULL};

/* --- Reading --- */

static bool user_import_bad(const struct yaml *value, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "line %d: %s", yaml_line(value), why);
}

static bool user_import_flag(const struct yaml *user, const char *key, bool *flag_out, struct err *err)
{
    const struct yaml *value = yaml_get(user, key);
    if (!value)
        return true;
    if (!str_equal(yaml_text(value), S("true")) && !str_equal(yaml_text(value), S("false")))
        return err_set(err, ERR_INVALID, "line %d: %s is true or false", yaml_line(value), key);
    *flag_out = str_equal(yaml_text(value), S("true"));
    return true;
}

static bool user_import_grants(struct arena *arena, const struct yaml *grants, struct user_import_row *row,
                               struct err *err)
{
    if (yaml_kind(grants) != YAML_MAP && yaml_kind(grants) != YAML_EMPTY)
        return user_import_bad(grants, "grants is a map: grants: {tenant_acme: reader}", err);
    struct grant *items = arena_array(arena, yaml_count(grants) + 1, sizeof(*items));
    for (size_t i = 0; i < yaml_count(grants); i++) {
        items[i].tenant = yaml_key_at(grants, i);
        if (!tenant_id_check(items[i].tenant, err) ||
            !role_from_name(yaml_text(yaml_at(grants, i)), &items[i].role, err))
            return err_wrap(err, "line %d", yaml_key_line(grants, i));
    }
    row->grants = items;
    row->grant_count = yaml_count(grants);
    return true;
}

static bool user_import_row(struct arena *arena, const struct yaml *user, struct user_import_row *row, struct err *err)
{
    if (yaml_kind(user) != YAML_MAP)
        return user_import_bad(user, "a user is a map: - name: alice", err);
    const struct yaml *plain = yaml_get(user, "password");
    if (plain) {
        err_set(err, ERR_INVALID, "line %d: 'password' is refused: a file holds hashes only", yaml_line(plain));
        return err_hint(err, "use password_hash with an argon2id text");
    }
    const struct yaml *name = yaml_get(user, "name"), *hash = yaml_get(user, "password_hash");
    /* Before the keys: its commas end a value between braces, and what follows them looks like keys. */
    if (hash && !password_hash_check(yaml_text(hash), err)) {
        err_hint(err, "it looks like $argon2id$v=19$m=65536,t=2,p=1$...; between braces it has to be quoted");
        return err_wrap(err, "line %d", yaml_line(hash));
    }
    if (!yaml_only_keys(user, user_import_keys, err))
        return false;
    const struct yaml *grants = yaml_get(user, "grants");
    if (!name)
        return user_import_bad(user, "a user needs a name", err);
    if (!user_name_check(yaml_text(name), err))
        return err_wrap(err, "line %d", yaml_line(name));
    row->name = yaml_text(name);
    row->hash = hash ? yaml_text(hash) : S("");
    return user_import_flag(user, "admin", &row->roles.admin, err) &&
           user_import_flag(user, "metrics", &row->roles.metrics, err) &&
           user_import_flag(user, "audit", &row->roles.audit, err) &&
           user_import_flag(user, "disabled", &row->roles.disabled, err) &&
           (!grants || user_import_grants(arena, grants, row, err));
}

const struct user_import *user_import_parse(struct arena *arena, struct str yaml, struct err *err)
{
    if (yaml.len > USER_IMPORT_BYTES_MAX)
        return err_set(err, ERR_RESOURCE, "a list of users has at most %d bytes", USER_IMPORT_BYTES_MAX), NULL;
    const struct yaml *file = yaml_parse(arena, yaml, err);
    if (!file)
        return NULL;
    if (yaml_kind(file) != YAML_LIST)
        return user_import_bad(file, "expected a list of users: - name: alice", err), NULL;
    struct user_import *import = arena_new_object(arena, struct user_import);
    import->count = yaml_count(file);
    import->rows = arena_array(arena, import->count + 1, sizeof(*import->rows));
    struct map seen = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < import->count; i++) {
        ok = user_import_row(arena, yaml_at(file, i), &import->rows[i], err);
        if (ok && map_put(&seen, import->rows[i].name, &import->rows[i]))
            ok = user_import_bad(yaml_at(file, i), "this name is in the list already", err);
    }
    map_done(&seen);
    return ok ? import : NULL;
}

/* --- Writing --- */

static bool user_import_apply_row(struct store_db *db, const struct user_import_row *row, struct err *err)
{
    int64_t epoch;
    random_bytes(&epoch, sizeof(epoch));
    const struct store_value values[] = {STORE_STRING(row->name),        STORE_STRING(row->hash),
                                         STORE_NUMBER(row->roles.admin), STORE_NUMBER(row->roles.metrics),
                                         STORE_NUMBER(row->roles.audit), STORE_NUMBER(row->roles.disabled),
                                         STORE_NUMBER(clock_wall_us()),  STORE_NUMBER((epoch & INT64_MAX) | 1)};
    /* Logins stay good when the password stays. */
    if (!store_run(
            db,
            "INSERT INTO users(name, password, admin, metrics, audit, disabled, created_us, epoch) VALUES (?, ?, "
            "?, ?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET epoch = iif(password = excluded.password, epoch, "
            "excluded.epoch), password = excluded.password, admin = excluded.admin, metrics = excluded.metrics, "
            "audit = excluded.audit, disabled = excluded.disabled",
            values, 8, NULL, NULL, err) ||
        !store_run(db, "DELETE FROM grants WHERE user = ?", values, 1, NULL, NULL, err))
        return false;
    for (size_t i = 0; i < row->grant_count; i++) {
        const struct store_value grant[] = {STORE_STRING(row->name), STORE_STRING(row->grants[i].tenant),
                                            STORE_NUMBER(row->grants[i].role)};
        if (!store_run(db, "INSERT INTO grants(user, tenant, role) VALUES (?, ?, ?)", grant, 3, NULL, NULL, err))
            return false;
    }
    return true;
}

bool user_import_apply(struct store_db *db, const struct user_import *import, struct err *err)
{
    for (size_t i = 0; i < import->count; i++)
        if (!user_import_apply_row(db, &import->rows[i], err))
            return false;
    int64_t count;
    if (!user_number(db, "SELECT count(*) FROM users", NULL, 0, &count, err))
        return false;
    if (count > limits_get(LIMIT_USERS))
        return limits_err(LIMIT_USERS, err);
    return count == 0 || user_admins_check(db, err);
}

/* --- At start --- */

static bool user_import_read(struct arena *arena, struct str path, struct str *text_out, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    int fd = open(str_cstr(arena, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open");
    ssize_t len;
    while ((len = read(fd, buf_reserve(&text, 16384), 16384)) > 0 && buf_len(&text) <= USER_IMPORT_BYTES_MAX)
        buf_commit(&text, (size_t)len);
    bool ok = len >= 0 || err_errno(err, "read");
    close(fd);
    if (ok)
        *text_out = str_copy(arena, buf_str(&text));
    return ok;
}

static bool user_import_commit(struct store_db *db, const struct user_import *import, struct err *err)
{
    if (!store_run(db, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL, err))
        return false;
    if (user_import_apply(db, import, err) && store_run(db, "COMMIT", NULL, 0, NULL, NULL, err))
        return true;
    struct err ignored;
    bool undone = store_run(db, "ROLLBACK", NULL, 0, NULL, NULL, &ignored);
    (void)undone; /* the connection ends anyway */
    return false;
}

bool user_import_file(struct store *store, struct str path, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text;
    const struct user_import *import = NULL;
    if (user_import_read(arena, path, &text, err))
        import = user_import_parse(arena, text, err);
    if (import && user_import_commit(store_db(store), import, err))
        return true;
    return err_wrap(err, "users from %.*s", STR_ARG(str_slice(path, 0, 200)));
}
