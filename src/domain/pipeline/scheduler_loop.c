/* Schedules that run after assets may run assets that others wait for. A ring of them would never come to rest. */
#include "base/log.h"
#include "domain/pipeline/scheduler_priv.h"

struct scheduler_ring {
    struct scheduler_item *item;
    ptrdiff_t asset;     /* the one that it runs; -1: */
    const bool *chosen;  /* those */
    ptrdiff_t *after;    /* nodes of the graph, -1: not there; when.after_count of them */
    size_t causes, ends; /* how many trigger it, how many it triggers */
    bool is_out;         /* no part of a ring */
};
struct scheduler_rings {
    VEC(struct scheduler_ring) list;
    VEC(size_t) out; /* taken out, whose neighbours are to be told */
};

/* A run of the one triggers the other. */
static bool scheduler_triggers(const struct scheduler_ring *from, const struct scheduler_ring *to)
{
    for (size_t i = 0; i < to->item->when.after_count; i++) {
        ptrdiff_t node = to->after[i];
        if (node >= 0 && (from->asset >= 0 ? node == from->asset : from->chosen[node]))
            return from == to || to->asset < 0 || from->asset >= 0 || !from->chosen[to->asset];
    }
    return false;
}

static void scheduler_take_out(struct scheduler_rings *rings, size_t at)
{
    rings->list.items[at].is_out = true;
    vec_push(&rings->out, at);
}

/* Takes out what nothing triggers and what triggers nothing, until only rings are left, and what lies between two. */
static void scheduler_find_rings(struct scheduler_rings *rings)
{
    struct scheduler_ring *list = rings->list.items;
    size_t count = rings->list.count;
    for (size_t i = 0; i < count * count; i++) {
        bool is_edge = scheduler_triggers(&list[i / count], &list[i % count]);
        list[i / count].ends += is_edge;
        list[i % count].causes += is_edge;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i].causes == 0 || list[i].ends == 0)
            scheduler_take_out(rings, i);
    }
    while (rings->out.count > 0) {
        size_t gone = rings->out.items[--rings->out.count];
        for (size_t i = 0; i < count; i++) {
            if (list[i].is_out)
                continue;
            list[i].causes -= scheduler_triggers(&list[gone], &list[i]);
            list[i].ends -= scheduler_triggers(&list[i], &list[gone]);
            if (list[i].causes == 0 || list[i].ends == 0)
                scheduler_take_out(rings, i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        list[i].item->is_loop = !list[i].is_out;
        if (!list[i].is_out)
            log_warn("schedule.refused", LOG_STR("schedule", list[i].item->name),
                     LOG_STR("reason", S("its run would trigger itself by `after`")));
    }
}

static void scheduler_add_ring(struct scheduler_rings *rings, struct scheduler_item *item, const struct graph *graph,
                               struct arena *arena)
{
    struct scheduler_ring ring = {.item = item, .asset = -1};
    struct err err;
    if (item->asset.len > 0) {
        ring.asset = graph_find(graph, item->asset);
    } else {
        bool *chosen = arena_array(arena, graph->node_count + 1, sizeof(bool));
        if (graph_select(graph, item->select, item->select_count, chosen, &err))
            ring.chosen = chosen;
    }
    item->is_loop = false;
    if (ring.asset < 0 && !ring.chosen) /* it runs nothing that is there */
        return;
    ring.after = arena_array(arena, item->when.after_count + 1, sizeof(ptrdiff_t));
    for (size_t i = 0; i < item->when.after_count; i++)
        ring.after[i] = graph_find(graph, item->when.after[i]);
    vec_push(&rings->list, ring);
}

void scheduler_find_loops(struct scheduler *scheduler, const struct graph *graph)
{
    const struct project_settings *settings = pipeline_settings(scheduler->pipeline);
    for (size_t e = 0; e < settings->environment_count; e++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct scheduler_rings rings = {0};
        list_each(&scheduler->items, node)
        {
            struct scheduler_item *item = list_object(node, struct scheduler_item, node);
            if (item->environment == &settings->environments[e] && item->kind == SCHEDULER_AFTER)
                scheduler_add_ring(&rings, item, graph, arena);
        }
        scheduler_find_rings(&rings);
        vec_done(&rings.list);
        vec_done(&rings.out);
    }
}
