/* A prepared statement is described once, when it is made; from then on the front answers everything about it but
 * its rows. */
#include "face/flight/prepared.h"

#include "domain/query/session.h"
#include "face/flight/actions.h"
#include "face/flight/run.h"

/* What a CreatePreparedStatement needs until it has answered; in the call's arena. */
struct flight_prepare {
    struct flight_call *call;
    struct query_prepared *prepared; /* NULL: its session was closed meanwhile */
    struct buf result_schema, parameter_schema;
};

/* The face's own of a prepared statement. */
struct flight_bound {
    struct flight_binds *binds;     /* NULL: none */
    struct flight_prepare *prepare; /* while it is being made */
};

static void flight_prepared_on_closed(struct query_prepared *prepared)
{
    struct flight_bound *bound = prepared->owner;
    if (bound->prepare)
        bound->prepare->prepared = NULL;
    flight_binds_unref(&bound->binds);
    mem_free(bound);
}

/* --- CreatePreparedStatement --- */

static void flight_prepare_on_piece(void *owner, struct query_piece *piece)
{
    struct flight_prepare *prepare = owner;
    if (piece->role == QUERY_ROLE_RESULT_SCHEMA)
        buf_append(&prepare->result_schema, piece->header.ptr, piece->header.len);
    if (piece->role == QUERY_ROLE_PARAMETER_SCHEMA)
        buf_append(&prepare->parameter_schema, piece->header.ptr, piece->header.len);
    slice_release(&piece->header);
    slice_release(&piece->body);
}

/* ActionCreatePreparedStatementResult {1 handle, 2 dataset_schema, 3 parameter_schema, 4 is_update: optional}. */
static void flight_prepare_answer(struct flight_call *call, const struct query_prepared *prepared)
{
    AUTO(buf) struct buf result = {0};
    AUTO(buf) struct buf any = {0};
    bool is_update = !prepared->returns;
    flight_proto_put_bytes(&result, 1, prepared->handle);
    if (!is_update) /* drivers take a schema with fields, even of a count, for a query */
        flight_proto_put_bytes(&result, 2, prepared->result_schema);
    flight_proto_put_bytes(&result, 3, prepared->parameter_schema);
    writer_varint(&result, FLIGHT_TAG(4, FLIGHT_WIRE_VARINT));
    writer_varint(&result, is_update);
    flight_sql_encode_any(&any, "ActionCreatePreparedStatementResult", buf_str(&result));
    flight_action_answer(call, &any);
}

static void flight_prepare_done(void *object)
{
    struct flight_prepare *prepare = object;
    if (prepare->prepared) /* nobody was told its handle */
        query_prepared_close(&prepare->prepared);
    buf_done(&prepare->result_schema);
    buf_done(&prepare->parameter_schema);
}

static void flight_prepare_on_end(void *owner, const struct query_end *end)
{
    struct flight_prepare *prepare = owner;
    struct flight_call *call = prepare->call;
    if (!flight_call_statement_ended(call))
        return;
    struct query_prepared *prepared = prepare->prepared;
    if (end->error || !prepared) {
        struct err gone;
        err_set(&gone, ERR_UNAVAILABLE, "the session ended while the statement was being prepared");
        flight_call_finish(call, end->error ? end->error : &gone);
        return;
    }
    prepared->kind = end->kind;
    prepared->returns = end->returns;
    prepared->result_schema = str_copy(prepared->arena, buf_str(&prepare->result_schema));
    prepared->parameter_schema = str_copy(prepared->arena, buf_str(&prepare->parameter_schema));
    ((struct flight_bound *)prepared->owner)->prepare = NULL;
    prepare->prepared = NULL;
    flight_prepare_answer(call, prepared);
}

bool flight_prepared_create(struct flight_call *call, struct str body, struct err *err)
{
    struct flight_sql sql;
    struct flight_options_of_call options;
    if (!flight_sql_decode(body, &sql, err) || !flight_options_from_headers(call->rpc, false, &options, err))
        return false;
    if (sql.kind == FLIGHT_SQL_CREATE_PREPARED_SUBSTRAIT)
        return flight_run_refuse(FLIGHT_SQL_STATEMENT_SUBSTRAIT, "CreatePreparedSubstraitPlan", err);
    if (sql.kind != FLIGHT_SQL_CREATE_PREPARED)
        return err_set(err, ERR_INVALID, "the body is no ActionCreatePreparedStatementRequest");
    if (!call->session)
        return err_set(err, ERR_PRECONDITION, "a statement can be prepared in a session only");
    struct flight_prepare *prepare = arena_new_object(call->arena, struct flight_prepare);
    prepare->call = call;
    arena_defer(call->arena, flight_prepare_done, prepare);
    prepare->prepared = query_prepared_new(call->session, sql.query, options.tenant, sql.transaction, err);
    if (!prepare->prepared)
        return false;
    struct flight_bound *bound = mem_new(struct flight_bound);
    bound->prepare = prepare;
    prepare->prepared->owner = bound;
    prepare->prepared->on_closed = flight_prepared_on_closed;
    const struct flight_command command = {.sql = sql.query,
                                           .tenant = options.tenant,
                                           .session = call->session,
                                           .transaction = sql.transaction,
                                           .prepared = prepare->prepared->handle};
    const struct query_sink sink = {
        .on_piece = flight_prepare_on_piece, .on_end = flight_prepare_on_end, .owner = prepare};
    return flight_run(call, &command, QUERY_DESCRIBE, false, &sink, err) != NULL;
}

/* --- The rest --- */

/* What is closed is closed: a second time is no error, and neither is one after the session has ended. */
bool flight_prepared_close(struct flight_call *call, struct str body, struct err *err)
{
    struct flight_sql sql;
    struct err gone;
    if (!flight_sql_decode(body, &sql, err))
        return false;
    if (sql.kind != FLIGHT_SQL_CLOSE_PREPARED)
        return err_set(err, ERR_INVALID, "the body is no ActionClosePreparedStatementRequest");
    struct query_prepared *prepared = call->session ? query_prepared_find(call->session, sql.handle, &gone) : NULL;
    query_prepared_close(&prepared);
    flight_action_answer(call, NULL);
    return true;
}

const struct query_prepared *flight_prepared_find(struct flight_call *call, struct str handle, struct err *err)
{
    const struct query_prepared *prepared = NULL;
    if (call->session)
        prepared = query_prepared_find(call->session, handle, err);
    else
        err_set(err, ERR_NOT_FOUND, "the prepared statement is not known: the call belongs to no session");
    if (!prepared)
        err_hint(err, "a prepared statement lives in the session that made it, until that ends; prepare it again");
    return prepared;
}

bool flight_prepared_command(struct flight_call *call, struct str handle, struct flight_command *command_out,
                             struct err *err)
{
    const struct query_prepared *prepared = flight_prepared_find(call, handle, err);
    if (!prepared)
        return false;
    const struct flight_bound *bound = prepared->owner;
    *command_out = (struct flight_command){.sql = prepared->sql,
                                           .tenant = prepared->tenant,
                                           .session = call->session,
                                           .transaction = prepared->transaction,
                                           .prepared = prepared->handle,
                                           .binds = bound->binds};
    return true;
}

bool flight_prepared_bind(struct flight_call *call, struct str handle, struct flight_binds *binds, struct err *err)
{
    const struct query_prepared *prepared = flight_prepared_find(call, handle, err);
    if (!prepared) {
        flight_binds_unref(&binds);
        return false;
    }
    struct flight_bound *bound = prepared->owner;
    flight_binds_unref(&bound->binds);
    bound->binds = binds;
    return true;
}
