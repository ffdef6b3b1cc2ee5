/* Which assets, tables and files an asset needs: from what its text reads, its tests and depends_on. */
#include <stdlib.h>

#include "base/map.h"
#include "base/nearest.h"
#include "domain/pipeline/graph_priv.h"

/* Of one asset. */
struct graph_reads {
    struct graph_draft *draft;
    const struct asset *asset;
    size_t index;
    struct map *lost; /* names of files that made no asset */
    VEC(struct str) sources;
};

static bool graph_is_tenant(const struct project *project, struct str name)
{
    const struct project_settings *settings = project->settings;
    for (size_t i = 0; i < settings->environment_count; i++)
        if (str_equal(settings->environments[i].tenant, name))
            return true;
    return false;
}

/* The name that an asset would have, or how the table is called among sources. In environments the tenant's name is
 * another one, and means the environment's own. */
static struct str graph_read_name(struct graph_draft *draft, const struct analysis_read *read, bool *can_be_asset)
{
    struct arena *arena = draft->graph->arena;
    struct str catalog = str_lower(draft->arena, read->catalog), schema = str_lower(draft->arena, read->schema);
    struct str table = str_lower(arena, read->table);
    if (graph_is_tenant(draft->graph->project, catalog) || str_equal(catalog, S("default")))
        catalog = S("");
    bool lake = str_equal(schema, S("iceberg")) && (catalog.len == 0 || str_equal(catalog, S("iceberg")));
    *can_be_asset = lake || (catalog.len == 0 && (schema.len == 0 || str_equal(schema, S("default"))));
    if (*can_be_asset && !lake)
        return table;
    if (lake)
        return str_format(arena, "iceberg.%.*s", STR_ARG(table));
    return str_format(arena, "%.*s%s%.*s.%.*s", STR_ARG(catalog), catalog.len ? "." : "", STR_ARG(schema),
                      STR_ARG(table));
}

static void graph_problem(struct graph_reads *reads, int line, int column, const struct err *err)
{
    struct asset_problems *problems = &reads->draft->problems;
    asset_problem_add(problems, reads->asset->path, line, reads->asset->name, err);
    problems->list.items[problems->list.count - 1].column = column;
    reads->draft->broken[reads->index] = true;
}

/* The asset needs one of that name, if there is one. */
static bool graph_need(struct graph_reads *reads, struct str name, int line, int column)
{
    const struct project *project = reads->draft->graph->project;
    ptrdiff_t up = project_find(project, name);
    struct err err = {0};
    if (map_get(reads->lost, name)) /* its file has problems of its own */
        reads->draft->broken[reads->index] = true;
    if (up < 0)
        return map_get(reads->lost, name) != NULL;
    if (project->assets[up]->kind == ASSET_TEST && (size_t)up != reads->index) {
        (void)err_set(&err, ERR_INVALID, "'%.*s' is a test (%.*s): it makes no table", STR_ARG(name),
                      STR_ARG(str_slice(project->assets[up]->path, 0, 300)));
        graph_problem(reads, line, column, &err);
    } else if ((size_t)up != reads->index) {
        struct graph_edge edge = {.down = reads->index, .up = (size_t)up, .line = line};
        vec_push(&reads->draft->edges, edge);
    }
    return true;
}

static void graph_read(struct graph_reads *reads, const struct analysis_read *read)
{
    bool can_be_asset;
    struct str name = graph_read_name(reads->draft, read, &can_be_asset);
    struct str asset = str_starts_with(name, S("iceberg.")) ? str_from_index(name, 8) : name;
    if (!can_be_asset || !graph_need(reads, asset, read->line, read->column))
        vec_push(&reads->sources, name);
}

