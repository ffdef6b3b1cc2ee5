/* /api/v1/statements: what runs and what ran, and how to stop it. */
#include "base/clock.h"
#include "face/rest/rest_priv.h"

#define REST_STATEMENTS_DEFAULT 100

static const char *const rest_states[] = {
    [QUERY_QUEUED] = "queued", [QUERY_RUNNING] = "running", [QUERY_CANCELLING] = "cancelling", [QUERY_ENDED] = "ended"};
static const char *const rest_outcomes[] = {
    [QUERY_DONE] = "done", [QUERY_FAILED] = "failed", [QUERY_CANCELLED] = "cancelled", [QUERY_TIMEOUT] = "timeout"};

static void rest_statement_encode(struct json_writer *writer, const struct query_info *info)
{
    char started[28];
    clock_format(info->started_wall_us, started);
    json_begin_object(writer, NULL);
    json_write_text(writer, "id", info->id);
    json_write_text(writer, "tenant", info->tenant);
    json_write_text(writer, "user", info->user);
    json_write_text(writer, "protocol", info->protocol);
    json_write_text(writer, "sql", info->sql);
    json_write_text(writer, "state", str_from(rest_states[info->state]));
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
    json_write_i64(writer, "memory_bytes", (int64_t)info->memory_bytes);
    json_end_object(writer);
}

static void rest_statements_page(void *owner, const struct query_info *infos, size_t count, int64_t before,
                                 const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    if (!exchange)
        return;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "statements");
    for (size_t i = 0; i < count; i++)
        rest_statement_encode(&writer, &infos[i]);
    json_end_array(&writer);
    if (before)
        json_write_i64(&writer, "before", before);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

/* Index of the parameter's value among the names; -1 without the parameter. */
static bool rest_statements_choice(const struct rest_exchange *exchange, const char *name, const char *const *names,
                                   size_t count, int *index_out, struct err *err)
{
    struct str text = http_parameter(exchange->edge.http, str_from(name));
    *index_out = -1;
    for (size_t i = 0; i < count; i++)
        if (str_equal(text, str_from(names[i])))
            *index_out = (int)i;
    if (!text.ptr || *index_out >= 0)
        return true;
    err_set(err, ERR_INVALID, "unknown %s '%.*s'", name, STR_ARG(str_slice(text, 0, 32)));
    return err_hint(err, "one of %s, %s%s%s%s%s", names[0], names[1], count > 2 ? ", " : "", count > 2 ? names[2] : "",
                    count > 3 ? ", " : "", count > 3 ? names[3] : "");
}

static bool rest_statements_filter(const struct rest_exchange *exchange, struct query_log_filter *filter,
                                   struct err *err)
{
    static const char *const truths[] = {"false", "true"};
    struct str limit = http_parameter(exchange->edge.http, S("limit"));
    struct str since = http_parameter(exchange->edge.http, S("since"));
    struct str before = http_parameter(exchange->edge.http, S("before"));
    int64_t count = REST_STATEMENTS_DEFAULT;
    int slow;
    if (limit.ptr && (!str_to_i64(limit, &count) || count < 1 || count > QUERY_LOG_MAX))
        return err_set(err, ERR_INVALID, "limit has to be a number from 1 to %d", QUERY_LOG_MAX);
    if (before.ptr && (!str_to_i64(before, &filter->before) || filter->before < 1))
        return err_set(err, ERR_INVALID, "before has to be what the page before this one said");
    if (since.ptr && !rest_since(since, clock_wall_us(), &filter->since_us, err))
        return false;
    if (!rest_statements_choice(exchange, "state", rest_states, 4, &filter->state, err) ||
        !rest_statements_choice(exchange, "outcome", rest_outcomes, 4, &filter->outcome, err) ||
        !rest_statements_choice(exchange, "slow", truths, 2, &slow, err))
        return false;
    filter->limit = (size_t)count;
    filter->slow = slow == 1;
    filter->user = http_parameter(exchange->edge.http, S("user"));
    filter->tenant = http_parameter(exchange->edge.http, S("tenant"));
    struct tenant_list *tenants = exchange->rest->tenants;
    return filter->tenant.len == 0 || (tenant_find(tenants, filter->tenant, err) &&
                                       principal_need(exchange->edge.who, filter->tenant, ROLE_READER, err));
}

void rest_statements_get(struct rest_exchange *exchange)
{
    struct query_log_filter filter = {0};
    struct err err;
    if (rest_statements_filter(exchange, &filter, &err))
        query_log(exchange->rest->query, exchange->edge.who, &filter, rest_statements_page,
                  edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

static void rest_statement_cancelled(struct edge_exchange *edge, const struct err *error)
{
    struct rest_exchange *exchange = list_object(edge, struct rest_exchange, edge);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    (void)error; /* there was none */
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", exchange->parameters[0]);
    json_write_text(&writer, "state", S("cancelling"));
    json_end_object(&writer);
    rest_answer_json(exchange, 202, &body);
}

void rest_statement_delete(struct rest_exchange *exchange)
{
    struct query_info info;
    struct err err;
    if (!query_cancel_id(exchange->rest->query, exchange->edge.who, exchange->parameters[0], &info, &err))
        rest_fail(exchange, &err);
    else if (str_equal(info.user, exchange->edge.who->user))
        rest_statement_cancelled(&exchange->edge, NULL);
    else
        edge_audit(&exchange->edge, exchange->rest->audit, AUDIT_STATEMENT_CANCEL,
                   str_format(rest_arena(exchange), "%.*s of %.*s", STR_ARG(info.id), STR_ARG(info.user)), info.tenant,
                   NULL, rest_statement_cancelled);
}
