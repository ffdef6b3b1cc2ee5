/* /api/v1/statements: what runs and what ran, and how to stop it. */
#include "base/clock.h"
#include "face/rest/rest_priv.h"

#define REST_STATEMENTS_DEFAULT 100
#define REST_STATEMENTS_MAX 1000

static const char *const rest_states[] = {
    [QUERY_QUEUED] = "queued", [QUERY_RUNNING] = "running", [QUERY_CANCELLING] = "cancelling", [QUERY_ENDED] = "ended"};
static const char *const rest_outcomes[] = {
    [QUERY_DONE] = "done", [QUERY_FAILED] = "failed", [QUERY_CANCELLED] = "cancelled", [QUERY_TIMEOUT] = "timeout"};

struct rest_statements {
    struct json_writer writer;
    struct str state; /* empty: all */
    int64_t left;
};

static void rest_statement_encode(void *owner, const struct query_info *info)
{
    struct rest_statements *list = owner;
    struct str state = str_from(rest_states[info->state]);
    if (list->left == 0 || (list->state.len && !str_equal(list->state, state)))
        return;
    list->left--;
    char started[28];
    clock_format(info->started_wall_us, started);
    struct json_writer *writer = &list->writer;
    json_begin_object(writer, NULL);
    json_write_text(writer, "id", info->id);
    json_write_text(writer, "tenant", info->tenant);
    json_write_text(writer, "user", info->user);
    json_write_text(writer, "protocol", info->protocol);
    json_write_text(writer, "sql", info->sql);
    json_write_text(writer, "state", state);
    if (info->state == QUERY_ENDED) {
        json_write_text(writer, "outcome", str_from(rest_outcomes[info->outcome]));
        if (info->error.len)
            json_write_text(writer, "error", info->error);
    }
    json_write_text(writer, "started", str_from(started));
    json_write_i64(writer, "queued_us", info->queued_us);
    json_write_i64(writer, "run_us", info->run_us);
    json_write_i64(writer, "rows", (int64_t)info->rows);
    json_write_i64(writer, "bytes", (int64_t)info->bytes);
    json_end_object(writer);
}

static bool rest_statements_filter(struct rest_exchange *exchange, struct rest_statements *list, struct err *err)
{
    struct str limit = http_parameter(exchange->http, S("limit"));
    struct str state = http_parameter(exchange->http, S("state"));
    list->left = REST_STATEMENTS_DEFAULT;
    if (limit.ptr && (!str_to_i64(limit, &list->left) || list->left < 1 || list->left > REST_STATEMENTS_MAX))
        return err_set(err, ERR_INVALID, "limit has to be a number from 1 to %d", REST_STATEMENTS_MAX);
    if (!state.ptr)
        return true;
    list->state = state;
    for (size_t i = 0; i < sizeof(rest_states) / sizeof(rest_states[0]); i++) {
        if (str_equal(state, str_from(rest_states[i])))
            return true;
    }
    err_set(err, ERR_INVALID, "unknown state '%.*s'", STR_ARG(str_slice(state, 0, 32)));
    return err_hint(err, "one of queued, running, cancelling, ended");
}

void rest_statements_get(struct rest_exchange *exchange)
{
    AUTO(buf) struct buf body = {0};
    struct rest_statements list = {.writer = {.buf = &body}};
    struct err err;
    struct str tenant = http_parameter(exchange->http, S("tenant"));
    if (!rest_statements_filter(exchange, &list, &err) ||
        (tenant.len && (!tenant_find(exchange->rest->tenants, tenant, &err) ||
                        !principal_need(exchange->who, tenant, ROLE_READER, &err)))) {
        rest_fail(exchange, &err);
        return;
    }
    json_begin_object(&list.writer, NULL);
    json_begin_array(&list.writer, "statements");
    query_each(exchange->rest->query, exchange->who, tenant, rest_statement_encode, &list);
    json_end_array(&list.writer);
    json_end_object(&list.writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_statement_delete(struct rest_exchange *exchange)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    struct err err;
    if (!query_cancel_id(exchange->rest->query, exchange->who, exchange->parameters[0], &err)) {
        rest_fail(exchange, &err);
        return;
    }
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", exchange->parameters[0]);
    json_write_text(&writer, "state", S("cancelling"));
    json_end_object(&writer);
    rest_answer_json(exchange, 202, &body);
}
