/* Bodies are written into the worker's memory as their bytes arrive; headers follow when the message is whole. When
 * more waits in the worker than it may, the client gets no more credit until there is room. An error ends the call at
 * once, also while the client still sends. */
#include "face/flight/put.h"

static const struct edge_method flight_put_method = {.name = "DoPut"};

static struct flight_put *flight_put_of(struct rpc_call *rpc)
{
    return rpc_call_owner(rpc);
}

/* --- The statement's side --- */

void flight_put_on_ready(void *owner)
{
    struct flight_put *put = owner;
    if (put->call.rpc && !put->call.finished)
        rpc_call_resume(put->call.rpc);
}

void flight_put_answer(struct flight_put *put, struct str metadata)
{
    AUTO(buf) struct buf message = {0};
    flight_put_result_encode(&message, metadata);
    flight_call_send(&put->call, &message);
    flight_call_finish(&put->call, NULL);
}

static void flight_put_on_end(void *owner, const struct query_end *end)
{
    struct flight_put *put = owner;
    if (!flight_call_statement_ended(&put->call))
        return;
    if (end->error)
        flight_call_finish(&put->call, end->error);
    else
        put->way->answer(put, end);
}

/* Rows of an update that nobody asked for: their number is the answer. */
static void flight_put_on_piece(void *owner, struct query_piece *piece)
{
    (void)owner;
    slice_release(&piece->header);
    slice_release(&piece->body);
}

struct query_sink flight_put_sink(struct flight_put *put)
{
    return (struct query_sink){.on_piece = flight_put_on_piece, .on_end = flight_put_on_end, .owner = put};
}

/* --- Messages --- */

/* The first message is whole: what for? */
static bool flight_put_first(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    struct flight_descriptor descriptor;
    if (!put->parser.has_descriptor)
        return err_set(err, ERR_INVALID, "the first message of an upload has no descriptor");
    struct str bytes = str_copy(call->arena, buf_str(&put->parser.descriptor));
    put->schema_header = str_copy(call->arena, buf_str(&put->parser.header));
    if (!flight_descriptor_decode(bytes, &descriptor, err))
        return false;
    if (descriptor.type == FLIGHT_DESCRIPTOR_CMD && !flight_sql_decode(descriptor.cmd, &put->sql, err))
        return false;
    const struct flight_put_way *way;
    if (put->sql.kind == FLIGHT_SQL_NONE)
        way = flight_put_table(put, &descriptor, err);
    else if (put->sql.kind == FLIGHT_SQL_STATEMENT_INGEST)
        way = flight_put_ingest(put, err);
    else
        way = flight_put_update(put, err);
    if (way)
        put->way = way;
    return way != NULL;
}

/* Options beside the schema or the first batch; what is written elsewhere must not be ignored. */
static bool flight_put_metadata(struct flight_put *put, struct err *err)
{
    struct str metadata = buf_str(&put->parser.metadata);
    if (metadata.len == 0 || put->metadata_taken || !put->has_json)
        return true;
    if (put->call.statement) {
        err_set(err, ERR_INVALID, "app_metadata is read up to the first batch only, and in front of its data_body");
        return err_hint(err, "send options as headers: eider-mode, eider-target, eider-tenant");
    }
    put->metadata_taken = true;
    return flight_options_from_json(put->call.arena, metadata, &put->options, err);
}

bool flight_put_open(struct flight_put *put, struct err *err)
{
    if (put->call.statement)
        return true;
    if (put->schema_header.len == 0)
        return err_set(err, ERR_INVALID, "an upload begins with a schema, and none came");
    if (!put->way->open(put, err) || !query_upload_body(put->call.statement, 0, err))
        return false;
    query_upload_message(put->call.statement, put->schema_header);
    return true;
}

