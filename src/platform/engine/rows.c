#include "platform/engine/rows.h"

#include "platform/arrow/batch.h"
#include "platform/engine/bind_value.h"

/* A column and the parameter that it goes to. */
struct engine_rows_column {
    idx_t parameter;
    duckdb_type target; /* of the parameter; DUCKDB_TYPE_INVALID: not known */
};

struct engine_rows {
    const struct engine_binds *binds;
    struct arena *arena;
    struct arrow_field *schema;
    struct arrow_decoder *decoder;
    struct engine_rows_column *columns;
    struct arena *scratch; /* of the batch */
    struct arrow_batch batch;
    int64_t row; /* the next one of the batch */
    bool ended;
};

/* Loads the next record batch; true without one: the end. */
static bool engine_rows_load(struct engine_rows *rows, struct err *err)
{
    struct engine_message message;
    bool is_batch = false;
    while (!is_batch) {
        int result = rows->binds->next(rows->binds->owner, &message, err);
        rows->ended = result <= 0;
        if (rows->ended)
            return result == 0;
        arena_reset(rows->scratch);
        if (!arrow_decoder_message(rows->decoder, message.header, message.body, message.len, rows->scratch,
                                   &rows->batch, &is_batch, err))
            return false;
    }
    rows->row = 0;
    return true;
}

/* Types that cannot be bound are refused before anything runs. */
static bool engine_rows_types(const struct arrow_field *schema, struct err *err)
{
    for (size_t i = 0; i < schema->child_count; i++) {
        duckdb_logical_type type = engine_bind_type(&schema->children[i], err);
        if (!type)
            return false;
        engine_db.destroy_logical_type(&type);
    }
    return true;
}

struct engine_rows *engine_rows_open(const struct engine_binds *binds, struct err *err)
{
    struct engine_rows *rows = mem_new(struct engine_rows);
    rows->binds = binds;
    rows->arena = arena_new();
    rows->scratch = arena_new();
    bool ok = (rows->schema = arrow_schema_decode(rows->arena, binds->schema, err)) &&
              (rows->decoder = arrow_decoder_new(rows->schema, err)) && engine_rows_types(rows->schema, err) &&
              engine_rows_load(rows, err);
    if (!ok) {
        err_wrap(err, "parameters");
        engine_rows_close(&rows);
    }
    return rows;
}

void engine_rows_close(struct engine_rows **rows)
{
    if (!*rows)
        return;
    arrow_decoder_free(&(*rows)->decoder);
    arena_free(&(*rows)->scratch);
    arena_free(&(*rows)->arena);
    mem_free(*rows);
    *rows = NULL;
}

/* The parameter that a column's name means, with or without its sign; 0: none. */
static idx_t engine_rows_named(duckdb_prepared_statement statement, idx_t count, struct str column)
{
    idx_t found = 0;
    if (column.len > 0 && (column.ptr[0] == '$' || column.ptr[0] == ':'))
        column = str_from_index(column, 1);
    for (idx_t i = 1; i <= count && !found; i++) {
        char *name = (char *)(uintptr_t)engine_db.parameter_name(statement, i);
        if (name && str_equal_nocase(str_from(name), column))
            found = i;
        engine_db.free(name);
    }
    return found;
}

bool engine_rows_match(struct engine_rows *rows, duckdb_prepared_statement statement, struct err *err)
{
    idx_t wanted = engine_db.nparams(statement);
    size_t have = rows->schema->child_count;
    if (have != wanted)
        return err_set(err, ERR_INVALID, "the statement takes %llu parameters, %zu were given",
                       (unsigned long long)wanted, have);
    rows->columns = arena_array(rows->arena, have + 1, sizeof(*rows->columns));
    bool *taken = arena_array(rows->arena, have + 1, sizeof(*taken));
    bool named = true;
    for (size_t i = 0; i < have && named; i++) {
        idx_t parameter = engine_rows_named(statement, wanted, str_from(rows->schema->children[i].c.name));
        named = parameter > 0 && !taken[parameter - 1];
        if (named)
            taken[parameter - 1] = true;
        rows->columns[i].parameter = parameter;
    }
    for (size_t i = 0; i < have; i++) {
        if (!named)
            rows->columns[i].parameter = i + 1;
        rows->columns[i].target = engine_db.param_type(statement, rows->columns[i].parameter);
    }
    return true;
}

bool engine_rows_are_many(const struct engine_rows *rows)
{
    return rows->schema->child_count > 0 && (rows->binds->streams || rows->batch.array.length > 1);
}

/* Takes the value, NULL when there is none. */
static bool engine_rows_set(duckdb_prepared_statement statement, idx_t parameter, duckdb_value value, struct err *err)
{
    if (!value)
        return false;
    bool bound = engine_db.bind_value(statement, parameter, value) == DuckDBSuccess;
    engine_db.destroy_value(&value);
    return bound || err_set(err, ERR_INVALID, "parameter %llu cannot be bound", (unsigned long long)parameter);
}

bool engine_rows_bind_nulls(const struct engine_rows *rows, duckdb_prepared_statement statement, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < rows->schema->child_count; i++) {
        duckdb_logical_type type = engine_bind_type(&rows->schema->children[i], err);
        ok = type && engine_rows_set(statement, rows->columns[i].parameter, engine_bind_null(type), err);
        engine_db.destroy_logical_type(&type);
    }
    return ok;
}

int engine_rows_bind(struct engine_rows *rows, duckdb_prepared_statement statement, struct err *err)
{
    size_t count = rows->schema->child_count;
    if (count == 0) {
        rows->row++;
        return rows->row == 1;
    }
    while (!rows->ended && rows->row == rows->batch.array.length)
        if (!engine_rows_load(rows, err))
            return -1;
    if (rows->ended)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct engine_rows_column *column = &rows->columns[i];
        duckdb_value value = engine_bind_value(&rows->schema->children[i], rows->batch.array.children[i], rows->row,
                                               column->target, err);
        if (!engine_rows_set(statement, column->parameter, value, err))
            return -1;
    }
    rows->row++;
    return 1;
}
