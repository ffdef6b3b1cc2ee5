#include "domain/pipeline/dbt.h"

#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "platform/json/json.h"

/* --- Lines --- */

static const struct {
    const char *level;
    int means;
} dbt_levels[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}};

void dbt_line_parse(struct str line, struct arena *arena, struct dbt_line *line_out)
{
    struct err ignored;
    const struct json *info = json_get(line.len ? json_parse(arena, line, &ignored) : NULL, "info");
    *line_out = (struct dbt_line){.level = LOG_INFO, .text = line};
    if (json_kind(info) != JSON_OBJECT)
        return;
    line_out->text = str_trim(json_text(json_get(info, "msg")));
    line_out->is_failure = str_equal(json_text(json_get(info, "name")), S("RunResultError")) ||
                           str_equal(json_text(json_get(info, "name")), S("MainEncounteredError"));
    for (size_t i = 0; i < sizeof(dbt_levels) / sizeof(dbt_levels[0]); i++)
        if (str_equal(json_text(json_get(info, "level")), str_from(dbt_levels[i].level)))
            line_out->level = dbt_levels[i].means;
}

/* --- What it leaves behind --- */

struct dbt_reading {
    struct arena *arena;
    const struct json *nodes, *sources;
    VEC(struct dbt_node) list;
    VEC(struct dbt_edge) edges;
    struct map tables; /* lower-case name → itself */
};

static bool dbt_is(struct str text, const char *const *names)
{
    while (*names && !str_equal(text, str_from(*names)))
        names++;
    return *names != NULL;
}

static const struct json *dbt_member(const struct json *object, struct str key, struct arena *arena)
{
    return json_get(object, str_cstr(arena, key));
}

static enum dbt_status dbt_outcome(struct str status)
{
    static const char *const good[] = {"success", "pass", "no-op", "reused", NULL};
    static const char *const skipped[] = {"skipped", NULL}, *const warned[] = {"warn", NULL};
    if (dbt_is(status, good))
        return DBT_SUCCESS;
    if (dbt_is(status, skipped))
        return DBT_SKIPPED;
    return dbt_is(status, warned) ? DBT_WARNED : DBT_FAILED;
}

static bool dbt_keeps(const struct json *node)
{
    static const char *const kept[] = {"incremental", "snapshot", NULL};
    return dbt_is(json_text(json_get(json_get(node, "config"), "materialized")), kept);
}

/* One name is one table of the tenant, whatever schema dbt has put it in. */
static bool dbt_add_table(struct dbt_reading *reading, const struct dbt_node *node, struct err *err)
{
    static char there;
    if (!map_put(&reading->tables, str_lower(reading->arena, node->name), &there))
        return true;
    err_set(err, ERR_INVALID, "dbt has made two tables '%.*s' in different schemas", STR_ARG(node->name));
    return err_hint(err, "give one of them another alias: both would be the same table of the tenant");
}

static bool dbt_read_result(struct dbt_reading *reading, const struct json *result, struct err *err)
{
    static const char *const tables[] = {"model", "seed", "snapshot", NULL};
    struct str id = json_text(json_get(result, "unique_id"));
    const struct json *found = dbt_member(reading->nodes, id, reading->arena);
    if (json_kind(found) != JSON_OBJECT) /* a hook, an exposure */
        return true;
    const struct json *rows = json_get(json_get(result, "adapter_response"), "rows_affected");
    struct dbt_node node = {
        .kind = json_text(json_get(found, "resource_type")),
        .catalog = json_text(json_get(found, "database")),
        .schema = json_text(json_get(found, "schema")),
        .name = json_text(json_get(found, "alias")),
        .status = json_text(json_get(result, "status")),
        .message = json_text(json_get(result, "message")),
        .seconds = json_double(json_get(result, "execution_time")),
        .rows = json_kind(rows) == JSON_I64 ? json_i64(rows) : -1,
        .keeps = dbt_keeps(found),
    };
    struct str how = json_text(json_get(json_get(found, "config"), "materialized"));
    if (!node.name.len)
        node.name = json_text(json_get(found, "name"));
    node.outcome = dbt_outcome(node.status);
    node.is_table =
        node.outcome == DBT_SUCCESS && node.name.len && dbt_is(node.kind, tables) && !str_equal(how, S("ephemeral"));
    vec_push(&reading->list, node);
    return !node.is_table || dbt_add_table(reading, &node, err);
}

