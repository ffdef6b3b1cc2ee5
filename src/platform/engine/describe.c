/* What a statement would give, without running it. */
#include "platform/engine/failure.h"
#include "platform/engine/field.h"
#include "platform/engine/guard.h"
#include "platform/engine/kind.h"
#include "platform/engine/parameter.h"
#include "platform/engine/prepared.h"
#include "platform/engine/result.h"
#include "platform/engine/rows.h"
#include "platform/engine/statement.h"

struct engine_describe {
    struct engine_session *session;
    const struct engine_request *request;
    const struct json *parameters; /* values, or NULL */
    struct engine_rows *rows;      /* values as Arrow, or NULL */
    struct engine_text text;
    struct engine_description *out;
    struct err *err;
};

void engine_description_done(struct engine_description *description)
{
    buf_done(&description->result);
    buf_done(&description->parameters);
}

/* Columns or parameters: types and names that DuckDB gave us. */
struct engine_described {
    size_t count;
    duckdb_logical_type *types;
    const char **names;
};

static void engine_described_init(struct engine_described *described, size_t count)
{
    described->count = count;
    described->types = mem_array(count + 1, sizeof(*described->types));
    described->names = mem_array(count + 1, sizeof(*described->names));
}

static void engine_described_done(struct engine_described *described)
{
    for (size_t i = 0; i < described->count; i++) {
        engine_db.destroy_logical_type(&described->types[i]);
        engine_db.free((void *)(uintptr_t)described->names[i]);
    }
    mem_free(described->types);
    mem_free(described->names);
}

/* False when DuckDB does not know all types yet. */
static bool engine_described_columns(struct engine_described *described, duckdb_prepared_statement statement)
{
    engine_described_init(described, engine_db.prepared_statement_column_count(statement));
    bool known = true;
    for (size_t i = 0; i < described->count; i++) {
        described->types[i] = engine_db.prepared_statement_column_logical_type(statement, i);
        described->names[i] = engine_db.prepared_statement_column_name(statement, i);
        known = known && described->types[i] && described->names[i] &&
                engine_db.get_type_id(described->types[i]) != DUCKDB_TYPE_INVALID;
    }
    return known && described->count > 0;
}

static void engine_described_parameters(struct engine_described *described, duckdb_prepared_statement statement)
{
    engine_described_init(described, engine_db.nparams(statement));
    for (size_t i = 0; i < described->count; i++) {
        duckdb_logical_type type = engine_db.param_logical_type(statement, i + 1);
        duckdb_type id = type ? engine_db.get_type_id(type) : DUCKDB_TYPE_INVALID;
        if (id == DUCKDB_TYPE_INVALID || id == DUCKDB_TYPE_ANY || id == DUCKDB_TYPE_SQLNULL) {
            engine_db.destroy_logical_type(&type);
            type = engine_db.create_logical_type(DUCKDB_TYPE_SQLNULL);
        }
        described->types[i] = type;
        described->names[i] = engine_db.parameter_name(statement, i + 1);
    }
}

static bool engine_describe_none(struct engine_describe *describe, struct buf *message)
{
    return engine_field_schema(describe->session, NULL, NULL, 0, message, describe->err);
}

/* Values that were given, or NULLs. */
static bool engine_describe_bind(struct engine_describe *describe, duckdb_prepared_statement statement)
{
    if (describe->rows && engine_rows_match(describe->rows, statement, describe->err)) {
        int bound = engine_rows_bind(describe->rows, statement, describe->err);
        return bound > 0 || (bound == 0 && engine_rows_bind_nulls(describe->rows, statement, describe->err));
    }
    if (describe->rows)
        return false;
    if (describe->parameters)
        return engine_parameter_bind(statement, describe->parameters, describe->err);
    for (idx_t i = 1; i <= engine_db.nparams(statement); i++)
        if (engine_db.bind_null(statement, i) == DuckDBError)
            return err_set(describe->err, ERR_INVALID, "parameter %llu cannot be bound", (unsigned long long)i);
    return true;
}

/* Types that depend on parameters are known only once values are bound and the plan is made: DuckDB does that at the
 * start of execution, and a streaming result gives its types before the first row is asked for. For reading statements
 * only. */
static bool engine_describe_bound(struct engine_describe *describe, duckdb_prepared_statement statement)
{
    duckdb_result duckdb;
    struct engine_result result = {0};
    if (!engine_describe_bind(describe, statement) ||
        !engine_statement_execute(describe->session, statement, &duckdb, describe->err))
        return false;
    bool ok = engine_result_init(&result, describe->session, &duckdb, describe->err) &&
              engine_field_schema(describe->session, result.types, result.names, result.column_count,
                                  &describe->out->result, describe->err);
    engine_result_done(&result);
    return ok;
}

