/* From a request to a durable run: project, history, selection, plan. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/pipeline/run_priv.h"
#include "platform/json/json.h"

/* A run that is being made. */
struct run_making {
    struct list node;    /* in pipeline.starts, while the history is not open */
    struct arena *arena; /* owns this and the request */
    struct pipeline *pipeline;
    struct run_request request;
    const struct project_environment *environment;
    struct pipeline_view *view; /* a reference */
    struct history_known *known;
    struct work_job look; /* at source files */
    const bool *moved;
    const struct plan_step *plan;
    size_t plan_count;
    struct err error;
    struct loop_task failed;
    run_done *done;
    void *owner;
};

static void run_making_free(struct run_making *making)
{
    struct pipeline *pipeline = making->pipeline;
    struct arena *arena = making->arena;
    list_remove(&making->node);
    loop_defer_cancel(&making->failed);
    pipeline_view_unref(&making->view);
    history_known_free(&making->known);
    arena_free(&arena);
    pipeline->making--;
    pipeline_check_drained(pipeline);
}

static void run_making_fail(struct run_making *making, const struct err *error)
{
    making->done(making->owner, NULL, NULL, NULL, 0, error);
    run_making_free(making);
}

static void run_making_on_failed(struct loop_task *task)
{
    struct run_making *making = task->owner;
    run_making_fail(making, &making->error);
}

/* --- Steps --- */

static struct str run_new_id(struct arena *arena)
{
    struct str hex = random_hex(arena, 16); /* RFC 9562, version 4 */
    static const char variants[] = "89ab";
    return str_format(arena, "%.8s-%.4s-4%.3s-%c%.3s-%.12s", hex.ptr, hex.ptr + 8, hex.ptr + 13,
                      variants[hex.ptr[16] & 3], hex.ptr + 17, hex.ptr + 20);
}

static struct str run_slot_upstream(const struct run_flow *flow, const uint32_t *above, size_t count)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < count; i++)
        json_write_text(&writer, NULL, flow->run.steps[above[i]].asset);
    json_end_array(&writer);
    return str_copy(flow->run.arena, buf_str(&text));
}

