/* /health and /ready. Load balancers and benchmarks ask thousands of times a second, so the answer is made once a
 * second. */
#include "base/clock.h"
#include "face/rest/rest_priv.h"

struct rest_workers {
    int64_t running; /* processes */
    int64_t statements, queued;
    uint64_t starts, crashes;
};

static void rest_health_worker(void *owner, const struct query_worker_info *info)
{
    struct rest_workers *workers = owner;
    workers->running += info->pid > 0;
    workers->statements += info->running;
    workers->queued += info->queued;
    workers->starts += info->starts;
    workers->crashes += info->crashes;
}

static void rest_health_make(struct rest *rest, int64_t now_us)
{
    struct rest_workers workers = {0};
    query_each_worker(rest->query, rest_health_worker, &workers);
    buf_clear(&rest->health);
    struct json_writer writer = {.buf = &rest->health};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "status", rest->ready ? S("ok") : S("draining"));
    json_write_text(&writer, "version", rest->version);
    json_write_i64(&writer, "uptime_s", (now_us - rest->started_us) / CLOCK_SECOND);
    json_write_i64(&writer, "tenants", (int64_t)tenant_count(rest->tenants));
    json_begin_object(&writer, "workers");
    json_write_i64(&writer, "running", workers.running);
    json_write_i64(&writer, "starts", (int64_t)workers.starts);
    json_write_i64(&writer, "crashes", (int64_t)workers.crashes);
    json_end_object(&writer);
    json_begin_object(&writer, "statements");
    json_write_i64(&writer, "running", workers.statements);
    json_write_i64(&writer, "queued", workers.queued);
    json_end_object(&writer);
    json_end_object(&writer);
    rest->health_until_us = now_us + CLOCK_SECOND;
}

void rest_health_get(struct rest_exchange *exchange)
{
    struct rest *rest = exchange->rest;
    if (!exchange->edge.who) { /* a stranger */
        rest_answer(exchange, 200, S("application/json"),
                    rest->ready ? S("{\"status\":\"ok\"}") : S("{\"status\":\"draining\"}"), NULL, 0);
        return;
    }
    if (exchange->edge.http->started_us >= rest->health_until_us)
        rest_health_make(rest, clock_now_us());
    rest_answer_json(exchange, 200, &rest->health);
}

void rest_ready_get(struct rest_exchange *exchange)
{
    if (exchange->rest->ready) {
        rest_answer(exchange, 200, S("application/json"), S("{\"status\":\"ready\"}"), NULL, 0);
        return;
    }
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "the server is shutting down");
    rest_fail(exchange, &err);
}
