/* /api/v1/pipelines/schedules and ticks: what runs by itself, when it did, and how to hold or hasten it. */
#include "face/rest/pipeline.h"

#define REST_TICKS_DEFAULT 100

/* The project's; NULL with ERR_PRECONDITION where nothing runs by itself. */
static struct scheduler *rest_scheduler(struct rest_exchange *exchange, struct err *err)
{
    struct pipeline *pipeline = rest_pipeline(exchange, err);
    struct scheduler *scheduler = pipeline ? pipeline_scheduler(pipeline) : NULL;
    if (pipeline && !scheduler) {
        (void)err_set(err, ERR_PRECONDITION, "this server has no schedules");
        (void)err_hint(err, "`eider start` runs one that has");
    }
    return scheduler;
}

/* A server that has just started knows its schedules when it has read the project. */
struct rest_schedule_wait {
    struct edge_wait *wait;
    void (*then)(struct rest_exchange *exchange);
};

static void rest_schedules_known(void *owner, const struct graph *graph, const struct err *error)
{
    struct rest_schedule_wait known = *(struct rest_schedule_wait *)owner;
    struct rest_exchange *exchange = rest_wait_end(known.wait);
    (void)graph, (void)error; /* a project that cannot be read keeps the schedules it had */
    mem_free(owner);
    if (exchange)
        known.then(exchange);
}

static void rest_schedules_wait(struct rest_exchange *exchange, void (*then)(struct rest_exchange *exchange))
{
    struct rest_schedule_wait *known = mem_new(struct rest_schedule_wait);
    *known = (struct rest_schedule_wait){edge_wait_new(&exchange->edge), then};
    pipeline_graph(exchange->rest->pipeline, rest_schedules_known, known);
}

/* --- GET schedules --- */

struct rest_schedules {
    struct rest_exchange *exchange;
    struct json_writer *writer;
    struct str environment; /* empty: all that the client may see */
};

static void rest_schedules_each(void *owner, const struct scheduler_info *info)
{
    struct rest_schedules *list = owner;
    struct json_writer *writer = list->writer;
    const struct project_environment *environment =
        project_environment_find(pipeline_settings(list->exchange->rest->pipeline), info->environment);
    if (!environment || (list->environment.len > 0 && !str_equal(list->environment, info->environment)) ||
        principal_role(list->exchange->edge.who, environment->tenant) == ROLE_NONE)
        return;
    json_begin_object(writer, NULL);
    json_write_text(writer, "name", info->name);
    json_write_text(writer, "environment", info->environment);
    rest_write_filled(writer, "asset", info->asset);
    json_write_text(writer, "kind", info->kind);
    json_write_text(writer, "expression", info->expression);
    rest_write_filled(writer, "zone", info->zone);
    json_write_bool(writer, "paused", info->paused);
    json_write_time(writer, "last", info->last_us);
    json_write_time(writer, "next", info->next_us);
    rest_write_filled(writer, "last_run", info->last_run);
    rest_write_filled(writer, "last_outcome", info->last_outcome);
    json_end_object(writer);
}

static void rest_schedules_answer(struct rest_exchange *exchange)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    struct rest_schedules list = {exchange, &writer, http_parameter(exchange->edge.http, S("environment"))};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "schedules");
    scheduler_each(pipeline_scheduler(exchange->rest->pipeline), rest_schedules_each, &list);
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_schedules_get(struct rest_exchange *exchange)
{
    struct err err;
    if (rest_scheduler(exchange, &err) && rest_environment_asked(exchange, ROLE_READER, &err))
        rest_schedules_wait(exchange, rest_schedules_answer);
    else
        rest_fail(exchange, &err);
}

/* --- POST schedules/{name}/pause, resume, trigger --- */

/* The environment that the body names, when its owner asks. */
static const struct project_environment *rest_schedule_environment(struct rest_exchange *exchange, struct err *err)
{
    static const char *const keys[] = {"environment", NULL};
    struct str name;
    const struct json *body = rest_body(exchange, keys, err);
    bool ok = body && rest_scheduler(exchange, err) && json_get_text(body, "environment", &name, err);
    return ok ? rest_environment(exchange, name, ROLE_OWNER, err) : NULL;
}