static uint8_t *flight_put_on_body(void *owner, size_t size, struct err *err)
{
    struct flight_put *put = owner;
    if (!put->way) {
        err_set(err, ERR_INVALID, "the first message of an upload has to be a schema, without a body");
        return NULL;
    }
    if (put->binds)
        return flight_binds_body(put->binds, size, err);
    if (!put->way->open) {
        err_set(err, ERR_INVALID, "an update of SQL text takes no values");
        err_hint(err, "prepare the statement, and send the values to CommandPreparedStatementUpdate");
        return NULL;
    }
    if (!flight_put_metadata(put, err) || !flight_put_open(put, err))
        return NULL;
    return query_upload_body(put->call.statement, size, err);
}

/* A whole message with a header, behind the first one. */
static bool flight_put_pass(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    struct str header = buf_str(&put->parser.header);
    if (put->binds)
        return flight_binds_add(put->binds, header, err);
    if (!put->way->open)
        return true;
    if (put->schema_header.len == 0) { /* the descriptor came alone */
        put->schema_header = str_copy(call->arena, header);
        return put->parser.body_len == 0 || err_set(err, ERR_INVALID, "a schema has a data_body");
    }
    if (!flight_put_open(put, err))
        return false;
    if (put->parser.body_len == 0 && !query_upload_body(call->statement, 0, err))
        return false;
    query_upload_message(call->statement, header);
    if (query_upload_is_full(call->statement))
        rpc_call_pause(call->rpc);
    return true;
}

static bool flight_put_message(struct flight_put *put, struct err *err)
{
    bool is_first = !put->way;
    if (!flight_data_end(&put->parser, err) || (is_first && !flight_put_first(put, err)) ||
        !flight_put_metadata(put, err))
        return false;
    if (is_first)
        return true;
    if (buf_len(&put->parser.header) > 0)
        return flight_put_pass(put, err);
    if (put->parser.body_len > 0)
        return err_set(err, ERR_INVALID, "a message has a data_body but no data_header");
    return true; /* metadata alone carries no data */
}

/* --- The call's side --- */

static void flight_put_on_message_begin(struct rpc_call *rpc, uint32_t size)
{
    struct flight_put *put = flight_put_of(rpc);
    put->call.edge.bytes_in += size;
    if (put->call.finished)
        return;
    put->in_message = true;
    put->metadata_taken = false;
    flight_data_begin(&put->parser, size);
}

static void flight_put_on_message_bytes(struct rpc_call *rpc, struct str bytes)
{
    struct flight_put *put = flight_put_of(rpc);
    struct err err;
    if (!put->call.finished && !flight_data_feed(&put->parser, bytes, &err))
        flight_call_finish(&put->call, &err);
}

static void flight_put_on_message_end(struct rpc_call *rpc)
{
    struct flight_put *put = flight_put_of(rpc);
    struct err err;
    put->in_message = false;
    if (!put->call.finished && !flight_put_message(put, &err))
        flight_call_finish(&put->call, &err);
}

static bool flight_put_end(struct flight_put *put, struct err *err)
{
    if (put->in_message)
        return err_set(err, ERR_INVALID, "the upload ended inside a message");
    if (!put->way)
        return err_set(err, ERR_INVALID, "the upload ended before its schema");
    if (put->way->end)
        return put->way->end(put, err);
    if (!put->way->open)
        return true;
    if (!flight_put_open(put, err))
        return false;
    query_upload_finish(put->call.statement);
    return true;
}

static void flight_put_on_half_close(struct rpc_call *rpc)
{
    struct flight_put *put = flight_put_of(rpc);
    struct err err;
    if (!put->call.finished && !flight_put_end(put, &err))
        flight_call_finish(&put->call, &err);
}

static void flight_put_release(struct flight_call *call)
{
    struct flight_put *put = (struct flight_put *)(void *)call;
    flight_binds_unref(&put->binds);
    flight_data_done(&put->parser);
}

void flight_put_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message_begin = flight_put_on_message_begin,
                                             .on_message_bytes = flight_put_on_message_bytes,
                                             .on_message_end = flight_put_on_message_end,
                                             .on_half_close = flight_put_on_half_close,
                                             .on_closed = flight_call_on_closed};
    struct flight_put *put = flight_call_new(flight, rpc, &flight_put_method, sizeof(*put), &events);
    put->parser.on_body = flight_put_on_body;
    put->parser.owner = put;
    put->call.release = flight_put_release;
}
