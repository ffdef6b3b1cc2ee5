#include "face/edge/exchange.h"

/* nginx's "client closed request"; HTTP itself has none. */
#define EDGE_STATUS_GONE 499

static void edge_exchange_on_gone(struct http_request *http)
{
    struct edge_exchange *exchange = http->handler_data;
    struct err gone;
    err_set(&gone, ERR_CANCELLED, "the client went away");
    if (exchange->identified)
        auth_cancel(&exchange->wait);
    if (exchange->on_gone)
        exchange->on_gone(exchange->owner);
    edge_finish(&exchange->request, &gone, EDGE_STATUS_GONE);
}

void edge_exchange_begin(struct edge_exchange *exchange, struct http_request *http, const struct edge_method *method)
{
    exchange->http = http;
    exchange->request = (struct edge_request){.method = method,
                                              .protocol = http->protocol[4] == '2' ? EDGE_HTTP2 : EDGE_HTTP1,
                                              .id = http->id,
                                              .started_us = http->started_us,
                                              .bytes_in = http->body.len};
    http->handler_data = exchange;
    http->on_gone = edge_exchange_on_gone;
}

/* --- Who asks --- */

static void edge_tell_identified(struct edge_exchange *exchange, const struct principal *who, const struct err *error)
{
    edge_identified *identified = exchange->identified;
    exchange->identified = NULL;
    exchange->who = who;
    identified(exchange, error);
}

static void edge_on_known(struct auth_wait *wait, const struct principal *who, const struct err *error)
{
    edge_tell_identified(wait->owner, who, error);
}

struct auth_request edge_credentials(const struct edge_exchange *exchange)
{
    return (struct auth_request){.authorization = http_field(exchange->http, S("authorization")),
                                 .certificate = exchange->http->peer->subject};
}

void edge_identify(struct edge_exchange *exchange, struct auth *auth, struct auth_request shown,
                   edge_identified *identified)
{
    const struct http_request *http = exchange->http;
    struct err err;
    shown.remote = http->peer->address;
    shown.loopback = http->peer->loopback;
    exchange->identified = identified;
    exchange->wait = (struct auth_wait){.done = edge_on_known, .owner = exchange};
    switch (auth_check(auth, &shown, http->arena, &exchange->wait, &exchange->known, &err)) {
    case AUTH_DONE:
        edge_tell_identified(exchange, &exchange->known, NULL);
        return;
    case AUTH_ERROR:
        edge_tell_identified(exchange, NULL, &err);
        return;
    case AUTH_LATER:
        return;
    }
}

/* --- The end --- */

/* The exchange lives in the request's arena, which goes when the answer has ended: log first. */
static struct http_request *edge_exchange_end(struct edge_exchange *exchange, const struct err *error, int status)
{
    exchange->http->on_gone = NULL;
    edge_finish(&exchange->request, error, status);
    return exchange->http;
}

void edge_answer(struct edge_exchange *exchange, const struct err *error, int status, struct str content_type,
                 struct str body, const struct http_field *fields, size_t field_count)
{
    exchange->request.bytes_out += body.len;
    http_answer(edge_exchange_end(exchange, error, status), status, content_type, body, fields, field_count);
}

void edge_write(struct edge_exchange *exchange, struct slice slice)
{
    exchange->request.bytes_out += slice.len;
    http_write(exchange->http, slice);
}

void edge_end(struct edge_exchange *exchange)
{
    http_end(edge_exchange_end(exchange, NULL, exchange->http->status));
}

void edge_abort(struct edge_exchange *exchange, const struct err *error)
{
    http_abort(edge_exchange_end(exchange, error, exchange->http->status));
}

/* --- Waiting --- */

struct edge_wait {
    struct edge_exchange *exchange; /* NULL: the client has gone */
};

static void edge_wait_on_gone(void *owner)
{
    struct edge_wait *wait = owner;
    wait->exchange = NULL;
}

struct edge_wait *edge_wait_new(struct edge_exchange *exchange)
{
    struct edge_wait *wait = mem_new(struct edge_wait);
    wait->exchange = exchange;
    exchange->on_gone = edge_wait_on_gone;
    exchange->owner = wait;
    return wait;
}

struct edge_exchange *edge_wait_end(struct edge_wait *wait)
{
    struct edge_exchange *exchange = wait->exchange;
    mem_free(wait);
    return exchange;
}

/* --- The trail --- */

struct audit_actor edge_actor(const struct edge_exchange *exchange)
{
    return (struct audit_actor){.who = exchange->who, .address = exchange->http->peer->address};
}

/* What happens when the row is durable. */
struct edge_row {
    struct edge_wait *wait;
    void (*then)(struct edge_exchange *exchange, const struct err *error);
    bool failed;
    struct err error; /* of the request */
};

static void edge_audit_written(void *owner, const struct err *ignored)
{
    struct edge_row *row = owner;
    struct edge_exchange *exchange = edge_wait_end(row->wait);
    (void)ignored; /* what was done is done; the trail has logged its own trouble */
    if (exchange)
        row->then(exchange, row->failed ? &row->error : NULL);
    mem_free(row);
}

void edge_audit(struct edge_exchange *exchange, struct audit *audit, enum audit_action action, struct str object,
                struct str tenant, const struct err *error,
                void (*then)(struct edge_exchange *exchange, const struct err *error))
{
    struct edge_row *row = mem_new(struct edge_row);
    const struct audit_event event = {.user = exchange->who ? exchange->who->user : S(""),
                                      .address = exchange->http->peer->address,
                                      .action = action,
                                      .object = object,
                                      .tenant = tenant,
                                      .result = error ? error->code : ERR_OK};
    row->then = then;
    row->failed = error != NULL;
    if (error)
        row->error = *error;
    row->wait = edge_wait_new(exchange);
    audit_write(audit, &event, edge_audit_written, row);
}