static int run_compare_u32(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

struct run_edges {
    const struct graph *graph;
    uint32_t *step_of; /* of a node, UINT32_MAX: it is no step of the run */
    uint32_t *seen;    /* of a node: by which step last, + 1 */
    VEC(size_t) stack;
    VEC(uint32_t) above;
};

/* The nearest steps above one; what is no step itself (ephemeral, not chosen) hands on what is above it. */
static void run_edges_find(struct run_edges *edges, uint32_t index, size_t node)
{
    vec_clear(&edges->above);
    vec_clear(&edges->stack);
    vec_push(&edges->stack, node);
    while (edges->stack.count) {
        const struct graph_node *from = &edges->graph->nodes[edges->stack.items[--edges->stack.count]];
        for (size_t i = 0; i < from->upstream_count; i++) {
            size_t next = from->upstream[i];
            if (edges->seen[next] == index + 1)
                continue;
            edges->seen[next] = index + 1;
            if (edges->step_of[next] != UINT32_MAX)
                vec_push(&edges->above, edges->step_of[next]);
            else
                vec_push(&edges->stack, next);
        }
    }
    if (edges->above.count)
        qsort(edges->above.items, edges->above.count, sizeof(uint32_t), run_compare_u32);
}

struct run_edge {
    uint32_t above, below;
};

static void run_connect(struct run_flow *flow)
{
    struct run *run = &flow->run;
    AUTO(arena) struct arena *arena = arena_new();
    struct run_edges edges = {.graph = run->graph};
    VEC(struct run_edge) all = {0};
    edges.step_of = arena_array(arena, run->graph->node_count + 1, sizeof(uint32_t));
    edges.seen = arena_array(arena, run->graph->node_count + 1, sizeof(uint32_t));
    for (size_t i = 0; i < run->graph->node_count; i++)
        edges.step_of[i] = UINT32_MAX;
    for (uint32_t i = 0; i < run->step_count; i++)
        edges.step_of[run->steps[i].node] = i;
    for (uint32_t i = 0; i < run->step_count; i++) {
        run_edges_find(&edges, i, run->steps[i].node);
        flow->slots[i].waiting = (uint32_t)edges.above.count;
        flow->slots[i].upstream = run_slot_upstream(flow, edges.above.items, edges.above.count);
        for (size_t j = 0; j < edges.above.count; j++) {
            const struct run_edge edge = {edges.above.items[j], i};
            vec_push(&all, edge);
            flow->slots[edge.above].below_count++;
        }
    }
    for (uint32_t i = 0; i < run->step_count; i++) {
        struct run_slot *slot = &flow->slots[i];
        slot->below = arena_array(run->arena, slot->below_count + 1, sizeof(uint32_t));
        slot->below_count = 0;
    }
    for (size_t i = 0; i < all.count; i++) {
        struct run_slot *slot = &flow->slots[all.items[i].above];
        slot->below[slot->below_count++] = all.items[i].below;
    }
    vec_done(&all);
    vec_done(&edges.stack);
    vec_done(&edges.above);
}

/* What a step takes over from the run that did not finish it. */
static void run_slot_take_over(struct run_slot *slot, const struct history_origin *origin)
{
    struct arena *arena = slot->flow->run.arena;
    if (!origin)
        return;
    slot->build_run = str_copy(arena, origin->build_run);
    slot->build_step = origin->build_step;
    if (!origin->export_only || !str_equal(origin->fingerprint, slot->fingerprint))
        return;
    slot->export_only = true;
    slot->step->committed = true;
    slot->step->report = str_copy(arena, origin->report);
}

static const struct history_origin *run_origin(const struct history_known *known, struct map *origins, struct str asset)
{
    for (size_t i = 0; origins->count < known->origin_count && i < known->origin_count; i++)
        map_put(origins, known->origins[i].asset, (void *)(uintptr_t)&known->origins[i]);
    return map_get(origins, asset);
}

static struct run_flow *run_flow_new(struct run_making *making, const struct history_known *known)
{
    struct arena *arena = arena_new();
    struct run_flow *flow = arena_new_object(arena, struct run_flow);
    struct pipeline *pipeline = flow->pipeline = making->pipeline;
    const struct run_request *request = &making->request;
    struct run *run = &flow->run;
    flow->view = pipeline_view_ref(making->view);
    list_init(&run->node);
    list_init(&flow->ready);
    list_init(&flow->unwritten);
    list_init(&flow->wake.node);
    run->arena = arena;
    run->number = ++pipeline->number;
    run->id = run_new_id(arena);
    run->environment = making->environment;
    run->graph = flow->view->graph;
    run->trigger = str_copy(arena, request->trigger);
    run->user = str_copy(arena, request->who ? request->who->user : S(""));
    run->partition = str_copy(arena, request->partition);
    run->due_us = request->due_us;
    run->full_refresh = request->full_refresh;
    run->created_us = clock_wall_us();
    run->step_count = flow->open = (uint32_t)making->plan_count;
    run->steps = arena_array(arena, run->step_count + 1, sizeof(*run->steps));
    flow->slots = arena_array(arena, run->step_count + 1, sizeof(*flow->slots));
    if (known->parent)
        run->parent = str_copy(arena, known->parent->id);
    else if (str_starts_with(run->trigger, S("retry:")))
        run->parent = str_from_index(run->trigger, S("retry:").len);
    struct map origins = {0};
    for (uint32_t i = 0; i < run->step_count; i++) {
        const struct plan_step *planned = &making->plan[i];
        const struct asset *asset = run->graph->nodes[planned->node].asset;
        struct run_slot *slot = &flow->slots[i];
        run->steps[i] = (struct run_step){.index = i,
                                          .node = planned->node,
                                          .asset = asset->name,
                                          .kind = asset->kind,
                                          .queued_us = run->created_us,
                                          .rows = -1,
                                          .bytes = -1,
                                          .reason = planned->reason};
        *slot = (struct run_slot){.flow = flow, .step = &run->steps[i], .build_run = run->id, .build_step = i};
        list_init(&slot->ready);
        slot->fingerprint = plan_fingerprint(run->graph, planned->node, arena);
        run_slot_take_over(slot, run_origin(known, &origins, asset->name));
    }
    map_done(&origins);
    run_connect(flow);
    return flow;
}

/* --- Selection and plan --- */

static bool run_choose(struct run_making *making, const struct history_known *known, bool *chosen, struct err *err)
{
    const struct graph *graph = making->view->graph;
    const struct run_request *request = &making->request;
    if (!graph_select(graph, request->select, request->select_count, chosen, err))
        return false;
    if (!known->parent)
        return true;
    bool *left = arena_array(making->arena, graph->node_count + 1, sizeof(bool));
    size_t count = 0;
    for (size_t i = 0; i < known->origin_count; i++) {
        ptrdiff_t node = graph_find(graph, known->origins[i].asset);
        if (node < 0 || !chosen[node])
            continue;
        left[node] = true;
        count++;
    }
    memcpy(chosen, left, graph->node_count * sizeof(bool));
    if (!count)
        return err_set(err, ERR_PRECONDITION, "run %.*s has left nothing to do", STR_ARG(known->parent->id));
    return true;
}

static bool run_problem_err(const struct graph *graph, struct str asset, struct err *err)
{
    for (size_t i = 0; i < graph->problem_count; i++) {
        const struct asset_problem *problem = &graph->problems[i];
        if (!str_equal(problem->asset, asset))
            continue;
        err_set(err, ERR_INVALID, "%.*s:%d: %.*s", STR_ARG(problem->path), problem->line, STR_ARG(problem->message));
        if (problem->hint.len)
            err_hint(err, "%.*s", STR_ARG(problem->hint));
        return false;
    }
    err_set(err, ERR_INVALID, "%.*s cannot run: something above it is wrong", STR_ARG(asset));
    return err_hint(err, "`eider check` shows what");
}

static bool run_check_chosen(const struct graph *graph, const bool *chosen, struct err *err)
{
    /* Nodes are in an order in which they can run: what is wrong itself comes before what it breaks. */
    for (size_t i = 0; i < graph->node_count; i++)
        if (chosen[i] && graph->nodes[i].broken)
            return run_problem_err(graph, graph->nodes[i].asset->name, err);
    return true;
}

static bool run_check_plan(struct run_making *making, struct err *err)
{
    const struct pipeline_options *options = &making->pipeline->options;
    struct str from, to;
    for (size_t i = 0; i < making->plan_count; i++) {
        const struct asset *asset = making->view->graph->nodes[making->plan[i].node].asset;
        bool foreign = asset->kind == ASSET_COMMAND || asset->kind == ASSET_DBT;
        if (foreign && !options->is_private && !options->settings->commands) {
            err_set(err, ERR_PRECONDITION, "%.*s runs a program, which this server does not allow",
                    STR_ARG(asset->path));
            return err_hint(err, "allow it in the server's eider.yaml: `commands: true`, or use `eider run` without a "
                                 "server");
        }
        if (making->request.partition.len && asset->partition.kind != ASSET_NOT_PARTITIONED &&
            !plan_partition_bounds(asset, making->request.partition, making->arena, &from, &to, err))
            return false;
    }
    return true;
}

static bool run_plan(struct run_making *making, const struct history_known *known, struct err *err)
{
    const struct graph *graph = making->view->graph;
    bool *chosen = arena_array(making->arena, graph->node_count + 1, sizeof(bool));
    if (!run_choose(making, known, chosen, err) || !run_check_chosen(graph, chosen, err))
        return false;
    const struct plan_request request = {.states = known->states,
                                         .state_count = known->state_count,
                                         .chosen = chosen,
                                         .moved = making->moved,
                                         .changed_only = making->request.changed_only,
                                         .now_us = clock_wall_us()};
    making->plan = plan_make(graph, &request, making->arena, &making->plan_count);
    return run_check_plan(making, err);
}

/* --- The way --- */

static void run_created(struct run_flow *flow, const struct err *error)
{
    struct run_making *making = flow->run.owner;
    flow->run.owner = NULL;
    if (error) {
        run_flow_free(flow);
        run_making_fail(making, error);
        return;
    }
    run_begin(flow);
    if (making->pipeline->draining)
        run_interrupt(flow);
    making->done(making->owner, &flow->run, flow->run.graph, making->plan, making->plan_count, NULL);
    run_making_free(making);
}

static struct str run_selection(const struct run_request *request, struct arena *arena)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < request->select_count; i++) {
        buf_append_str(&text, i ? S(" ") : S(""));
        buf_append_str(&text, request->select[i]);
    }
    return str_copy(arena, buf_str(&text));
}

