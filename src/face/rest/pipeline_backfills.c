/* /api/v1/pipelines/backfills: one run per partition of an asset, over a range of them. */
#include "face/rest/pipeline.h"

static void rest_write_backfill(struct json_writer *writer, const struct scheduler_backfill *backfill)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "id", backfill->id);
    json_write_text(writer, "environment", backfill->environment);
    json_write_text(writer, "asset", backfill->asset);
    json_write_text(writer, "from", backfill->from);
    json_write_text(writer, "to", backfill->to);
    rest_write_filled(writer, "user", backfill->user);
    json_write_text(writer, "state", str_from(run_state_name((enum run_state)backfill->state)));
    json_write_time(writer, "created", backfill->created_us);
    json_write_time(writer, "ended", backfill->ended_us);
    json_write_i64(writer, "total", backfill->total);
    json_write_i64(writer, "done", backfill->done);
    json_write_i64(writer, "failed", backfill->failed);
    json_end_object(writer);
}

static struct scheduler *rest_backfill_scheduler(struct rest_exchange *exchange, struct err *err)
{
    struct pipeline *pipeline = rest_pipeline(exchange, err);
    struct scheduler *scheduler = pipeline ? pipeline_scheduler(pipeline) : NULL;
    if (pipeline && !scheduler)
        (void)err_set(err, ERR_PRECONDITION, "this server makes no backfills");
    return scheduler;
}

/* --- GET --- */

static void rest_backfills_list(void *owner, const struct scheduler_backfill *backfills, size_t count,
                                const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "backfills");
    for (size_t i = 0; i < count; i++)
        rest_write_backfill(&writer, &backfills[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_backfills_get(struct rest_exchange *exchange)
{
    struct err err;
    struct scheduler *scheduler = rest_backfill_scheduler(exchange, &err);
    const struct project_environment *environment =
        scheduler ? rest_environment_asked(exchange, ROLE_READER, &err) : NULL;
    if (environment)
        scheduler_backfills(scheduler, environment->name, rest_backfills_list, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

/* --- POST, cancel --- */

static void rest_backfill_answer(struct edge_wait *wait, int status, const struct scheduler_backfill *backfill,
                                 const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(wait);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    if (error) {
        rest_fail(exchange, error);
        return;
    }
    rest_write_backfill(&writer, backfill);
    rest_answer_json(exchange, status, &body);
}

static void rest_backfill_started(void *owner, const struct scheduler_backfill *backfill, const struct err *error)
{
    rest_backfill_answer(owner, 201, backfill, error);
}

static void rest_backfill_cancelled(void *owner, const struct scheduler_backfill *backfill, const struct err *error)
{
    rest_backfill_answer(owner, 202, backfill, error);
}

static bool rest_backfill_read(struct rest_exchange *exchange, struct scheduler_backfill_request *request,
                               struct err *err)
{
    static const char *const keys[] = {"environment", "asset", "from", "to", "only_missing", NULL};
    struct str name;
    const struct json *body = rest_body(exchange, keys, err);
    if (!body || !json_get_text(body, "environment", &name, err))
        return false;
    const struct project_environment *environment = rest_environment(exchange, name, ROLE_OWNER, err);
    if (!environment || !json_get_text(body, "asset", &request->asset, err) ||
        !json_get_text(body, "from", &request->from, err) || !json_get_text(body, "to", &request->to, err) ||
        !rest_get_bool(body, "only_missing", &request->only_missing, err))
        return false;
    request->environment = environment->name;
    request->who = exchange->edge.who;
    return request->asset.len > 0 || err_set(err, ERR_INVALID, "body: asset is missing");
}

void rest_backfills_post(struct rest_exchange *exchange)
{
    struct scheduler_backfill_request request = {0};
    struct err err;
    struct scheduler *scheduler = rest_backfill_scheduler(exchange, &err);
    if (scheduler && rest_backfill_read(exchange, &request, &err))
        scheduler_backfill_start(scheduler, &request, rest_backfill_started, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

/* Whose it is, is known by its environment: it has to be one of those that the body names. */
static void rest_backfill_found(void *owner, const struct scheduler_backfill *backfills, size_t count,
                                const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    struct err err;
    if (!exchange)
        return;
    struct str id = exchange->parameters[0];
    for (size_t i = 0; !error && i < count; i++) {
        if (!str_equal(backfills[i].id, id))
            continue;
        if (backfills[i].ended_us) {
            (void)err_set(&err, ERR_PRECONDITION, "backfill %.*s has ended", STR_ARG(id));
            rest_fail(exchange, &err);
            return;
        }
        scheduler_backfill_cancel(pipeline_scheduler(exchange->rest->pipeline), id, rest_backfill_cancelled,
                                  edge_wait_new(&exchange->edge));
        return;
    }
    (void)err_set(&err, ERR_NOT_FOUND, "the environment has no backfill '%.*s'", STR_ARG(str_slice(id, 0, 64)));
    rest_fail(exchange, error ? error : &err);
}

void rest_backfill_cancel_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"environment", NULL};
    struct str name;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    struct scheduler *scheduler = body ? rest_backfill_scheduler(exchange, &err) : NULL;
    const struct project_environment *environment = NULL;
    if (scheduler && json_get_text(body, "environment", &name, &err))
        environment = rest_environment(exchange, name, ROLE_OWNER, &err);
    if (environment)
        scheduler_backfills(scheduler, environment->name, rest_backfill_found, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}
