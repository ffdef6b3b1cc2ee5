/* From a request to its handler: which service, which route, who asks, which tenant, which names. */
#include "face/iceberg/iceberg.h"

#include "base/limits.h"
#include "face/iceberg/iceberg_priv.h"

/* What requests are called that match no route: one name, or a scan of paths would fill the log's method field. */
static const struct edge_method iceberg_unknown = {.name = "other /iceberg"};

static bool iceberg_is_ours(struct str path)
{
    return str_starts_with(path, S(ICEBERG_BASE "/"));
}

static bool iceberg_decode_body(struct iceberg_exchange *exchange, struct err *err)
{
    if (!exchange->route->takes_json)
        return true;
    exchange->body = json_parse(exchange->arena, exchange->edge.http->body, err);
    if (!exchange->body)
        return err_wrap(err, "body");
    return json_kind(exchange->body) == JSON_OBJECT || err_set(err, ERR_INVALID, "body: it has to be a JSON object");
}

static void iceberg_enter_tenant(struct iceberg_exchange *exchange)
{
    struct arena *arena = exchange->edge.http->arena;
    struct str prefix;
    struct err err;
    if (!http_percent_decode(arena, exchange->parameters[0], false, &prefix))
        prefix = exchange->parameters[0];
    const struct tenant *tenant = tenant_resolve(exchange->iceberg->options.tenants, exchange->edge.who, prefix, &err);
    if (!tenant) {
        iceberg_fail_as(exchange, &err, 404, "NoSuchWarehouseException", NULL, 0);
        return;
    }
    exchange->tenant = str_copy(arena, tenant->id);
    edge_set_tenant(&exchange->edge.request, tenant->id);
    if (iceberg_prepare(exchange, &err) && iceberg_decode_body(exchange, &err))
        exchange->route->handle(exchange);
    else
        iceberg_fail(exchange, &err);
}

static void iceberg_enter(struct edge_exchange *edge, const struct err *error)
{
    struct iceberg_exchange *exchange = list_object(edge, struct iceberg_exchange, edge);
    if (error)
        iceberg_fail(exchange, error);
    else if (exchange->route->access == ICEBERG_TENANTED)
        iceberg_enter_tenant(exchange);
    else
        exchange->route->handle(exchange);
}

/* A worker of ours: the owner of its tenant, and of nothing else. */
static const struct principal *iceberg_worker(struct arena *arena, struct str tenant)
{
    struct grant *grant = arena_new_object(arena, struct grant);
    struct principal *who = arena_new_object(arena, struct principal);
    *grant = (struct grant){.tenant = str_copy(arena, tenant), .role = ROLE_OWNER};
    *who = (struct principal){
        .user = S("worker"), .proof = PRINCIPAL_TOKEN, .grants = grant, .grant_count = 1, .tenant = grant->tenant};
    return who;
}

static void iceberg_identify_worker(struct iceberg_exchange *exchange)
{
    struct edge_exchange *edge = &exchange->edge;
    struct str pass = http_field(edge->http, S("authorization"));
    struct str tenant = {0};
    if (str_starts_with(pass, S("Bearer ")))
        tenant = catalog_pass_tenant(exchange->iceberg->options.catalog, str_from_index(pass, sizeof("Bearer ") - 1));
    if (tenant.ptr) {
        edge->who = iceberg_worker(edge->http->arena, tenant);
        iceberg_enter(edge, NULL);
        return;
    }
    struct err err;
    err_set(&err, ERR_UNAUTHENTICATED, "this address is for the server's own workers");
    iceberg_enter(edge, &err);
}

static void iceberg_fail_route(struct iceberg_exchange *exchange, struct str allow)
{
    const struct http_field allowed = {S("allow"), allow};
    struct err err;
    if (allow.len > 0) {
        err_set(&err, ERR_UNIMPLEMENTED, "this path does not know the method %.*s",
                STR_ARG(str_slice(exchange->edge.http->method, 0, 32)));
        iceberg_fail_as(exchange, &err, 405, "UnsupportedOperationException", &allowed, 1);
    } else {
        err_set(&err, ERR_NOT_FOUND, "nothing is at this path");
        err_hint(&err, "GET " ICEBERG_BASE "/v1/config lists the endpoints");
        iceberg_fail(exchange, &err);
    }
}

static void iceberg_begin(struct iceberg *iceberg, struct http_request *http, bool internal)
{
    struct iceberg_exchange *exchange = arena_new_object(http->arena, struct iceberg_exchange);
    struct str allow = S("");
    const struct edge_route *found =
        edge_route_find(&iceberg_routes, http->arena, http->method, http->raw_path, exchange->parameters, &allow);
    exchange->iceberg = iceberg;
    exchange->internal = internal;
    exchange->route = (const void *)found; /* its first member */
    if (internal && found && exchange->route->access == ICEBERG_OPEN)
        found = NULL; /* workers have no passwords to show */
    edge_exchange_begin(&exchange->edge, http, found ? &found->edge : &iceberg_unknown);
    if (!internal && iceberg->draining) {
        struct err err;
        err_set(&err, ERR_UNAVAILABLE, "the server is shutting down");
        iceberg_fail(exchange, &err);
    } else if (!found) {
        iceberg_fail_route(exchange, allow);
    } else if (internal) {
        iceberg_identify_worker(exchange);
    } else if (exchange->route->access == ICEBERG_OPEN) {
        exchange->route->handle(exchange);
    } else {
        edge_identify(&exchange->edge, iceberg->options.auth, edge_credentials(&exchange->edge), iceberg_enter);
    }
}

/* --- The two services --- */

static void iceberg_on_public(struct http_service *service, struct http_request *http)
{
    struct iceberg *iceberg = list_object(service, struct iceberg, public_service);
    if (iceberg_is_ours(http->path))
        iceberg_begin(iceberg, http, false);
    else
        iceberg->next->on_request(iceberg->next, http);
}

static void iceberg_on_internal(struct http_service *service, struct http_request *http)
{
    iceberg_begin(list_object(service, struct iceberg, internal_service), http, true);
}

static bool iceberg_on_refusal(struct http_service *service, struct http_request *http, int status, struct str why)
{
    (void)service;
    if (!iceberg_is_ours(http->path))
        return false;
    AUTO(buf) struct buf body = {0};
    iceberg_error_encode(&body, iceberg_error_of_status(status), why);
    http_answer(http, status, S("application/json"), buf_str(&body), NULL, 0);
    return true;
}

struct http_service *iceberg_public_service(struct iceberg *iceberg, struct http_service *next)
{
    iceberg->next = next;
    return &iceberg->public_service;
}

struct http_service *iceberg_internal_service(struct iceberg *iceberg)
{
    return &iceberg->internal_service;
}

struct iceberg *iceberg_new(const struct iceberg_options *options)
{
    struct iceberg *iceberg = mem_new(struct iceberg);
    iceberg->options = *options;
    iceberg->public_service = (struct http_service){.on_request = iceberg_on_public, .on_refusal = iceberg_on_refusal};
    iceberg->internal_service =
        (struct http_service){.on_request = iceberg_on_internal, .on_refusal = iceberg_on_refusal};
    return iceberg;
}

void iceberg_free(struct iceberg **iceberg)
{
    mem_free(*iceberg);
    *iceberg = NULL;
}

void iceberg_drain(struct iceberg *iceberg)
{
    iceberg->draining = true;
}
