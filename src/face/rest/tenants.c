/* /api/v1/tenants: list, create, look at, delete. Creating and deleting go on when the client goes away meanwhile. */
#include "base/clock.h"
#include "domain/catalog/catalog.h"
#include "face/rest/rest_priv.h"

static void rest_tenant_encode(struct rest *rest, struct json_writer *writer, const struct tenant *tenant)
{
    char created[28];
    clock_format(tenant->created_us, created);
    json_begin_object(writer, NULL);
    json_write_text(writer, "id", tenant->id);
    json_write_text(writer, "created", str_from(created));
    json_write_i64(writer, "bytes", tenant->disk_bytes);
    json_write_i64(writer, "iceberg_tables", (int64_t)catalog_count(rest->catalog, tenant->id));
    json_end_object(writer);
}

void rest_tenants_get(struct rest_exchange *exchange)
{
    const struct tenant_list *tenants = exchange->rest->tenants;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "tenants");
    for (size_t i = 0; i < tenant_count(tenants); i++)
        if (principal_role(exchange->edge.who, tenant_at(tenants, i)->id) != ROLE_NONE)
            rest_tenant_encode(exchange->rest, &writer, tenant_at(tenants, i));
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

static void rest_tenant_answer(struct rest_exchange *exchange, int status, struct str id)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    struct err err;
    const struct tenant *tenant = tenant_find(exchange->rest->tenants, id, &err);
    if (!tenant || !principal_need(exchange->edge.who, id, ROLE_READER, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    rest_tenant_encode(exchange->rest, &writer, tenant);
    const struct http_field location = {S("location"),
                                        str_format(rest_arena(exchange), "/api/v1/tenants/%.*s", STR_ARG(id))};
    rest_answer(exchange, status, S("application/json"), buf_str(&body), &location, status == 201 ? 1 : 0);
}

void rest_tenant_get(struct rest_exchange *exchange)
{
    rest_tenant_answer(exchange, 200, exchange->parameters[0]);
}

static void rest_tenant_created(void *owner, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    if (exchange && error)
        rest_fail(exchange, error);
    else if (exchange)
        rest_tenant_answer(exchange, 201, str_from(exchange->edge.request.tenant));
}

void rest_tenants_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"id", NULL};
    struct str id;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    if (!body || !json_get_text(body, "id", &id, &err) || !tenant_id_check(id, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    edge_set_tenant(&exchange->edge.request, id);
    const struct audit_actor by = edge_actor(&exchange->edge);
    tenant_create(exchange->rest->tenants, &by, id, rest_tenant_created, edge_wait_new(&exchange->edge));
}

static void rest_tenant_deleted(void *owner, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    if (exchange && error)
        rest_fail(exchange, error);
    else if (exchange)
        rest_answer(exchange, 204, S(""), S(""), NULL, 0);
}

void rest_tenant_delete(struct rest_exchange *exchange)
{
    struct str id = exchange->parameters[0];
    struct err err;
    if (!tenant_find(exchange->rest->tenants, id, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    edge_set_tenant(&exchange->edge.request, id);
    const struct audit_actor by = edge_actor(&exchange->edge);
    tenant_delete(exchange->rest->tenants, &by, id, rest_tenant_deleted, edge_wait_new(&exchange->edge));
}

/* The tables come as the result of a statement, in any format that a query gives. */
void rest_tenant_tables_get(struct rest_exchange *exchange)
{
    struct query_request request = {.who = exchange->edge.who,
                                    .tenant = exchange->parameters[0],
                                    .sql = edge_sql_tables(rest_arena(exchange), S("")),
                                    .deadline_us = CLOCK_NEVER,
                                    .protocol = S("rest"),
                                    .request_id = exchange->edge.request.id};
    struct str content_type;
    struct err err;
    if (!tenant_find(exchange->rest->tenants, request.tenant, &err) ||
        !principal_need(exchange->edge.who, request.tenant, ROLE_READER, &err)) {
        rest_fail(exchange, &err);
    } else if (!rest_accept(http_field(exchange->edge.http, S("accept")), &request.format, &content_type, &err)) {
        rest_fail_as(exchange, &err, 406, NULL, 0);
    } else {
        rest_query_run(exchange, &request, content_type);
    }
}
