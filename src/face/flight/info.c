/* Both describe the statement in the worker; they differ in what they answer with. The schema is the worker's own
 * message, the same that DoGet begins with. */
#include "face/flight/info.h"

#include "face/flight/call.h"
#include "face/flight/flight_info.h"

static const struct edge_method flight_info_method = {.name = "GetFlightInfo"};
static const struct edge_method flight_schema_method = {.name = "GetSchema"};

struct flight_describe {
    struct flight_call call;
    struct flight_descriptor descriptor;
    struct flight_command command;
    struct buf schema;
};

static void flight_describe_on_piece(void *owner, struct query_piece *piece)
{
    struct flight_describe *describe = owner;
    buf_append(&describe->schema, piece->header.ptr, piece->header.len);
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void flight_describe_answer(struct flight_describe *describe)
{
    struct flight_call *call = &describe->call;
    AUTO(buf) struct buf message = {0};
    if (call->edge.method == &flight_schema_method) {
        flight_schema_result_encode(&message, buf_str(&describe->schema));
    } else {
        const struct flight_info info = {
            .schema = buf_str(&describe->schema),
            .descriptor = describe->descriptor,
            .ticket = flight_tickets_add(&call->flight->tickets, &describe->command, call->who->user, call->arena),
        };
        flight_info_encode(&message, &info);
    }
    flight_call_send(call, &message);
    flight_call_finish(call, NULL);
}

static void flight_describe_on_end(void *owner, const struct query_end *end)
{
    struct flight_describe *describe = owner;
    if (!flight_call_statement_ended(&describe->call))
        return;
    if (end->error)
        flight_call_finish(&describe->call, end->error);
    else
        flight_describe_answer(describe);
}

static bool flight_describe_run(struct flight_describe *describe, struct str message, struct err *err)
{
    struct flight_call *call = &describe->call;
    struct flight_options_of_call options;
    if (!flight_options_from_headers(call->rpc, false, &options, err) ||
        !flight_descriptor_decode(message, &describe->descriptor, err) ||
        !flight_command_from_descriptor(call->arena, &describe->descriptor, &describe->command, err))
        return false;
    /* The ticket may come back over a connection without this header. */
    if (describe->command.tenant.len == 0)
        describe->command.tenant = str_copy(call->arena, options.tenant);
    const struct query_sink sink = {
        .on_piece = flight_describe_on_piece, .on_end = flight_describe_on_end, .owner = describe};
    return flight_call_run(call, &describe->command, options.tenant, QUERY_FORMAT_FLIGHT, QUERY_DESCRIBE, &sink, err);
}

static void flight_describe_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_describe *describe = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (flight_call_take(&describe->call, message, &copy) && !flight_describe_run(describe, copy, &err))
        flight_call_finish(&describe->call, &err);
}

static void flight_describe_release(struct flight_call *call)
{
    struct flight_describe *describe = (struct flight_describe *)(void *)call;
    buf_done(&describe->schema);
}

static void flight_describe_start(void *flight, struct rpc_call *rpc, const struct edge_method *method)
{
    static const struct rpc_events events = {.on_message = flight_describe_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed};
    struct flight_describe *describe = flight_call_new(flight, rpc, method, sizeof(*describe), &events);
    describe->call.release = flight_describe_release;
}

void flight_info_start(void *flight, struct rpc_call *rpc)
{
    flight_describe_start(flight, rpc, &flight_info_method);
}

void flight_schema_start(void *flight, struct rpc_call *rpc)
{
    flight_describe_start(flight, rpc, &flight_schema_method);
}
