/* What the files about users share: the list itself, reading it from the store, and the one way in which it changes. */
#pragma once
#include "base/map.h"
#include "domain/tenant/audit_priv.h"
#include "domain/tenant/token.h"
#include "domain/tenant/user.h"
#include "platform/net/loop.h"
#include "platform/store/store.h"

struct user_list {
    struct user_options options;
    struct map by_name;        /* struct user, owned */
    struct map tokens;         /* struct token by id, inside their users */
    VEC(struct user *) sorted; /* by name */
    struct loop_timer used;    /* writes when tokens were used */
    void (*end)(void *owner, struct str user);
    void *end_owner;
};

/* Users on their way into the list; a VEC. */
struct user_rows {
    struct user **items;
    size_t count, capacity;
};

/* user_load.c */

/* Reads the users whose names lie between the two, ordered by name, appended. Inside a job, or before the store's
 * thread runs. */
bool user_load(struct store_db *db, struct str first, struct str last, struct user_rows *users_out,
               struct err *err) MUST_USE;
#define USER_FIRST S("")
#define USER_LAST S("\x7f")
void user_free(struct user *user);
/* Puts what was read in the place of what is there; takes the user. */
void user_put(struct user_list *list, struct user *user);
/* Takes the user out, if there. */
void user_drop(struct user_list *list, struct str name);

/* user_change.c */

/* A change on its way: made in the store with its row of audit, then the user is read again and put into the list. */
struct user_change {
    struct store_job job;
    struct arena *arena; /* owns this */
    struct user_list *list;
    /* On the store's thread. */
    bool (*apply)(struct user_change *change, struct store_db *db, struct err *err);
    struct str name; /* the user that changes; empty: any */
    struct audit_event event;
    int64_t audit_id, at_us;
    struct err refused;     /* code ERR_OK, or why nothing is done */
    struct user_rows fresh; /* what was read after the change */
    user_done *done;
    void *owner;
    /* Arguments of apply. */
    struct str hash;
    struct str tenant;
    enum role role;
    struct user_roles roles;
    struct token_spec token;
    struct str token_id, token_text;
    token_done *token_done;
    const struct user_import *import;
};

struct user_change *user_change_new(struct user_list *list, const struct audit_actor *by, enum audit_action action,
                                    struct str name, user_done *done, void *owner);
/* Submits it, or the row of its refusal; done follows. */
void user_change_submit(struct user_change *change);
/* ERR_NOT_FOUND. */
bool user_row_need(struct store_db *db, struct str name, struct err *err) MUST_USE;
/* Number in the first column of the first row; 0 without a row. */
bool user_number(struct store_db *db, const char *sql, const struct store_value *values, size_t count,
                 int64_t *number_out, struct err *err) MUST_USE;
/* At least one administrator can get in. */
bool user_admins_check(struct store_db *db, struct err *err) MUST_USE;

/* user_import.c */

struct user_import;
/* NULL with an error that names the line. */
const struct user_import *user_import_parse(struct arena *arena, struct str yaml, struct err *err);
bool user_import_apply(struct store_db *db, const struct user_import *import, struct err *err) MUST_USE;

/* token.c */

/* Writes when tokens were used; see user_list.used. */
void token_on_used(struct loop_timer *timer);
