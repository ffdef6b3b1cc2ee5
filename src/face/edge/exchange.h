/* One HTTP request of a face, from its arrival to its answer: who asks, waiting for what cannot be called off, and the
 * one end, which logs it. Embedded in the face's own exchange, which lives in the request's arena. Loop thread only. */
#pragma once
#include "domain/tenant/audit.h"
#include "domain/tenant/auth.h"
#include "face/edge/edge.h"
#include "platform/http/http.h"

struct edge_exchange;

/* exchange->who says who it is; error: nobody. */
typedef void edge_identified(struct edge_exchange *exchange, const struct err *error);

struct edge_exchange {
    struct http_request *http;
    struct edge_request request;
    const struct principal *who; /* NULL where nobody was asked, and for strangers */
    /* Set by handlers that answer later: the client went away, the exchange ends with this call. */
    void (*on_gone)(void *owner);
    void *owner;
    edge_identified *identified; /* edge's own, as the next */
    struct auth_wait wait;       /* while a password is being checked */
    struct principal known;      /* what who points to */
};

/* The first call for an exchange, which is zero. */
void edge_exchange_begin(struct edge_exchange *exchange, struct http_request *http, const struct edge_method *method);

/* What the request itself shows of who asks. */
struct auth_request edge_credentials(const struct edge_exchange *exchange);
/* Asks who shows these credentials; identified comes at once or later, or never when the client goes away. */
void edge_identify(struct edge_exchange *exchange, struct auth *auth, struct auth_request shown,
                   edge_identified *identified);

/* A whole answer; error NULL: success. Ends the exchange: nothing of it may be touched afterwards. */
void edge_answer(struct edge_exchange *exchange, const struct err *error, int status, struct str content_type,
                 struct str body, const struct http_field *fields, size_t field_count);
/* Counted http_write, between http_begin and edge_end. */
void edge_write(struct edge_exchange *exchange, struct slice slice);
/* Both end the exchange, whose answer has begun. */
void edge_end(struct edge_exchange *exchange);
void edge_abort(struct edge_exchange *exchange, const struct err *error);

/* An answer that waits for something that cannot be called off: the wait outlives a client that goes away. */
struct edge_wait;
struct edge_wait *edge_wait_new(struct edge_exchange *exchange);
/* Frees the wait; the exchange, or NULL when the client has gone. */
struct edge_exchange *edge_wait_end(struct edge_wait *wait);

/* Who asks, for changes that the trail shows. */
struct audit_actor edge_actor(const struct edge_exchange *exchange);
/* Writes a row into the audit trail and goes on with then, unless the client has gone meanwhile. error: of the request,
 * NULL for success; copied. */
void edge_audit(struct edge_exchange *exchange, struct audit *audit, enum audit_action action, struct str object,
                struct str tenant, const struct err *error,
                void (*then)(struct edge_exchange *exchange, const struct err *error));
