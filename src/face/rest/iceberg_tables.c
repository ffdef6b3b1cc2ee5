/* /api/v1/tenants/{id}/iceberg/…: what there is, what was dropped, and work on it. */
#include "base/clock.h"
#include "base/limits.h"
#include "domain/query/schedule.h"
#include "face/rest/iceberg.h"

/* "a.b", in the request's arena. */
static struct str rest_namespace_text(struct rest_exchange *exchange, const struct catalog_namespace *name)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < name->count; i++) {
        buf_append_str(&text, i ? S(".") : S(""));
        buf_append_str(&text, name->levels[i]);
    }
    return str_copy(rest_arena(exchange), buf_str(&text));
}

/* --- Lists --- */

static void rest_names_answered(struct rest_lake *lake, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    bool tables = str_equal(lake->shown, S("tables"));
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, tables ? "tables" : "namespaces");
    for (size_t i = 0; i < answer->name_count; i++) {
        const struct catalog_name *name = &answer->names[i];
        struct str in = rest_namespace_text(lake->exchange, &name->in);
        if (!tables) {
            json_write_text(&writer, NULL, in);
            continue;
        }
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "namespace", in);
        json_write_text(&writer, "name", name->name);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(lake->exchange, 200, &body);
}

void rest_lake_namespaces_get(struct rest_exchange *exchange)
{
    static const struct catalog_page all = {.all = true};
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_READER, NULL);
    if (lake)
        catalog_list_namespaces(exchange->rest->catalog, rest_lake_ask(lake, rest_names_answered), NULL, &all);
}

void rest_lake_tables_get(struct rest_exchange *exchange)
{
    static const struct catalog_page all = {.all = true};
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_READER, NULL);
    if (!lake)
        return;
    const struct catalog_name *name = rest_lake_name(lake, lake->namespace_name, S(""));
    lake->shown = S("tables");
    catalog_list(exchange->rest->catalog, rest_lake_ask(lake, rest_names_answered), CATALOG_TABLE, &name->in, &all);
}

/* --- Dropping, and back --- */

void rest_lake_table_delete(struct rest_exchange *exchange)
{
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_OWNER, NULL);
    struct catalog_drop drop = {0};
    struct err err;
    if (!lake)
        return;
    if (!rest_lake_flag(lake, S("now"), &drop.now, &err)) {
        rest_lake_fail(lake, &err);
        return;
    }
    drop.purge = drop.now;
    const struct catalog_name *name = rest_lake_name(lake, lake->namespace_name, lake->table);
    catalog_drop(exchange->rest->catalog, rest_lake_ask(lake, rest_lake_done), CATALOG_TABLE, name, &drop);
}

static void rest_dropped_listed(void *owner, const struct catalog_dropped *dropped, size_t count,
                                const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "dropped");
    for (size_t i = 0; i < count; i++) {
        char moment[28];
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "id", dropped[i].id);
        json_write_text(&writer, "namespace", rest_namespace_text(exchange, &dropped[i].name.in));
        json_write_text(&writer, "name", dropped[i].name.name);
        json_write_text(&writer, "kind", dropped[i].kind == CATALOG_VIEW ? S("view") : S("table"));
        clock_format(dropped[i].dropped_us, moment);
        json_write_text(&writer, "dropped", str_from(moment));
        clock_format(dropped[i].deleted_us, moment);
        json_write_text(&writer, "deleted", str_from(moment));
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_lake_dropped_get(struct rest_exchange *exchange)
{
    struct str tenant = exchange->parameters[0];
    struct err err;
    if (!tenant_find(exchange->rest->tenants, tenant, &err) ||
        !principal_need(exchange->edge.who, tenant, ROLE_READER, &err))
        rest_fail(exchange, &err);
    else
        catalog_list_dropped(exchange->rest->catalog, exchange->edge.who, tenant, rest_dropped_listed,
                             edge_wait_new(&exchange->edge));
}

void rest_lake_undrop_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"table", "namespace", "id", "as", NULL};
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_OWNER, keys);
    struct str table, id, as;
    struct err err;
    if (!lake)
        return;
    bool ok = json_get_text(lake->body, "table", &table, &err) && json_get_text(lake->body, "id", &id, &err) &&
              json_get_text(lake->body, "as", &as, &err);
    if (ok && table.len == 0)
        ok = err_set(&err, ERR_INVALID, "body: table is missing");
    if (!ok) {
        rest_lake_fail(lake, &err);
        return;
    }
    const struct catalog_name *name = rest_lake_name(lake, lake->namespace_name, table);
    const struct catalog_name *other = as.len ? rest_lake_name(lake, lake->namespace_name, as) : name;
    id = str_copy(lake->arena, id);
    catalog_undrop(exchange->rest->catalog, rest_lake_ask(lake, rest_lake_done), name, id, other);
}

/* --- Maintenance --- */

/* A member that is a number of seconds goes on in milliseconds. */
static bool rest_maintain_seconds(struct json_writer *writer, const struct json *body, const char *key,
                                  const char *name, struct err *err)
{
    const struct json *value = json_get(body, key);
    if (!value)
        return true;
    if (json_kind(value) != JSON_I64 || json_i64(value) < 0 || json_i64(value) > INT64_MAX / 1000)
        return err_set(err, ERR_INVALID, "body: %s has to be a number of seconds", key);
    json_write_i64(writer, name, json_i64(value) * 1000);
    return true;
}

