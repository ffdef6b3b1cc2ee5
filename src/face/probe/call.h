/* One call in work: what health and reflection share. It lives in the rpc call's arena, so until on_closed. */
#pragma once
#include "base/list.h"
#include "domain/tenant/auth.h"
#include "face/edge/edge.h"
#include "platform/rpc/rpc.h"

struct probe {
    struct rpc_service service;
    struct auth *auth;
    bool draining;
    struct list watchers; /* struct probe_call.node of open Watches */
};

struct probe_call {
    struct probe *probe;
    struct rpc_call *rpc;
    struct edge_request edge;
    struct list node;
    bool has_message; /* of methods that take one */
    bool finished;
};

/* Accepts the call with these events, its owner is the struct probe_call. */
struct probe_call *probe_call_new(struct probe *probe, struct rpc_call *rpc, const struct edge_method *method,
                                  const struct rpc_events *events);
/* Sends one message, which is copied. */
void probe_call_send(struct probe_call *call, struct str message);
/* Status to the client and the log line, once. NULL: success. */
void probe_call_finish(struct probe_call *call, const struct err *error);
/* For struct rpc_events. */
void probe_call_on_closed(struct rpc_call *rpc, bool finished);
