/* Sessions: a connection with our search path, and what is left in it. */
#include "platform/engine/iceberg.h"
#include "platform/engine/prepared.h"

/* wanted: what names without a schema mean first; empty: the tenant's own tables. */
static bool engine_session_set_path(struct engine_session *session, struct str wanted, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct engine *engine = session->engine;
    struct str own = str_format(arena, "%.*s.default", STR_ARG(engine_quote_name(arena, engine->catalog)));
    struct str path = wanted.len ? wanted : own;
    if (engine->iceberg && str_find(path, S(ENGINE_ICEBERG "." ENGINE_ICEBERG)) < 0)
        path = str_format(arena, "%.*s," ENGINE_ICEBERG "." ENGINE_ICEBERG, STR_ARG(path));
    struct str plain = str_format(arena, "%.*s.default", STR_ARG(engine->catalog)); /* as DuckDB shows it */
    if (engine->iceberg && str_find(path, plain) < 0 && str_starts_with(path, S(ENGINE_ICEBERG "."))) /* USE iceberg */
        path = str_format(arena, "%.*s,%.*s", STR_ARG(path), STR_ARG(own));
    struct str sql = str_format(arena, "SET search_path = %s", engine_quote_text(arena, path).ptr);
    return engine_query(session->connection, sql.ptr, err);
}

void engine_session_repath(struct engine_session *session)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err ignored; /* inside an aborted transaction nothing can be asked or set */
    struct str path;
    if (!engine_query_text(session->connection, "SELECT current_setting('search_path')", arena, &path, &ignored))
        return;
    bool done = (path.len && !session->engine->iceberg) || engine_session_set_path(session, path, &ignored);
    (void)done;
}

struct engine_session *engine_session_open(struct engine *engine, struct err *err)
{
    struct engine_session *session = mem_new(struct engine_session);
    session->engine = engine;
    bool ok = true;
    if (engine_db.connect(engine->database, &session->connection) == DuckDBError)
        ok = err_set(err, ERR_INTERNAL, "DuckDB gives no connection");
    if (!ok || !engine_session_set_path(session, S(""), err))
        engine_session_close(&session);
    return session;
}

void engine_session_close(struct engine_session **session)
{
    if (!*session)
        return;
    engine_prepared_done(*session);
    engine_changed_done(&(*session)->changed);
    for (size_t i = 0; i < ENGINE_TURNS; i++)
        engine_db.destroy_prepare(&(*session)->turns[i]);
    /* Disconnecting rolls back. */
    if ((*session)->connection)
        engine_db.disconnect(&(*session)->connection);
    mem_free(*session);
    *session = NULL;
}

void engine_session_interrupt(struct engine_session *session)
{
    atomic_store(&session->interrupted, true);
    engine_db.interrupt(session->connection);
}

void engine_session_watch(struct engine_session *session)
{
    static const char settings[] = "SET enable_progress_bar_print = false; SET progress_bar_time = 0; "
                                   "SET enable_progress_bar = true";
    struct err ignored; /* then it is not known */
    if (!session->watched)
        session->watched = engine_query(session->connection, settings, &ignored);
}

uint32_t engine_session_progress(struct engine_session *session)
{
    double percent = engine_db.query_progress(session->connection).percentage;
    return percent >= 0 && percent <= 100 ? (uint32_t)(percent * 10) : UINT32_MAX;
}

bool engine_session_is_clean(const struct engine_session *session)
{
    return !session->in_transaction && !session->used && !session->temporary;
}

bool engine_session_in_transaction(const struct engine_session *session)
{
    return session->in_transaction;
}

bool engine_session_is_kept(const struct engine_session *session)
{
    return !engine_session_is_clean(session) || session->prepared.count > 0;
}

void engine_session_settle(struct engine_session *session)
{
    static const char objects[] =
        "SELECT count(*) FROM (SELECT 1 FROM duckdb_tables() WHERE temporary UNION ALL SELECT 1 FROM duckdb_views() "
        "WHERE temporary AND NOT internal UNION ALL SELECT 1 FROM duckdb_sequences() WHERE temporary UNION ALL SELECT "
        "1 "
        "FROM duckdb_types() WHERE database_name = 'temp' AND NOT internal)";
    static const char macros[] =
        "SELECT count(*) FROM duckdb_functions() WHERE database_name = 'temp' AND NOT internal";
    int64_t count;
    struct err ignored;                               /* then something is left */
    if (!session->defined || session->in_transaction) /* inside one the session is not clean anyway */
        return;
    session->defined = false;
    session->temporary = !engine_query_i64(session->connection, objects, &count, &ignored) || count > 0;
    if (!session->temporary && session->macros)
        session->temporary = !engine_query_i64(session->connection, macros, &count, &ignored) || count > 0;
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
