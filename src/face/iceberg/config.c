/* GET /v1/config: which warehouse, and what this server can. */
#include "face/iceberg/iceberg_priv.h"

void iceberg_config_get(struct iceberg_exchange *exchange)
{
    struct arena *arena = exchange->edge.http->arena;
    struct str warehouse = http_parameter(exchange->edge.http, S("warehouse"));
    struct err err;
    const struct tenant *tenant =
        tenant_resolve(exchange->iceberg->options.tenants, exchange->edge.who, warehouse.ptr ? warehouse : S(""), &err);
    if (!tenant && err.code == ERR_NOT_FOUND) {
        iceberg_fail_as(exchange, &err, 404, "NoSuchWarehouseException", NULL, 0);
        return;
    }
    if (!tenant) {
        err_hint(&err, "name one as warehouse");
        iceberg_fail(exchange, &err);
        return;
    }
    edge_set_tenant(&exchange->edge.request, tenant->id);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "defaults");
    if (exchange->internal && catalog_is_held(exchange->iceberg->options.catalog)) /* for maintenance */
        json_write_text(&writer, "eider.deletions", S("held"));
    json_end_object(&writer);
    json_begin_object(&writer, "overrides");
    json_write_text(&writer, "prefix", tenant->id);
    json_end_object(&writer);
    json_begin_array(&writer, "endpoints");
    const struct iceberg_route *routes = iceberg_routes.items;
    for (size_t i = 0; i < iceberg_routes.count; i++) {
        struct str endpoint = iceberg_route_endpoint(arena, &routes[i]);
        if (endpoint.len)
            json_write_text(&writer, NULL, endpoint);
    }
    json_end_array(&writer);
    json_write_text(&writer, "idempotency-key-lifetime", str_format(arena, "PT%dS", CATALOG_KEY_LIFE_S));
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}