static void run_making_looked(struct work_job *job)
{
    struct run_making *making = list_object(job, struct run_making, look);
    const struct history_known *known = making->known;
    struct run_request *request = &making->request;
    if (known->parent && !request->partition.len)
        request->partition = str_copy(making->arena, known->parent->partition);
    if (known->parent)
        request->full_refresh = request->full_refresh || known->parent_full_refresh;
    struct err own;
    if (!run_plan(making, known, &own)) {
        run_making_fail(making, &own);
        return;
    }
    if (request->dry_run) {
        making->done(making->owner, NULL, making->view->graph, making->plan, making->plan_count, NULL);
        run_making_free(making);
        return;
    }
    struct run_flow *flow = run_flow_new(making, known);
    flow->run.owner = making;
    struct history_new new = {.selection = run_selection(request, making->arena)};
    if (str_starts_with(request->trigger, S("backfill:")))
        new.backfill = str_from_index(request->trigger, S("backfill:").len);
    history_create(flow, &new, run_created);
}

static void run_making_look(struct work_job *job)
{
    struct run_making *making = list_object(job, struct run_making, look);
    making->moved =
        plan_files_look(making->view->graph, making->known->states, making->known->state_count, making->arena);
}

static void run_making_known(void *owner, struct history_known *known, const struct err *error)
{
    struct run_making *making = owner;
    if (error) {
        run_making_fail(making, error);
        return;
    }
    making->known = known;
    making->look = (struct work_job){.run = run_making_look, .done = run_making_looked};
    work_submit(making->pipeline->options.pool, &making->look);
}

