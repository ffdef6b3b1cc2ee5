/* /api/v1/pipelines/assets and graph: what the project consists of, and when each asset was built in an environment.
 * The states come from the store first, then the graph, which is valid during its callback only. */
#include <stdlib.h>

#include "base/limits.h"
#include "face/rest/pipeline.h"

#define REST_ASSETS_DEFAULT 1000

/* One request, while it waits for states and graph. */
struct rest_assets {
    struct edge_wait *wait;
    struct arena *arena; /* owns the states */
    struct asset_state *states;
    size_t state_count;
    void (*answer)(struct rest_exchange *exchange, const struct rest_assets *assets, const struct graph *graph);
};

static void rest_assets_free(struct rest_assets *assets)
{
    arena_free(&assets->arena);
    mem_free(assets);
}

static const struct asset_state *rest_asset_state(const struct rest_assets *assets, struct str name)
{
    size_t low = 0, high = assets->state_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(assets->states[middle].asset, name);
        if (order == 0)
            return &assets->states[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void rest_assets_graph(void *owner, const struct graph *graph, const struct err *error)
{
    struct rest_assets *assets = owner;
    struct rest_exchange *exchange = rest_wait_end(assets->wait);
    if (exchange && error)
        rest_fail(exchange, error);
    else if (exchange)
        assets->answer(exchange, assets, graph);
    rest_assets_free(assets);
}

static void rest_assets_states(void *owner, const struct asset_state *states, size_t count, const struct err *error)
{
    struct rest_assets *assets = owner;
    struct rest_exchange *exchange = rest_wait_end(assets->wait);
    if (!exchange || error) {
        rest_assets_free(assets);
        if (exchange)
            rest_fail(exchange, error);
        return;
    }
    assets->states = arena_array(assets->arena, count, sizeof(*states));
    assets->state_count = count;
    for (size_t i = 0; i < count; i++) {
        assets->states[i] = states[i];
        assets->states[i].asset = str_copy(assets->arena, states[i].asset);
        assets->states[i].run = str_copy(assets->arena, states[i].run);
        assets->states[i].report = str_copy(assets->arena, states[i].report);
    }
    assets->wait = edge_wait_new(&exchange->edge);
    pipeline_graph(exchange->rest->pipeline, rest_assets_graph, assets);
}

static void rest_assets_begin(struct rest_exchange *exchange,
                              void (*answer)(struct rest_exchange *exchange, const struct rest_assets *assets,
                                             const struct graph *graph))
{
    struct err err;
    const struct project_environment *environment = rest_environment_asked(exchange, ROLE_READER, &err);
    if (!environment) {
        rest_fail(exchange, &err);
        return;
    }
    struct rest_assets *assets = mem_new(struct rest_assets);
    *assets = (struct rest_assets){.wait = edge_wait_new(&exchange->edge), .arena = arena_new(), .answer = answer};
    history_states(exchange->rest->pipeline, environment->name, rest_assets_states, assets);
}

/* --- One asset in JSON --- */

static void rest_write_names(struct json_writer *writer, const char *key, const struct graph *graph,
                             const size_t *nodes, size_t count)
{
    json_begin_array(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, graph->nodes[nodes[i]].asset->name);
    json_end_array(writer);
}

/* When, how large, by which run. */
static void rest_write_state(struct json_writer *writer, const struct asset_state *state)
{
    if (!state || state->built_us == 0)
        return;
    json_begin_object(writer, "built");
    json_write_time(writer, "at", state->built_us);
    rest_write_filled(writer, "run", state->run);
    json_write_i64(writer, "version", (int64_t)state->version);
    if (state->rows >= 0)
        json_write_i64(writer, "rows", state->rows);
    if (state->bytes >= 0)
        json_write_i64(writer, "bytes", state->bytes);
    json_end_object(writer);
}

static void rest_write_asset_members(struct json_writer *writer, const struct graph *graph,
                                     const struct graph_node *node, const struct asset_state *state)
{
    const struct asset *asset = node->asset;
    json_write_text(writer, "name", asset->name);
    json_write_text(writer, "kind", str_from(asset_kind_name(asset->kind)));
    json_write_text(writer, "path", asset->path);
    if (asset->kind == ASSET_SQL)
        json_write_text(writer, "materialize", str_from(asset_materialize_name(asset->materialize)));
    rest_write_filled(writer, "group", asset->group);
    rest_write_filled(writer, "owner", asset->owner);
    rest_write_filled(writer, "description", asset->description);
    rest_write_texts(writer, "tags", asset->tags, asset->tag_count);
    rest_write_names(writer, "upstream", graph, node->upstream, node->upstream_count);
    rest_write_names(writer, "downstream", graph, node->downstream, node->downstream_count);
    json_write_bool(writer, "broken", node->broken);
    rest_write_state(writer, state);
}

/* --- GET assets --- */

/* Nodes by the names of their assets. */
static int rest_compare_nodes(const void *a, const void *b)
{
    const struct graph_node *const *left = a, *const *right = b;
    return str_compare((*left)->asset->name, (*right)->asset->name);
}

static const struct graph_node **rest_nodes_by_name(struct arena *arena, const struct graph *graph)
{
    const struct graph_node **nodes = arena_array(arena, graph->node_count, sizeof(const struct graph_node *));
    for (size_t i = 0; i < graph->node_count; i++)
        nodes[i] = &graph->nodes[i];
    if (graph->node_count > 0)
        qsort((void *)nodes, graph->node_count, sizeof(const struct graph_node *), rest_compare_nodes);
    return nodes;
}

static void rest_assets_answer(struct rest_exchange *exchange, const struct rest_assets *assets,
                               const struct graph *graph)
{
    struct err err;
    size_t limit, at = 0, written = 0;
    struct str after = http_parameter(exchange->edge.http, S("after"));
    if (!rest_limit(exchange, REST_ASSETS_DEFAULT, (size_t)limits_get(LIMIT_PIPELINE_ASSETS), &limit, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    const struct graph_node **nodes = rest_nodes_by_name(rest_arena(exchange), graph);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    while (after.ptr && at < graph->node_count && str_compare(nodes[at]->asset->name, after) <= 0)
        at++;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "assets");
    for (; at < graph->node_count && written < limit; at++, written++) {
        json_begin_object(&writer, NULL);
        rest_write_asset_members(&writer, graph, nodes[at], rest_asset_state(assets, nodes[at]->asset->name));
        json_end_object(&writer);
    }
    json_end_array(&writer);
    if (at < graph->node_count && at > 0)
        json_write_text(&writer, "after", nodes[at - 1]->asset->name);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_assets_get(struct rest_exchange *exchange)
{
    rest_assets_begin(exchange, rest_assets_answer);
}

/* --- GET assets/{name} --- */

static void rest_write_tests(struct json_writer *writer, const struct asset *asset)
{
    json_begin_array(writer, "tests");
    for (size_t i = 0; i < asset->test_count; i++) {
        const struct asset_test *test = &asset->tests[i];
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", test->name);
        json_write_text(writer, "kind", str_from(asset_test_kind_name(test->kind)));
        rest_write_texts(writer, "columns", test->columns, test->column_count);
        json_write_text(writer, "severity", test->severity == ASSET_WARN ? S("warn") : S("error"));
        json_write_bool(writer, "blocking", test->blocking);
        if (test->line > 0)
            json_write_i64(writer, "line", test->line);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void rest_write_exports(struct json_writer *writer, const struct asset *asset)
{
    json_begin_array(writer, "exports");
    for (size_t i = 0; i < asset->export_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "path", asset->exports[i].path);
        json_write_text(writer, "format", str_from(asset_format_name(asset->exports[i].format)));
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void rest_write_columns(struct json_writer *writer, const struct asset *asset)
{
    json_begin_array(writer, "columns");
    for (size_t i = 0; i < asset->column_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", asset->columns[i].name);
        rest_write_filled(writer, "type", asset->columns[i].type);
        rest_write_filled(writer, "description", asset->columns[i].description);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void rest_write_schedule(struct json_writer *writer, const struct asset_schedule *schedule)
{
    if (!schedule)
        return;
    json_begin_object(writer, "schedule");
    rest_write_filled(writer, "cron", schedule->cron);
    rest_write_filled(writer, "zone", schedule->zone);
    if (schedule->every_us > 0)
        json_write_i64(writer, "every_us", schedule->every_us);
    rest_write_filled(writer, "on_file", schedule->on_file);
    if (schedule->after_count > 0)
        rest_write_texts(writer, "after", schedule->after, schedule->after_count);
    json_end_object(writer);
}

static void rest_asset_answer(struct rest_exchange *exchange, const struct rest_assets *assets,
                              const struct graph *graph)
{
    struct str name = exchange->parameters[0];
    ptrdiff_t index = graph_find(graph, name);
    struct err err, ignored;
    if (index < 0) {
        (void)err_set(&err, ERR_NOT_FOUND, "the project has no asset '%.*s'", STR_ARG(str_slice(name, 0, 64)));
        (void)err_hint(&err, "GET /api/v1/pipelines/assets lists them");
        rest_fail(exchange, &err);
        return;
    }
    const struct graph_node *node = &graph->nodes[index];
    const struct asset_state *state = rest_asset_state(assets, name);
    const struct json *report =
        state && state->report.len > 0 ? json_parse(rest_arena(exchange), state->report, &ignored) : NULL;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    rest_write_asset_members(&writer, graph, node, state);
    rest_write_texts(&writer, "sources", node->sources, node->source_count);
    rest_write_texts(&writer, "files", node->files, node->file_count);
    rest_write_schedule(&writer, node->asset->schedule);
    rest_write_columns(&writer, node->asset);
    rest_write_tests(&writer, node->asset);
    rest_write_exports(&writer, node->asset);
    json_write_text(&writer, "text", node->asset->source);
    if (report)
        json_write_value(&writer, "report", report);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_asset_get(struct rest_exchange *exchange)
{
    rest_assets_begin(exchange, rest_asset_answer);
}
