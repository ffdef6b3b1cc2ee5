/* /api/v1/pipelines/runs/{id}/logs and events: windows of a log, and streams. */
#include "base/log.h"
#include "face/rest/pipeline_stream.h"

#define REST_LOG_LINES 500

void rest_write_line(struct json_writer *writer, const struct run_log_line *line)
{
    json_begin_object(writer, NULL);
    json_write_i64(writer, "number", (int64_t)line->number);
    json_write_time(writer, "at", line->at_us);
    json_write_text(writer, "level", str_from(log_level_name((enum log_level)line->level)));
    if (line->step != RUN_LOG_NO_STEP) {
        json_write_i64(writer, "step", line->step);
        json_write_i64(writer, "attempt", line->attempt);
    }
    rest_write_filled(writer, "asset", line->asset);
    json_write_text(writer, "text", line->text);
    json_end_object(writer);
}

/* --- What is asked for --- */

static bool rest_log_number(struct rest_exchange *exchange, const char *name, uint64_t max, uint64_t *number_out,
                            struct err *err)
{
    struct str text = http_parameter(exchange->edge.http, str_from(name));
    uint64_t number;
    if (!text.ptr)
        return true;
    if (!str_to_u64(text, &number) || number > max)
        return err_set(err, ERR_INVALID, "%s has to be a whole number up to %llu", name, (unsigned long long)max);
    *number_out = number;
    return true;
}

static bool rest_log_filter(struct rest_exchange *exchange, struct run_log_filter *filter_out, struct err *err)
{
    const struct http_request *http = exchange->edge.http;
    struct str level_name = http_parameter(http, S("level")), text = http_parameter(http, S("text"));
    uint64_t step = RUN_LOG_NO_STEP;
    enum log_level level = LOG_DEBUG;
    struct run_log_filter filter = {0};
    if (!rest_log_number(exchange, "after", INT64_MAX, &filter.after, err) ||
        !rest_before(exchange, &filter.before, err) ||
        !rest_limit(exchange, REST_LOG_LINES, RUN_LOG_PAGE_MAX, &filter.limit, err) ||
        !rest_log_number(exchange, "step", RUN_LOG_NO_STEP - 1, &step, err))
        return false;
    if (level_name.ptr && !log_level_parse(level_name, &level)) {
        err_set(err, ERR_INVALID, "unknown level '%.*s'", STR_ARG(str_slice(level_name, 0, 32)));
        return err_hint(err, "debug, info, warn or error");
    }
    if (filter.before > 0 && http_parameter(http, S("after")).ptr)
        return err_set(err, ERR_INVALID, "after and before exclude each other");
    filter.level = level;
    filter.step = (uint32_t)step;
    filter.text = text.ptr ? str_lower(rest_arena(exchange), text) : S("");
    *filter_out = filter;
    return true;
}

/* --- A page --- */

static void rest_log_answer(void *owner, const struct run_log_line *lines, size_t count, uint64_t total, bool more,
                            const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "lines");
    for (size_t i = 0; i < count; i++)
        rest_write_line(&writer, &lines[i]);
    json_end_array(&writer);
    json_write_i64(&writer, "total", (int64_t)total);
    json_write_bool(&writer, "more", more);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

static void rest_log_page(struct rest_exchange *exchange, const struct rest_run *found)
{
    struct run_log_filter filter;
    struct err err;
    if (!rest_log_filter(exchange, &filter, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    if (filter.before == 0 && !http_parameter(exchange->edge.http, S("after")).ptr)
        filter.before = UINT64_MAX;
    struct run_log_list *logs = pipeline_logs(exchange->rest->pipeline);
    run_log_read(logs, found->run.id, &filter, rest_log_answer, edge_wait_new(&exchange->edge));
}

/* --- A stream --- */

/* What the client has seen goes before what its address says: a browser repeats the address when it comes back. */
static bool rest_log_resume(struct rest_exchange *exchange, struct run_log_filter *filter, struct err *err)
{
    const struct http_request *http = exchange->edge.http;
    struct str last = http_field(http, S("last-event-id"));
    if (filter->before > 0)
        return err_set(err, ERR_INVALID, "a stream goes forward: it has no `before`");
    if (last.len > 0 && !(str_to_u64(last, &filter->after) && filter->after <= INT64_MAX))
        return err_set(err, ERR_INVALID, "Last-Event-ID has to be the number of a line");
    if (last.len == 0 && !http_parameter(http, S("after")).ptr && http_parameter(http, S("limit")).ptr)
        filter->before = UINT64_MAX;
    return true;
}

static void rest_log_follow(struct rest_exchange *exchange, const struct rest_run *found, bool states)
{
    struct rest_stream_options options = {.found = found, .states = states};
    struct err err;
    if (rest_log_filter(exchange, &options.filter, &err) && rest_log_resume(exchange, &options.filter, &err))
        rest_stream_begin(exchange, &options);
    else
        rest_fail(exchange, &err);
}

static void rest_log_stream(struct rest_exchange *exchange, const struct rest_run *found)
{
    rest_log_follow(exchange, found, false);
}

static void rest_log_events(struct rest_exchange *exchange, const struct rest_run *found)
{
    rest_log_follow(exchange, found, true);
}

/* Whether the client wants the event stream: named in Accept, whatever its weight. */
static bool rest_log_wants_stream(struct str accept)
{
    struct str item, name;
    while (str_split_next(&accept, ',', &item)) {
        if (str_split_next(&item, ';', &name) && str_equal_nocase(str_trim(name), S("text/event-stream")))
            return true;
    }
    return false;
}

void rest_run_logs_get(struct rest_exchange *exchange)
{
    bool stream = rest_log_wants_stream(http_field(exchange->edge.http, S("accept")));
    rest_run_find(exchange, exchange->parameters[0], ROLE_READER, stream ? rest_log_stream : rest_log_page);
}

void rest_run_events_get(struct rest_exchange *exchange)
{
    rest_run_find(exchange, exchange->parameters[0], ROLE_READER, rest_log_events);
}
