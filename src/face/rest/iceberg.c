/* From a request about Iceberg tables to the catalog and back. */
#include "face/rest/iceberg.h"

/* Namespaces have at most CATALOG_LEVELS_MAX levels; the catalog says so in its own words. */
#define REST_LAKE_LEVELS 64

static void rest_lake_drop_arena(void *object)
{
    struct rest_lake *lake = object;
    arena_free(&lake->arena);
}

static bool rest_lake_parse(struct rest_lake *lake, enum role role, const char *const *body_keys, struct err *err)
{
    struct rest_exchange *exchange = lake->exchange;
    const struct tenant *tenant = tenant_find(exchange->rest->tenants, lake->tenant, err);
    if (!tenant || !principal_need(exchange->edge.who, lake->tenant, role, err))
        return false;
    edge_set_tenant(&exchange->edge.request, tenant->id);
    struct str given = http_parameter(exchange->edge.http, S("namespace"));
    if (body_keys && !(lake->body = rest_body(exchange, body_keys, err)))
        return false;
    struct str named = S("");
    if (lake->body && !json_get_text(lake->body, "namespace", &named, err))
        return err_wrap(err, "body");
    lake->namespace_name = named.len ? named : given.len ? given : S("iceberg");
    return true;
}

struct rest_lake *rest_lake_new(struct rest_exchange *exchange, enum role role, const char *const *body_keys)
{
    struct rest_lake *lake = arena_new_object(rest_arena(exchange), struct rest_lake);
    struct err err;
    lake->exchange = exchange;
    lake->tenant = exchange->parameters[0];
    lake->table = exchange->parameters[1];
    lake->parameter = exchange->parameters[2];
    lake->shown = S("");
    arena_defer(rest_arena(exchange), rest_lake_drop_arena, lake);
    if (rest_lake_parse(lake, role, body_keys, &err)) {
        lake->arena = arena_new();
        return lake;
    }
    rest_fail(exchange, &err);
    return NULL;
}

const struct catalog_name *rest_lake_name(struct rest_lake *lake, struct str namespace_name, struct str name)
{
    struct catalog_name *copy = arena_new_object(lake->arena, struct catalog_name);
    struct str *levels = arena_array(lake->arena, REST_LAKE_LEVELS, sizeof(*levels));
    struct str rest = namespace_name.len ? namespace_name : S("iceberg"), level;
    while (copy->in.count < REST_LAKE_LEVELS && str_split_next(&rest, '.', &level))
        levels[copy->in.count++] = str_copy(lake->arena, level);
    copy->in.levels = levels;
    copy->name = str_copy(lake->arena, name);
    return copy;
}

static int rest_lake_status(enum catalog_problem problem)
{
    switch (problem) {
    case CATALOG_FINE:
        return 200;
    case CATALOG_BAD_REQUEST:
    case CATALOG_UNPROCESSABLE:
        return 400;
    case CATALOG_NO_WAREHOUSE:
    case CATALOG_NO_NAMESPACE:
    case CATALOG_NO_TABLE:
    case CATALOG_NO_VIEW:
    case CATALOG_NO_FILE:
        return 404;
    case CATALOG_EXISTS:
    case CATALOG_COMMIT_FAILED:
    case CATALOG_NOT_EMPTY:
        return 409;
    case CATALOG_READ_ONLY:
    case CATALOG_FORBIDDEN:
        return 403;
    case CATALOG_UNSUPPORTED:
        return 501;
    case CATALOG_UNAVAILABLE:
        return 503;
    case CATALOG_FAILED:
        return 500;
    }
    return 500;
}

static void rest_lake_on_answer(void *owner, struct catalog_answer *answer)
{
    struct rest_lake *lake = owner;
    struct rest_exchange *exchange = lake->exchange;
    lake->asking = false;
    if (answer->problem == CATALOG_FINE) {
        lake->answered(lake, answer);
        return;
    }
    const struct http_field retry = {S("retry-after"), str_format(rest_arena(exchange), "%d", answer->retry_after_s)};
    rest_fail_as(exchange, answer->error, rest_lake_status(answer->problem), &retry, answer->retry_after_s > 0);
}

static void rest_lake_on_gone(void *owner)
{
    struct rest_lake *lake = owner;
    if (lake->asking)
        catalog_cancel(&lake->call);
}

struct catalog_call *rest_lake_ask(struct rest_lake *lake, rest_lake_answered *answered)
{
    struct edge_exchange *edge = &lake->exchange->edge;
    struct arena *arena = lake->arena;
    lake->call = (struct catalog_call){
        .request = {.arena = arena,
                    .who = principal_copy(arena, edge->who),
                    .address = str_copy(arena, edge->http->peer->address),
                    .tenant = str_copy(arena, lake->tenant),
                    .idempotency_key = S(""),
                    .fingerprint = S(""),
                    .request_id = edge->http->id},
        .done = rest_lake_on_answer,
        .owner = lake,
    };
    lake->arena = NULL;
    lake->asking = true;
    lake->answered = answered;
    edge->on_gone = rest_lake_on_gone;
    edge->owner = lake;
    return &lake->call;
}

void rest_lake_fail(struct rest_lake *lake, const struct err *error)
{
    rest_fail(lake->exchange, error);
}

void rest_lake_done(struct rest_lake *lake, struct catalog_answer *answer)
{
    slice_release(&answer->metadata);
    rest_answer(lake->exchange, 204, S(""), S(""), NULL, 0);
}

bool rest_lake_flag(struct rest_lake *lake, struct str name, bool *value_out, struct err *err)
{
    struct str value = http_parameter(lake->exchange->edge.http, name);
    if (!value.ptr)
        return true;
    *value_out = str_equal(value, S("true"));
    return *value_out || str_equal(value, S("false")) ||
           err_set(err, ERR_INVALID, "parameter %.*s has to be true or false", STR_ARG(name));
}

/* --- Loading and committing --- */

static void rest_lake_on_loaded(struct rest_lake *lake, struct catalog_answer *answer)
{
    struct err err;
    struct str text = str_bytes(answer->metadata.ptr, answer->metadata.len);
    const struct json *metadata = json_parse(rest_arena(lake->exchange), text, &err);
    slice_release(&answer->metadata);
    if (!metadata) {
        err_wrap(&err, "the table's metadata");
        rest_lake_fail(lake, &err);
        return;
    }
    lake->arena = arena_new();
    lake->loaded(lake, metadata);
}

void rest_lake_load(struct rest_lake *lake, rest_lake_loaded *loaded)
{
    static const struct catalog_load whole = {0};
    const struct catalog_name *name = rest_lake_name(lake, lake->namespace_name, lake->table);
    lake->loaded = loaded;
    catalog_load(lake->exchange->rest->catalog, rest_lake_ask(lake, rest_lake_on_loaded), CATALOG_TABLE, name, &whole);
}

void rest_lake_commit(struct rest_lake *lake, struct str requirements, struct str updates, rest_lake_answered *answered)
{
    struct err err;
    struct catalog_change change = {.name = *rest_lake_name(lake, lake->namespace_name, lake->table)};
    change.requirements = json_parse(lake->arena, requirements, &err);
    change.updates = change.requirements ? json_parse(lake->arena, updates, &err) : NULL;
    if (!change.updates) {
        rest_lake_fail(lake, &err);
        return;
    }
    catalog_commit(lake->exchange->rest->catalog, rest_lake_ask(lake, answered), CATALOG_TABLE, &change);
}
