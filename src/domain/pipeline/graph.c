/* What depends on what: nodes out of a project and what its texts read. */
#include "domain/pipeline/graph.h"

#include <stdlib.h>

#include "domain/pipeline/graph_priv.h"

static int graph_by_need(const void *a, const void *b)
{
    const struct graph_edge *left = a, *right = b;
    if (left->up != right->up)
        return left->up < right->up ? -1 : 1;
    return (left->line > right->line) - (left->line < right->line);
}

/* Each edge once, and where those of each asset begin. They were found asset by asset. */
static void graph_sort_edges(struct graph_draft *draft, size_t asset_count)
{
    struct graph_edge *edges = draft->edges.items;
    size_t kept = 0, end = 0;
    draft->first = arena_array(draft->arena, asset_count + 1, sizeof(*draft->first));
    for (size_t i = 0; i < asset_count; i++) {
        size_t start = end;
        while (end < draft->edges.count && edges[end].down == i)
            end++;
        if (end > start)
            qsort(edges + start, end - start, sizeof(*edges), graph_by_need);
        draft->first[i] = kept;
        for (size_t e = start; e < end; e++)
            if (kept == draft->first[i] || edges[kept - 1].up != edges[e].up)
                edges[kept++] = edges[e];
    }
    draft->first[asset_count] = draft->edges.count = kept;
}

static int graph_by_index(const void *a, const void *b)
{
    const size_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* From indexes of assets to those of nodes, and from above to below. */
static void graph_link(struct graph *graph, const struct graph_draft *draft, const size_t *order, size_t runnable)
{
    struct arena *arena = graph->arena;
    size_t *down_count = arena_array(draft->arena, graph->node_count, sizeof(*down_count));
    for (size_t i = 0; i < graph->node_count; i++) {
        struct graph_node *node = &graph->nodes[i];
        size_t first = draft->first[order[i]];
        node->upstream_count = draft->first[order[i] + 1] - first;
        size_t *upstream = arena_array(arena, node->upstream_count, sizeof(*upstream));
        for (size_t k = 0; k < node->upstream_count; k++) {
            upstream[k] = graph->by_name[draft->edges.items[first + k].up];
            down_count[upstream[k]]++;
        }
        if (node->upstream_count > 1)
            qsort(upstream, node->upstream_count, sizeof(*upstream), graph_by_index);
        node->upstream = upstream;
        node->broken = draft->broken[order[i]];
    }
    for (size_t i = 0; i < graph->node_count; i++)
        graph->nodes[i].downstream = arena_array(arena, down_count[i], sizeof(size_t));
    for (size_t i = 0; i < graph->node_count; i++) {
        struct graph_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->upstream_count; k++) {
            struct graph_node *above = &graph->nodes[node->upstream[k]];
            ((size_t *)(uintptr_t)above->downstream)[above->downstream_count++] = i;
            if (i < runnable && above->depth + 1 > node->depth)
                node->depth = above->depth + 1;
            node->broken = node->broken || above->broken;
        }
    }
}

static void graph_gather_problems(struct graph *graph, struct graph_draft *draft)
{
    const struct project *project = graph->project;
    graph->problem_count = project->problem_count + draft->problems.list.count;
    struct asset_problem *problems = arena_array(graph->arena, graph->problem_count, sizeof(*problems));
    if (project->problem_count > 0)
        memcpy(problems, project->problems, project->problem_count * sizeof(*problems));
    if (draft->problems.list.count > 0)
        memcpy(problems + project->problem_count, draft->problems.list.items,
               draft->problems.list.count * sizeof(*problems));
    graph->problems = problems;
}

struct graph *graph_new(struct project *project, const struct analysis *analyses, size_t analysis_count)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct arena *arena = arena_new();
    struct graph *graph = arena_new_object(arena, struct graph);
    size_t count = project->asset_count;
    graph->arena = arena;
    graph->project = project_ref(project);
    graph->node_count = count;
    graph->nodes = arena_array(arena, count, sizeof(*graph->nodes));
    struct graph_draft draft = {
        .arena = scratch,
        .graph = graph,
        .analyses = arena_array(scratch, count, sizeof(*draft.analyses)),
        .broken = arena_array(scratch, count, sizeof(bool)),
        .problems = {.arena = arena},
    };
    struct graph_node *nodes = arena_array(scratch, count, sizeof(*nodes));
    size_t *order = arena_array(scratch, count, sizeof(*order));
    size_t *by_name = arena_array(arena, count, sizeof(*by_name));
    for (size_t i = 0; i < analysis_count; i++) {
        ptrdiff_t index = project_find(project, analyses[i].asset);
        if (index >= 0)
            draft.analyses[index] = &analyses[i];
    }
    graph_add_reads(&draft, nodes);
    graph_sort_edges(&draft, count);
    size_t runnable = graph_find_order(&draft, order);
    for (size_t i = 0; i < count; i++) {
        graph->nodes[i] = nodes[order[i]];
        by_name[order[i]] = i;
    }
    graph->by_name = by_name;
    graph_link(graph, &draft, order, runnable);
    graph_gather_problems(graph, &draft);
    vec_done(&draft.edges);
    vec_done(&draft.problems.list);
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
    ptrdiff_t index = project_find(graph->project, asset);
    return index < 0 ? -1 : (ptrdiff_t)graph->by_name[index];
}
