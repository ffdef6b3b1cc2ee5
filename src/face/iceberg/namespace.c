/* /v1/{prefix}/namespaces. */
#include "face/iceberg/iceberg_priv.h"

static void iceberg_namespaces_listed(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "namespaces");
    for (size_t i = 0; i < answer->name_count; i++)
        iceberg_namespace_encode(&writer, NULL, &answer->names[i].in);
    json_end_array(&writer);
    if (answer->next_page.len)
        json_write_text(&writer, "next-page-token", answer->next_page);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_namespaces_get(struct iceberg_exchange *exchange)
{
    struct str query = exchange->edge.http->query;
    struct str parent = http_form_value(exchange->arena, query, S("parent"));
    struct catalog_page page;
    struct err err;
    if (iceberg_parse_page(exchange->arena, query, &page, &err) &&
        (!parent.len || iceberg_split_namespace(exchange->arena, parent, &exchange->name->in, &err)))
        catalog_list_namespaces(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_namespaces_listed),
                                parent.len ? &exchange->name->in : NULL, &page);
    else
        iceberg_fail(exchange, &err);
}

static void iceberg_namespace_answered(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    iceberg_namespace_encode(&writer, "namespace", &exchange->name->in);
    iceberg_pairs_encode(exchange->edge.http->arena, &writer, "properties", answer->properties, answer->property_count);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_namespaces_post(struct iceberg_exchange *exchange)
{
    struct arena *arena = exchange->arena;
    struct catalog_pair *properties;
    size_t count;
    struct err err;
    if (!iceberg_parse_namespace(arena, exchange->body, "namespace", &exchange->name->in, &err) ||
        !iceberg_parse_pairs(arena, exchange->body, "properties", &properties, &count, &err)) {
        iceberg_fail(exchange, &err);
        return;
    }
    catalog_create_namespace(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_namespace_answered),
                             &exchange->name->in, properties, count);
}

void iceberg_namespace_get(struct iceberg_exchange *exchange)
{
    catalog_load_namespace(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_namespace_answered),
                           &exchange->name->in);
}

void iceberg_namespace_head(struct iceberg_exchange *exchange)
{
    catalog_load_namespace(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_empty),
                           &exchange->name->in);
}

void iceberg_namespace_delete(struct iceberg_exchange *exchange)
{
    catalog_drop_namespace(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_empty),
                           &exchange->name->in);
}

static void iceberg_properties_answered(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    iceberg_texts_encode(&writer, "updated", answer->updated, answer->updated_count);
    iceberg_texts_encode(&writer, "removed", answer->removed, answer->removed_count);
    iceberg_texts_encode(&writer, "missing", answer->missing, answer->missing_count);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_properties_post(struct iceberg_exchange *exchange)
{
    struct arena *arena = exchange->arena;
    struct str *removals;
    struct catalog_pair *updates;
    size_t removal_count, update_count;
    struct err err;
    if (!iceberg_parse_texts(arena, exchange->body, "removals", &removals, &removal_count, &err) ||
        !iceberg_parse_pairs(arena, exchange->body, "updates", &updates, &update_count, &err)) {
        iceberg_fail(exchange, &err);
        return;
    }
    catalog_change_namespace(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_properties_answered),
                             &exchange->name->in, removals, removal_count, updates, update_count);
}
