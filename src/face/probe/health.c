/* The state changes once, when the server drains. Watchers are let go then: open calls hold up its end. */
#include "face/probe/health.h"

#include "face/flight/proto.h"
#include "face/probe/call.h"

enum probe_status { PROBE_SERVING = 1, PROBE_NOT_SERVING = 2, PROBE_SERVICE_UNKNOWN = 3 };

static const struct edge_method probe_check_method = {.name = "Health/Check", .quiet = true};
static const struct edge_method probe_watch_method = {.name = "Health/Watch", .quiet = true};

bool probe_health_decode(struct str message, struct str *service_out, struct err *err)
{
    struct reader reader = reader_from(message);
    struct flight_field field;
    struct str service = {0};
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES)
            service = field.bytes;
    }
    if (reader.failed)
        return flight_proto_err("HealthCheckRequest", err);
    *service_out = service;
    return true;
}

static enum probe_status probe_health_status(const struct probe *probe, struct str service)
{
    if (service.len > 0 && !str_equal(service, S("arrow.flight.protocol.FlightService")))
        return PROBE_SERVICE_UNKNOWN;
    return probe->draining ? PROBE_NOT_SERVING : PROBE_SERVING;
}

static void probe_health_send(struct probe_call *call, enum probe_status status)
{
    AUTO(buf) struct buf answer = {0};
    flight_proto_put_varint(&answer, 1, status);
    probe_call_send(call, buf_str(&answer));
}

/* The service that the one message of a call names; false after ending the call. */
static bool probe_health_take(struct probe_call *call, struct str message, struct str *service_out)
{
    struct err err;
    if (call->finished)
        return false;
    call->edge.bytes_in += message.len;
    if (call->has_message)
        err_set(&err, ERR_INVALID, "%s takes one message, a second one came", call->edge.method->name);
    else if (probe_health_decode(message, service_out, &err))
        return call->has_message = true;
    probe_call_finish(call, &err);
    return false;
}

static void probe_health_on_half_close(struct rpc_call *rpc)
{
    struct probe_call *call = rpc_call_owner(rpc);
    struct err err;
    if (call->has_message)
        return;
    err_set(&err, ERR_INVALID, "%s needs one message, none came", call->edge.method->name);
    probe_call_finish(call, &err);
}

static void probe_health_on_check(struct rpc_call *rpc, struct str message)
{
    struct probe_call *call = rpc_call_owner(rpc);
    struct str service;
    if (!probe_health_take(call, message, &service))
        return;
    enum probe_status status = probe_health_status(call->probe, service);
    if (status == PROBE_SERVICE_UNKNOWN) {
        struct err err;
        err_set(&err, ERR_NOT_FOUND, "no service of this name is served");
        probe_call_finish(call, &err);
        return;
    }
    probe_health_send(call, status);
    probe_call_finish(call, NULL);
}

void probe_health_check_start(void *probe, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = probe_health_on_check,
                                             .on_half_close = probe_health_on_half_close,
                                             .on_closed = probe_call_on_closed};
    probe_call_new(probe, rpc, &probe_check_method, &events);
}

static void probe_health_let_go(struct probe_call *call)
{
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "the server is shutting down");
    probe_health_send(call, PROBE_NOT_SERVING);
    probe_call_finish(call, &err);
}

static void probe_health_on_watch(struct rpc_call *rpc, struct str message)
{
    struct probe_call *call = rpc_call_owner(rpc);
    struct str service;
    if (!probe_health_take(call, message, &service))
        return;
    enum probe_status status = probe_health_status(call->probe, service);
    if (status == PROBE_NOT_SERVING) {
        probe_health_let_go(call);
        return;
    }
    probe_health_send(call, status);
    list_append(&call->probe->watchers, &call->node);
}

void probe_health_watch_start(void *probe, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = probe_health_on_watch,
                                             .on_half_close = probe_health_on_half_close,
                                             .on_closed = probe_call_on_closed};
    probe_call_new(probe, rpc, &probe_watch_method, &events);
}

void probe_health_drain(struct probe *probe)
{
    probe->draining = true;
    list_each(&probe->watchers, node) probe_health_let_go(list_object(node, struct probe_call, node));
}
