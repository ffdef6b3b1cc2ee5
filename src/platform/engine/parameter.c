/* Binding. Texts are cast by DuckDB to what the statement needs, so dates, decimals and big numbers come as text. */
#include "platform/engine/parameter.h"

#include <string.h>

#include "platform/engine/bind_value.h"
#include "platform/engine/failure.h"

/* In the parameter's own type where it fits: with another one DuckDB plans anew, and may not use an index. */
static duckdb_state engine_parameter_integer(duckdb_prepared_statement statement, idx_t index, int64_t number)
{
    duckdb_value value = engine_bind_integer(number, engine_db.param_type(statement, index));
    if (!value)
        value = engine_db.create_int64(number);
    duckdb_state state = engine_db.bind_value(statement, index, value);
    engine_db.destroy_value(&value);
    return state;
}

static bool engine_parameter_value(duckdb_prepared_statement statement, idx_t index, const struct json *value,
                                   struct err *err)
{
    duckdb_state state = DuckDBError;
    switch (json_kind(value)) {
    case JSON_NULL:
        state = engine_db.bind_null(statement, index);
        break;
    case JSON_BOOL:
        state = engine_db.bind_boolean(statement, index, json_bool(value));
        break;
    case JSON_I64:
        state = engine_parameter_integer(statement, index, json_i64(value));
        break;
    case JSON_DOUBLE:
        state = engine_db.bind_double(statement, index, json_double(value));
        break;
    case JSON_TEXT: {
        struct str text = json_text(value);
        state = engine_db.bind_varchar_length(statement, index, text.ptr, text.len);
        break;
    }
    case JSON_ARRAY:
    case JSON_OBJECT:
        err_set(err, ERR_INVALID, "parameter %llu is an array or an object", (unsigned long long)index);
        return err_hint(err, "pass it as text and cast it in the statement");
    }
    if (state == DuckDBError)
        return err_set(err, ERR_INVALID, "parameter %llu cannot be bound", (unsigned long long)index);
    return true;
}

static bool engine_parameter_positions(duckdb_prepared_statement statement, const struct json *array, struct err *err)
{
    idx_t wanted = engine_db.nparams(statement);
    if (json_count(array) != wanted)
        return err_set(err, ERR_INVALID, "the statement takes %llu parameters, %zu were given",
                       (unsigned long long)wanted, json_count(array));
    for (idx_t i = 0; i < wanted; i++)
        if (!engine_parameter_value(statement, i + 1, json_at(array, i), err))
            return false;
    return true;
}

static bool engine_parameter_names(duckdb_prepared_statement statement, const struct json *object, struct err *err)
{
    idx_t wanted = engine_db.nparams(statement);
    for (idx_t i = 1; i <= wanted; i++) {
        char *name = (char *)(uintptr_t)engine_db.parameter_name(statement, i);
        const struct json *value = name ? json_get(object, name) : NULL;
        bool ok = value ? engine_parameter_value(statement, i, value, err)
                        : err_set(err, ERR_INVALID, "no value for the parameter %s", name ? name : "?");
        engine_db.free(name);
        if (!ok)
            return false;
    }
    if (json_count(object) != wanted)
        return err_set(err, ERR_INVALID, "the statement takes %llu parameters, %zu were given",
                       (unsigned long long)wanted, json_count(object));
    return true;
}

bool engine_parameter_bind(duckdb_prepared_statement statement, const struct json *parameters, struct err *err)
{
    if (!parameters) {
        idx_t wanted = engine_db.nparams(statement);
        if (wanted > 0)
            return err_set(err, ERR_INVALID, "the statement takes %llu parameters, none were given",
                           (unsigned long long)wanted);
        return true;
    }
    if (json_kind(parameters) == JSON_ARRAY)
        return engine_parameter_positions(statement, parameters, err);
    if (json_kind(parameters) == JSON_OBJECT)
        return engine_parameter_names(statement, parameters, err);
    return err_set(err, ERR_INVALID, "parameters are a JSON array or object");
}
