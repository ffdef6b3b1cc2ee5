/* From a request to its handler. */
#include "face/rest/rest.h"

#include "base/clock.h"
#include "face/rest/rest_priv.h"

/* What requests are called that match no route: one name, or a scan of paths would fill the log's method field. */
static const struct edge_method rest_unknown = {.name = "other"};

static void rest_on_gone(struct http_request *http)
{
    struct rest_exchange *exchange = http->handler_data;
    struct err gone;
    err_set(&gone, ERR_CANCELLED, "the client went away");
    if (exchange->on_gone)
        exchange->on_gone(exchange->owner);
    edge_finish(&exchange->edge, &gone, rest_error_status(ERR_CANCELLED));
}

static void rest_on_request(struct http_service *service, struct http_request *http)
{
    struct rest *rest = list_object(service, struct rest, service);
    struct rest_exchange *exchange = arena_new_object(http->arena, struct rest_exchange);
    struct str allow;
    struct err err;
    const struct rest_route *route =
        rest_route_find(http->arena, http->method, http->path, exchange->parameters, &allow, &err);
    exchange->rest = rest;
    exchange->http = http;
    exchange->edge = (struct edge_request){.method = route ? &route->edge : &rest_unknown,
                                           .protocol = http->protocol[4] == '2' ? EDGE_HTTP2 : EDGE_HTTP1,
                                           .id = http->id,
                                           .started_us = http->started_us,
                                           .bytes_in = http->body.len};
    http->handler_data = exchange;
    http->on_gone = rest_on_gone;
    const struct http_field allowed = {S("allow"), allow};
    if (route)
        route->handle(exchange);
    else if (allow.len > 0)
        rest_fail_as(exchange, &err, 405, &allowed, 1);
    else
        rest_fail(exchange, &err);
}

struct rest *rest_new(const struct rest_options *options, struct err *err)
{
    if (!options->loop || !options->query || !options->tenants || !options->store || options->data.len == 0) {
        err_set(err, ERR_INTERNAL, "rest needs loop, query, tenants, store and data");
        return NULL;
    }
    struct rest *rest = mem_new(struct rest);
    rest->arena = arena_new();
    rest->loop = options->loop;
    rest->query = options->query;
    rest->tenants = options->tenants;
    rest->store = options->store;
    rest->data = str_copy(rest->arena, options->data);
    rest->version = str_copy(rest->arena, options->version);
    rest->ready = true;
    rest->started_us = clock_now_us();
    rest->service.on_request = rest_on_request;
    rest_backup_sweep(rest);
    return rest;
}

void rest_free(struct rest **rest)
{
    if (!*rest)
        return;
    rest_backup_drop(*rest);
    buf_done(&(*rest)->health);
    arena_free(&(*rest)->arena);
    mem_free(*rest);
    *rest = NULL;
}

struct http_service *rest_http_service(struct rest *rest)
{
    return &rest->service;
}

void rest_set_ready(struct rest *rest, bool ready)
{
    rest->ready = ready;
    rest->health_until_us = 0;
}
