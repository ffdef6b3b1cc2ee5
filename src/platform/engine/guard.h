/* The transaction around a statement that enforces its rights, or makes its rows one change. */
#pragma once
#include "platform/engine/engine_priv.h"
#include "platform/engine/text.h"

enum engine_guard_end { ENGINE_GUARD_NONE, ENGINE_GUARD_COMMIT, ENGINE_GUARD_ROLLBACK };

struct engine_guard {
    struct engine_session *session;
    enum engine_guard_end end; /* what a success ends with; NONE: no transaction of ours is open */
};

/* What the guard has to know about a statement. */
struct engine_guarded {
    enum engine_kind kind;
    bool explain;
    bool many;                      /* one change, of several rows or with rows that go out */
    bool whole;                     /* all pieces of one statement that DuckDB cut (PIVOT with its type), or watched */
    bool inside;                    /* one of them: the guard of the whole is open */
    bool added;                     /* one of them that DuckDB added */
    const struct engine_text *text; /* of the request */
};

/* ERR_DENIED when the policy forbids it, so far as the kind does not tell. */
bool engine_guard_enter(struct engine_guard *guard, struct engine_session *session, const struct engine_policy *policy,
                        const struct engine_guarded *what, struct err *err) MUST_USE;
/* After EXPLAIN, which with ANALYZE runs what it explains: the transaction that was open has to be still the one. Else
 * what is open is rolled back: ERR_DENIED. ok: how the statement went. */
bool engine_guard_explained(struct engine_guard *guard, bool ok, struct err *err) MUST_USE;
/* Ends the transaction, if there is one; ok: how the statement went. False with *err when it, or the end, failed. */
bool engine_guard_leave(struct engine_guard *guard, const struct engine_policy *policy, bool ok,
                        struct err *err) MUST_USE;

/* The transaction that the session is in cannot be committed any more: rolls it back. */
void engine_guard_abandon(struct engine_session *session);

/* The refusal of a reader; always false. */
bool engine_guard_read_only(struct err *err);

/* After a statement of transaction control. Readers get a transaction that is READ ONLY whatever they asked for. */
bool engine_guard_turned(struct engine_session *session, const struct engine_policy *policy, bool ok,
                         struct err *err) MUST_USE;
