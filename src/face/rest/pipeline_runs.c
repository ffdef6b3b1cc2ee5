/* /api/v1/pipelines/runs: what ran and what runs; stopping it. */
#include "base/clock.h"
#include "face/rest/pipeline.h"

#define REST_RUNS_DEFAULT 50

static bool rest_runs_state(struct rest_exchange *exchange, int *state_out, struct err *err)
{
    struct str name = http_parameter(exchange->edge.http, S("state"));
    *state_out = -1;
    if (!name.ptr)
        return true;
    for (int state = RUN_QUEUED; state <= RUN_INTERRUPTED; state++)
        if (str_equal(name, str_from(run_state_name((enum run_state)state))))
            *state_out = state;
    if (*state_out >= 0)
        return true;
    (void)err_set(err, ERR_INVALID, "unknown state '%.*s'", STR_ARG(str_slice(name, 0, 32)));
    return err_hint(err, "one of queued, running, cancelling, done, failed, cancelled, interrupted");
}

static bool rest_runs_filter(struct rest_exchange *exchange, struct history_filter *filter, struct err *err)
{
    const struct http_request *http = exchange->edge.http;
    struct str since = http_parameter(http, S("since"));
    const struct project_environment *environment = rest_environment_asked(exchange, ROLE_READER, err);
    if (!environment)
        return false;
    filter->environment = environment->name;
    filter->asset = http_parameter(http, S("asset"));
    filter->trigger = http_parameter(http, S("trigger"));
    filter->backfill = http_parameter(http, S("backfill"));
    return rest_runs_state(exchange, &filter->state, err) &&
           (!since.ptr || rest_since(since, clock_wall_us(), &filter->since_us, err)) &&
           rest_before(exchange, &filter->before, err) &&
           rest_limit(exchange, REST_RUNS_DEFAULT, HISTORY_PAGE_MAX, &filter->limit, err);
}

static void rest_runs_page(void *owner, const struct history_run *runs, size_t count, uint64_t before,
                           const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "runs");
    for (size_t i = 0; i < count; i++)
        rest_write_run(&writer, NULL, &runs[i]);
    json_end_array(&writer);
    if (before)
        json_write_i64(&writer, "before", (int64_t)before);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_runs_get(struct rest_exchange *exchange)
{
    struct history_filter filter = {0};
    struct err err;
    if (rest_runs_filter(exchange, &filter, &err))
        history_runs(exchange->rest->pipeline, &filter, rest_runs_page, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

static void rest_run_answer(struct rest_exchange *exchange, const struct rest_run *found)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    rest_write_run(&writer, "run", &found->run);
    json_begin_array(&writer, "steps");
    for (size_t i = 0; i < found->step_count; i++)
        rest_write_step(&writer, &found->steps[i], rest_arena(exchange));
    json_end_array(&writer);
    json_begin_array(&writer, "attempts");
    for (size_t i = 0; i < found->attempt_count; i++)
        rest_write_attempt(&writer, &found->attempts[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_run_get(struct rest_exchange *exchange)
{
    rest_run_find(exchange, exchange->parameters[0], ROLE_READER, rest_run_answer);
}

static void rest_run_cancel(struct rest_exchange *exchange, const struct rest_run *found)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    struct err err;
    bool ok = found->run.ended_us == 0 ||
              err_set(&err, ERR_PRECONDITION, "run %.*s has ended already", STR_ARG(found->run.id));
    if (!ok || !run_cancel(exchange->rest->pipeline, found->run.id, exchange->edge.who->user, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", found->run.id);
    json_write_text(&writer, "state", S("cancelling"));
    json_end_object(&writer);
    rest_answer_json(exchange, 202, &body);
}

void rest_run_cancel_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {NULL};
    struct err err;
    if (rest_body(exchange, keys, &err))
        rest_run_find(exchange, exchange->parameters[0], ROLE_OWNER, rest_run_cancel);
    else
        rest_fail(exchange, &err);
}
