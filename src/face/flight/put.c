/* Bodies are written into the worker's memory as their bytes arrive; headers follow when the message is whole. The
 * first message names the table and opens the upload. When more waits in the worker than it may, the client gets no
 * more credit until there is room. An error ends the call at once, also while the client still sends. */
#include "face/flight/put.h"

#include "face/flight/call.h"
#include "face/flight/flight_data.h"
#include "platform/json/json.h"

static const struct edge_method flight_put_method = {.name = "DoPut"};

struct flight_put {
    struct flight_call call;
    struct flight_data_parser parser;
    bool in_message;
    struct str schema, table; /* in the call's arena */
};

static struct flight_put *flight_put_of(struct rpc_call *rpc)
{
    return rpc_call_owner(rpc);
}

static void flight_put_on_ready(void *owner)
{
    struct flight_put *put = owner;
    if (put->call.rpc && !put->call.finished)
        rpc_call_resume(put->call.rpc);
}

static void flight_put_answer(struct flight_put *put, const struct query_end *end)
{
    AUTO(buf) struct buf metadata = {0};
    AUTO(buf) struct buf message = {0};
    struct json_writer writer = {.buf = &metadata};
    struct str table =
        str_format(put->call.arena, "%s.%.*s.%.*s", put->call.edge.tenant, STR_ARG(put->schema), STR_ARG(put->table));
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "table", table);
    json_write_i64(&writer, "rows", (int64_t)end->rows);
    json_write_i64(&writer, "bytes", (int64_t)end->bytes);
    json_write_text(&writer, "target", S("duckdb"));
    json_write_text(&writer, "reason", S("duckdb is the only target so far"));
    json_write_text(&writer, "statement", str_from(put->call.edge.statement));
    json_end_object(&writer);
    flight_put_result_encode(&message, buf_str(&metadata));
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
        flight_put_answer(put, end);
}

/* An upload gives no pieces; the contract says that this is never called. */
static void flight_put_on_piece(void *owner, struct query_piece *piece)
{
    (void)owner;
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static uint8_t *flight_put_on_body(void *owner, size_t size, struct err *err)
{
    struct flight_put *put = owner;
    if (!put->call.statement) {
        err_set(err, ERR_INVALID, "the first message of an upload has to be a schema, without a body");
        return NULL;
    }
    return query_upload_body(put->call.statement, size, err);
}

/* The first message is whole: descriptor, options and schema are known. */
static bool flight_put_open(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    struct flight_options_of_call options;
    struct flight_descriptor descriptor;
    struct flight_table table;
    if (!put->parser.has_descriptor)
        return err_set(err, ERR_INVALID, "the first message of an upload has no descriptor");
    struct str descriptor_bytes = str_copy(call->arena, buf_str(&put->parser.descriptor));
    struct str metadata = str_copy(call->arena, buf_str(&put->parser.metadata));
    if (!flight_options_from_headers(call->rpc, true, &options, err) ||
        !flight_options_from_json(call->arena, metadata, &options, err) ||
        !flight_descriptor_decode(descriptor_bytes, &descriptor, err) ||
        !flight_table_from_path(&descriptor, &table, err))
        return false;
    if (buf_len(&put->parser.header) == 0)
        return err_set(err, ERR_INVALID, "the first message of an upload has no schema");
    put->schema = table.schema.len ? table.schema : S("default");
    put->table = table.table;
    const struct query_upload_request request = {
        .who = edge_principal(),
        .tenant = table.tenant.len ? table.tenant : options.tenant,
        .schema = table.schema,
        .table = table.table,
        .mode = options.mode,
        .deadline_us = rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
    };
    const struct query_sink sink = {.on_piece = flight_put_on_piece, .on_end = flight_put_on_end, .owner = put};
    call->statement = query_upload(call->flight->query, &request, &sink, flight_put_on_ready, err);
    if (!call->statement)
        return false;
    edge_set_tenant(&call->edge, query_statement_tenant(call->statement));
    edge_set_statement(&call->edge, query_statement_id(call->statement));
    return true;
}

static bool flight_put_message(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    struct flight_data_parser *parser = &put->parser;
    if (!flight_data_end(parser, err))
        return false;
    if (!call->statement && !flight_put_open(put, err))
        return false;
    if (buf_len(&parser->header) == 0) {
        if (parser->body_len > 0)
            return err_set(err, ERR_INVALID, "a message has a data_body but no data_header");
        return true; /* metadata alone carries no data */
    }
    if (parser->body_len == 0 && !query_upload_body(call->statement, 0, err))
        return false;
    query_upload_message(call->statement, buf_str(&parser->header));
    if (query_upload_is_full(call->statement))
        rpc_call_pause(call->rpc);
    return true;
}

static void flight_put_on_message_begin(struct rpc_call *rpc, uint32_t size)
{
    struct flight_put *put = flight_put_of(rpc);
    put->call.edge.bytes_in += size;
    if (put->call.finished)
        return;
    put->in_message = true;
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

static void flight_put_on_half_close(struct rpc_call *rpc)
{
    struct flight_put *put = flight_put_of(rpc);
    struct err err;
    if (put->call.finished)
        return;
    if (put->in_message) {
        err_set(&err, ERR_INVALID, "the upload ended inside a message");
        flight_call_finish(&put->call, &err);
    } else if (!put->call.statement) {
        err_set(&err, ERR_INVALID, "the upload ended before its schema");
        flight_call_finish(&put->call, &err);
    } else {
        query_upload_finish(put->call.statement);
    }
}

static void flight_put_release(struct flight_call *call)
{
    struct flight_put *put = (struct flight_put *)(void *)call;
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
