/* `eider check`: the graph's problems, then what DuckDB says when it binds the texts against the tables as they are. */
#include "base/clock.h"
#include "base/vec.h"
#include "domain/pipeline/pipeline_priv.h"
#include "domain/pipeline/step_sql.h"
#include "platform/json/json.h"

#define PIPELINE_CHECK_ANSWER (size_t)(64 << 20)
#define PIPELINE_CHECK_TIMEOUT_US (300 * CLOCK_SECOND)

struct pipeline_checking {
    struct pipeline *pipeline;
    struct arena *arena; /* owns this */
    const struct project_environment *environment;
    struct pipeline_view *view; /* a reference */
    struct asset_problems problems;
    struct err error;
    struct loop_task refused;
    pipeline_check_done *done;
    void *owner;
};

static void pipeline_check_end(struct pipeline_checking *check, const struct err *error)
{
    struct pipeline *pipeline = check->pipeline;
    size_t assets = check->view ? check->view->graph->node_count : 0;
    check->done(check->owner, check->problems.list.items, error ? 0 : check->problems.list.count, assets, error);
    pipeline_view_unref(&check->view);
    vec_done(&check->problems.list);
    arena_free(&(struct arena *){check->arena});
    pipeline->making--;
    pipeline_check_drained(pipeline);
}

static int pipeline_check_number(const struct json *value)
{
    int64_t number = json_i64(value);
    return number > 0 && number < INT32_MAX ? (int)number : 0;
}

/* What reads an asset that does not bind cannot bind either: that is said once, where it begins. failed: a flag per
 * node; rows come in their order. */
static bool pipeline_check_is_cause(const struct graph *graph, size_t node, const bool *failed)
{
    for (size_t i = 0; i < graph->nodes[node].upstream_count; i++)
        if (failed[graph->nodes[node].upstream[i]])
            return false;
    return true;
}

static void pipeline_check_row(struct pipeline_checking *check, const struct json *row, bool *failed)
{
    const struct json *error = json_get(row, "error");
    const struct graph *graph = check->view->graph;
    ptrdiff_t node = graph_find(graph, json_text(json_get(row, "asset")));
    if (json_kind(error) != JSON_OBJECT || node < 0)
        return;
    const struct asset *asset = graph->nodes[node].asset;
    failed[node] = true;
    if (!pipeline_check_is_cause(graph, (size_t)node, failed))
        return;
    const struct asset_problem problem = {.path = asset->path,
                                          .line = pipeline_check_number(json_get(error, "line")),
                                          .column = pipeline_check_number(json_get(error, "column")),
                                          .asset = asset->name,
                                          .message = str_copy(check->arena, json_text(json_get(error, "message"))),
                                          .hint = str_copy(check->arena, json_text(json_get(error, "hint")))};
    vec_push(&check->problems.list, problem);
}

static void pipeline_check_bound(void *owner, struct str answer, const struct err *error)
{
    struct pipeline_checking *check = owner;
    AUTO(arena) struct arena *arena = arena_new();
    struct err own;
    size_t count = 0;
    const struct json **rows = error ? NULL : pipeline_call_rows(answer, "bound", arena, &count, &own);
    if (!rows) {
        pipeline_check_end(check, error ? error : &own);
        return;
    }
    bool *failed = arena_array(arena, check->view->graph->node_count, sizeof(*failed));
    for (size_t i = 0; i < count; i++)
        pipeline_check_row(check, rows[i], failed);
    pipeline_check_end(check, NULL);
}

/* What is a query that the tenant's own worker runs. */
static bool pipeline_check_can_bind(const struct graph_node *node)
{
    const struct asset *asset = node->asset;
    bool has_sql = asset->kind == ASSET_SQL || asset->kind == ASSET_SEED || asset->kind == ASSET_TEST;
    return has_sql && !node->broken && !asset->connection.len && asset->materialize != ASSET_NONE;
}

static void pipeline_check_bind(struct pipeline_checking *check)
{
    const struct graph *graph = check->view->graph;
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    bool iceberg = false;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "assets");
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (!pipeline_check_can_bind(node))
            continue;
        iceberg = iceberg || step_sql_needs_iceberg(graph, node);
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "asset", node->asset->name);
        json_write_text(&writer, "sql", node->asset->text);
        step_sql_write_ephemerals(graph, node, &writer);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    const struct pipeline_question question = {.tenant = check->environment->tenant,
                                               .kind = QUERY_BIND,
                                               .arguments = buf_str(&arguments),
                                               .iceberg = iceberg,
                                               .deadline_us = clock_deadline_us(PIPELINE_CHECK_TIMEOUT_US),
                                               .answer_max = PIPELINE_CHECK_ANSWER};
    pipeline_call(check->pipeline, &question, pipeline_check_bound, check);
}

static void pipeline_check_has_tenant(void *owner, const struct err *error)
{
    struct pipeline_checking *check = owner;
    if (error && error->code != ERR_EXISTS)
        pipeline_check_end(check, error);
    else
        pipeline_check_bind(check);
}

static void pipeline_check_loaded(void *owner, struct pipeline_view *view, const struct err *error)
{
    struct pipeline_checking *check = owner;
    struct tenant_list *tenants = check->pipeline->options.tenants;
    struct err missing;
    if (error) {
        pipeline_check_end(check, error);
        return;
    }
    check->view = pipeline_view_ref(view);
    for (size_t i = 0; i < view->graph->problem_count; i++)
        vec_push(&check->problems.list, view->graph->problems[i]);
    if (tenant_find(tenants, check->environment->tenant, &missing))
        pipeline_check_bind(check);
    else
        tenant_create(tenants, NULL, check->environment->tenant, pipeline_check_has_tenant, check);
}

static void pipeline_check_refused(struct loop_task *task)
{
    struct pipeline_checking *check = task->owner;
    pipeline_check_end(check, &check->error);
}

void pipeline_check(struct pipeline *pipeline, struct str environment, pipeline_check_done *done, void *owner)
{
    struct arena *arena = arena_new();
    struct pipeline_checking *check = arena_new_object(arena, struct pipeline_checking);
    check->pipeline = pipeline;
    check->arena = arena;
    check->environment = project_environment_find(pipeline->options.settings, environment);
    check->refused = (struct loop_task){.run = pipeline_check_refused, .owner = check};
    list_init(&check->refused.node);
    check->done = done;
    check->owner = owner;
    pipeline->making++;
    if (check->environment) {
        pipeline_load(pipeline, check->environment->tenant, pipeline_check_loaded, check);
        return;
    }
    err_set(&check->error, ERR_NOT_FOUND, "there is no environment '%.*s'", STR_ARG(str_slice(environment, 0, 64)));
    loop_defer(pipeline->options.loop, &check->refused);
}
