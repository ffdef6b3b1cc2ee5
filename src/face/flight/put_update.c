/* Updates: of SQL text, which run as soon as they are named, for some drivers wait for the answer before they end their
 * stream; of prepared statements, once for each row of values that comes; and values that are bound for later. */
#include "face/flight/prepared.h"
#include "face/flight/put.h"
#include "face/flight/run.h"

/* DoPutUpdateResult {1 record_count}. */
void flight_put_answer_count(struct flight_put *put, const struct query_end *end)
{
    AUTO(buf) struct buf result = {0};
    flight_proto_put_varint(&result, 1, end->rows);
    flight_put_answer(put, buf_str(&result));
}

/* --- CommandStatementUpdate --- */

static bool flight_put_text_run(struct flight_put *put, struct err *err)
{
    const struct flight_command command = {.sql = put->sql.query,
                                           .tenant = put->options.tenant,
                                           .session = put->call.session,
                                           .transaction = put->sql.transaction};
    const struct query_sink sink = flight_put_sink(put);
    return flight_run(&put->call, &command, QUERY_RUN, false, &sink, err) != NULL;
}

/* --- CommandPreparedStatementUpdate --- */

static bool flight_put_prepared_run(struct flight_put *put, bool binds_follow, struct err *err)
{
    struct flight_call *call = &put->call;
    const struct query_prepared *prepared = flight_prepared_find(call, put->sql.handle, err);
    if (!prepared)
        return false;
    const struct query_request request = {
        .who = call->who,
        .session = call->session,
        .prepared = prepared,
        .binds_follow = binds_follow,
        .on_ready = flight_put_on_ready,
        .format = QUERY_FORMAT_FLIGHT,
        .deadline_us = rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
    };
    const struct query_sink sink = flight_put_sink(put);
    return flight_call_query(call, &request, &sink, err);
}

static bool flight_put_prepared_open(struct flight_put *put, struct err *err)
{
    return flight_put_prepared_run(put, true, err);
}

static bool flight_put_prepared_end(struct flight_put *put, struct err *err)
{
    if (put->schema_header.len == 0) /* the descriptor came alone: no values */
        return flight_put_prepared_run(put, false, err);
    if (!flight_put_open(put, err))
        return false;
    query_upload_finish(put->call.statement);
    return true;
}

/* --- CommandPreparedStatementQuery --- */

/* DoPutPreparedStatementResult {1 handle}: the same one, for some drivers go on with what they get. */
static bool flight_put_bind_end(struct flight_put *put, struct err *err)
{
    AUTO(buf) struct buf result = {0};
    struct flight_binds *binds = put->binds->schema.len ? flight_binds_ref(put->binds) : NULL;
    if (!flight_prepared_bind(&put->call, put->sql.handle, binds, err))
        return false;
    flight_proto_put_bytes(&result, 1, put->sql.handle);
    flight_put_answer(put, buf_str(&result));
    return true;
}

static bool flight_put_bind_begin(struct flight_put *put, struct err *err)
{
    if (!flight_prepared_find(&put->call, put->sql.handle, err))
        return false;
    put->binds = flight_binds_new();
    return put->schema_header.len == 0 || flight_binds_add(put->binds, put->schema_header, err);
}

/* --- Which one --- */

const struct flight_put_way *flight_put_update(struct flight_put *put, struct err *err)
{
    static const struct flight_put_way text = {.answer = flight_put_answer_count};
    static const struct flight_put_way prepared = {
        .open = flight_put_prepared_open, .end = flight_put_prepared_end, .answer = flight_put_answer_count};
    static const struct flight_put_way bind = {.end = flight_put_bind_end};
    if (!flight_options_from_headers(put->call.rpc, false, &put->options, err))
        return NULL;
    switch ((int)put->sql.kind) {
    case FLIGHT_SQL_STATEMENT_UPDATE:
        return flight_put_text_run(put, err) ? &text : NULL;
    case FLIGHT_SQL_PREPARED_UPDATE:
        return flight_prepared_find(&put->call, put->sql.handle, err) ? &prepared : NULL;
    case FLIGHT_SQL_PREPARED_QUERY:
        return flight_put_bind_begin(put, err) ? &bind : NULL;
    default:
        flight_run_refuse(put->sql.kind, "DoPut", err);
        return NULL;
    }
}
