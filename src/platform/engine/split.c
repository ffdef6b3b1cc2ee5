/* A text becomes statements. */
#include "platform/engine/failure.h"
#include "platform/engine/statement.h"

bool engine_split_prepare(struct engine_split *split, struct engine_session *session, idx_t index,
                          duckdb_prepared_statement *statement_out, struct err *err)
{
    if (split->taken && index == split->from) {
        *statement_out = split->taken;
        split->taken = NULL;
        return true;
    }
    if (engine_db.prepare_extracted_statement(session->connection, split->all, index, statement_out) != DuckDBError)
        return true;
    return engine_failure_text(session->engine, engine_db.prepare_error(*statement_out), err);
}

/* DuckDB puts a pair around the pieces of what is no query: BEGIN and COMMIT, or inside a transaction two SET of what
 * an error does to it. A statement can be prepared once only, so the first is kept when it is something else. */
static bool engine_split_unwrap(struct engine_split *split, struct engine_session *session, struct err *err)
{
    duckdb_prepared_statement first = NULL;
    if (!engine_split_prepare(split, session, 0, &first, err)) {
        engine_db.destroy_prepare(&first);
        return false;
    }
    duckdb_statement_type type = engine_db.prepared_statement_type(first);
    if (type == DUCKDB_STATEMENT_TYPE_TRANSACTION || type == DUCKDB_STATEMENT_TYPE_SET) {
        engine_db.destroy_prepare(&first);
        split->from++;
        split->to--;
    } else {
        split->taken = first;
    }
    return true;
}

bool engine_split_init(struct engine_split *split, struct engine_session *session, const char *sql,
                       const struct engine_text *text, struct err *err)
{
    *split = (struct engine_split){0};
    split->to = engine_db.extract_statements(session->connection, sql, &split->all);
    if (split->to == 0) {
        const char *message = engine_db.extract_statements_error(split->all);
        return message && *message ? engine_failure_text(session->engine, message, err)
                                   : err_set(err, ERR_INVALID, "there is no statement in the text");
    }
    split->cut = split->to > 1 && text->pivots;
    if (split->to > 1 && text->single && !split->cut) /* COPY FROM DATABASE, IMPORT DATABASE */
        return err_set(err, ERR_DENIED, "this kind of statement is not allowed here");
    return !split->cut || engine_split_unwrap(split, session, err);
}

void engine_split_done(struct engine_split *split)
{
    engine_db.destroy_prepare(&split->taken);
    engine_db.destroy_extracted(&split->all);
}

bool engine_split_is_added(const struct engine_split *split, idx_t index, duckdb_prepared_statement statement)
{
    return split->cut && index + 1 < split->to &&
           engine_db.prepared_statement_type(statement) == DUCKDB_STATEMENT_TYPE_CREATE;
}
