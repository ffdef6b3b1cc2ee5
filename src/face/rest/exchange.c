/* The end of every request passes here, so that each is logged once. */
#include "face/rest/rest_priv.h"

struct arena *rest_arena(struct rest_exchange *exchange)
{
    return exchange->edge.http->arena;
}

void rest_answer(struct rest_exchange *exchange, int status, struct str content_type, struct str body,
                 const struct http_field *fields, size_t field_count)
{
    edge_answer(&exchange->edge, NULL, status, content_type, body, fields, field_count);
}

void rest_answer_json(struct rest_exchange *exchange, int status, const struct buf *body)
{
    rest_answer(exchange, status, S("application/json"), buf_str(body), NULL, 0);
}

void rest_fail_as(struct rest_exchange *exchange, const struct err *error, int status, const struct http_field *fields,
                  size_t field_count)
{
    AUTO(buf) struct buf body = {0};
    rest_error_encode(&body, error);
    edge_answer(&exchange->edge, error, status, S("application/json"), buf_str(&body), fields, field_count);
}

static void rest_fail_now(struct rest_exchange *exchange, const struct err *error)
{
    static const struct http_field retry = {{"retry-after", 11}, {"1", 1}};
    bool later = error->code == ERR_UNAVAILABLE || error->code == ERR_RESOURCE;
    rest_fail_as(exchange, error, rest_error_status(error->code), later ? &retry : NULL, later ? 1 : 0);
}

static void rest_fail_written(struct edge_exchange *edge, const struct err *error)
{
    rest_fail_now(list_object(edge, struct rest_exchange, edge), error);
}

/* A refusal is in the audit trail before the answer leaves. */
void rest_fail(struct rest_exchange *exchange, const struct err *error)
{
    struct edge_request *request = &exchange->edge.request;
    if (error->code == ERR_DENIED)
        edge_audit(&exchange->edge, exchange->rest->audit, AUDIT_ACCESS, str_from(request->method->name),
                   str_from(request->tenant), error, rest_fail_written);
    else
        rest_fail_now(exchange, error);
}

void rest_fail_noted(struct rest_exchange *exchange, const struct err *error)
{
    rest_fail_as(exchange, error, rest_error_status(error->code), NULL, 0);
}

void rest_begin(struct rest_exchange *exchange, struct str content_type, const struct http_field *fields,
                size_t field_count)
{
    http_begin(exchange->edge.http, 200, content_type, fields, field_count);
}

void rest_write(struct rest_exchange *exchange, struct slice slice)
{
    edge_write(&exchange->edge, slice);
}

void rest_end(struct rest_exchange *exchange)
{
    edge_end(&exchange->edge);
}

void rest_abort(struct rest_exchange *exchange, const struct err *error)
{
    edge_abort(&exchange->edge, error);
}

struct rest_exchange *rest_wait_end(struct edge_wait *wait)
{
    struct edge_exchange *edge = edge_wait_end(wait);
    return edge ? list_object(edge, struct rest_exchange, edge) : NULL;
}

struct rest_exchange *rest_wait_answer(struct edge_wait *wait, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(wait);
    if (exchange && error)
        rest_fail(exchange, error);
    return error ? NULL : exchange;
}

void rest_on_changed(void *owner, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    if (exchange && error)
        rest_fail_noted(exchange, error);
    else if (exchange)
        rest_answer(exchange, 204, S(""), S(""), NULL, 0);
}

const struct json *rest_body(struct rest_exchange *exchange, const char *const *keys, struct err *err)
{
    struct str type = http_field(exchange->edge.http, S("content-type"));
    struct str body = exchange->edge.http->body;
    struct str media_type;
    if (!str_split_next(&type, ';', &media_type) || !str_equal_nocase(str_trim(media_type), S("application/json"))) {
        err_set(err, ERR_INVALID, "the body has to be JSON");
        err_hint(err, "send it with content-type: application/json");
        return NULL;
    }
    const struct json *object = json_parse(rest_arena(exchange), str_trim(body).len ? body : S("{}"), err);
    if (!object || !json_only_keys(object, keys, err)) {
        err_wrap(err, "body");
        return NULL;
    }
    return object;
}

bool rest_get_bool(const struct json *object, const char *key, bool *value_out, struct err *err)
{
    const struct json *value = json_get(object, key);
    if (!value)
        return true;
    if (json_kind(value) != JSON_BOOL)
        return err_set(err, ERR_INVALID, "body: %s has to be true or false", key);
    *value_out = json_bool(value);
    return true;
}

bool rest_header_tenant(struct rest_exchange *exchange, struct str *tenant_out, struct err *err)
{
    const struct http_request *http = exchange->edge.http;
    struct str tenant = S("");
    for (size_t i = 0; i < http->field_count; i++) {
        struct str name = http->fields[i].name;
        if (!str_starts_with(name, S("eider-")))
            continue;
        if (!str_equal(name, S("eider-tenant"))) {
            err_set(err, ERR_INVALID, "unknown header '%.*s'", STR_ARG(str_slice(name, 0, 64)));
            return err_hint(err, "known here: eider-tenant");
        }
        tenant = http->fields[i].value;
    }
    *tenant_out = tenant;
    return true;
}
