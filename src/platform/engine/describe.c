/* What a statement would give, without running it. */
#include "platform/arrow/message.h"
#include "platform/engine/failure.h"
#include "platform/engine/kind.h"
#include "platform/engine/parameter.h"
#include "platform/engine/result.h"
#include "platform/engine/statement.h"

static bool engine_describe_schema(struct engine_session *session, duckdb_logical_type *types, const char **names,
                                   size_t count, struct buf *schema_out, struct err *err)
{
    struct ArrowSchema schema = {0};
    struct buf flatbuffer = {0};
    if (!engine_result_schema(session, types, names, count, &schema, err))
        return false;
    bool ok = arrow_message_schema(&flatbuffer, &schema, err);
    if (ok) {
        size_t size = arrow_prefix_size(buf_len(&flatbuffer));
        arrow_prefix_write(buf_reserve(schema_out, size), buf_str(&flatbuffer));
        buf_commit(schema_out, size);
    }
    buf_done(&flatbuffer);
    schema.release(&schema);
    return ok;
}

/* Types that depend on parameters are known only once values are bound and the plan is made: DuckDB does that at the
 * start of execution, and a streaming result gives its types before the first row is asked for. For reading statements
 * only. */
static bool engine_describe_bound(struct engine_session *session, duckdb_prepared_statement statement,
                                  const struct json *parameters, struct buf *schema_out, struct err *err)
{
    duckdb_result duckdb;
    struct engine_result result = {0};
    if (!engine_parameter_bind(statement, parameters, err) ||
        !engine_statement_execute(session, statement, &duckdb, err))
        return false;
    bool ok = engine_result_init(&result, session, &duckdb, err) &&
              engine_describe_schema(session, result.types, result.names, result.column_count, schema_out, err);
    engine_result_done(&result);
    return ok;
}

static bool engine_describe_prepared(struct engine_session *session, duckdb_prepared_statement statement,
                                     struct buf *schema_out, struct err *err)
{
    size_t count = engine_db.prepared_statement_column_count(statement), have = 0;
    duckdb_logical_type *types = mem_array(count + 1, sizeof(*types));
    const char **names = mem_array(count + 1, sizeof(*names));
    bool ok = true;
    for (; ok && have < count; have++) {
        types[have] = engine_db.prepared_statement_column_logical_type(statement, have);
        names[have] = engine_db.prepared_statement_column_name(statement, have);
        ok = types[have] && names[have] && engine_db.get_type_id(types[have]) != DUCKDB_TYPE_INVALID;
    }
    if (ok)
        ok = engine_describe_schema(session, types, names, count, schema_out, err);
    else
        err_set(err, ERR_INVALID, "the result's types depend on parameters; give them");
    for (size_t i = 0; i < have; i++) {
        engine_db.destroy_logical_type(&types[i]);
        engine_db.free((void *)(uintptr_t)names[i]);
    }
    mem_free(types);
    mem_free(names);
    return ok;
}

/* A text of several statements is as strong as its strongest; its result is the last one's. */
static bool engine_describe_all(struct engine_session *session, const struct engine_request *request,
                                const struct json *parameters, duckdb_extracted_statements all, idx_t count,
                                enum engine_kind *kind_out, struct buf *schema_out, struct err *err)
{
    bool ok = true;
    *kind_out = ENGINE_KIND_READ;
    for (idx_t i = 0; ok && i < count; i++) {
        duckdb_prepared_statement statement = NULL;
        enum engine_kind kind = ENGINE_KIND_READ;
        if (engine_db.prepare_extracted_statement(session->connection, all, i, &statement) == DuckDBError)
            ok = engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
        ok = ok && engine_kind_check(engine_db.prepared_statement_type(statement), &request->policy, &kind, err);
        if (ok && kind != ENGINE_KIND_READ)
            *kind_out = kind;
        if (ok && i + 1 == count)
            ok = kind == ENGINE_KIND_READ && engine_db.nparams(statement) > 0 && parameters
                     ? engine_describe_bound(session, statement, parameters, schema_out, err)
                     : engine_describe_prepared(session, statement, schema_out, err);
        engine_db.destroy_prepare(&statement);
    }
    return ok;
}

bool engine_describe(struct engine_session *session, const struct engine_request *request, enum engine_kind *kind_out,
                     struct buf *schema_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *parameters = NULL;
    duckdb_extracted_statements all = NULL;
    idx_t count;
    if (request->parameters.len > 0 && !(parameters = json_parse(arena, request->parameters, err)))
        return err_wrap(err, "parameters");
    if (!engine_statement_extract(session, str_cstr(arena, request->sql), &all, &count, err))
        return false;
    bool ok = engine_describe_all(session, request, parameters, all, count, kind_out, schema_out, err);
    engine_db.destroy_extracted(&all);
    return ok;
}