/* "customers" or "iceberg.customers" of a test. */
static void graph_relation(struct graph_reads *reads, const struct asset_test *test)
{
    struct str rest = test->to_table, part;
    struct analysis_read read = {.catalog = S(""), .schema = S(""), .table = S(""), .line = test->line};
    bool can_be_asset;
    while (str_split_next(&rest, '.', &part)) {
        read.catalog = read.schema;
        read.schema = read.table;
        read.table = part;
    }
    struct str name = graph_read_name(reads->draft, &read, &can_be_asset);
    if (can_be_asset)
        (void)graph_need(reads, str_starts_with(name, S("iceberg.")) ? str_from_index(name, 8) : name, test->line, 0);
}

static void graph_depends(struct graph_reads *reads)
{
    const struct asset *asset = reads->asset;
    const struct project *project = reads->draft->graph->project;
    for (size_t i = 0; i < asset->depends_count; i++) {
        struct str name = asset->depends_on[i];
        struct err err = {0};
        if (graph_need(reads, name, asset->properties_line, 0))
            continue;
        const char **known = arena_array(reads->draft->arena, project->asset_count + 1, sizeof(*known));
        for (size_t k = 0; k < project->asset_count; k++)
            known[k] = str_cstr(reads->draft->arena, project->assets[k]->name);
        const char *nearest = nearest_name(name, known);
        (void)err_set(&err, ERR_NOT_FOUND, "depends_on: there is no asset '%.*s'", STR_ARG(str_slice(name, 0, 64)));
        if (nearest)
            (void)err_hint(&err, "did you mean '%s'?", nearest);
        graph_problem(reads, asset->properties_line, 0, &err);
    }
}

static int graph_by_text(const void *a, const void *b)
{
    const struct str *left = a, *right = b;
    return str_compare(*left, *right);
}

/* Ordered and each once, in the graph's arena. */
static const struct str *graph_texts(struct arena *arena, struct str *texts, size_t count, size_t *count_out)
{
    size_t kept = 0;
    if (count > 0)
        qsort(texts, count, sizeof(*texts), graph_by_text);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !str_equal(texts[kept - 1], texts[i]))
            texts[kept++] = texts[i];
    *count_out = kept;
    return arena_copy(arena, texts, kept * sizeof(*texts));
}

static void graph_add_one(struct graph_reads *reads, struct graph_node *node)
{
    const struct analysis *analysis = reads->draft->analyses[reads->index];
    struct arena *arena = reads->draft->graph->arena;
    if (analysis && analysis->error.code != ERR_OK)
        graph_problem(reads, analysis->line, analysis->column, &analysis->error);
    for (size_t i = 0; analysis && i < analysis->read_count; i++)
        graph_read(reads, &analysis->reads[i]);
    for (size_t i = 0; i < reads->asset->test_count; i++)
        if (reads->asset->tests[i].kind == ASSET_TEST_RELATIONSHIPS)
            graph_relation(reads, &reads->asset->tests[i]);
    graph_depends(reads);
    node->asset = reads->asset;
    node->sources = graph_texts(arena, reads->sources.items, reads->sources.count, &node->source_count);
    vec_clear(&reads->sources);
    for (size_t i = 0; analysis && i < analysis->file_count; i++)
        vec_push(&reads->sources, str_copy(arena, analysis->files[i]));
    node->files = graph_texts(arena, reads->sources.items, reads->sources.count, &node->file_count);
    vec_done(&reads->sources);
}

void graph_add_reads(struct graph_draft *draft, struct graph_node *nodes)
{
    const struct project *project = draft->graph->project;
    struct map lost = {0};
    for (size_t i = 0; i < project->problem_count; i++) {
        ptrdiff_t index = project_find(project, project->problems[i].asset);
        if (index >= 0)
            draft->broken[index] = true;
        else if (project->problems[i].asset.len > 0)
            (void)map_put(&lost, project->problems[i].asset, draft);
    }
    for (size_t i = 0; i < project->asset_count; i++) {
        struct graph_reads reads = {.draft = draft, .asset = project->assets[i], .index = i, .lost = &lost};
        graph_add_one(&reads, &nodes[i]);
    }
    map_done(&lost);
}
