/* What a run would do. */
#include "domain/pipeline/plan.h"

const char *plan_reason_name(enum plan_reason reason)
{
    static const char *const names[] = {"current", "never built",          "changed SQL", "changed upstream",
                                        "stale",   "changed source files", "asked for"};
    return names[reason];
}

struct str plan_fingerprint(const struct graph *graph, size_t node, struct arena *arena)
{
    return str_copy(arena, graph->nodes[node].asset->digest);
}

const struct plan_step *plan_make(const struct graph *graph, const struct plan_request *request, struct arena *arena,
                                  size_t *count_out)
{
    struct plan_step *steps = arena_array(arena, graph->node_count, sizeof(*steps));
    size_t count = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        if (request->chosen[i] && graph->nodes[i].asset->materialize != ASSET_EPHEMERAL)
            steps[count++] = (struct plan_step){.node = i, .reason = PLAN_ASKED, .because = S("")};
    *count_out = count;
    return steps;
}