static bool rest_maintain_actions(struct json_writer *writer, const struct json *actions, struct err *err)
{
    static const char *const known[] = {"compact", "expire", "orphans", "statistics"};
    size_t count = json_count(actions);
    if (actions && json_kind(actions) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "body: actions has to be an array");
    json_begin_array(writer, "actions");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        bool wanted = count == 0;
        for (size_t j = 0; j < count; j++)
            wanted = wanted || str_equal(json_text(json_at(actions, j)), str_from(known[i]));
        if (wanted)
            json_write_text(writer, NULL, str_from(known[i]));
    }
    json_end_array(writer);
    for (size_t j = 0; j < count; j++) {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            found = found || str_equal(json_text(json_at(actions, j)), str_from(known[i]));
        if (!found)
            return err_set(err, ERR_INVALID, "body: actions are compact, expire, orphans and statistics");
    }
    return true;
}

static bool rest_maintain_arguments(struct rest_lake *lake, struct json_writer *writer, struct err *err)
{
    const struct json *body = lake->body, *keep = json_get(body, "keep");
    bool dry_run = false, now = false;
    struct str table;
    if (!json_get_text(body, "table", &table, err) || !rest_get_bool(body, "dry_run", &dry_run, err) ||
        !rest_get_bool(body, "now", &now, err))
        return false;
    json_begin_object(writer, NULL);
    if (table.len) {
        const struct catalog_name *name = rest_lake_name(lake, lake->namespace_name, table);
        json_begin_object(writer, "table");
        json_begin_array(writer, "namespace");
        for (size_t i = 0; i < name->in.count; i++)
            json_write_text(writer, NULL, name->in.levels[i]);
        json_end_array(writer);
        json_write_text(writer, "name", name->name);
        json_end_object(writer);
    }
    json_write_bool(writer, "dry_run", dry_run);
    if (now)
        json_write_i64(writer, "grace_ms", 0);
    if (keep && (json_kind(keep) != JSON_I64 || json_i64(keep) < 0))
        return err_set(err, ERR_INVALID, "body: keep has to be a number of snapshots");
    if (keep)
        json_write_i64(writer, "keep", json_i64(keep));
    if (!rest_maintain_seconds(writer, body, "older_than_s", "older_than_ms", err) ||
        !rest_maintain_seconds(writer, body, "orphan_age_s", "orphan_age_ms", err) ||
        !rest_maintain_actions(writer, json_get(body, "actions"), err))
        return false;
    int64_t age = json_i64(json_get(body, "orphan_age_s"));
    if (json_get(body, "orphan_age_s") && !now && age < limits_get(LIMIT_MAINTAIN_GRACE)) {
        err_set(err, ERR_INVALID, "body: orphan_age_s is below maintain.grace (%lld): writers may be at work",
                (long long)limits_get(LIMIT_MAINTAIN_GRACE));
        return err_hint(err, "with now the files of writers that have not committed yet may be deleted");
    }
    return true;
}

void rest_lake_maintain_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"table", "namespace",    "dry_run", "actions", "older_than_s",
                                       "keep",  "orphan_age_s", "now",     NULL};
    struct str content_type;
    struct query_procedure_request request = {.who = exchange->edge.who,
                                              .tenant = exchange->parameters[0],
                                              .kind = QUERY_MAINTAIN,
                                              .deadline_us = CLOCK_NEVER,
                                              .protocol = S("rest"),
                                              .request_id = exchange->edge.request.id};
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    struct err err;
    if (!rest_accept(http_field(exchange->edge.http, S("accept")), &request.format, &content_type, &err)) {
        rest_fail_as(exchange, &err, 406, NULL, 0);
        return;
    }
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_OWNER, keys);
    if (!lake)
        return;
    if (!rest_maintain_arguments(lake, &writer, &err)) {
        rest_lake_fail(lake, &err);
        return;
    }
    if (!json_get(lake->body, "table"))
        query_maintain_kept(exchange->rest->catalog, lake->tenant, &writer);
    json_end_object(&writer);
    request.arguments = str_copy(rest_arena(exchange), buf_str(&arguments));
    rest_procedure_run(exchange, &request, content_type);
}

/* --- Mirrors --- */

static void rest_mirrored(struct rest_lake *lake, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    slice_release(&answer->metadata);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "table", lake->shown);
    json_write_text(&writer, "metadata_location", answer->metadata_location);
    json_end_object(&writer);
    rest_answer_json(lake->exchange, 200, &body);
}

void rest_lake_mirror_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"table", NULL};
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_OWNER, keys);
    struct err err;
    if (!lake)
        return;
    bool ok = json_get_text(lake->body, "table", &lake->shown, &err);
    if (ok && lake->shown.len == 0)
        ok = err_set(&err, ERR_INVALID, "body: table is missing");
    if (!ok) {
        rest_lake_fail(lake, &err);
        return;
    }
    struct str name = str_copy(lake->arena, lake->shown);
    catalog_mirror(exchange->rest->catalog, rest_lake_ask(lake, rest_mirrored), name);
}
