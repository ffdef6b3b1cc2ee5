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
    bool has_schema;           /* the first message was there */
    bool metadata_taken;       /* the current message's app_metadata was read */
    struct flight_table table; /* texts in the call's arena, as the next two */
    struct flight_options_of_call options;
    struct str schema_header; /* flatbuffer of the Schema message */
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
    struct str schema = put->table.schema.len ? put->table.schema : S("default");
    struct str table =
        str_format(put->call.arena, "%s.%.*s.%.*s", put->call.edge.tenant, STR_ARG(schema), STR_ARG(put->table.table));
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

/* The first message is whole: what table, what schema. */
static bool flight_put_first(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    struct flight_descriptor descriptor;
    if (!put->parser.has_descriptor)
        return err_set(err, ERR_INVALID, "the first message of an upload has no descriptor");
    if (buf_len(&put->parser.header) == 0)
        return err_set(err, ERR_INVALID, "the first message of an upload has no schema");
    struct str bytes = str_copy(call->arena, buf_str(&put->parser.descriptor));
    put->schema_header = str_copy(call->arena, buf_str(&put->parser.header));
    put->has_schema = true;
    return flight_options_from_headers(call->rpc, true, &put->options, err) &&
           flight_descriptor_decode(bytes, &descriptor, err) && flight_table_from_path(&descriptor, &put->table, err);
}

/* Options beside the schema or the first batch; what is written elsewhere must not be ignored. */
static bool flight_put_metadata(struct flight_put *put, struct err *err)
{
    struct str metadata = buf_str(&put->parser.metadata);
    if (metadata.len == 0 || put->metadata_taken)
        return true;
    if (put->call.statement) {
        err_set(err, ERR_INVALID, "app_metadata is read up to the first batch only, and in front of its data_body");
        return err_hint(err, "send options as headers: eider-mode, eider-target, eider-tenant");
    }
    put->metadata_taken = true;
    return flight_options_from_json(put->call.arena, metadata, &put->options, err);
}

static bool flight_put_open(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    const struct query_upload_request request = {
        .who = call->who,
        .tenant = put->table.tenant.len ? put->table.tenant : put->options.tenant,
        .schema = put->table.schema,
        .table = put->table.table,
        .mode = put->options.mode,
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
    if (!query_upload_body(call->statement, 0, err))
        return false;
    query_upload_message(call->statement, put->schema_header);
    return true;
}

static uint8_t *flight_put_on_body(void *owner, size_t size, struct err *err)
{
    struct flight_put *put = owner;
    if (!put->has_schema) {
        err_set(err, ERR_INVALID, "the first message of an upload has to be a schema, without a body");
        return NULL;
    }
    if (!flight_put_metadata(put, err) || (!put->call.statement && !flight_put_open(put, err)))
        return NULL;
    return query_upload_body(put->call.statement, size, err);
}

static bool flight_put_message(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    struct flight_data_parser *parser = &put->parser;
    bool is_first = !put->has_schema;
    if (!flight_data_end(parser, err) || (is_first && !flight_put_first(put, err)) || !flight_put_metadata(put, err))
        return false;
    if (is_first)
        return true;
    if (buf_len(&parser->header) == 0) {
        if (parser->body_len > 0)
            return err_set(err, ERR_INVALID, "a message has a data_body but no data_header");
        return true; /* metadata alone carries no data */
    }
    if (!call->statement && !flight_put_open(put, err))
        return false;
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
    if (!put->has_schema)
        return err_set(err, ERR_INVALID, "the upload ended before its schema");
    if (!put->call.statement && !flight_put_open(put, err))
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
