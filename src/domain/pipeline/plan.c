/* What a run would do, and why. */
#include "domain/pipeline/plan.h"

#include "base/buf.h"
#include "base/clock.h"
#include "domain/pipeline/asset_property.h"
#include "domain/pipeline/plan_priv.h"
#include "platform/net/digest.h"

const char *plan_reason_name(enum plan_reason reason)
{
    static const char *const names[] = {"current", "never built",          "changed SQL", "changed upstream",
                                        "stale",   "changed source files", "asked for"};
    return names[reason];
}

const struct asset_state *plan_state(const struct asset_state *states, size_t count, struct str asset)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(states[middle].asset, asset);
        if (order == 0)
            return states[middle].fingerprint.len > 0 ? &states[middle] : NULL;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- The fingerprint --- */

/* Lengths tell "ab", "c" from "a", "bc". */
static void plan_put(struct buf *buf, struct str text)
{
    buf_printf(buf, "%zu:", text.len);
    buf_append_str(buf, text);
}

static void plan_put_list(struct buf *buf, const struct str *texts, size_t count)
{
    buf_printf(buf, "[%zu]", count);
    for (size_t i = 0; i < count; i++)
        plan_put(buf, texts[i]);
}

static void plan_put_test(struct buf *buf, const struct asset_test *test)
{
    buf_printf(buf, "test %d %lld %lld %lld %d %d ", (int)test->kind, (long long)test->min_rows,
               (long long)test->max_rows, (long long)test->max_age_us, (int)test->severity, test->blocking);
    plan_put_list(buf, test->columns, test->column_count);
    plan_put_list(buf, test->values, test->value_count);
    plan_put(buf, test->to_table);
    plan_put(buf, test->to_column);
    plan_put(buf, test->expression);
}

/* What decides what is built and what becomes of it; not who owns it, when it runs, how often it is tried. */
static void plan_put_asset(struct buf *buf, const struct asset *asset)
{
    buf_printf(buf, "%d %d %d %d %lld ", (int)asset->kind, (int)asset->materialize, (int)asset->strategy,
               (int)asset->partition.kind, (long long)asset->partition.start_us);
    plan_put(buf, asset->kind == ASSET_SEED ? asset->digest : str_trim(asset->text));
    plan_put_list(buf, asset->unique_key, asset->unique_key_count);
    plan_put(buf, asset->watermark);
    plan_put(buf, asset->partition.column);
    plan_put_list(buf, asset->partition.values, asset->partition.value_count);
    plan_put(buf, asset->connection);
    plan_put_list(buf, asset->command, asset->command_count);
    plan_put(buf, asset->dbt_project);
    plan_put_list(buf, asset->dbt_select, asset->dbt_select_count);
    for (size_t i = 0; i < asset->column_count; i++) {
        plan_put(buf, asset->columns[i].name);
        plan_put(buf, asset->columns[i].type);
    }
    for (size_t i = 0; i < asset->test_count; i++)
        plan_put_test(buf, &asset->tests[i]);
    for (size_t i = 0; i < asset->export_count; i++) {
        buf_printf(buf, "export %d ", (int)asset->exports[i].format);
        plan_put(buf, asset->exports[i].path);
    }
}

struct str plan_fingerprint(const struct graph *graph, size_t node, struct arena *arena)
{
    AUTO(buf) struct buf buf = {0};
    char sum[DIGEST_TEXT_BYTES + 1];
    AUTO(digest) struct digest *digest = digest_new();
    VEC(size_t) list = {0};
    vec_push(&list, node);
    for (size_t at = 0; at < list.count; at++) { /* it, and what ephemeral assets put into it */
        const struct graph_node *next = &graph->nodes[list.items[at]];
        plan_put(&buf, next->asset->name);
        plan_put_asset(&buf, next->asset);
        for (size_t i = 0; i < next->upstream_count; i++) {
            bool wanted = graph->nodes[next->upstream[i]].asset->materialize == ASSET_EPHEMERAL;
            for (size_t k = 0; wanted && k < list.count; k++)
                wanted = list.items[k] != next->upstream[i];
            if (wanted)
                vec_push(&list, next->upstream[i]);
        }
    }
    vec_done(&list);
    digest_add(digest, buf_str(&buf));
    digest_finish(digest, sum);
    return str_copy(arena, str_from(sum));
}

