#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/run_priv.h"
#include "domain/pipeline/step_sql.h"
#include "platform/json/json.h"

/* --- What is read of ephemeral assets --- */

/* Flags of the ephemeral nodes that are reached from one through ephemeral ones only. */
static bool *step_sql_ephemerals(const struct graph *graph, const struct graph_node *node, struct arena *arena)
{
    bool *reached = arena_array(arena, graph->node_count + 1, sizeof(bool));
    size_t own = (size_t)(node - graph->nodes);
    /* Upstream nodes come first, so one way back over all of them is enough. */
    reached[own] = true;
    for (size_t i = own + 1; i-- > 0;) {
        const struct graph_node *from = &graph->nodes[i];
        for (size_t k = 0; reached[i] && k < from->upstream_count; k++) {
            size_t above = from->upstream[k];
            reached[above] = reached[above] || graph->nodes[above].asset->materialize == ASSET_EPHEMERAL;
        }
    }
    reached[own] = false;
    return reached;
}

void step_sql_write_ephemerals(const struct graph *graph, const struct graph_node *node, struct json_writer *writer)
{
    AUTO(arena) struct arena *arena = arena_new();
    const bool *reached = step_sql_ephemerals(graph, node, arena);
    json_begin_array(writer, "ephemerals");
    for (size_t i = 0; i < graph->node_count; i++) {
        if (!reached[i])
            continue;
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", graph->nodes[i].asset->name);
        json_write_text(writer, "sql", graph->nodes[i].asset->text);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static bool step_sql_reads_iceberg(const struct graph *graph, const struct graph_node *node)
{
    for (size_t i = 0; i < node->source_count; i++)
        if (str_starts_with(node->sources[i], S("iceberg.")))
            return true;
    for (size_t i = 0; i < node->upstream_count; i++)
        if (graph->nodes[node->upstream[i]].asset->materialize == ASSET_ICEBERG)
            return true;
    return node->asset->materialize == ASSET_ICEBERG;
}

bool step_sql_needs_iceberg(const struct graph *graph, const struct graph_node *node)
{
    AUTO(arena) struct arena *arena = arena_new();
    const bool *reached = step_sql_ephemerals(graph, node, arena);
    for (size_t i = 0; i < graph->node_count; i++)
        if (reached[i] && step_sql_reads_iceberg(graph, &graph->nodes[i]))
            return true;
    return step_sql_reads_iceberg(graph, node);
}

/* --- BUILD --- */

static void step_sql_write_texts(struct json_writer *writer, const char *key, const struct str *texts, size_t count)
{
    json_begin_array(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, texts[i]);
    json_end_array(writer);
}

static void step_sql_write_test(struct json_writer *writer, const struct asset_test *test)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "name", test->name);
    json_write_text(writer, "kind", str_from(asset_test_kind_name(test->kind)));
    step_sql_write_texts(writer, "columns", test->columns, test->column_count);
    if (test->value_count)
        step_sql_write_texts(writer, "values", test->values, test->value_count);
    if (test->to_table.len) {
        json_write_text(writer, "to_table", test->to_table);
        json_write_text(writer, "to_column", test->to_column);
    }
    if (test->kind == ASSET_TEST_ROW_COUNT && test->min_rows >= 0)
        json_write_i64(writer, "min_rows", test->min_rows);
    if (test->kind == ASSET_TEST_ROW_COUNT && test->max_rows >= 0)
        json_write_i64(writer, "max_rows", test->max_rows);
    if (test->expression.len)
        json_write_text(writer, "expression", test->expression);
    if (test->kind == ASSET_TEST_FRESHNESS)
        json_write_double(writer, "max_age_s", (double)test->max_age_us / 1e6);
    json_write_text(writer, "severity", test->severity == ASSET_WARN ? S("warn") : S("error"));
    json_write_bool(writer, "blocking", test->blocking);
    json_end_object(writer);
}

static bool step_sql_write_partition(const struct step_work *work, struct json_writer *writer, struct err *err)
{
    const struct asset *asset = work->node->asset;
    struct str from, to;
    if (asset->partition.kind == ASSET_NOT_PARTITIONED || !work->run->partition.len)
        return true;
    if (!plan_partition_bounds(asset, work->run->partition, work->arena, &from, &to, err))
        return false;
    json_begin_object(writer, "partition");
    json_write_text(writer, "name", work->run->partition);
    json_write_text(writer, "column", asset->partition.column);
    json_write_text(writer, "from", from);
    json_write_text(writer, "to", to);
    json_end_object(writer);
    return true;
}

