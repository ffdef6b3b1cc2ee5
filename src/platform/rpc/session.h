/* The server's side of one HTTP/2 connection, without its socket: bytes go in, frames come out into an outbox.
 * Requests with a gRPC content type become calls (rpc.h), the others HTTP requests (http.h). Counts what a hostile
 * client would send too much of, and says goodbye at the limit. */
#pragma once
#include "platform/http/guard.h"
#include "platform/http/http.h"
#include "platform/net/outbox.h"
#include "platform/rpc/rpc.h"

struct rpc_host; /* what all sessions of a server share */

/* Everything given must outlive the host; service may be NULL. */
struct rpc_host *rpc_host_new(struct http_service *http, const struct guard *guard, const struct rpc_service *service);
/* Accepts NULL inside. */
void rpc_host_free(struct rpc_host **host);

struct rpc_session;

/* on_wake: there is something to send, or the state changed, outside rpc_session_input and rpc_session_output; called
 * from within the functions of rpc.h and http.h: act later. peer must outlive the session. */
struct rpc_session *rpc_session_new(struct rpc_host *host, struct outbox *outbox, const struct net_peer *peer,
                                    void (*on_wake)(void *owner), void *owner);
/* Open calls get on_closed, running requests on_gone. Accepts NULL inside. */
void rpc_session_free(struct rpc_session **session);

/* Takes all bytes. */
void rpc_session_input(struct rpc_session *session, struct str bytes);
/* Puts frames into the outbox until it holds a high water mark's worth. */
void rpc_session_output(struct rpc_session *session);

/* Nothing more will be read or written: close when the outbox is empty. */
bool rpc_session_is_over(const struct rpc_session *session);
/* No stream is open. */
bool rpc_session_is_idle(const struct rpc_session *session);

/* When rpc_session_tick has to be called: it ends streams that do not move, and an idle session. */
int64_t rpc_session_deadline_us(const struct rpc_session *session);
void rpc_session_tick(struct rpc_session *session);

/* GOAWAY: open streams may end, new ones are refused. */
void rpc_session_stop(struct rpc_session *session);
