/* Users: their passwords, server roles and grants. The list lives in memory, its truth in the store; a change is made
 * there first and shows here when it is durable. While no user exists, everyone on loopback is the administrator (see
 * auth.h), so the first user has to be one with a password, and the last administrator stays. Loop thread only.
 *
 * Each change decides itself whether who asks may do it, and leaves a row in the audit trail, refused or not. */
#pragma once
#include "base/vec.h"
#include "domain/tenant/audit.h"

struct password_pool;
struct tenant_list;
struct token;
struct user_list;

struct user {
    struct str name;
    struct str password;        /* argon2id text; empty: no login by password */
    bool admin, metrics, audit; /* server roles */
    bool disabled;              /* keeps everything but gets in by nothing */
    int64_t created_us;         /* wall clock */
    int64_t epoch;              /* another one after a change of password: older logins end. Never 0 */
    VEC(struct grant) grants;   /* ordered by tenant */
    VEC(struct token) tokens;   /* ordered by name */
    struct arena *arena;        /* owns this and its texts */
};

/* [a-z][a-z0-9_.@-]{0,62} */
bool user_name_check(struct str name, struct err *err) MUST_USE;

struct user_options {
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants; /* the list hears of deletions by it */
    struct password_pool *pool;
    struct audit *audit;
};
/* Before the store's thread runs. The options' objects outlive the list. */
struct user_list *user_list_open(const struct user_options *options, struct err *err);
/* Submits when tokens were used last; before store_stop. Accepts NULL. */
void user_list_flush(struct user_list *list);
/* After the store's thread has returned. Accepts NULL inside. */
void user_list_close(struct user_list **list);
/* Set once by app: end is called when a user is gone or disabled, has lost a role or a grant, or has another password.
 * What they began before has to end. */
void user_on_end(struct user_list *list, void (*end)(void *owner, struct str user), void *owner);

/* NULL when there is none. Valid until the next turn of the loop. */
const struct user *user_find(const struct user_list *list, struct str name);
size_t user_count(const struct user_list *list);
/* In order of name: 0 .. count-1. */
const struct user *user_at(const struct user_list *list, size_t index);
/* A user as who may see it: an administrator sees all, an owner who has a grant in one of his tenants, and only those
 * grants; everyone themselves. False: hidden. The grants are in the arena. */
bool user_view(const struct principal *who, const struct user *user, struct arena *arena,
               const struct grant **grants_out, size_t *count_out);
/* What the user may do, without proof; in the arena. */
void user_principal(const struct user *user, struct arena *arena, struct principal *who_out);

/* Durable when done is called, on the loop's thread; error NULL on success. Errors that are known at once also come by
 * done. Texts are copied. */
typedef void user_done(void *owner, const struct err *error);

struct user_spec {
    struct str name;
    struct str password; /* plain; empty: none */
    bool admin, metrics, audit;
};
/* Administrators. ERR_EXISTS; ERR_PRECONDITION for a first user who is no administrator with a password. */
void user_add(struct user_list *list, const struct audit_actor *by, const struct user_spec *spec, user_done *done,
              void *owner);
/* Administrators. The user's grants, tokens and logins go too. ERR_PRECONDITION for the last administrator. */
void user_remove(struct user_list *list, const struct audit_actor *by, struct str name, user_done *done, void *owner);
/* Administrators, and everyone for themselves (not by a token). Empty: no login by password any more. Ends logins. */
void user_set_password(struct user_list *list, const struct audit_actor *by, struct str name, struct str password,
                       user_done *done, void *owner);
struct user_roles {
    bool admin, metrics, audit, disabled;
};
/* Administrators. All of them are set. ERR_PRECONDITION for the last administrator. */
void user_set_roles(struct user_list *list, const struct audit_actor *by, struct str name,
                    const struct user_roles *roles, user_done *done, void *owner);
/* Owners of the tenant. Takes the place of the role before. */
void user_grant(struct user_list *list, const struct audit_actor *by, struct str name, struct str tenant,
                enum role role, user_done *done, void *owner);
/* Owners of the tenant. ERR_NOT_FOUND when there is no grant. */
void user_revoke(struct user_list *list, const struct audit_actor *by, struct str name, struct str tenant,
                 user_done *done, void *owner);
/* Administrators. users.yaml: a list of {name, password_hash, admin, metrics, audit, disabled, grants: {tenant: role}}.
 * All or nothing. A user in it becomes what it says, grants included; others stay. A grant may name a tenant that does
 * not exist yet. Errors name the line. */
void user_import(struct user_list *list, const struct audit_actor *by, struct str yaml, user_done *done, void *owner);
/* The same from a file at start: before user_list_open. */
bool user_import_file(struct store *store, struct str path, struct err *err) MUST_USE;
