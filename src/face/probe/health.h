/* grpc.health.v1.Health: HealthCheckRequest {1 service: string}, HealthCheckResponse {1 status: enum}. The services
 * known are "" (the server) and Flight; both are well as long as the server takes statements. No credentials are
 * needed: probes have none, and learn nothing but that. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct probe;
struct rpc_call;

/* rpc_method.on_start of the two methods. */
void probe_health_check_start(void *probe, struct rpc_call *rpc);
void probe_health_watch_start(void *probe, struct rpc_call *rpc);

/* From now on the answer is NOT_SERVING; those who Watch are told and let go. */
void probe_health_drain(struct probe *probe);

/* HealthCheckRequest. The name is borrowed. */
bool probe_health_decode(struct str message, struct str *service_out, struct err *err) MUST_USE;
