/* Whether what an asset was built from still lies there as it did. */
#include "domain/pipeline/plan.h"
#include "domain/pipeline/plan_priv.h"
#include "domain/pipeline/source_files.h"
#include "platform/json/json.h"

/* A report lists so many files (worker/build.c); of more, those count that are newer than it. */
#define PLAN_FILES_LISTED 1000

static const struct json *plan_listed(const struct json *list, struct str path)
{
    for (size_t i = 0; i < json_count(list); i++) /* both lists are ordered by path, mostly short */
        if (str_equal(json_text(json_get(json_at(list, i), "path")), path))
            return json_at(list, i);
    return NULL;
}

static bool plan_files_moved(struct str root, const struct graph_node *node, const struct asset_state *state)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err;
    size_t count, found = 0;
    const struct json *report = state->report.len ? json_parse(arena, state->report, &err) : NULL;
    const struct json *list = json_get(report, "files");
    const struct source_file *files = source_files_find(root, node->files, node->file_count, arena, &count);
    bool all_listed = json_count(list) < PLAN_FILES_LISTED;
    for (size_t i = 0; i < count; i++) {
        const struct json *then = plan_listed(list, files[i].path);
        if (!then && (all_listed || files[i].modified_us > state->built_us))
            return true;
        if (then && (json_i64(json_get(then, "size")) != files[i].size ||
                     json_i64(json_get(then, "modified_us")) != files[i].modified_us))
            return true;
        found += then != NULL;
    }
    return found < json_count(list);
}

/* dbt's own output lies in the project too. */
static bool plan_dbt_moved(struct str root, const struct asset *asset, const struct asset_state *state)
{
    static const char *const inputs[] = {"models/**", "seeds/**",        "macros/**",    "snapshots/**", "analyses/**",
                                         "tests/**",  "dbt_project.yml", "profiles.yml", "packages.yml", "*.lock.yml"};
    AUTO(arena) struct arena *arena = arena_new();
    struct str patterns[sizeof(inputs) / sizeof(inputs[0])];
    size_t count, pattern_count = sizeof(inputs) / sizeof(inputs[0]);
    for (size_t i = 0; i < pattern_count; i++)
        patterns[i] = str_format(arena, "%.*s/%s", STR_ARG(asset->dbt_project), inputs[i]);
    const struct source_file *files = source_files_find(root, patterns, pattern_count, arena, &count);
    for (size_t i = 0; i < count; i++)
        if (files[i].modified_us > state->built_us)
            return true;
    return false;
}

const bool *plan_files_look(const struct graph *graph, const struct asset_state *states, size_t state_count,
                            struct arena *arena)
{
    struct str root = graph->project->settings->root;
    bool *moved = arena_array(arena, graph->node_count, sizeof(*moved));
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const struct asset_state *state = plan_state(states, state_count, node->asset->name);
        if (state && node->asset->kind == ASSET_DBT)
            moved[i] = plan_dbt_moved(root, node->asset, state);
        else if (state && node->file_count > 0)
            moved[i] = plan_files_moved(root, node, state);
    }
    return moved;
}
