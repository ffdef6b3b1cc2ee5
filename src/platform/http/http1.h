/* The server's side of one HTTP/1.1 connection, without its socket: bytes go in by http1_input, answers go to an
 * outbox. Requests of a connection are handled one after the other; what was pipelined waits. */
#pragma once
#include "platform/http/guard.h"
#include "platform/http/http.h"
#include "platform/net/outbox.h"

struct http1;
struct http1_exchange;

/* What all connections of a server share. */
struct http1_host {
    struct http_service *service;
    const struct guard *guard;
    struct http1_exchange *spare; /* memory of ended requests, for the next ones */
    size_t spare_count;
};
void http1_host_done(struct http1_host *host);

/* on_wake: an answer went on outside http1_input, so look at the outbox and the state again. It is called from
 * within http_write and http_end: do it later. peer must outlive the object. */
struct http1 *http1_new(struct http1_host *host, struct outbox *outbox, const struct net_peer *peer,
                        void (*on_wake)(void *owner), void *owner);
/* A running request gets on_gone. Accepts NULL inside. */
void http1_free(struct http1 **http1);

/* Returns how many bytes were consumed: less than all when a request runs, when answers to pipelined requests fill the
 * outbox, or when the connection is at its end. */
size_t http1_input(struct http1 *http1, struct str bytes);

/* A request runs: input has to wait. */
bool http1_is_busy(const struct http1 *http1);
/* Nothing of a request has arrived since the last one ended. */
bool http1_is_idle(const struct http1 *http1);
/* Everything was said: close when the outbox is empty. */
bool http1_is_over(const struct http1 *http1);
/* An answer cannot be completed: break the connection. */
bool http1_is_broken(const struct http1 *http1);

/* When http1_timeout has to be called; CLOCK_NEVER while a request runs. */
int64_t http1_deadline_us(const struct http1 *http1);
/* The client was too slow: 408 inside a request, the end while idle. */
void http1_timeout(struct http1 *http1);

/* No more requests: the running one is the last, an idle connection is over at once. */
void http1_stop(struct http1 *http1);
