/* POST /api/v1/query. The worker encodes the format; pieces go to the client as they come. The status line waits for
 * the first piece or the end, so an error that shows before any row is a proper answer; a later one breaks the stream
 * off. */
#include "base/clock.h"
#include "face/rest/rest_priv.h"

struct rest_query {
    struct rest_exchange *exchange; /* NULL: the client has gone */
    struct statement *statement;
    struct str content_type; /* static */
    bool begun;
};

static void rest_query_begin(struct rest_query *query)
{
    if (query->begun)
        return;
    query->begun = true;
    const struct http_field field = {S("eider-statement"), str_from(query->exchange->edge.request.statement)};
    rest_begin(query->exchange, query->content_type, &field, 1);
}

static void rest_query_on_piece(void *owner, struct query_piece *piece)
{
    struct rest_query *query = owner;
    slice_release(&piece->header);
    if (!query->exchange) {
        slice_release(&piece->body);
        return;
    }
    rest_query_begin(query);
    rest_write(query->exchange, piece->body);
    piece->body = (struct slice){0};
}

static void rest_query_on_end(void *owner, const struct query_end *end)
{
    struct rest_query *query = owner;
    struct rest_exchange *exchange = query->exchange;
    if (exchange && !end->error) {
        rest_query_begin(query);
        rest_end(exchange);
    } else if (exchange && query->begun) {
        rest_abort(exchange, end->error);
    } else if (exchange) {
        rest_fail(exchange, end->error);
    }
    mem_free(query);
}

static void rest_query_on_gone(void *owner)
{
    struct rest_query *query = owner;
    query->exchange = NULL;
    query_cancel(query->statement);
}

static struct rest_query *rest_query_new(struct rest_exchange *exchange, struct str content_type,
                                         struct query_sink *sink)
{
    struct rest_query *query = mem_new(struct rest_query);
    query->exchange = exchange;
    query->content_type = content_type;
    *sink = (struct query_sink){.on_piece = rest_query_on_piece, .on_end = rest_query_on_end, .owner = query};
    return query;
}

/* statement NULL: it was refused. */
static void rest_query_started(struct rest_query *query, struct statement *statement, struct str tenant,
                               const struct err *error)
{
    struct rest_exchange *exchange = query->exchange;
    query->statement = statement;
    if (!statement) {
        mem_free(query);
        edge_set_meant(&exchange->edge.request, exchange->rest->tenants, exchange->edge.who, tenant);
        rest_fail(exchange, error);
        return;
    }
    exchange->edge.on_gone = rest_query_on_gone;
    exchange->edge.owner = query;
    edge_set_tenant(&exchange->edge.request, query_statement_tenant(statement));
    edge_set_statement(&exchange->edge.request, query_statement_id(statement));
}

void rest_query_run(struct rest_exchange *exchange, const struct query_request *request, struct str content_type)
{
    struct query_sink sink;
    struct err err;
    struct rest_query *query = rest_query_new(exchange, content_type, &sink);
    rest_query_started(query, query_run(exchange->rest->query, request, &sink, &err), request->tenant, &err);
}

void rest_procedure_run(struct rest_exchange *exchange, const struct query_procedure_request *request,
                        struct str content_type)
{
    struct query_sink sink;
    struct err err;
    struct rest_query *query = rest_query_new(exchange, content_type, &sink);
    rest_query_started(query, query_procedure(exchange->rest->query, request, &sink, &err), request->tenant, &err);
}

static bool rest_query_deadline(const struct json *timeout, int64_t *deadline_out, struct err *err)
{
    if (!timeout)
        return true;
    double seconds = json_double(timeout);
    if ((json_kind(timeout) != JSON_I64 && json_kind(timeout) != JSON_DOUBLE) || !(seconds > 0 && seconds <= 1e9))
        return err_set(err, ERR_INVALID, "body: timeout_s has to be a number of seconds above 0");
    *deadline_out = clock_deadline_us((int64_t)(seconds * 1e6));
    return true;
}

static bool rest_query_parse(struct rest_exchange *exchange, struct query_request *request, struct err *err)
{
    static const char *const keys[] = {"sql", "tenant", "parameters", "timeout_s", NULL};
    struct str header_tenant;
    if (!rest_header_tenant(exchange, &header_tenant, err))
        return false;
    const struct json *body = rest_body(exchange, keys, err);
    if (!body || !json_get_text(body, "sql", &request->sql, err) ||
        !json_get_text(body, "tenant", &request->tenant, err) ||
        !rest_query_deadline(json_get(body, "timeout_s"), &request->deadline_us, err) ||
        !edge_parameters(rest_arena(exchange), body, &request->parameters, err))
        return false;
    if (request->tenant.len == 0)
        request->tenant = header_tenant;
    if (str_trim(request->sql).len == 0)
        return err_set(err, ERR_INVALID, "body: sql is missing");
    return true;
}

void rest_query_post(struct rest_exchange *exchange)
{
    struct query_request request = {.who = exchange->edge.who,
                                    .deadline_us = CLOCK_NEVER,
                                    .protocol = S("rest"),
                                    .request_id = exchange->edge.request.id};
    struct str content_type;
    struct err err;
    if (!rest_accept(http_field(exchange->edge.http, S("accept")), &request.format, &content_type, &err)) {
        rest_fail_as(exchange, &err, 406, NULL, 0);
    } else if (!rest_query_parse(exchange, &request, &err)) {
        rest_fail(exchange, &err);
    } else {
        rest_query_run(exchange, &request, content_type);
    }
}
