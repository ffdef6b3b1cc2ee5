/* Tables and views: the route's kind says which. */
#include "face/iceberg/iceberg_priv.h"

static void iceberg_listed(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "identifiers");
    for (size_t i = 0; i < answer->name_count; i++) {
        json_begin_object(&writer, NULL);
        iceberg_namespace_encode(&writer, "namespace", &answer->names[i].in);
        json_write_text(&writer, "name", answer->names[i].name);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    if (answer->next_page.len)
        json_write_text(&writer, "next-page-token", answer->next_page);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_list_get(struct iceberg_exchange *exchange)
{
    struct catalog_page page;
    struct err err;
    if (iceberg_parse_page(exchange->arena, exchange->edge.http->query, &page, &err))
        catalog_list(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_listed), exchange->route->kind,
                     &exchange->name->in, &page);
    else
        iceberg_fail(exchange, &err);
}

void iceberg_create_post(struct iceberg_exchange *exchange)
{
    struct err err;
    if (json_get_text(exchange->body, "name", &exchange->name->name, &err) &&
        iceberg_check_name(exchange->name->name, &err))
        catalog_create(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_loaded),
                       exchange->route->kind, &exchange->name->in, exchange->body);
    else
        iceberg_fail(exchange, &err);
}

void iceberg_load_get(struct iceberg_exchange *exchange)
{
    struct str snapshots = http_parameter(exchange->edge.http, S("snapshots"));
    struct catalog_load load = {
        .refs_only = str_equal(snapshots, S("refs")),
        .if_none_match =
            str_copy(exchange->arena, iceberg_parse_etag(http_field(exchange->edge.http, S("if-none-match")))),
    };
    struct err err;
    if (!snapshots.len || load.refs_only || str_equal(snapshots, S("all"))) {
        catalog_load(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_loaded),
                     exchange->route->kind, exchange->name, &load);
        return;
    }
    err_set(&err, ERR_INVALID, "snapshots has to be all or refs");
    iceberg_fail(exchange, &err);
}

static void iceberg_headed(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    slice_release(&answer->metadata);
    iceberg_answer(exchange, 204, S(""), answer->etag);
}

void iceberg_load_head(struct iceberg_exchange *exchange)
{
    const struct catalog_load load = {.head = true};
    catalog_load(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_headed), exchange->route->kind,
                 exchange->name, &load);
}

void iceberg_drop_delete(struct iceberg_exchange *exchange)
{
    struct str purge = http_parameter(exchange->edge.http, S("purgeRequested"));
    const struct catalog_drop drop = {.purge = str_equal_nocase(purge, S("true"))};
    catalog_drop(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_empty), exchange->route->kind,
                 exchange->name, &drop);
}

static void iceberg_unregistered(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    slice_release(&answer->metadata);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "metadata-location", answer->metadata_location);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_unregister_post(struct iceberg_exchange *exchange)
{
    const struct catalog_drop drop = {.forget = true};
    catalog_drop(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_unregistered), CATALOG_TABLE,
                 exchange->name, &drop);
}

void iceberg_register_post(struct iceberg_exchange *exchange)
{
    struct str location;
    struct err err;
    const struct json *overwrite = json_get(exchange->body, "overwrite");
    bool ok = json_get_text(exchange->body, "name", &exchange->name->name, &err) &&
              iceberg_check_name(exchange->name->name, &err) &&
              json_get_text(exchange->body, "metadata-location", &location, &err);
    if (ok && !location.len)
        ok = err_set(&err, ERR_INVALID, "metadata-location is needed");
    if (ok && overwrite && json_kind(overwrite) != JSON_BOOL && json_kind(overwrite) != JSON_NULL)
        ok = err_set(&err, ERR_INVALID, "overwrite has to be true or false");
    if (ok)
        catalog_register(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_loaded),
                         exchange->route->kind, exchange->name, location, json_bool(overwrite));
    else
        iceberg_fail(exchange, &err);
}

void iceberg_rename_post(struct iceberg_exchange *exchange)
{
    struct arena *arena = exchange->arena;
    struct catalog_name from, to;
    struct err err;
    if (iceberg_parse_identifier(arena, exchange->body, "source", &from, &err) &&
        iceberg_parse_identifier(arena, exchange->body, "destination", &to, &err))
        catalog_rename(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_empty),
                       exchange->route->kind, &from, &to);
    else
        iceberg_fail(exchange, &err);
}

/* What clients report of their scans and commits is taken and not kept. */
void iceberg_metrics_post(struct iceberg_exchange *exchange)
{
    iceberg_answer(exchange, 204, S(""), S(""));
}
