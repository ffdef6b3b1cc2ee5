/* gRPC health checking (https://github.com/grpc/grpc/blob/master/doc/health-checking.md) and server reflection
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md) over platform/rpc.
 *
 * Ownership: freed when no rpc call is open. Loop thread only. */
#pragma once
struct auth;
struct probe;
struct rpc_service;

/* auth: who may ask for reflection. next: the service that the rpc layer finds behind ours
 * (rpc_service.next). */
struct probe *probe_new(struct auth *auth, const struct rpc_service *next);
/* Accepts NULL inside. */
void probe_free(struct probe **probe);

/* The server takes no more statements: Check says NOT_SERVING, those who Watch are told and let go. */
void probe_drain(struct probe *probe);

/* The methods, for the rpc layer; lives as long as the probe. */
const struct rpc_service *probe_rpc_service(struct probe *probe);
