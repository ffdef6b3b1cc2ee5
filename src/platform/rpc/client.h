/* gRPC over HTTP/2, the client's side: one connection, calls with metadata and a deadline, messages in both
 * directions with back-pressure, and a status with trailers at the end.
 *
 * Life: the client owns its calls. A call ends with on_end, always its last event and always from the loop; after it
 * the call is gone. rpc_client_close drops open calls without on_end and must not be called from one of their events.
 * Threads: the loop's only. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/net/loop.h"
#include "platform/net/slice.h"
#include "platform/net/tls.h"

struct rpc_client;
struct rpc_client_call;

/* Resolves the name and connects, waiting at most timeout_us. ERR_UNAVAILABLE names host and port. trust: for TLS,
 * whose handshake goes on in the loop (calls end with ERR_UNAUTHENTICATED when the server is not trusted); NULL: plain.
 */
struct rpc_client *rpc_client_connect(struct loop *loop, const char *host, uint16_t port, int64_t timeout_us,
                                      const struct tls_trust *trust, struct err *err);
void rpc_client_close(struct rpc_client **client);
static inline void rpc_client_cleanup(struct rpc_client **client)
{
    rpc_client_close(client);
}

struct rpc_client_field {
    struct str name; /* lower case */
    struct str value;
};

struct rpc_client_events {
    /* One whole message; its bytes live until it returns. May be NULL. */
    void (*on_message)(void *owner, struct rpc_client_call *call, struct str message);
    /* What rpc_client_write queued has been handed to the connection; there is room for more. May be NULL. */
    void (*on_drained)(void *owner, struct rpc_client_call *call);
    /* The end: error NULL for status OK, else the server's status (its hint split off), or ERR_UNAVAILABLE when the
     * connection broke, or ERR_DEADLINE. Headers and trailers may be read until it returns. */
    void (*on_end)(void *owner, struct rpc_client_call *call, const struct err *error);
};

struct rpc_client_request {
    struct str path;                       /* "/arrow.flight.protocol.FlightService/DoPut" */
    const struct rpc_client_field *fields; /* metadata; copied */
    size_t field_count;
    int64_t deadline_us; /* clock_now_us() scale; CLOCK_NEVER: none. Sent to the server and enforced here */
};

/* Starts a call; its headers leave from the loop. NULL when the connection is gone. */
struct rpc_client_call *rpc_client_start(struct rpc_client *client, const struct rpc_client_request *request,
                                         const struct rpc_client_events *events, void *owner, struct err *err);

/* Announces a message of size bytes; slices written until size is reached make it up. */
void rpc_client_begin_message(struct rpc_client_call *call, uint32_t size);
/* Takes the slice: the next bytes of the announced message. */
void rpc_client_write(struct rpc_client_call *call, struct slice slice);
/* Bytes written that the server's window or the socket has not let out yet: stop writing above a bound of the caller's,
 * go on at on_drained. */
size_t rpc_client_unsent(const struct rpc_client_call *call);
/* No more messages. */
void rpc_client_half_close(struct rpc_client_call *call);
/* Resets the stream: the server stops. on_end follows with ERR_CANCELLED. */
void rpc_client_cancel(struct rpc_client_call *call);

/* Value of a header or trailer, or ptr NULL. */
struct str rpc_client_metadata(const struct rpc_client_call *call, struct str name);
