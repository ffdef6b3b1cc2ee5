/* An order in which assets can run, and the cycles in which there is none. */
#include <assert.h>

#include "base/buf.h"
#include "domain/pipeline/graph_priv.h"

#define GRAPH_CYCLE_SHOWN 20
/* Cycles below cycles: so many of them are looked for. */
#define GRAPH_CYCLE_ROUNDS 20

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

/* What is left of the graph while assets are taken out whose needs are met. */
struct graph_peel {
    struct graph_draft *draft;
    size_t count;
    size_t *missing;            /* needs of each asset that are not met */
    size_t *start, *dependants; /* of each asset: those from start[asset] to start[asset + 1] */
    bool *placed;
    struct graph_heap ready;
};

static struct graph_peel graph_peel_new(struct graph_draft *draft)
{
    size_t count = draft->graph->project->asset_count, edge_count = draft->edges.count;
    const struct graph_edge *edges = draft->edges.items;
    struct graph_peel peel = {
        .draft = draft,
        .count = count,
        .missing = arena_array(draft->arena, count, sizeof(size_t)),
        .start = arena_array(draft->arena, count + 1, sizeof(size_t)),
        .dependants = arena_array(draft->arena, edge_count, sizeof(size_t)),
        .placed = arena_array(draft->arena, count, sizeof(bool)),
        .ready = {.items = arena_array(draft->arena, count, sizeof(size_t))},
    };
    for (size_t e = 0; e < edge_count; e++)
        peel.start[edges[e].up]++;
    for (size_t i = 0, sum = 0; i <= count; i++) {
        sum += i < count ? peel.start[i] : 0;
        peel.start[i] = sum; /* the end; filling goes backwards */
    }
    for (size_t e = edge_count; e-- > 0;)
        peel.dependants[--peel.start[edges[e].up]] = edges[e].down;
    for (size_t i = 0; i < count; i++) {
        peel.missing[i] = draft->first[i + 1] - draft->first[i];
        if (peel.missing[i] == 0)
            graph_heap_push(&peel.ready, i);
    }
    return peel;
}

static void graph_place(struct graph_peel *peel, size_t asset)
{
    peel->placed[asset] = true;
    for (size_t d = peel->start[asset]; d < peel->start[asset + 1]; d++) {
        size_t dependant = peel->dependants[d];
        if (--peel->missing[dependant] == 0 && !peel->placed[dependant])
            graph_heap_push(&peel->ready, dependant);
    }
}

/* Each asset that is left needs one that is left too. Going from one to the next ends in a cycle, which is told and
 * taken out, or where another walk has been. */
static void graph_find_cycles(struct graph_peel *peel)
{
    struct graph_draft *draft = peel->draft;
    const struct graph_edge **next = arena_array(draft->arena, peel->count, sizeof(*next));
    size_t *walk = arena_array(draft->arena, peel->count, sizeof(*walk)); /* 0: not seen */
    VEC(size_t) members = {0};
    for (size_t i = 0; i < peel->count; i++) {
        for (size_t e = draft->first[i]; !peel->placed[i] && !next[i] && e < draft->first[i + 1]; e++)
            if (!peel->placed[draft->edges.items[e].up])
                next[i] = &draft->edges.items[e];
        assert(peel->placed[i] || next[i]);
    }
    for (size_t i = 0; i < peel->count; i++) {
        size_t at = i;
        if (!next[i] || walk[i])
            continue;
        for (; !walk[at]; at = next[at]->up)
            walk[at] = i + 1;
        if (walk[at] != i + 1)
            continue;
        graph_cycle(draft, next, at);
        for (; !peel->placed[at]; at = next[at]->up) {
            peel->placed[at] = true; /* all of it before any of it counts as done */
            vec_push(&members, at);
        }
    }
    for (size_t i = 0; i < members.count; i++)
        graph_place(peel, members.items[i]);
    vec_done(&members);
}

/* Those that cannot run, by name. */
static void graph_append_rest(const struct graph_peel *peel, size_t *rest_out)
{
    for (size_t i = 0; i < peel->count; i++)
        if (!peel->placed[i]) {
            peel->draft->broken[i] = true;
            *rest_out++ = i;
        }
}

size_t graph_find_order(struct graph_draft *draft, size_t *order_out)
{
    struct graph_peel peel = graph_peel_new(draft);
    size_t runnable = 0, done = 0, cycles = 0;
    while (done < peel.count) {
        while (peel.ready.count > 0) {
            size_t next = graph_heap_pop(&peel.ready);
            if (cycles == 0)
                order_out[runnable++] = next;
            graph_place(&peel, next);
        }
        for (done = 0; done < peel.count && peel.placed[done];)
            done++;
        if (done == peel.count || cycles++ == GRAPH_CYCLE_ROUNDS)
            break;
        if (cycles == 1)
            graph_append_rest(&peel, order_out + runnable);
        graph_find_cycles(&peel);
    }
    return runnable;
}