static void run_making_know(struct run_making *making)
{
    history_know(making->pipeline, making->environment, making->request.partition, making->request.from_failure,
                 run_making_known, making);
}

static void run_making_has_tenant(void *owner, const struct err *error)
{
    struct run_making *making = owner;
    if (error && error->code != ERR_EXISTS)
        run_making_fail(making, error);
    else
        run_making_know(making);
}

static void run_making_loaded(void *owner, struct pipeline_view *view, const struct err *error)
{
    struct run_making *making = owner;
    struct tenant_list *tenants = making->pipeline->options.tenants;
    struct err missing;
    if (error) {
        run_making_fail(making, error);
        return;
    }
    making->view = pipeline_view_ref(view);
    if (making->request.dry_run || tenant_find(tenants, making->environment->tenant, &missing))
        run_making_know(making);
    else
        tenant_create(tenants, NULL, making->environment->tenant, run_making_has_tenant, making);
}

static bool run_check_request(struct run_making *making, struct err *err)
{
    struct pipeline *pipeline = making->pipeline;
    const struct run_request *request = &making->request;
    size_t open = pipeline->making;
    list_each(&pipeline->runs, node) open++;
    if (pipeline->draining)
        return err_set(err, ERR_UNAVAILABLE, "the server is shutting down");
    if (pipeline->closed.code) {
        *err = pipeline->closed;
        return false;
    }
    making->environment = project_environment_find(pipeline->options.settings, request->environment);
    if (!making->environment) {
        err_set(err, ERR_NOT_FOUND, "there is no environment '%.*s'", STR_ARG(str_slice(request->environment, 0, 64)));
        return err_hint(err, "eider.yaml names them below `environments:`");
    }
    if (request->who && !principal_need(request->who, making->environment->tenant, ROLE_OWNER, err))
        return false;
    return open <= (size_t)limits_get(LIMIT_PIPELINE_RUNS) || limits_err(LIMIT_PIPELINE_RUNS, err);
}

static struct run_making *run_making_new(struct pipeline *pipeline, const struct run_request *request)
{
    struct arena *arena = arena_new_small();
    struct run_making *making = arena_new_object(arena, struct run_making);
    struct run_request *own = &making->request;
    making->arena = arena;
    making->pipeline = pipeline;
    making->failed = (struct loop_task){.run = run_making_on_failed, .owner = making};
    list_init(&making->failed.node);
    list_init(&making->node);
    *own = *request;
    own->who = request->who ? principal_copy(arena, request->who) : NULL;
    own->environment = str_copy(arena, request->environment);
    own->from_failure = str_copy(arena, request->from_failure);
    own->partition = str_copy(arena, request->partition);
    own->trigger = request->trigger.len ? str_copy(arena, request->trigger) : S("manual");
    struct str *select = arena_array(arena, request->select_count + 1, sizeof(*select));
    for (size_t i = 0; i < request->select_count; i++)
        select[i] = str_copy(arena, request->select[i]);
    own->select = select;
    pipeline->making++;
    return making;
}

void run_start(struct pipeline *pipeline, const struct run_request *request, run_done *done, void *owner)
{
    struct run_making *making = run_making_new(pipeline, request);
    making->done = done;
    making->owner = owner;
    if (!run_check_request(making, &making->error))
        loop_defer(pipeline->options.loop, &making->failed);
    else if (!pipeline->history.open)
        list_append(&pipeline->starts, &making->node);
    else
        pipeline_load(pipeline, making->environment->tenant, run_making_loaded, making);
}

void run_start_waiting(struct pipeline *pipeline, const struct err *error)
{
    list_each(&pipeline->starts, node)
    {
        struct run_making *making = list_object(node, struct run_making, node);
        list_remove(node);
        if (error)
            run_making_fail(making, error);
        else
            pipeline_load(pipeline, making->environment->tenant, run_making_loaded, making);
    }
}

/* --- What the last server left --- */

static void run_resumed(void *owner, struct run *run, const struct graph *graph, const struct plan_step *plan,
                        size_t plan_count, const struct err *error)
{
    (void)owner, (void)graph, (void)plan, (void)plan_count;
    if (error)
        log_warn("run.not_resumed", LOG_ERR(error));
    else
        log_info("run.resumed", LOG_STR("run", run->id), LOG_STR("parent", run->parent));
}

void run_resume(struct pipeline *pipeline)
{
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < pipeline->history.left_count; i++) {
        const struct history_left *left = &pipeline->history.left[i];
        const struct run_request request = {.environment = left->environment,
                                            .from_failure = left->id,
                                            .trigger = str_format(arena, "retry:%.*s", STR_ARG(left->id))};
        run_start(pipeline, &request, run_resumed, NULL);
    }
}