static void step_sql_write_columns(struct json_writer *writer, const struct asset *asset)
{
    json_begin_array(writer, "columns");
    for (size_t i = 0; i < asset->column_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", asset->columns[i].name);
        json_write_text(writer, "type", asset->columns[i].type);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* The files of the asset and of the ephemeral assets that it reads; what was imported has none here. */
static void step_sql_write_sources(const struct step_work *work, struct json_writer *writer)
{
    const struct graph *graph = work->run->graph;
    AUTO(arena) struct arena *arena = arena_new();
    bool *reached = step_sql_ephemerals(graph, work->node, arena);
    reached[work->node - graph->nodes] = work->staged.len == 0;
    json_begin_array(writer, "sources");
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t k = 0; reached[i] && k < graph->nodes[i].file_count; k++)
            json_write_text(writer, NULL, graph->nodes[i].files[k]);
    json_end_array(writer);
}

/* Without a partition and without a key there is nothing that could be replaced but all of it. */
static bool step_sql_is_whole(const struct step_work *work)
{
    const struct asset *asset = work->node->asset;
    return asset->partition.kind != ASSET_NOT_PARTITIONED && !work->run->partition.len &&
           asset->strategy == ASSET_DELETE_INSERT && asset->unique_key_count == 0;
}

bool step_sql_build_arguments(const struct step_work *work, struct buf *out, struct err *err)
{
    const struct asset *asset = work->node->asset;
    const struct run_flow *flow = list_object(work->run, struct run_flow, run);
    const struct run_slot *slot = &flow->slots[work->step->index];
    bool is_test = asset->kind == ASSET_TEST;
    struct json_writer writer = {.buf = out};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "asset", asset->name);
    json_write_text(&writer, "sql", work->staged.len ? work->staged : asset->text);
    json_write_text(&writer, "materialize", is_test ? S("test") : str_from(asset_materialize_name(asset->materialize)));
    json_write_text(&writer, "strategy", str_from(asset_strategy_name(asset->strategy)));
    step_sql_write_texts(&writer, "unique_key", asset->unique_key, asset->unique_key_count);
    json_write_bool(&writer, "full_refresh", work->run->full_refresh || step_sql_is_whole(work));
    json_write_text(&writer, "watermark", asset->watermark);
    json_write_text(&writer, "run", slot->build_run);
    json_write_i64(&writer, "step", slot->build_step);
    if (is_test)
        json_write_text(&writer, "severity", asset->severity == ASSET_WARN ? S("warn") : S("error"));
    step_sql_write_ephemerals(work->run->graph, work->node, &writer);
    if (!step_sql_write_partition(work, &writer, err))
        return false;
    step_sql_write_sources(work, &writer);
    step_sql_write_columns(&writer, asset);
    json_begin_array(&writer, "tests");
    for (size_t i = 0; i < asset->test_count; i++)
        step_sql_write_test(&writer, &asset->tests[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    return true;
}

/* --- EXPORT --- */

struct str step_sql_export_path(const struct step_work *work, const struct asset_export *export)
{
    const struct project_settings *settings = pipeline_settings(work->pipeline);
    struct str path = export->path;
    if (work->run->environment == &settings->environments[0])
        return path;
    /* data/final/x.csv: data/final/dev/x.csv */
    ptrdiff_t first = str_find_char(path, '/');
    ptrdiff_t second = str_find_char(str_from_index(path, (size_t)first + 1), '/');
    size_t head = first < 0 || second < 0 ? 0 : (size_t)first + 1 + (size_t)second + 1;
    return str_format(work->arena, "%.*s%.*s/%.*s", (int)head, path.ptr, STR_ARG(work->run->environment->name),
                      STR_ARG(str_from_index(path, head)));
}

void step_sql_export_arguments(const struct step_work *work, const struct asset_export *export, struct buf *out)
{
    const struct asset *asset = work->node->asset;
    struct json_writer writer = {.buf = out};
    AUTO(buf) struct buf table = {0};
    if (asset->materialize == ASSET_ICEBERG)
        buf_append_str(&table, S("iceberg.iceberg."));
    buf_append_quoted(&table, asset->name, '"');
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "table", buf_str(&table));
    json_write_text(&writer, "path",
                    str_format(work->arena, "%.*s/%.*s", STR_ARG(pipeline_settings(work->pipeline)->root),
                               STR_ARG(step_sql_export_path(work, export))));
    json_write_text(&writer, "format", str_from(asset_format_name(export->format)));
    json_end_object(&writer);
}
