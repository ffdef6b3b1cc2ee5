/* Two lives end a call: the client's (on_closed) and the statement's (on_end). The object goes with the second. */
#include "face/flight/call.h"

#include "base/clock.h"
#include "domain/tenant/audit.h"
#include "face/flight/guest.h"

static void flight_call_welcome(struct flight_call *call)
{
    struct flight *flight = call->flight;
    struct err err;
    if (flight->guest->by_password) /* hashed once is enough: clients go on with what they get here */
        flight_guest_give_bearer(call->rpc, auth_login_bearer(flight->auth, call->who, call->arena));
    if (flight->guest_session && !flight_session_join(call, true, &err))
        flight_call_finish(call, &err);
}

void *flight_call_new(struct flight *flight, struct rpc_call *rpc, const struct edge_method *method, size_t size,
                      const struct rpc_events *events)
{
    struct flight_call *call = mem_alloc(size);
    call->flight = flight;
    call->rpc = rpc;
    call->arena = arena_new();
    call->edge = (struct edge_request){
        .method = method, .protocol = EDGE_GRPC, .id = rpc_call_id(rpc), .started_us = clock_now_us()};
    static const struct principal nobody = {.user = {"", 0}};
    call->who = flight->guest ? principal_copy(call->arena, &flight->guest->who) : &nobody;
    list_init(&call->in_session);
    rpc_call_accept(rpc, events, call);
    if (flight->guest)
        flight_call_welcome(call);
    return call;
}

static void flight_call_release(struct flight_call *call)
{
    if (call->rpc || call->statement || call->refusal)
        return;
    if (call->release)
        call->release(call);
    flight_session_leave(call);
    arena_free(&call->arena);
    mem_free(call);
}

static void flight_call_on_written(void *owner, const struct err *ignored)
{
    struct flight_call *call = owner;
    (void)ignored;                             /* it stays refused */
    const struct err refusal = *call->refusal; /* the call may go with rpc_finish */
    call->refusal = NULL;
    if (call->rpc)
        rpc_finish(call->rpc, &refusal);
    else
        flight_call_release(call);
}

/* What somebody may not do is in the audit trail before the answer leaves. */
static void flight_call_refuse(struct flight_call *call, const struct err *error)
{
    const struct audit_event event = {.user = call->who->user,
                                      .address = rpc_call_peer(call->rpc)->address,
                                      .action = AUDIT_ACCESS,
                                      .object = str_from(call->edge.method->name),
                                      .tenant = str_from(call->edge.tenant),
                                      .result = error->code};
    call->refusal = arena_copy(call->arena, error, sizeof(*error));
    audit_write(call->flight->audit, &event, flight_call_on_written, call);
}

void flight_call_finish(struct flight_call *call, const struct err *error)
{
    if (call->finished)
        return;
    call->finished = true;
    edge_finish(&call->edge, error, 0);
    if (call->statement)
        query_cancel(call->statement);
    if (error && error->code == ERR_DENIED)
        flight_call_refuse(call, error);
    else
        rpc_finish(call->rpc, error);
}

void flight_call_on_closed(struct rpc_call *rpc, bool finished)
{
    struct flight_call *call = rpc_call_owner(rpc);
    if (!call->finished) {
        struct err gone;
        err_set(&gone, finished ? ERR_INTERNAL : ERR_CANCELLED, "the client cancelled or went away");
        call->finished = true;
        edge_finish(&call->edge, &gone, 0);
        if (call->statement)
            query_cancel(call->statement);
    }
    call->rpc = NULL;
    flight_call_release(call);
}

void flight_call_on_half_close(struct rpc_call *rpc)
{
    struct flight_call *call = rpc_call_owner(rpc);
    if (call->has_message || call->finished)
        return;
    struct err err;
    err_set(&err, ERR_INVALID, "%s needs one message, none came", call->edge.method->name);
    flight_call_finish(call, &err);
}

bool flight_call_take(struct flight_call *call, struct str message, struct str *message_out)
{
    if (call->finished)
        return false;
    if (call->has_message) {
        struct err err;
        err_set(&err, ERR_INVALID, "%s takes one message, a second one came", call->edge.method->name);
        flight_call_finish(call, &err);
        return false;
    }
    call->has_message = true;
    call->edge.bytes_in += message.len;
    *message_out = str_copy(call->arena, message);
    return true;
}

bool flight_call_query(struct flight_call *call, const struct query_request *request, const struct query_sink *sink,
                       struct err *err)
{
    call->statement = query_run(call->flight->query, request, sink, err);
    if (!call->statement) {
        edge_set_meant(&call->edge, call->flight->tenants, call->who, request->tenant);
        return false;
    }
    edge_set_tenant(&call->edge, query_statement_tenant(call->statement));
    edge_set_statement(&call->edge, query_statement_id(call->statement));
    return true;
}

bool flight_call_run(struct flight_call *call, const struct flight_command *command, struct str tenant_default,
                     enum query_format format, enum query_purpose purpose, const struct query_sink *sink,
                     struct err *err)
{
    const struct query_request request = {
        .who = call->who,
        .tenant = command->tenant.len ? command->tenant : tenant_default,
        .sql = command->sql,
        .parameters = command->parameters,
        .format = format,
        .deadline_us = rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
        .purpose = purpose,
        .session = call->session,
    };
    return flight_call_query(call, &request, sink, err);
}

bool flight_call_statement_ended(struct flight_call *call)
{
    call->statement = NULL;
    bool alive = call->rpc && !call->finished;
    flight_call_release(call);
    return alive;
}

void flight_call_send(struct flight_call *call, struct buf *message)
{
    struct slice slice = slice_copy(buf_str(message));
    call->edge.bytes_out += slice.len;
    buf_clear(message);
    rpc_send(call->rpc, &slice, 1);
}
