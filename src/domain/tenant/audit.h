/* The audit trail: who did what, when, from where, with which result. Its truth is the table `audit` of the store;
 * rows older than audit.keep days go. Equal events of one minute share a row that counts them, so that a flood of
 * refused logins is a few rows. Loop thread only.
 *
 * Durable before the answer: changes of users, grants and tokens (their row is part of the change itself), and what is
 * given to audit_write. Written behind, within a second: audit_note, and the counts of repeated events. */
#pragma once
#include "base/arena.h"
#include "domain/tenant/principal.h"

struct loop;
struct store;
struct audit;

enum audit_action {
    AUDIT_LOGIN,  /* a password or token was shown */
    AUDIT_ACCESS, /* something else was refused; object says what */
    AUDIT_USER_ADD,
    AUDIT_USER_REMOVE,
    AUDIT_USER_CHANGE, /* server roles, disabled */
    AUDIT_USER_PASSWORD,
    AUDIT_USER_IMPORT,
    AUDIT_GRANT,
    AUDIT_REVOKE,
    AUDIT_TOKEN_CREATE,
    AUDIT_TOKEN_REVOKE,
    AUDIT_TENANT_CREATE,
    AUDIT_TENANT_DELETE,
    AUDIT_STATEMENT_CANCEL, /* of somebody else */
    AUDIT_BACKUP,
    AUDIT_NAMESPACE_CREATE, /* of the Iceberg catalog, as the next ones */
    AUDIT_NAMESPACE_DROP,
    AUDIT_TABLE_CREATE, /* or view */
    AUDIT_TABLE_REGISTER,
    AUDIT_TABLE_RENAME,
    AUDIT_TABLE_DROP,
    AUDIT_TABLE_UNDROP,
    AUDIT_ACTION_COUNT,
};
/* "user.add" */
const char *audit_action_name(enum audit_action action);
bool audit_action_from_name(struct str name, enum audit_action *action_out, struct err *err) MUST_USE;

/* Texts live as long as the call. */
struct audit_event {
    struct str user;    /* who; what a failed login claimed to be */
    struct str address; /* "127.0.0.1:51234"; empty: the server itself */
    enum audit_action action;
    struct str object; /* what it was done to; may be empty */
    struct str tenant; /* may be empty */
    enum err_code result;
};

/* Who asks for a change and from where. */
struct audit_actor {
    const struct principal *who;
    struct str address;
};

/* Before the store's thread runs. */
struct audit *audit_open(struct loop *loop, struct store *store, struct err *err);
/* Submits what is not written yet, the last thing before store_stop. Accepts NULL. */
void audit_flush(struct audit *audit);
/* After the store's thread has returned. Accepts NULL inside. */
void audit_close(struct audit **audit);

/* done comes later, when the row is durable; error: it could not be written (the caller's answer stays what it is).
 * An event that is equal to one of the last minute is only counted, and done comes with the next commit. */
void audit_write(struct audit *audit, const struct audit_event *event,
                 void (*done)(void *owner, const struct err *error), void *owner);
void audit_note(struct audit *audit, const struct audit_event *event);

struct audit_row {
    int64_t id;    /* ascending in time */
    int64_t at_us; /* wall clock, of the first of them */
    int64_t times;
    struct audit_event event;
};

/* Empty or zero members do not filter. */
struct audit_filter {
    struct str user, tenant;
    struct str action; /* by name */
    int64_t since_us;  /* wall clock */
    int64_t before_id; /* for the next page: the last id of the one before */
    size_t limit;      /* 0: AUDIT_ROWS_DEFAULT; at most AUDIT_ROWS_MAX */
};
#define AUDIT_ROWS_DEFAULT 100
#define AUDIT_ROWS_MAX 10000

/* Rows, the latest first, valid until it returns; or *error. */
typedef void audit_rows(void *owner, const struct audit_row *rows, size_t count, const struct err *error);
/* An administrator and who has the server role audit see everything, an owner what concerns a tenant that the filter
 * names; everyone else gets ERR_DENIED. done is called later. */
void audit_list(struct audit *audit, const struct principal *who, const struct audit_filter *filter, audit_rows *done,
                void *owner);
