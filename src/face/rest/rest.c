/* From a request to its handler. */
#include "face/rest/rest.h"

#include "base/clock.h"
#include "face/rest/rest_priv.h"

/* What requests are called that match no route: one name, or a scan of paths would fill the log's method field. */
static const struct edge_method rest_unknown = {.name = "other"};

/* 401 names the ways to say who one is (RFC 9110 11.6.1). */
static void rest_refuse(struct rest_exchange *exchange, const struct err *error)
{
    const struct http_field challenge = {S("www-authenticate"), S("Bearer realm=\"eider\", Basic realm=\"eider\"")};
    if (error->code == ERR_UNAUTHENTICATED)
        rest_fail_as(exchange, error, 401, &challenge, 1);
    else
        rest_fail(exchange, error);
}

static bool rest_may(const struct rest_exchange *exchange, struct err *err)
{
    const struct principal *who = exchange->edge.who;
    switch (exchange->route->access) {
    case REST_OPEN:
    case REST_GREETED:
    case REST_KNOWN:
        return true;
    case REST_SCRAPED:
        if (!who || who->admin || who->metrics)
            return true;
        err_set(err, ERR_DENIED, "this needs the role metrics; %.*s does not have it", STR_ARG(who->user));
        return err_hint(err, "an administrator can give it: eider grant metrics to %.*s", STR_ARG(who->user));
    case REST_GOVERNED:
        return principal_need_admin(who, err);
    }
    return false;
}

static void rest_enter(struct rest_exchange *exchange)
{
    struct err err;
    if (rest_may(exchange, &err))
        exchange->route->handle(exchange);
    else
        rest_refuse(exchange, &err);
}

static void rest_on_known(struct edge_exchange *edge, const struct err *error)
{
    struct rest_exchange *exchange = list_object(edge, struct rest_exchange, edge);
    if (error)
        rest_refuse(exchange, error);
    else
        rest_enter(exchange);
}

/* Whether this request is served without asking who it comes from. */
static bool rest_is_stranger(const struct rest_exchange *exchange)
{
    const struct http_request *http = exchange->edge.http;
    bool says = http_field(http, S("authorization")).len > 0;
    switch (exchange->route->access) {
    case REST_OPEN:
        return true;
    case REST_GREETED:
        return !says && auth_is_required(exchange->rest->auth);
    case REST_SCRAPED:
        return !says && http->peer->loopback;
    case REST_KNOWN:
    case REST_GOVERNED:
        break;
    }
    return false;
}

static void rest_on_request(struct http_service *service, struct http_request *http)
{
    struct rest *rest = list_object(service, struct rest, service);
    struct rest_exchange *exchange = arena_new_object(http->arena, struct rest_exchange);
    struct str allow;
    struct err err;
    const struct rest_route *route =
        rest_route_find(http->arena, http->method, http->path, exchange->parameters, &allow, &err);
    edge_exchange_begin(&exchange->edge, http, route ? &route->route.edge : &rest_unknown);
    exchange->rest = rest;
    exchange->route = route;
    const struct http_field allowed = {S("allow"), allow};
    if (route && rest_is_stranger(exchange))
        route->handle(exchange);
    else if (route)
        edge_identify(&exchange->edge, rest->auth, edge_credentials(&exchange->edge), rest_on_known);
    else if (allow.len > 0)
        rest_fail_as(exchange, &err, 405, &allowed, 1);
    else
        rest_fail(exchange, &err);
}

struct rest *rest_new(const struct rest_options *options, struct err *err)
{
    if (!options->loop || !options->query || !options->tenants || !options->store || !options->catalog ||
        !options->auth || !options->users || !options->audit || options->data.len == 0) {
        err_set(err, ERR_INTERNAL, "rest needs loop, query, tenants, store, catalog, auth, users, audit and data");
        return NULL;
    }
    struct rest *rest = mem_new(struct rest);
    rest->arena = arena_new();
    rest->loop = options->loop;
    rest->query = options->query;
    rest->tenants = options->tenants;
    rest->store = options->store;
    rest->catalog = options->catalog;
    rest->auth = options->auth;
    rest->users = options->users;
    rest->audit = options->audit;
    rest->pipeline = options->pipeline;
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
