/* gRPC over HTTP/2, the server's side: calls with metadata, deadlines, messages in both directions, flow control and
 * a status at the end (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). One call = one HTTP/2 stream.
 * All callbacks come from the loop's thread. A call lives until on_closed returns; on_closed is always the last event
 * and always comes, also after rpc_finish. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/net/peer.h"
#include "platform/net/slice.h"

struct rpc_call;

struct rpc_events {
    /* One whole message of a method that collects (rpc_method.collects). Bytes live until it returns. */
    void (*on_message)(struct rpc_call *call, struct str message);
    /* For methods that do not collect: a message of size bytes begins, its bytes as they come, its end. */
    void (*on_message_begin)(struct rpc_call *call, uint32_t size);
    void (*on_message_bytes)(struct rpc_call *call, struct str bytes);
    void (*on_message_end)(struct rpc_call *call);
    /* The client has sent everything. */
    void (*on_half_close)(struct rpc_call *call);
    /* Last event. finished: our status left completely; else the client cancelled, reset or went away. */
    void (*on_closed)(struct rpc_call *call, bool finished);
    /* Everything handed to rpc_send so far has been passed to the socket; may be NULL. */
    void (*on_drained)(struct rpc_call *call);
};

struct rpc_method {
    const char *path; /* "/arrow.flight.protocol.FlightService/DoGet" */
    bool collects;    /* messages of up to flight.max_request are gathered and given whole */
    /* Headers are there. Sets call events by rpc_call_accept, or ends the call by rpc_finish. */
    void (*on_start)(void *service, struct rpc_call *call);
};

/* The methods of the server; the app wires face/flight here. */
struct rpc_service {
    const struct rpc_method *methods;
    size_t method_count;
    void *owner;
    void (*on_connection_gone)(void *owner, uint64_t connection); /* set by rpc_service_on_connection_gone */
    const struct rpc_service *next; /* another service of the same server, which lives as long; NULL: none */
};

void rpc_call_accept(struct rpc_call *call, const struct rpc_events *events, void *owner);
void *rpc_call_owner(const struct rpc_call *call);
struct arena *rpc_call_arena(struct rpc_call *call);
uint64_t rpc_call_id(const struct rpc_call *call);
/* rpc_method.path */
const char *rpc_call_path(const struct rpc_call *call);
/* Metadata by lower-case name; "-bin" values are decoded. ptr NULL when absent. */
struct str rpc_call_metadata(const struct rpc_call *call, struct str name);
/* The same one by one, in the order of arrival (pseudo-headers left out); false when index is past the last. */
bool rpc_call_metadata_at(const struct rpc_call *call, size_t index, struct str *name_out, struct str *value_out);
/* From grpc-timeout, on clock_now_us's scale; CLOCK_NEVER without one. The layer above enforces it. */
int64_t rpc_call_deadline_us(const struct rpc_call *call);
struct str rpc_call_remote(const struct rpc_call *call);
/* Same number for all calls of one HTTP/2 connection. */
uint64_t rpc_call_connection(const struct rpc_call *call);
/* The other end; lives as long as the call. */
const struct net_peer *rpc_call_peer(const struct rpc_call *call);
/* The only one that is told when a connection has gone: on_gone(service's owner, connection), from the loop, after
 * on_closed of the connection's last call. */
void rpc_service_on_connection_gone(struct rpc_service *service, void (*on_gone)(void *owner, uint64_t connection));

/* From on_start, instead of accepting: nothing of the call is handed out until rpc_call_release runs on_start of the
 * method again (then it has to accept or finish; until it accepts, rpc_call_owner is still the holder's). What the
 * client sends meanwhile waits: its window is not opened again, and http2.max_gathered bounds it. on_closed of the
 * events comes if the call ends before; they may have no other member. */
void rpc_call_hold(struct rpc_call *call, const struct rpc_events *events, void *owner);
void rpc_call_release(struct rpc_call *call);

/* Sends one message made of the slices (taken, in order); the 5-byte gRPC prefix is added here. */
void rpc_send(struct rpc_call *call, const struct slice *slices, size_t count);
/* One message in parts, for those too large to be held at once: begin says its size (the gRPC prefix is sent), the
 * parts (slices taken, in order) have to add up to it before the next message. rpc_finish inside a message resets the
 * stream. */
void rpc_send_begin(struct rpc_call *call, uint32_t size);
void rpc_send_part(struct rpc_call *call, const struct slice *slices, size_t count);
/* Bytes handed over by rpc_send that have not left yet. */
size_t rpc_call_unsent(const struct rpc_call *call);

/* Metadata for the initial headers; before the first rpc_send. Copied. */
void rpc_call_add_header(struct rpc_call *call, struct str name, struct str value);
/* Metadata for the trailers. Copied. */
void rpc_call_add_trailer(struct rpc_call *call, struct str name, struct str value);

/* Ends the call with a status: NULL = OK, else the error's code and message (percent-encoded), its hint appended. */
void rpc_finish(struct rpc_call *call, const struct err *error);

/* Stops and resumes giving the client credit to send; bytes within its window still arrive. */
void rpc_call_pause(struct rpc_call *call);
void rpc_call_resume(struct rpc_call *call);
