/* An order in which assets can run, and the cycles in which there is none. */
#include <assert.h>

#include "base/buf.h"
#include "domain/pipeline/graph_priv.h"

#define GRAPH_CYCLE_SHOWN 20

/* Assets whose needs are met, the least index first: a binary heap. */
struct graph_heap {
    size_t *items;
    size_t count;
};

static void graph_heap_swap(struct graph_heap *heap, size_t a, size_t b)
{
    size_t kept = heap->items[a];
    heap->items[a] = heap->items[b];
    heap->items[b] = kept;
}

static void graph_heap_push(struct graph_heap *heap, size_t item)
{
    size_t at = heap->count++;
    heap->items[at] = item;
    for (; at > 0 && heap->items[(at - 1) / 2] > heap->items[at]; at = (at - 1) / 2)
        graph_heap_swap(heap, at, (at - 1) / 2);
}

static size_t graph_heap_pop(struct graph_heap *heap)
{
    assert(heap->count > 0);
    size_t least = heap->items[0], at = 0;
    heap->items[0] = heap->items[--heap->count];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child])
            child++;
        if (child >= heap->count || heap->items[at] <= heap->items[child])
            return least;
        graph_heap_swap(heap, at, child);
        at = child;
    }
}

/* "a (pipelines/a.sql:3) needs b (pipelines/b.sql:2) needs a": the way from start back to it. */
static void graph_cycle(struct graph_draft *draft, const struct graph_edge **next, size_t start)
{
    AUTO(buf) struct buf text = {0};
    const struct project *project = draft->graph->project;
    const struct asset *first = project->assets[start];
    size_t at = start, shown = 0;
    buf_append_str(&text, S("cycle: "));
    do {
        const struct asset *asset = project->assets[at];
        if (shown++ < GRAPH_CYCLE_SHOWN)
            buf_printf(&text, "%.*s (%.*s:%d) needs ", STR_ARG(asset->name), STR_ARG(asset->path), next[at]->line);
        draft->broken[at] = true;
        at = next[at]->up;
    } while (at != start);
    if (shown > GRAPH_CYCLE_SHOWN)
        buf_printf(&text, "%zu more and then ", shown - GRAPH_CYCLE_SHOWN);
    buf_append_str(&text, first->name);
    struct asset_problem problem = {
        .path = first->path,
        .line = next[start]->line,
        .asset = first->name,
        .message = str_copy(draft->problems.arena, buf_str(&text)),
        .hint = S("one of them has to do without the other"),
    };
    vec_push(&draft->problems.list, problem);
}

/* Each asset that cannot run needs one that cannot either. Going from one to the next ends in a cycle, or where another
 * walk has been. */
static void graph_find_cycles(struct graph_draft *draft, const bool *placed)
{
    size_t count = draft->graph->project->asset_count;
    const struct graph_edge **next = arena_array(draft->arena, count, sizeof(*next));
    size_t *walk = arena_array(draft->arena, count, sizeof(*walk)); /* 0: not seen */
    for (size_t i = 0; i < count; i++) {
        for (size_t e = draft->first[i]; !placed[i] && e < draft->first[i + 1]; e++)
            if (!placed[draft->edges.items[e].up] && !next[i])
                next[i] = &draft->edges.items[e];
        assert(placed[i] || next[i]);
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        if (placed[i] || walk[i])
            continue;
        for (; !walk[at]; at = next[at]->up)
            walk[at] = i + 1;
        if (walk[at] == i + 1)
            graph_cycle(draft, next, at);
    }
}

size_t graph_find_order(struct graph_draft *draft, size_t *order_out)
{
    size_t count = draft->graph->project->asset_count, edge_count = draft->edges.count, done = 0;
    size_t *missing = arena_array(draft->arena, count, sizeof(*missing));
    size_t *start = arena_array(draft->arena, count + 1, sizeof(*start)); /* of each asset's dependants */
    size_t *dependants = arena_array(draft->arena, edge_count, sizeof(*dependants));
    bool *placed = arena_array(draft->arena, count, sizeof(*placed));
    struct graph_heap heap = {.items = arena_array(draft->arena, count, sizeof(size_t))};
    for (size_t e = 0; e < edge_count; e++)
        start[draft->edges.items[e].up]++;
    for (size_t i = 0, sum = 0; i <= count; i++) {
        sum += i < count ? start[i] : 0;
        start[i] = sum; /* the end; filling goes backwards */
    }
    for (size_t e = edge_count; e-- > 0;)
        dependants[--start[draft->edges.items[e].up]] = draft->edges.items[e].down;
    for (size_t i = 0; i < count; i++) {
        missing[i] = draft->first[i + 1] - draft->first[i];
        if (missing[i] == 0)
            graph_heap_push(&heap, i);
    }
    while (heap.count > 0) {
        size_t next = graph_heap_pop(&heap);
        order_out[done++] = next;
        placed[next] = true;
        for (size_t d = start[next]; d < start[next + 1]; d++)
            if (--missing[dependants[d]] == 0)
                graph_heap_push(&heap, dependants[d]);
    }
    if (done < count)
        graph_find_cycles(draft, placed);
    for (size_t i = 0, last = done; i < count; i++)
        if (!placed[i]) {
            draft->broken[i] = true;
            order_out[last++] = i;
        }
    return done;
}
