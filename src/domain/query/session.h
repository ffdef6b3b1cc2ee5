/* Sessions: what a client may leave behind between two statements (transaction, temporary tables, settings, prepared
 * statements), and the order in which its statements run.
 *
 * A session costs nothing until something is left behind: only then a connection of DuckDB is kept for it in the
 * tenant's worker, and from then on its statements run one after the other; before, they run side by side. A worker
 * that dies takes what was left with it: the session's next statement fails once with ERR_UNAVAILABLE ("session lost"),
 * later ones find it empty. A session belongs to one user and may be used with several tenants, a connection in each.
 *
 * While a transaction that was begun by step has the session's connection, statements that do not name it run on their
 * own, as if the session were empty, unless they are about the connection itself (SET, COMMIT, CREATE TEMP ...).
 * Uploads join the single open transaction. Who has waited for session.busy_wait gets ERR_CONFLICT.
 *
 * Loop thread only. */
#pragma once
#include "domain/query/query.h"

/* ERR_RESOURCE beyond session.max_sessions of the user. on_expired: it was idle for session.idle_timeout, its user or
 * tenant is gone, or the server is shutting down; the owner has to close it. Comes from the loop, when none of its
 * statements runs. All sessions are closed before query_free. */
struct query_session *query_session_open(struct query *query, const struct principal *who,
                                         void (*on_expired)(void *owner), void *owner, struct err *err);
/* Cancels its statements (their ends still come), rolls back, and forgets. Accepts NULL inside. */
void query_session_close(struct query_session **session);
struct str query_session_user(const struct query_session *session);
/* For lists and logs; names nothing on the wire. */
struct str query_session_id(const struct query_session *session);
/* Something was left behind in some worker. */
bool query_session_is_kept(const struct query_session *session);
/* Keeps it from expiring. Statements do so by themselves. */
void query_session_touch(struct query_session *session);
/* What they may do has become less, or nothing: what they run is stopped, and their sessions expire. */
void query_end_user(struct query *query, struct str user);

/* The tenant that requests without a name mean (SetSessionOptions `catalog`), empty: none is set. */
struct str query_session_tenant(const struct query_session *session);
bool query_session_set_tenant(struct query_session *session, const struct principal *who, struct str tenant,
                              struct err *err) MUST_USE;

/* A prepared statement: a text and what the worker said of it. In the session until closed. */
struct query_prepared {
    struct list node; /* in its session */
    struct query_session *session;
    struct arena *arena;
    struct str handle; /* random, for the wire */
    struct str sql, tenant, transaction;
    uint64_t id; /* on the channel */
    enum query_kind kind;
    bool returns;                               /* rows */
    struct str result_schema, parameter_schema; /* encapsulated IPC messages */
    void *owner;                                /* the face's own; on_closed tells it */
    void (*on_closed)(struct query_prepared *prepared);
};
/* ERR_RESOURCE beyond session.max_prepared. The caller describes it (query_run with QUERY_DESCRIBE and this prepared)
 * and fills in kind and schemas. */
struct query_prepared *query_prepared_new(struct query_session *session, struct str sql, struct str tenant,
                                          struct str transaction, struct err *err);
/* ERR_NOT_FOUND. */
struct query_prepared *query_prepared_find(struct query_session *session, struct str handle, struct err *err);
/* Accepts NULL inside. */
void query_prepared_close(struct query_prepared **prepared);