/* --- The plan --- */

struct plan {
    const struct graph *graph;
    const struct plan_request *request;
    struct arena *arena;
    bool *built;       /* by a step of this plan, or, of an ephemeral asset, by one above it */
    uint64_t *version; /* of the last success; of an ephemeral asset the greatest above it */
    size_t *newest;    /* the node that version is of */
};

static struct str plan_was_built(const struct plan *plan, size_t node)
{
    struct str name = plan->graph->nodes[node].asset->name;
    const struct asset_state *state = plan_state(plan->request->states, plan->request->state_count, name);
    char at[28];
    clock_format(state ? state->built_us : 0, at);
    return str_format(plan->arena, "%.*s was built at %.19s", STR_ARG(name), at);
}

/* The reason without what was asked for. */
static enum plan_reason plan_why(const struct plan *plan, size_t node, const struct asset_state *state,
                                 struct str *because_out)
{
    const struct graph_node *at = &plan->graph->nodes[node];
    const struct plan_request *request = plan->request;
    *because_out = S("");
    if (!state)
        return PLAN_NEW;
    if (!str_equal(state->fingerprint, plan_fingerprint(plan->graph, node, plan->arena)))
        return PLAN_CHANGED;
    for (size_t i = 0; i < at->upstream_count; i++) {
        size_t up = at->upstream[i];
        if (plan->built[up])
            *because_out = str_format(plan->arena, "%.*s is built before",
                                      STR_ARG(plan->graph->nodes[plan->newest[up]].asset->name));
        else if (plan->version[up] > state->version)
            *because_out = plan_was_built(plan, plan->newest[up]);
        else
            continue;
        return PLAN_UPSTREAM;
    }
    if (request->moved && request->moved[node])
        return PLAN_FILES;
    if (at->asset->max_age_us > 0 && request->now_us - state->built_us > at->asset->max_age_us) {
        *because_out = str_format(plan->arena, "built %lld s ago, fresh for %lld s",
                                  (long long)((request->now_us - state->built_us) / CLOCK_SECOND),
                                  (long long)(at->asset->max_age_us / CLOCK_SECOND));
        return PLAN_STALE;
    }
    return PLAN_CURRENT;
}

/* An ephemeral asset is as new as what it reads. */
static void plan_pass_on(const struct plan *plan, size_t node)
{
    const struct graph_node *at = &plan->graph->nodes[node];
    for (size_t i = 0; i < at->upstream_count; i++) {
        size_t up = at->upstream[i];
        if (plan->built[up] && !plan->built[node]) {
            plan->built[node] = true;
            plan->newest[node] = plan->newest[up];
        }
        if (plan->version[up] > plan->version[node]) {
            plan->version[node] = plan->version[up];
            if (!plan->built[node])
                plan->newest[node] = plan->newest[up];
        }
    }
}

const struct plan_step *plan_make(const struct graph *graph, const struct plan_request *request, struct arena *arena,
                                  size_t *count_out)
{
    size_t count = 0, node_count = graph->node_count;
    struct plan_step *steps = arena_array(arena, node_count, sizeof(*steps));
    struct plan plan = {
        .graph = graph,
        .request = request,
        .arena = arena,
        .built = arena_array(arena, node_count, sizeof(bool)),
        .version = arena_array(arena, node_count, sizeof(uint64_t)),
        .newest = arena_array(arena, node_count, sizeof(size_t)),
    };
    for (size_t i = 0; i < node_count; i++) {
        const struct asset *asset = graph->nodes[i].asset;
        plan.newest[i] = i;
        if (asset->materialize == ASSET_EPHEMERAL) {
            plan_pass_on(&plan, i);
            continue;
        }
        const struct asset_state *state = plan_state(request->states, request->state_count, asset->name);
        struct plan_step step = {.node = i};
        plan.version[i] = state ? state->version : 0;
        if (!request->chosen[i])
            continue;
        step.reason = plan_why(&plan, i, state, &step.because);
        if (step.reason == PLAN_CURRENT && request->changed_only)
            continue;
        if (step.reason == PLAN_CURRENT)
            step.reason = PLAN_ASKED;
        plan.built[i] = asset->kind != ASSET_TEST;
        steps[count++] = step;
    }
    *count_out = count;
    return steps;
}
