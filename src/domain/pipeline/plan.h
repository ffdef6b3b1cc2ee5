/* What a run would do, and why. Pure. */
#pragma once
#include "domain/pipeline/graph.h"

/* What is known of an asset in an environment since its last success (history.h). */
struct asset_state {
    struct str asset;
    struct str fingerprint; /* plan_fingerprint at that time; empty: never built */
    int64_t built_us;       /* wall clock */
    uint64_t version;       /* grows with every success in the environment */
    struct str run;
    int64_t rows, bytes; /* -1: not known */
    struct str report;   /* JSON, see step.h */
};

enum plan_reason {
    PLAN_CURRENT,  /* nothing to do */
    PLAN_NEW,      /* never built here */
    PLAN_CHANGED,  /* its SQL or a property that matters */
    PLAN_UPSTREAM, /* something above it was built later, or will be */
    PLAN_STALE,    /* older than its freshness allows */
    PLAN_FILES,    /* its source files changed */
    PLAN_ASKED,    /* current, but chosen and not limited to changes */
};
const char *plan_reason_name(enum plan_reason reason); /* "changed SQL", "changed upstream", … for people */

/* SHA-256 over text and the properties that decide what is built, and those of ephemeral assets that it reads. */
struct str plan_fingerprint(const struct graph *graph, size_t node, struct arena *arena);

struct plan_step {
    size_t node;
    enum plan_reason reason;
    struct str because; /* "orders was built at …", or empty */
};
struct plan_request {
    const struct asset_state *states; /* ordered by asset */
    size_t state_count;
    const bool *chosen; /* node_count flags */
    const bool *moved;  /* node_count flags of plan_files_look; NULL: not looked at */
    bool changed_only;  /* --changed: what is PLAN_CURRENT is left out */
    int64_t now_us;     /* wall clock */
};
/* Steps in the order of the graph's nodes, in the arena. Ephemeral assets are no steps. */
const struct plan_step *plan_make(const struct graph *graph, const struct plan_request *request, struct arena *arena,
                                  size_t *count_out);

/* Which nodes' source files (of dbt assets: the files of the project) are not those of the last success any more: reads
 * directories below the root, so not on the loop's thread. Flags in the arena. */
const bool *plan_files_look(const struct graph *graph, const struct asset_state *states, size_t state_count,
                            struct arena *arena);

/* Partitions "2026-11-01", "2026-11-01T05", "north" of an asset between two (inclusive), in order; to empty: only
 * from, both empty: all until now. ERR_INVALID, ERR_RANGE beyond pipeline.max_partitions. */
bool plan_partitions(const struct asset *asset, struct str from, struct str to, int64_t now_us, struct arena *arena,
                     const struct str **partitions_out, size_t *count_out, struct err *err) MUST_USE;
/* The bounds of one: from inclusive, to exclusive, as SQL literals ("TIMESTAMP '2026-11-01'", "'north'"; to empty for
 * a key). */
bool plan_partition_bounds(const struct asset *asset, struct str partition, struct arena *arena, struct str *from_out,
                           struct str *to_out, struct err *err) MUST_USE;
