/* Sessions: a connection with our search path, and what is left in it. */
#include "platform/engine/engine_priv.h"

struct engine_session *engine_session_open(struct engine *engine, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_session *session = mem_new(struct engine_session);
    session->engine = engine;
    struct str path = str_format(arena, "%.*s.default", STR_ARG(engine_quote_name(arena, engine->catalog)));
    struct str sql = str_format(arena, "SET search_path = %s", engine_quote_text(arena, path).ptr);
    bool ok = true;
    if (engine_db.connect(engine->database, &session->connection) == DuckDBError)
        ok = err_set(err, ERR_INTERNAL, "DuckDB gives no connection");
    if (!ok || !engine_query(session->connection, sql.ptr, err))
        engine_session_close(&session);
    return session;
}

void engine_session_close(struct engine_session **session)
{
    if (!*session)
        return;
    /* Disconnecting rolls back. */
    if ((*session)->connection)
        engine_db.disconnect(&(*session)->connection);
    mem_free(*session);
    *session = NULL;
}

void engine_session_interrupt(struct engine_session *session)
{
    engine_db.interrupt(session->connection);
}

bool engine_session_is_clean(const struct engine_session *session)
{
    return !session->in_transaction && !session->used;
}

bool engine_session_in_transaction(const struct engine_session *session)
{
    return session->in_transaction;
}

bool engine_session_is_kept(const struct engine_session *session)
{
    return !engine_session_is_clean(session);
}

void engine_session_forget(struct engine_session *session, uint64_t prepared)
{
    (void)session;
    (void)prepared;
}

void engine_session_look(struct engine_session *session)
{
    /* DuckDB's C API does not tell. Outside of a transaction every statement has its own number; inside they share one,
     * and inside an aborted one the question fails. */
    static const char question[] = "SELECT txid_current()::BIGINT";
    int64_t first, second;
    struct err ignored;
    session->in_transaction = !engine_query_i64(session->connection, question, &first, &ignored) ||
                              !engine_query_i64(session->connection, question, &second, &ignored) || first == second;
}
