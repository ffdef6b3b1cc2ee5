#include "platform/engine/ask.h"

#include "base/vec.h"
#include "platform/engine/engine_priv.h"
#include "platform/engine/failure.h"
#include "platform/arrow/bits.h"

struct str engine_ask_name(struct arena *arena, struct str name)
{
    return engine_quote_name(arena, name);
}

struct str engine_ask_text(struct arena *arena, struct str text)
{
    return engine_quote_text(arena, text);
}

struct str engine_catalog(const struct engine_session *session)
{
    return session->engine->catalog;
}

struct str engine_temp_directory(const struct engine_session *session)
{
    return session->engine->temp_directory;
}

bool engine_tell(struct engine_session *session, struct str sql, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    return engine_query(session->connection, str_cstr(arena, sql), err);
}

typedef VEC(struct str) engine_cells;

static void engine_ask_chunk(duckdb_data_chunk chunk, idx_t columns, struct arena *arena, engine_cells *cells)
{
    idx_t rows = engine_db.data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++) {
        for (idx_t column = 0; column < columns; column++) {
            duckdb_vector vector = engine_db.data_chunk_get_vector(chunk, column);
            const uint64_t *valid = engine_db.vector_get_validity(vector);
            bool null = valid && !arrow_bit(valid, row);
            vec_push(cells, null ? (struct str){0} : engine_text_at(arena, vector, row));
        }
    }
}

static bool engine_ask_all(duckdb_result *result, struct arena *arena, size_t max_rows, engine_cells *cells,
                           struct err *err)
{
    idx_t columns = engine_db.column_count(result);
    for (idx_t i = 0; i < columns; i++) {
        duckdb_logical_type type = engine_db.column_logical_type(result, i);
        bool text = engine_db.get_type_id(type) == DUCKDB_TYPE_VARCHAR;
        engine_db.destroy_logical_type(&type);
        if (!text)
            return err_set(err, ERR_INTERNAL, "column %llu of a question of our own is no text",
                           (unsigned long long)i + 1);
    }
    for (duckdb_data_chunk chunk; (chunk = engine_db.fetch_chunk(*result)); engine_db.destroy_data_chunk(&chunk)) {
        if (cells->count / (columns + !columns) + engine_db.data_chunk_get_size(chunk) > max_rows) {
            engine_db.destroy_data_chunk(&chunk);
            return err_set(err, ERR_RESOURCE, "more than %zu rows", max_rows);
        }
        engine_ask_chunk(chunk, columns, arena, cells);
    }
    return true;
}

bool engine_ask(struct engine_session *session, struct str sql, struct arena *arena, size_t max_rows,
                struct engine_answer *answer_out, struct err *err)
{
    duckdb_result result;
    engine_cells cells = {0};
    if (engine_db.query(session->connection, str_cstr(arena, sql), &result) == DuckDBError)
        return engine_failure_result(session->engine, &result, err);
    size_t columns = (size_t)engine_db.column_count(&result);
    bool ok = engine_ask_all(&result, arena, max_rows, &cells, err);
    if (ok) {
        const struct str *copy = arena_copy(arena, cells.items, cells.count * sizeof(*cells.items));
        *answer_out =
            (struct engine_answer){.rows = columns ? cells.count / columns : 0, .columns = columns, .cells = copy};
    }
    vec_done(&cells);
    engine_db.destroy_result(&result);
    return ok;
}
