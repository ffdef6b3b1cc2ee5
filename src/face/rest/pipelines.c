/* /api/v1/pipelines: the server's project at a glance; and what requests about it share. */
#include "face/rest/pipeline.h"

struct pipeline *rest_pipeline(struct rest_exchange *exchange, struct err *err)
{
    if (exchange->rest->pipeline)
        return exchange->rest->pipeline;
    (void)err_set(err, ERR_NOT_FOUND, "this server has no project");
    (void)err_hint(err, "a directory whose eider.yaml has the key `tenant:` is one; `eider new NAME` makes one");
    return NULL;
}

static const struct project_settings *rest_project(struct rest_exchange *exchange, struct err *err)
{
    struct pipeline *pipeline = rest_pipeline(exchange, err);
    return pipeline ? pipeline_settings(pipeline) : NULL;
}

const struct project_environment *rest_environment(struct rest_exchange *exchange, struct str name, enum role role,
                                                   struct err *err)
{
    const struct project_settings *settings = rest_project(exchange, err);
    if (!settings)
        return NULL;
    const struct project_environment *found = project_environment_find(settings, name);
    if (!found) {
        (void)err_set(err, ERR_NOT_FOUND, "the project has no environment '%.*s'", STR_ARG(str_slice(name, 0, 64)));
        (void)err_hint(err, "`environments:` in eider.yaml lists them; production is always there");
        return NULL;
    }
    if (!principal_need(exchange->edge.who, found->tenant, role, err))
        return NULL;
    edge_set_tenant(&exchange->edge.request, found->tenant);
    return found;
}

const struct project_environment *rest_environment_asked(struct rest_exchange *exchange, enum role role,
                                                         struct err *err)
{
    return rest_environment(exchange, http_parameter(exchange->edge.http, S("environment")), role, err);
}

bool rest_limit(struct rest_exchange *exchange, size_t standard, size_t most, size_t *limit_out, struct err *err)
{
    struct str text = http_parameter(exchange->edge.http, S("limit"));
    uint64_t count = standard;
    if (text.ptr && (!str_to_u64(text, &count) || count < 1 || count > most))
        return err_set(err, ERR_INVALID, "limit has to be a number from 1 to %zu", most);
    *limit_out = (size_t)count;
    return true;
}

bool rest_before(struct rest_exchange *exchange, uint64_t *before_out, struct err *err)
{
    struct str text = http_parameter(exchange->edge.http, S("before"));
    uint64_t before = 0;
    if (text.ptr && (!str_to_u64(text, &before) || before < 1 || before > INT64_MAX))
        return err_set(err, ERR_INVALID, "before has to be what the page before this one said");
    *before_out = before;
    return true;
}

