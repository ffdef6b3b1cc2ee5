/* What a session keeps prepared, under numbers that the front gave out. DuckDB itself plans again when the catalog
 * changed meanwhile. */
#include "platform/engine/prepared.h"

struct engine_prepared {
    struct buf sql; /* a number that comes with another text means another statement */
    duckdb_prepared_statement statement;
};

static void engine_prepared_free(struct engine_prepared *prepared)
{
    engine_db.destroy_prepare(&prepared->statement);
    buf_done(&prepared->sql);
    mem_free(prepared);
}

duckdb_prepared_statement engine_prepared_take(struct engine_session *session, uint64_t number, struct str sql)
{
    struct engine_prepared *prepared = number ? map_remove(&session->prepared, map_key_u64(&number)) : NULL;
    duckdb_prepared_statement statement = NULL;
    if (!prepared)
        return NULL;
    if (str_equal(buf_str(&prepared->sql), sql)) {
        statement = prepared->statement;
        prepared->statement = NULL;
    }
    engine_prepared_free(prepared);
    return statement;
}

void engine_prepared_give(struct engine_session *session, uint64_t number, struct str sql,
                          duckdb_prepared_statement *statement)
{
    if (!number || session->prepared.count >= (uint64_t)limits_get(LIMIT_SESSION_PREPARED)) {
        engine_db.destroy_prepare(statement);
        return;
    }
    struct engine_prepared *prepared = mem_new(struct engine_prepared);
    buf_append_str(&prepared->sql, sql);
    prepared->statement = *statement;
    *statement = NULL;
    struct engine_prepared *old = map_put(&session->prepared, map_key_u64(&number), prepared);
    if (old)
        engine_prepared_free(old);
}

void engine_session_forget(struct engine_session *session, uint64_t number)
{
    struct engine_prepared *prepared = map_remove(&session->prepared, map_key_u64(&number));
    if (prepared)
        engine_prepared_free(prepared);
}

void engine_prepared_done(struct engine_session *session)
{
    size_t position = 0;
    for (struct map_entry *entry; (entry = map_next(&session->prepared, &position));)
        engine_prepared_free(entry->value);
    map_done(&session->prepared);
}