static void rest_schedule_change(struct rest_exchange *exchange, void (*then)(struct rest_exchange *exchange))
{
    struct err err;
    if (rest_schedule_environment(exchange, &err))
        rest_schedules_wait(exchange, then);
    else
        rest_fail(exchange, &err);
}

static void rest_schedule_changed(void *owner, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    if (exchange && error)
        rest_fail(exchange, error);
    else if (exchange)
        rest_answer(exchange, 204, S(""), S(""), NULL, 0);
}

static void rest_schedule_hold(struct rest_exchange *exchange, bool paused)
{
    struct err err;
    const struct project_environment *environment = rest_schedule_environment(exchange, &err);
    if (environment)
        scheduler_pause(pipeline_scheduler(exchange->rest->pipeline), environment->name, exchange->parameters[0],
                        paused, rest_schedule_changed, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

static void rest_schedule_pause(struct rest_exchange *exchange)
{
    rest_schedule_hold(exchange, true);
}

void rest_schedule_pause_post(struct rest_exchange *exchange)
{
    rest_schedule_change(exchange, rest_schedule_pause);
}

static void rest_schedule_resume(struct rest_exchange *exchange)
{
    rest_schedule_hold(exchange, false);
}

void rest_schedule_resume_post(struct rest_exchange *exchange)
{
    rest_schedule_change(exchange, rest_schedule_resume);
}

static void rest_schedule_triggered(void *owner, struct run *run, const struct graph *graph,
                                    const struct plan_step *plan, size_t plan_count, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    (void)graph, (void)plan, (void)plan_count;
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    if (run)
        json_write_text(&writer, "id", run->id);
    json_end_object(&writer);
    rest_answer_json(exchange, run ? 201 : 200, &body);
}

static void rest_schedule_trigger(struct rest_exchange *exchange)
{
    struct err err;
    const struct project_environment *environment = rest_schedule_environment(exchange, &err);
    if (environment)
        scheduler_trigger(pipeline_scheduler(exchange->rest->pipeline), exchange->edge.who, environment->name,
                          exchange->parameters[0], rest_schedule_triggered, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

void rest_schedule_trigger_post(struct rest_exchange *exchange)
{
    rest_schedule_change(exchange, rest_schedule_trigger);
}

/* --- GET ticks --- */

static void rest_ticks_page(void *owner, const struct scheduler_tick *ticks, size_t count, uint64_t before,
                            const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "ticks");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&writer, NULL);
        json_write_i64(&writer, "number", (int64_t)ticks[i].number);
        json_write_text(&writer, "environment", ticks[i].environment);
        json_write_text(&writer, "schedule", ticks[i].schedule);
        json_write_time(&writer, "due", ticks[i].due_us);
        json_write_time(&writer, "at", ticks[i].at_us);
        json_write_text(&writer, "outcome", ticks[i].outcome);
        rest_write_filled(&writer, "run", ticks[i].run);
        rest_write_filled(&writer, "error", ticks[i].error);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    if (before)
        json_write_i64(&writer, "before", (int64_t)before);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_ticks_get(struct rest_exchange *exchange)
{
    struct str schedule = http_parameter(exchange->edge.http, S("schedule"));
    uint64_t before;
    size_t limit;
    struct err err;
    struct scheduler *scheduler = rest_scheduler(exchange, &err);
    const struct project_environment *environment =
        scheduler ? rest_environment_asked(exchange, ROLE_READER, &err) : NULL;
    if (environment && rest_before(exchange, &before, &err) &&
        rest_limit(exchange, REST_TICKS_DEFAULT, HISTORY_PAGE_MAX, &limit, &err))
        scheduler_ticks(scheduler, environment->name, schedule, before, limit, rest_ticks_page,
                        edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}
