/* From a request to the catalog and back. */
#include "face/iceberg/iceberg_priv.h"

/* --- Asking the catalog --- */

static void iceberg_on_gone(void *owner)
{
    struct iceberg_exchange *exchange = owner;
    if (exchange->asking)
        catalog_cancel(&exchange->call);
    iceberg_loaded_drop(exchange);
}

static void iceberg_fail_problem(struct iceberg_exchange *exchange, const struct catalog_answer *answer);

static void iceberg_on_answer(void *owner, struct catalog_answer *answer)
{
    struct iceberg_exchange *exchange = owner;
    exchange->asking = false;
    if (answer->problem == CATALOG_FINE)
        exchange->answered(exchange, answer);
    else if (!iceberg_loaded_anyway(exchange))
        iceberg_fail_problem(exchange, answer);
}

/* With the memory of the request, if the catalog was not asked. */
static void iceberg_drop_arena(void *object)
{
    struct iceberg_exchange *exchange = object;
    arena_free(&exchange->arena);
}

/* Braces of the pattern, in order: prefix, namespace, table or view. */
static bool iceberg_decode_names(struct iceberg_exchange *exchange, struct err *err)
{
    struct str text;
    if (!exchange->parameters[1].len)
        return true;
    if (!http_percent_decode(exchange->arena, exchange->parameters[1], false, &text) ||
        !iceberg_split_namespace(exchange->arena, text, &exchange->name->in, err))
        return err_wrap(err, "namespace of the path");
    if (!exchange->parameters[2].len)
        return true;
    if (!http_percent_decode(exchange->arena, exchange->parameters[2], false, &exchange->name->name) ||
        !iceberg_check_name(exchange->name->name, err))
        return err_wrap(err, "name of the path");
    return true;
}

bool iceberg_prepare(struct iceberg_exchange *exchange, struct err *err)
{
    if (!exchange->call.done)
        arena_defer(exchange->edge.http->arena, iceberg_drop_arena, exchange);
    exchange->arena = arena_new();
    exchange->name = arena_new_object(exchange->arena, struct catalog_name);
    return iceberg_decode_names(exchange, err);
}

/* What an Idempotency-Key stands for. */
static struct str iceberg_fingerprint(struct arena *arena, const struct http_request *http)
{
    return str_format(arena, "%.*s %.*s?%.*s\n%.*s", STR_ARG(http->method), STR_ARG(http->raw_path),
                      STR_ARG(http->query), STR_ARG(http->body));
}

struct catalog_call *iceberg_ask(struct iceberg_exchange *exchange, iceberg_answered *answered)
{
    const struct http_request *http = exchange->edge.http;
    struct arena *arena = exchange->arena;
    bool changes = !str_equal(http->method, S("GET")) && !str_equal(http->method, S("HEAD"));
    struct str key = changes ? http_field(http, S("idempotency-key")) : S("");
    exchange->call = (struct catalog_call){
        .request = {.arena = arena,
                    .who = principal_copy(arena, exchange->edge.who),
                    .address = str_copy(arena, http->peer->address),
                    .tenant = str_copy(arena, exchange->tenant),
                    .internal = exchange->internal,
                    .idempotency_key = str_copy(arena, key),
                    .fingerprint = key.len ? iceberg_fingerprint(arena, http) : S(""),
                    .request_id = http->id},
        .done = iceberg_on_answer,
        .owner = exchange,
    };
    exchange->arena = NULL;
    exchange->asking = true;
    exchange->answered = answered;
    exchange->edge.on_gone = iceberg_on_gone;
    exchange->edge.owner = exchange;
    return &exchange->call;
}

/* --- Answers --- */

static struct http_field iceberg_etag_field(struct iceberg_exchange *exchange, struct str etag)
{
    return (struct http_field){S("etag"), str_format(exchange->edge.http->arena, "\"%.*s\"", STR_ARG(etag))};
}

void iceberg_answer(struct iceberg_exchange *exchange, int status, struct str body, struct str etag)
{
    const struct http_field field = iceberg_etag_field(exchange, etag);
    edge_answer(&exchange->edge, NULL, status, body.len ? S("application/json") : S(""), body, &field,
                etag.len ? 1 : 0);
}

void iceberg_answer_empty(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    slice_release(&answer->metadata);
    iceberg_answer(exchange, 204, S(""), S(""));
}

void iceberg_answer_around(struct iceberg_exchange *exchange, struct str before, struct slice document,
                           struct str after, struct str etag)
{
    struct edge_exchange *edge = &exchange->edge;
    const struct http_field field = iceberg_etag_field(exchange, etag);
    http_begin_sized(edge->http, 200, S("application/json"), &field, etag.len ? 1 : 0,
                     before.len + document.len + after.len);
    http_write_copy(edge->http, before);
    edge_write(edge, document);
    http_write_copy(edge->http, after);
    edge_end(edge);
}

/* --- Failures --- */

void iceberg_fail_as(struct iceberg_exchange *exchange, const struct err *error, int status, const char *type,
                     const struct http_field *fields, size_t field_count)
{
    AUTO(buf) struct buf body = {0};
    iceberg_error_encode(&body, (struct iceberg_error){status, type},
                         iceberg_error_text(exchange->edge.http->arena, error));
    edge_answer(&exchange->edge, error, status, S("application/json"), buf_str(&body), fields, field_count);
}

static void iceberg_fail_now(struct edge_exchange *edge, const struct err *error)
{
    struct iceberg_exchange *exchange = list_object(edge, struct iceberg_exchange, edge);
    const struct http_field challenge = {S("www-authenticate"), S("Bearer realm=\"eider\", Basic realm=\"eider\"")};
    const struct http_field retry = {S("retry-after"), S("1")};
    struct iceberg_error as = iceberg_error_of(error->code);
    const struct http_field *field = as.status == 401 ? &challenge : &retry;
    bool has_field = as.status == 401 || as.status == 429 || as.status == 503;
    iceberg_fail_as(exchange, error, as.status, as.type, field, has_field);
}

/* A refusal is in the audit trail before the answer leaves. */
static void iceberg_deny(struct iceberg_exchange *exchange, const struct err *error)
{
    edge_audit(&exchange->edge, exchange->iceberg->options.audit, AUDIT_ACCESS,
               str_from(exchange->edge.request.method->name), exchange->tenant, error, iceberg_fail_now);
}

void iceberg_fail(struct iceberg_exchange *exchange, const struct err *error)
{
    if (error->code == ERR_DENIED)
        iceberg_deny(exchange, error);
    else
        iceberg_fail_now(&exchange->edge, error);
}

/* The catalog has left the rows in the audit trail that its refusals need. */
static void iceberg_fail_problem(struct iceberg_exchange *exchange, const struct catalog_answer *answer)
{
    struct iceberg_error as = iceberg_error_of_problem(answer->problem);
    const struct http_field retry = {S("retry-after"),
                                     str_format(exchange->edge.http->arena, "%d", answer->retry_after_s)};
    iceberg_fail_as(exchange, answer->error, as.status, as.type, &retry, answer->retry_after_s > 0 ? 1 : 0);
}