bool rest_get_texts(struct rest_exchange *exchange, const struct json *object, const char *key,
                    const struct str **texts_out, size_t *count_out, struct err *err)
{
    const struct json *value = json_get(object, key);
    size_t count = json_count(value);
    if (value && json_kind(value) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "body: %s has to be an array of texts", key);
    struct str *texts = arena_array(rest_arena(exchange), count, sizeof(*texts));
    for (size_t i = 0; i < count; i++) {
        if (json_kind(json_at(value, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "body: %s has to be an array of texts", key);
        texts[i] = json_text(json_at(value, i));
    }
    *texts_out = texts;
    *count_out = count;
    return true;
}

/* --- The run that a path names --- */

struct rest_run_search {
    struct edge_wait *wait;
    enum role role;
    rest_run_found *then;
};

static struct history_step rest_step_copy(struct arena *arena, const struct history_step *step)
{
    struct history_step copy = *step;
    copy.asset = str_copy(arena, step->asset);
    copy.error = str_copy(arena, step->error);
    copy.failure = str_copy(arena, step->failure);
    copy.report = str_copy(arena, step->report);
    copy.upstream = str_copy(arena, step->upstream);
    return copy;
}

static struct history_run rest_run_copy(struct arena *arena, const struct history_run *run)
{
    struct history_run copy = *run;
    struct str *const texts[] = {&copy.id,        &copy.environment, &copy.tenant,    &copy.trigger, &copy.user,
                                 &copy.partition, &copy.parent,      &copy.selection, &copy.error,   &copy.backfill};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = str_copy(arena, *texts[i]);
    return copy;
}

static void rest_run_read(void *owner, const struct history_run *run, const struct history_step *steps,
                          size_t step_count, const struct history_attempt *attempts, size_t attempt_count,
                          const struct err *error)
{
    struct rest_run_search search = *(struct rest_run_search *)owner;
    mem_free(owner);
    struct rest_exchange *exchange = rest_wait_end(search.wait);
    struct err err;
    if (!exchange)
        return;
    if (error || !principal_need(exchange->edge.who, run->tenant, search.role, &err)) {
        rest_fail(exchange, error ? error : &err);
        return;
    }
    edge_set_tenant(&exchange->edge.request, run->tenant);
    struct arena *arena = rest_arena(exchange);
    struct rest_run *found = arena_new_object(arena, struct rest_run);
    struct history_step *own_steps = arena_array(arena, step_count, sizeof(*own_steps));
    struct history_attempt *own_attempts = arena_array(arena, attempt_count, sizeof(*own_attempts));
    for (size_t i = 0; i < step_count; i++)
        own_steps[i] = rest_step_copy(arena, &steps[i]);
    for (size_t i = 0; i < attempt_count; i++) {
        own_attempts[i] = attempts[i];
        own_attempts[i].failure = str_copy(arena, attempts[i].failure);
        own_attempts[i].error = str_copy(arena, attempts[i].error);
    }
    *found = (struct rest_run){rest_run_copy(arena, run), own_steps, step_count, own_attempts, attempt_count};
    search.then(exchange, found);
}

void rest_run_find(struct rest_exchange *exchange, struct str id, enum role role, rest_run_found *then)
{
    struct err err;
    struct pipeline *pipeline = rest_pipeline(exchange, &err);
    if (!pipeline) {
        rest_fail(exchange, &err);
        return;
    }
    struct rest_run_search *search = mem_new(struct rest_run_search);
    *search = (struct rest_run_search){edge_wait_new(&exchange->edge), role, then};
    history_run(pipeline, id, rest_run_read, search);
}

/* --- GET /api/v1/pipelines --- */

static void rest_write_environments(struct rest_exchange *exchange, struct json_writer *writer,
                                    const struct project_settings *settings)
{
    json_begin_array(writer, "environments");
    for (size_t i = 0; i < settings->environment_count; i++) {
        const struct project_environment *environment = &settings->environments[i];
        if (principal_role(exchange->edge.who, environment->tenant) == ROLE_NONE)
            continue;
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", environment->name);
        json_write_text(writer, "tenant", environment->tenant);
        json_write_bool(writer, "schedules", environment->schedules);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* Runs that have not ended, of environments that the client may see. */
static size_t rest_open_runs(struct rest_exchange *exchange)
{
    struct list *runs = pipeline_runs(exchange->rest->pipeline);
    size_t count = 0;
    for (struct list *node = runs->next; node != runs; node = node->next) {
        const struct run *run = list_object(node, struct run, node);
        count += principal_role(exchange->edge.who, run->environment->tenant) != ROLE_NONE;
    }
    return count;
}

static void rest_pipelines_graph(void *owner, const struct graph *graph, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    if (!exchange)
        return;
    const struct project_settings *settings = pipeline_settings(exchange->rest->pipeline);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    size_t with_schedule = settings->schedule_count;
    for (size_t i = 0; i < graph->node_count; i++)
        with_schedule += graph->nodes[i].asset->schedule != NULL;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", settings->name);
    json_write_text(&writer, "tenant", settings->tenant);
    rest_write_environments(exchange, &writer, settings);
    json_write_i64(&writer, "assets", (int64_t)graph->node_count);
    json_write_i64(&writer, "schedules", (int64_t)with_schedule);
    json_write_i64(&writer, "runs", (int64_t)rest_open_runs(exchange));
    json_begin_array(&writer, "problems");
    for (size_t i = 0; i < graph->problem_count; i++)
        rest_write_problem(&writer, &graph->problems[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_pipelines_get(struct rest_exchange *exchange)
{
    struct err err;
    if (rest_environment_asked(exchange, ROLE_READER, &err))
        pipeline_graph(exchange->rest->pipeline, rest_pipelines_graph, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}