static bool engine_describe_result(struct engine_describe *describe, duckdb_prepared_statement statement)
{
    struct engine_described columns;
    bool given = describe->parameters || describe->rows;
    bool known = engine_described_columns(&columns, statement), ok = false;
    if (engine_db.nparams(statement) > 0 && (given || !known)) {
        describe->out->depends = !given;
        ok = engine_describe_bound(describe, statement);
    } else if (known) {
        ok = engine_field_schema(describe->session, columns.types, columns.names, columns.count, &describe->out->result,
                                 describe->err);
    } else {
        err_set(describe->err, ERR_INTERNAL, "DuckDB does not know the columns of the result");
    }
    engine_described_done(&columns);
    return ok;
}

/* What changes data gives the rows of its RETURNING; without one, DuckDB gives their count. */
static bool engine_describe_change(struct engine_describe *describe, duckdb_prepared_statement statement)
{
    struct engine_described columns;
    bool known = engine_described_columns(&columns, statement);
    describe->out->returns = known && engine_statement_returns(statement);
    bool ok = describe->out->returns ? engine_field_schema(describe->session, columns.types, columns.names,
                                                           columns.count, &describe->out->result, describe->err)
                                     : engine_describe_none(describe, &describe->out->result);
    engine_described_done(&columns);
    return ok;
}

static bool engine_describe_parameters(struct engine_describe *describe, duckdb_prepared_statement statement)
{
    struct engine_described parameters;
    engine_described_parameters(&parameters, statement);
    bool ok = engine_field_parameters(describe->session, parameters.types, parameters.names, parameters.count,
                                      &describe->out->parameters, describe->err);
    engine_described_done(&parameters);
    return ok;
}

/* A text of several statements is described up to the first that does more than read: what follows may need it. */
static bool engine_describe_one(struct engine_describe *describe, duckdb_prepared_statement statement, bool last,
                                bool *more_out)
{
    const struct engine_policy *policy = &describe->request->policy;
    enum engine_kind kind;
    if (!engine_kind_check(engine_db.prepared_statement_type(statement), policy, &kind, describe->err))
        return false;
    describe->out->kind = kind;
    *more_out = kind == ENGINE_KIND_READ && !last;
    if (*more_out)
        return true;
    bool ok = last ? engine_describe_parameters(describe, statement)
                   : engine_describe_none(describe, &describe->out->parameters);
    if (!ok)
        return false;
    if (kind == ENGINE_KIND_WRITE)
        return engine_describe_change(describe, statement);
    describe->out->returns = kind == ENGINE_KIND_READ;
    return kind == ENGINE_KIND_READ ? engine_describe_result(describe, statement)
                                    : engine_describe_none(describe, &describe->out->result);
}

static bool engine_describe_each(struct engine_describe *describe, struct engine_split *split)
{
    bool ok = true, more = true;
    for (idx_t i = split->from; ok && more && i < split->to; i++) {
        struct engine_session *session = describe->session;
        duckdb_prepared_statement statement = NULL;
        if (!engine_split_prepare(split, session, i, &statement, describe->err))
            ok = false;
        else if (engine_split_is_added(split, i, statement))
            ok = engine_statement_effect(session, statement, describe->err);
        else
            ok = engine_describe_one(describe, statement, i + 1 == split->to, &more);
        if (ok && split->to == 1 && !describe->out->depends)
            engine_prepared_give(session, describe->request->prepared, describe->request->sql, &statement);
        engine_db.destroy_prepare(&statement);
    }
    return ok;
}

/* A PIVOT's type is made in a transaction that is rolled back. */
static bool engine_describe_cut(struct engine_describe *describe, struct engine_split *split)
{
    const struct engine_policy *policy = &describe->request->policy;
    struct engine_guarded what = {.kind = ENGINE_KIND_READ, .whole = true, .text = &describe->text};
    struct engine_guard guard;
    if (!engine_guard_enter(&guard, describe->session, policy, &what, describe->err))
        return false;
    bool ok = engine_describe_each(describe, split);
    if (guard.end == ENGINE_GUARD_COMMIT)
        guard.end = ENGINE_GUARD_ROLLBACK;
    return engine_guard_leave(&guard, policy, ok, describe->err);
}

bool engine_describe(struct engine_session *session, const struct engine_request *request,
                     struct engine_description *description_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_describe describe = {.session = session, .request = request, .out = description_out, .err = err};
    struct engine_split split = {0};
    *description_out = (struct engine_description){.kind = ENGINE_KIND_READ};
    describe.text = engine_text_look(request->sql);
    if (request->parameters.len > 0 && !(describe.parameters = json_parse(arena, request->parameters, err)))
        return err_wrap(err, "parameters");
    if (request->binds && !(describe.rows = engine_rows_open(request->binds, err)))
        return false;
    bool ok = engine_split_init(&split, session, str_cstr(arena, request->sql), &describe.text, err);
    if (ok)
        ok = split.cut ? engine_describe_cut(&describe, &split) : engine_describe_each(&describe, &split);
    engine_split_done(&split);
    engine_rows_close(&describe.rows);
    if (!ok)
        engine_description_done(description_out);
    return ok;
}
