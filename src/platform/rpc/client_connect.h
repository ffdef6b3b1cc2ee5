/* The socket under a gRPC client: resolves, connects, and joins a connection with the client's session. */
#pragma once
#include "platform/net/outbox.h"
#include "platform/rpc/client.h"

struct rpc_client_transport;

struct rpc_client_transport *rpc_client_transport_open(struct loop *loop, const char *host, uint16_t port,
                                                       int64_t timeout_us, const struct tls_trust *trust,
                                                       struct err *err);
struct outbox *rpc_client_transport_outbox(struct rpc_client_transport *transport);
/* From now on input goes to the client, and a broken connection fails it. */
void rpc_client_transport_start(struct rpc_client_transport *transport, struct rpc_client *client);
/* There is something to send. transport: a struct rpc_client_transport. */
void rpc_client_transport_flush(void *transport);
/* Accepts NULL inside. */
void rpc_client_transport_close(struct rpc_client_transport **transport);
