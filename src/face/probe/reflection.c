#include "face/probe/reflection.h"

#include "face/flight/guest.h"
#include "face/probe/answer.h"
#include "face/probe/call.h"

/* Answers are a hundred times longer than questions: one who does not read them may not go on asking. */
#define PROBE_UNSENT_MAX (1 << 20)

static const struct edge_method probe_reflection_method = {.name = "ServerReflectionInfo", .quiet = true};

static void probe_reflection_on_message(struct rpc_call *rpc, struct str message)
{
    struct probe_call *call = rpc_call_owner(rpc);
    AUTO(buf) struct buf answer = {0};
    struct err err = {0};
    if (call->finished)
        return;
    call->edge.bytes_in += message.len;
    if (rpc_call_unsent(rpc) > PROBE_UNSENT_MAX) {
        err_set(&err, ERR_RESOURCE, "more than 1 MiB of answers wait for the client");
        err_hint(&err, "read an answer before the next question");
        probe_call_finish(call, &err);
    } else if (probe_answer(&answer, message, &err)) {
        probe_call_send(call, buf_str(&answer));
    } else {
        probe_call_finish(call, &err);
    }
}

static void probe_reflection_on_half_close(struct rpc_call *rpc)
{
    probe_call_finish(rpc_call_owner(rpc), NULL);
}

void probe_reflection_start(void *owner, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = probe_reflection_on_message,
                                             .on_half_close = probe_reflection_on_half_close,
                                             .on_closed = probe_call_on_closed};
    struct probe *probe = owner;
    struct flight_guest *guest;
    enum flight_guest_state state = flight_guest_arrive(probe->auth, rpc, &guest);
    if (state == FLIGHT_GUEST_HELD)
        return;
    struct probe_call *call = probe_call_new(probe, rpc, &probe_reflection_method, &events);
    if (state == FLIGHT_GUEST_REFUSED)
        probe_call_finish(call, &guest->error);
}
