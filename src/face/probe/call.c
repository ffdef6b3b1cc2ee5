/* Nothing here waits for anything but its client. */
#include "face/probe/call.h"

#include "base/clock.h"

struct probe_call *probe_call_new(struct probe *probe, struct rpc_call *rpc, const struct edge_method *method,
                                  const struct rpc_events *events)
{
    struct probe_call *call = arena_alloc(rpc_call_arena(rpc), sizeof(*call));
    *call = (struct probe_call){.probe = probe, .rpc = rpc};
    call->edge = (struct edge_request){
        .method = method, .protocol = EDGE_GRPC, .id = rpc_call_id(rpc), .started_us = clock_now_us()};
    list_init(&call->node);
    rpc_call_accept(rpc, events, call);
    return call;
}

void probe_call_send(struct probe_call *call, struct str message)
{
    struct slice slice = slice_copy(message);
    call->edge.bytes_out += slice.len;
    rpc_send(call->rpc, &slice, 1);
}

void probe_call_finish(struct probe_call *call, const struct err *error)
{
    if (call->finished)
        return;
    call->finished = true;
    list_remove(&call->node);
    edge_finish(&call->edge, error, 0);
    rpc_finish(call->rpc, error);
}

void probe_call_on_closed(struct rpc_call *rpc, bool finished)
{
    struct probe_call *call = rpc_call_owner(rpc);
    struct err gone;
    err_set(&gone, finished ? ERR_INTERNAL : ERR_CANCELLED, "the client cancelled or went away");
    probe_call_finish(call, &gone);
}
