/* What depends on what. */
#include "domain/pipeline/graph.h"

struct graph *graph_new(struct project *project, const struct analysis *analyses, size_t analysis_count)
{
    (void)analyses, (void)analysis_count;
    struct arena *arena = arena_new();
    struct graph *graph = arena_new_object(arena, struct graph);
    graph->arena = arena;
    graph->project = project_ref(project);
    return graph;
}

void graph_free(struct graph **graph)
{
    if (!*graph)
        return;
    struct arena *arena = (*graph)->arena;
    project_unref(&(*graph)->project);
    *graph = NULL;
    arena_free(&arena);
}

ptrdiff_t graph_find(const struct graph *graph, struct str asset)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (str_equal(graph->nodes[i].asset->name, asset))
            return (ptrdiff_t)i;
    return -1;
}
