/* The part of the gRPC client that knows no socket: bytes in, outbox out. Shared by the client and its tests. */
#pragma once
#include "platform/net/outbox.h"
#include "platform/rpc/client.h"

/* A client that writes into the outbox (borrowed) and calls flush(flush_owner) when there is something new to send (may
 * be NULL). loop may be NULL: then deadlines are sent but not enforced. */
struct rpc_client *rpc_client_new(struct loop *loop, struct outbox *outbox, void (*flush)(void *owner),
                                  void *flush_owner, struct err *err);
/* Bytes from the server. False when they are no HTTP/2. */
bool rpc_client_input(struct rpc_client *client, struct str bytes, struct err *err) MUST_USE;
/* Moves what may be sent into the outbox, up to about `room` bytes, and tells drained calls. */
void rpc_client_output(struct rpc_client *client, size_t room);
/* Ends every call with the error; later calls are refused. */
void rpc_client_fail(struct rpc_client *client, const struct err *error);
