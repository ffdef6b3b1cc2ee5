/* POST /api/v1/pipelines/runs, plan and runs/{id}/retry: a run begins, or what it would do is shown. A run that has
 * begun goes on when the client goes away. */
#include "face/rest/pipeline.h"

/* --- What run_start gives --- */

static void rest_write_planned(struct json_writer *writer, const struct graph *graph, const struct plan_step *planned)
{
    const struct graph_node *node = &graph->nodes[planned->node];
    json_begin_object(writer, NULL);
    json_write_text(writer, "asset", node->asset->name);
    json_write_text(writer, "kind", str_from(asset_kind_name(node->asset->kind)));
    json_write_text(writer, "path", node->asset->path);
    json_write_text(writer, "reason", str_from(plan_reason_name(planned->reason)));
    json_write_text(writer, "because", planned->because);
    json_begin_array(writer, "upstream");
    for (size_t i = 0; i < node->upstream_count; i++)
        json_write_text(writer, NULL, graph->nodes[node->upstream[i]].asset->name);
    json_end_array(writer);
    json_end_object(writer);
}

static void rest_start_done(void *owner, struct run *run, const struct graph *graph, const struct plan_step *plan,
                            size_t plan_count, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    if (run) {
        json_write_text(&writer, "id", run->id);
        json_write_i64(&writer, "number", (int64_t)run->number);
        json_write_text(&writer, "environment", run->environment->name);
        json_write_text(&writer, "tenant", run->environment->tenant);
        json_write_text(&writer, "state", str_from(run_state_name((enum run_state)run->state)));
    }
    json_begin_array(&writer, "steps");
    for (size_t i = 0; i < plan_count; i++)
        rest_write_planned(&writer, graph, &plan[i]);
    json_end_array(&writer);
    json_begin_array(&writer, "problems");
    for (size_t i = 0; graph && i < graph->problem_count; i++)
        rest_write_problem(&writer, &graph->problems[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    struct str id = run ? run->id : S("");
    const struct http_field location = {S("location"),
                                        str_format(rest_arena(exchange), "/api/v1/pipelines/runs/%.*s", STR_ARG(id))};
    rest_answer(exchange, run ? 201 : 200, S("application/json"), buf_str(&body), &location, run ? 1 : 0);
}

static void rest_start(struct rest_exchange *exchange, struct run_request *request)
{
    /* A plan is for readers too, whose rights were asked for here: it changes nothing. */
    request->who = request->dry_run ? NULL : exchange->edge.who;
    run_start(exchange->rest->pipeline, request, rest_start_done, edge_wait_new(&exchange->edge));
}

/* --- POST runs, plan --- */

static bool rest_start_read(struct rest_exchange *exchange, enum role role, struct run_request *request,
                            struct err *err)
{
    static const char *const keys[] = {"environment",  "select",    "changed", "full_refresh",
                                       "from_failure", "partition", NULL};
    struct str name;
    const struct json *body = rest_body(exchange, keys, err);
    if (!body || !json_get_text(body, "environment", &name, err))
        return false;
    const struct project_environment *environment = rest_environment(exchange, name, role, err);
    if (!environment)
        return false;
    request->environment = environment->name;
    return rest_get_texts(exchange, body, "select", &request->select, &request->select_count, err) &&
           rest_get_bool(body, "changed", &request->changed_only, err) &&
           rest_get_bool(body, "full_refresh", &request->full_refresh, err) &&
           json_get_text(body, "from_failure", &request->from_failure, err) &&
           json_get_text(body, "partition", &request->partition, err);
}

void rest_runs_post(struct rest_exchange *exchange)
{
    struct run_request request = {.trigger = S("manual")};
    struct err err;
    if (rest_start_read(exchange, ROLE_OWNER, &request, &err))
        rest_start(exchange, &request);
    else
        rest_fail(exchange, &err);
}

void rest_plan_post(struct rest_exchange *exchange)
{
    struct run_request request = {.trigger = S("manual"), .dry_run = true};
    struct err err;
    if (rest_start_read(exchange, ROLE_READER, &request, &err))
        rest_start(exchange, &request);
    else
        rest_fail(exchange, &err);
}

/* --- POST runs/{id}/retry --- */

/* All steps again, or those that were not done. */
static void rest_retry_found(struct rest_exchange *exchange, const struct rest_run *found)
{
    static const char *const keys[] = {"from_failure", NULL};
    struct arena *arena = rest_arena(exchange);
    bool from_failure = true;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    bool ok = body && rest_get_bool(body, "from_failure", &from_failure, &err);
    if (ok && found->run.ended_us == 0) {
        ok = err_set(&err, ERR_PRECONDITION, "run %.*s has not ended", STR_ARG(found->run.id));
        (void)err_hint(&err, "cancel it, or wait for its end");
    }
    if (!ok) {
        rest_fail(exchange, &err);
        return;
    }
    struct str *select = arena_array(arena, found->step_count, sizeof(*select));
    for (size_t i = 0; i < found->step_count; i++)
        select[i] = found->steps[i].asset;
    struct run_request request = {.environment = found->run.environment,
                                  .partition = found->run.partition,
                                  .trigger = str_format(arena, "retry:%.*s", STR_ARG(found->run.id))};
    if (from_failure) {
        request.from_failure = found->run.id;
    } else {
        request.select = select;
        request.select_count = found->step_count;
    }
    rest_start(exchange, &request);
}

void rest_run_retry_post(struct rest_exchange *exchange)
{
    rest_run_find(exchange, exchange->parameters[0], ROLE_OWNER, rest_retry_found);
}
