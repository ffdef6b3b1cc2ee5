/* GET /api/v1/audit. */
#include "base/clock.h"
#include "face/rest/rest_priv.h"

static void rest_audit_encode(struct json_writer *writer, const struct audit_row *row)
{
    char at[28];
    clock_format(row->at_us, at);
    json_begin_object(writer, NULL);
    json_write_i64(writer, "id", row->id);
    json_write_text(writer, "at", str_from(at));
    json_write_i64(writer, "times", row->times);
    json_write_text(writer, "user", row->event.user);
    json_write_text(writer, "from", row->event.address);
    json_write_text(writer, "action", str_from(audit_action_name(row->event.action)));
    json_write_text(writer, "object", row->event.object);
    json_write_text(writer, "tenant", row->event.tenant);
    json_write_text(writer, "result", str_from(err_code_name(row->event.result)));
    json_end_object(writer);
}

static void rest_audit_rows(void *owner, const struct audit_row *rows, size_t count, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    if (!exchange)
        return;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "entries");
    for (size_t i = 0; i < count; i++)
        rest_audit_encode(&writer, &rows[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_audit_get(struct rest_exchange *exchange)
{
    struct audit_filter filter = {.user = http_parameter(exchange->edge.http, S("user")),
                                  .tenant = http_parameter(exchange->edge.http, S("tenant")),
                                  .action = http_parameter(exchange->edge.http, S("action")),
                                  .limit = AUDIT_ROWS_DEFAULT};
    struct str limit = http_parameter(exchange->edge.http, S("limit"));
    struct str before = http_parameter(exchange->edge.http, S("before"));
    struct str since = http_parameter(exchange->edge.http, S("since"));
    int64_t count = AUDIT_ROWS_DEFAULT;
    enum audit_action action;
    struct err err;
    bool ok = !limit.ptr || (str_to_i64(limit, &count) && count >= 1 && count <= AUDIT_ROWS_MAX);
    if (!ok)
        err_set(&err, ERR_INVALID, "limit has to be a number from 1 to %d", AUDIT_ROWS_MAX);
    if (ok && since.ptr)
        ok = rest_since(since, clock_wall_us(), &filter.since_us, &err);
    if (ok && before.ptr && !(ok = str_to_i64(before, &filter.before_id)))
        err_set(&err, ERR_INVALID, "before has to be the id of an entry");
    if (!ok || (filter.action.len > 0 && !audit_action_from_name(filter.action, &action, &err))) {
        rest_fail(exchange, &err);
        return;
    }
    filter.limit = (size_t)count;
    audit_list(exchange->rest->audit, exchange->edge.who, &filter, rest_audit_rows, edge_wait_new(&exchange->edge));
}
