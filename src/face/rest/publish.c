/* /api/v1/tenants/{id}/published: the tenant's database as a file for others to read. */
#include "domain/query/publish.h"

#include <unistd.h>

#include "base/clock.h"
#include "face/rest/rest_priv.h"

static bool rest_publish_may(struct rest_exchange *exchange, struct err *err)
{
    struct str tenant = exchange->parameters[0];
    return tenant_find(exchange->rest->tenants, tenant, err) != NULL &&
           principal_need(exchange->edge.who, tenant, ROLE_OWNER, err);
}

static void rest_publish_done(void *owner, const struct query_published *published, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return; /* it is published all the same */
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "path", published->path);
    json_write_i64(&writer, "size", (int64_t)published->bytes);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_published_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"with_iceberg", NULL};
    struct query_publish_request request = {.who = exchange->edge.who,
                                            .tenant = exchange->parameters[0],
                                            .deadline_us = CLOCK_NEVER,
                                            .protocol = S("rest"),
                                            .request_id = exchange->edge.request.id};
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    if (!body || !rest_get_bool(body, "with_iceberg", &request.with_iceberg, &err) ||
        !rest_publish_may(exchange, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    struct query *query = exchange->rest->query;
    struct edge_wait *wait = edge_wait_new(&exchange->edge);
    if (!query_publish(query, &request, rest_publish_done, wait, &err))
        rest_fail(rest_wait_end(wait), &err);
}

void rest_published_get(struct rest_exchange *exchange)
{
    struct err err;
    if (!rest_publish_may(exchange, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    struct str path = query_published_path(exchange->rest->query, exchange->parameters[0], rest_arena(exchange));
    if (access(path.ptr, R_OK) != 0) {
        err_set(&err, ERR_NOT_FOUND, "this tenant's database is not published yet");
        err_hint(&err, "POST to the same path publishes it, as `eider publish` does");
        rest_fail(exchange, &err);
        return;
    }
    rest_send_file(exchange, path.ptr, NULL);
}
