/* Shared by the files that make a graph. */
#pragma once
#include "domain/pipeline/graph.h"

struct graph_edge {
    size_t down, up; /* indexes of the project's assets */
    int line;        /* where down says that it needs up */
};

/* On the way from a project and analyses to a graph; indexes are those of the project's assets. */
struct graph_draft {
    struct arena *arena; /* of the draft */
    struct graph *graph;
    const struct analysis **analyses; /* NULL: none */
    VEC(struct graph_edge) edges;     /* ordered by down, then up; of each node those at first[node] */
    size_t *first;                    /* one more than assets */
    bool *broken;
    struct asset_problems problems; /* in the graph's arena */
};

/* graph_reads.c: what each asset needs: edges, sources, files; and what is wrong with them. */
void graph_add_reads(struct graph_draft *draft, struct graph_node *nodes);
/* graph_order.c: order_out: assets in an order in which they can run, those of cycles last; returns how many can. Each
 * cycle becomes a problem. */
size_t graph_find_order(struct graph_draft *draft, size_t *order_out);
