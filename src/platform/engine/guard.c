/* DuckDB refuses in a READ ONLY transaction whatever changes a database, but the temporary one: so readers run in one,
 * and so does DDL of writers, who may make temporary objects only. Where a writer has a transaction of his own open
 * already, the text has to say that the object is temporary. */
#include "platform/engine/guard.h"

#include "platform/engine/failure.h"

static bool engine_guard_denied(struct err *err)
{
    err_set(err, ERR_DENIED, "this user may not change the schema");
    return err_hint(err, "temporary objects are allowed: CREATE TEMP ..., DROP TABLE temp.name");
}

bool engine_guard_read_only(struct err *err)
{
    err_set(err, ERR_DENIED, "this user may read only");
    return err_hint(err, "ask an owner of the tenant for the right to write");
}

static const char *const engine_guard_texts[ENGINE_TURNS] = {
    [ENGINE_TURN_BEGIN] = "BEGIN TRANSACTION",
    [ENGINE_TURN_BEGIN_READING] = "BEGIN TRANSACTION READ ONLY",
    [ENGINE_TURN_COMMIT] = "COMMIT",
    [ENGINE_TURN_ROLLBACK] = "ROLLBACK",
};

/* Prepared once: parsing and planning cost several times what they do. */
static bool engine_guard_turn(struct engine_session *session, enum engine_turn turn, struct err *err)
{
    duckdb_prepared_statement *statement = &session->turns[turn];
    duckdb_result result;
    if (!*statement && engine_db.prepare(session->connection, engine_guard_texts[turn], statement) == DuckDBError) {
        engine_failure_text(session->engine, engine_db.prepare_error(*statement), err);
        engine_db.destroy_prepare(statement);
        return false;
    }
    if (engine_db.execute_prepared(*statement, &result) == DuckDBError)
        return engine_failure_result(session->engine, &result, err);
    engine_db.destroy_result(&result);
    return true;
}

static bool engine_guard_begin(struct engine_guard *guard, enum engine_turn turn, enum engine_guard_end end,
                               struct err *err)
{
    if (!engine_guard_turn(guard->session, turn, err))
        return false;
    guard->end = end;
    return true;
}

void engine_guard_abandon(struct engine_session *session)
{
    struct err ignored; /* the session is looked at */
    bool ended = engine_guard_turn(session, ENGINE_TURN_ROLLBACK, &ignored);
    (void)ended;
    engine_session_look(session);
}

static bool engine_guard_reader(struct engine_guard *guard, struct err *err)
{
    struct engine_session *session = guard->session;
    if (!session->in_transaction)
        return engine_guard_begin(guard, ENGINE_TURN_BEGIN_READING, ENGINE_GUARD_ROLLBACK, err);
    if (session->read_only)
        return true;
    engine_guard_abandon(session);
    err_set(err, ERR_DENIED, "this user may read only, and the open transaction was begun with other rights");
    return err_hint(err, "it was rolled back; begin a new one");
}

bool engine_guard_enter(struct engine_guard *guard, struct engine_session *session, const struct engine_policy *policy,
                        const struct engine_guarded *what, struct err *err)
{
    *guard = (struct engine_guard){.session = session};
    if (what->kind == ENGINE_KIND_TRANSACTION)
        return true;
    if (policy->rights == ENGINE_MAY_READ)
        return what->inside || engine_guard_reader(guard, err);
    bool open = session->in_transaction || what->inside;
    bool writer = policy->rights != ENGINE_MAY_OWN;
    if (writer && what->explain && !what->text->explains)
        return engine_guard_denied(err);
    if (writer && what->kind == ENGINE_KIND_DDL && !what->added) {
        if (!open)
            return engine_guard_begin(guard, ENGINE_TURN_BEGIN_READING, ENGINE_GUARD_COMMIT, err);
        return what->text->temporary || engine_guard_denied(err);
    }
    if (open || !(what->whole || (what->many && what->kind == ENGINE_KIND_WRITE)))
        return true;
    return engine_guard_begin(guard, ENGINE_TURN_BEGIN, ENGINE_GUARD_COMMIT, err);
}

bool engine_guard_explained(struct engine_guard *guard, bool ok, struct err *err)
{
    struct engine_session *session = guard->session;
    bool own = session->in_transaction, expected = own || guard->end != ENGINE_GUARD_NONE;
    engine_session_look(session);
    if (session->in_transaction == expected) {
        session->in_transaction = own;
        return ok;
    }
    struct err ignored; /* the session is looked at */
    bool ended = session->in_transaction && engine_guard_turn(session, ENGINE_TURN_ROLLBACK, &ignored);
    (void)ended;
    engine_session_look(session);
    session->read_only = false;
    guard->end = ENGINE_GUARD_NONE;
    return err_set(err, ERR_DENIED, "EXPLAIN must not begin or end a transaction");
}

/* DuckDB's refusal in the words of rights. */
static void engine_guard_translate(const struct engine_policy *policy, struct err *err)
{
    if (str_find(err_message(err), S("transaction is launched in read-only mode")) < 0)
        return;
    if (policy->rights == ENGINE_MAY_READ)
        engine_guard_read_only(err);
    else if (policy->rights == ENGINE_MAY_WRITE)
        engine_guard_denied(err);
}

bool engine_guard_leave(struct engine_guard *guard, const struct engine_policy *policy, bool ok, struct err *err)
{
    struct err ignored;
    if (!ok)
        engine_guard_translate(policy, err);
    if (guard->end == ENGINE_GUARD_NONE)
        return ok;
    bool commit = ok && guard->end == ENGINE_GUARD_COMMIT;
    bool ended =
        engine_guard_turn(guard->session, commit ? ENGINE_TURN_COMMIT : ENGINE_TURN_ROLLBACK, ok ? err : &ignored);
    guard->end = ENGINE_GUARD_NONE;
    if (!ended) { /* a failed COMMIT has rolled back, but a ROLLBACK may have been interrupted */
        bool again = engine_guard_turn(guard->session, ENGINE_TURN_ROLLBACK, &ignored);
        (void)again;
        engine_session_look(guard->session);
    }
    return ok && ended;
}

bool engine_guard_turned(struct engine_session *session, const struct engine_policy *policy, bool ok, struct err *err)
{
    if (!ok) {
        engine_session_look(session); /* a failed COMMIT has ended the transaction, a second BEGIN has not */
        session->read_only = session->read_only && session->in_transaction;
        return false;
    }
    session->in_transaction = !session->in_transaction;
    session->read_only = false;
    if (!session->in_transaction || policy->rights != ENGINE_MAY_READ)
        return true;
    session->read_only = engine_guard_turn(session, ENGINE_TURN_ROLLBACK, err) &&
                         engine_guard_turn(session, ENGINE_TURN_BEGIN_READING, err);
    if (!session->read_only)
        engine_session_look(session);
    return session->read_only;
}