/* What others call it: the table of a source, a model or a seed. */
static struct str dbt_table_of(struct dbt_reading *reading, struct str id)
{
    const struct json *source = dbt_member(reading->sources, id, reading->arena);
    if (source)
        return json_text(json_get(source, "identifier"));
    const struct json *node = dbt_member(reading->nodes, id, reading->arena);
    bool is_test = str_equal(json_text(json_get(node, "resource_type")), S("test"));
    return is_test ? S("") : json_text(json_get(node, "alias"));
}

static void dbt_read_edges(struct dbt_reading *reading, const struct json *parents)
{
    for (size_t i = 0; i < json_count(parents) && json_kind(parents) == JSON_OBJECT; i++) {
        struct str to = dbt_table_of(reading, json_key_at(parents, i));
        const struct json *list = json_at(parents, i);
        for (size_t j = 0; to.len && j < json_count(list) && json_kind(list) == JSON_ARRAY; j++) {
            struct str from = dbt_table_of(reading, json_text(json_at(list, j)));
            if (from.len && reading->edges.count < DBT_NODES_MAX)
                vec_push(&reading->edges, ((struct dbt_edge){.from = from, .to = to}));
        }
    }
}

static bool dbt_read(struct dbt_reading *reading, const struct json *manifest, const struct json *results,
                     struct dbt_results *out, struct err *err)
{
    const struct json *list = json_get(results, "results");
    reading->nodes = json_get(manifest, "nodes");
    reading->sources = json_get(manifest, "sources");
    if (json_kind(reading->nodes) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "dbt's manifest.json has no nodes");
    if (json_kind(list) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "dbt's run_results.json has no results");
    if (json_count(list) > DBT_NODES_MAX)
        return err_set(err, ERR_RESOURCE, "dbt has carried out more than %d nodes", DBT_NODES_MAX);
    for (size_t i = 0; i < json_count(list); i++)
        if (!dbt_read_result(reading, json_at(list, i), err))
            return false;
    for (size_t i = 0; i < json_count(reading->nodes); i++)
        out->keeps = out->keeps || dbt_keeps(json_at(reading->nodes, i));
    dbt_read_edges(reading, json_get(manifest, "parent_map"));
    return true;
}

bool dbt_results_parse(struct str manifest, struct str results, struct arena *arena, struct dbt_results *results_out,
                       struct err *err)
{
    const struct json *first = json_parse(arena, manifest, err);
    if (!first)
        return err_wrap(err, "dbt's manifest.json");
    const struct json *second = json_parse(arena, results, err);
    if (!second)
        return err_wrap(err, "dbt's run_results.json");
    struct dbt_reading reading = {.arena = arena};
    struct dbt_results found = {0};
    bool ok = dbt_read(&reading, first, second, &found, err);
    found.node_count = reading.list.count;
    found.nodes = arena_array(arena, found.node_count + 1, sizeof(*found.nodes));
    found.edge_count = reading.edges.count;
    struct dbt_edge *edges = arena_array(arena, found.edge_count + 1, sizeof(*edges));
    for (size_t i = 0; i < found.node_count; i++)
        found.nodes[i] = reading.list.items[i];
    for (size_t i = 0; i < found.edge_count; i++)
        edges[i] = reading.edges.items[i];
    found.edges = edges;
    vec_done(&reading.list);
    vec_done(&reading.edges);
    map_done(&reading.tables);
    if (ok)
        *results_out = found;
    return ok;
}

const struct dbt_node *dbt_results_failure(const struct dbt_results *results)
{
    for (size_t i = 0; i < results->node_count; i++)
        if (results->nodes[i].outcome == DBT_FAILED)
            return &results->nodes[i];
    return NULL;
}

void dbt_results_write(const struct dbt_results *results, struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "kind", S("dbt"));
    json_begin_array(writer, "nodes");
    for (size_t i = 0; i < results->node_count; i++) {
        const struct dbt_node *node = &results->nodes[i];
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", node->name);
        json_write_text(writer, "kind", node->kind);
        json_write_text(writer, "status", node->status);
        if (node->rows >= 0)
            json_write_i64(writer, "rows", node->rows);
        json_write_double(writer, "seconds", node->seconds);
        if (node->message.len)
            json_write_text(writer, "message", node->message);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_begin_array(writer, "edges");
    for (size_t i = 0; i < results->edge_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "from", results->edges[i].from);
        json_write_text(writer, "to", results->edges[i].to);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_end_object(writer);
}
