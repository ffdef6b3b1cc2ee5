/* A stream is in one of three modes: it reads a page of the log's file; it is live, and each line is sent as it is
 * written; or it waits until the client has taken what was sent. Lines that come in the first and last mode are only
 * counted: they are read from the file afterwards, so none is lost, and none is sent twice, because position is the
 * last line that was dealt with. States are not queued either: a step that changes while the client is slow is marked,
 * and its state is sent when there is room. */
#include "face/rest/pipeline_stream.h"

#include "base/clock.h"
#include "platform/net/loop.h"

#define REST_STREAM_HIGH (1u << 20) /* bytes that wait for the client: nothing is added */
#define REST_STREAM_LOW (256u << 10)
#define REST_STREAM_LINES 1000
#define REST_STREAM_HEARTBEAT_US (15 * CLOCK_SECOND)
#define REST_STREAM_LOOK_US (10 * CLOCK_MILLISECOND) /* whether a slow client has taken something */

struct rest_stream {
    struct rest_exchange *exchange; /* NULL: the client has gone while a page is being read */
    struct loop *loop;
    struct run_log_list *logs;
    struct arena *arena; /* owns run, and the filter's text */
    struct str run;
    struct run_log_filter filter; /* after: the last line that was dealt with */
    uint64_t newest;              /* the last line that is known to be there */
    bool states, reading, slow;
    bool caught_up; /* all lines that were there at the last look are dealt with */
    bool log_ended; /* no line comes any more */
    bool run_ended; /* no state comes any more */
    struct str end_state;
    struct run_log_subscriber subscriber;
    struct run_watcher watcher;
    const struct run *live; /* until it ends */
    bool *changed;          /* of each step: its state is still to be sent */
    bool any_changed, run_changed;
    struct loop_timer timer;
    int64_t written_us;
    struct buf out;
};

static void rest_stream_go_on(struct rest_stream *stream);

static void rest_stream_free(struct rest_stream *stream)
{
    struct arena *arena = stream->arena;
    run_log_unsubscribe(&stream->subscriber);
    list_remove(&stream->watcher.node);
    loop_timer_cancel(stream->loop, &stream->timer);
    buf_done(&stream->out);
    arena_free(&arena);
}

static void rest_stream_on_gone(void *owner)
{
    struct rest_stream *stream = owner;
    stream->exchange = NULL;
    run_log_unsubscribe(&stream->subscriber);
    list_remove(&stream->watcher.node);
    loop_timer_cancel(stream->loop, &stream->timer);
    if (!stream->reading)
        rest_stream_free(stream);
}

/* --- Events --- */

static struct json_writer rest_stream_event(struct rest_stream *stream, const char *name)
{
    if (name)
        buf_printf(&stream->out, "event: %s\n", name);
    buf_append_str(&stream->out, S("data: "));
    return (struct json_writer){.buf = &stream->out};
}

static void rest_stream_event_end(struct rest_stream *stream)
{
    buf_append_str(&stream->out, S("\n\n"));
}

static void rest_stream_put_line(struct rest_stream *stream, const struct run_log_line *line)
{
    buf_printf(&stream->out, "id: %llu\n", (unsigned long long)line->number);
    struct json_writer writer = rest_stream_event(stream, stream->states ? "log" : NULL);
    rest_write_line(&writer, line);
    rest_stream_event_end(stream);
}

static void rest_stream_put_run(struct rest_stream *stream, const struct run *run)
{
    struct json_writer writer = rest_stream_event(stream, "run");
    rest_write_live_run(&writer, NULL, run);
    rest_stream_event_end(stream);
    stream->run_changed = false;
}

static void rest_stream_put_step(struct rest_stream *stream, const struct run *run, const struct run_step *step)
{
    struct json_writer writer = rest_stream_event(stream, "step");
    rest_write_live_step(&writer, NULL, run, step);
    rest_stream_event_end(stream);
    stream->changed[step->index] = false;
}

/* States that could not be sent when they changed. */
static void rest_stream_put_changed(struct rest_stream *stream, const struct run *run)
{
    for (uint32_t i = 0; stream->any_changed && i < run->step_count; i++) {
        if (stream->changed[i])
            rest_stream_put_step(stream, run, &run->steps[i]);
    }
    stream->any_changed = false;
    if (stream->run_changed)
        rest_stream_put_run(stream, run);
}

/* What has gathered leaves. */
static void rest_stream_send(struct rest_stream *stream)
{
    if (buf_len(&stream->out) == 0)
        return;
    rest_write(stream->exchange, slice_copy(buf_str(&stream->out)));
    buf_clear(&stream->out);
    stream->written_us = clock_now_us();
}

static void rest_stream_end(struct rest_stream *stream)
{
    struct rest_exchange *exchange = stream->exchange;
    struct json_writer writer = rest_stream_event(stream, "end");
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "state", stream->end_state);
    json_end_object(&writer);
    rest_stream_event_end(stream);
    rest_stream_send(stream);
    rest_stream_free(stream);
    rest_end(exchange);
}

/* --- Lines from the file --- */

static void rest_stream_on_page(void *owner, const struct run_log_line *lines, size_t count, uint64_t total, bool more,
                                const struct err *error)
{
    struct rest_stream *stream = owner;
    stream->reading = false;
    if (!stream->exchange) {
        rest_stream_free(stream);
        return;
    }
    if (error && error->code != ERR_NOT_FOUND) {
        struct rest_exchange *exchange = stream->exchange;
        rest_stream_free(stream);
        rest_abort(exchange, error);
        return;
    }
    for (size_t i = 0; i < count; i++)
        rest_stream_put_line(stream, &lines[i]);
    bool forward = stream->filter.before == 0;
    if (more && forward)
        stream->filter.after = lines[count - 1].number;
    else if (total > stream->filter.after)
        stream->filter.after = total;
    if (total > stream->newest)
        stream->newest = total;
    stream->caught_up = !(more && forward);
    stream->filter.before = 0;
    stream->filter.limit = REST_STREAM_LINES;
    rest_stream_send(stream);
    rest_stream_go_on(stream);
}

/* --- What happens --- */

static void rest_stream_look_later(struct rest_stream *stream)
{
    int64_t idle_us = clock_now_us() - stream->written_us;
    int64_t wait_us = idle_us < REST_STREAM_HEARTBEAT_US ? REST_STREAM_HEARTBEAT_US - idle_us : 0;
    loop_timer_set(stream->loop, &stream->timer, stream->slow ? REST_STREAM_LOOK_US : wait_us);
}

/* Does what can be done now; may end the stream. */
static void rest_stream_go_on(struct rest_stream *stream)
{
    size_t unsent = http_unsent(stream->exchange->edge.http);
    stream->slow = unsent > (stream->slow ? REST_STREAM_LOW : REST_STREAM_HIGH);
    if (!stream->slow && stream->live) {
        rest_stream_put_changed(stream, stream->live);
        rest_stream_send(stream);
    }
    if (!stream->slow && !stream->reading) {
        if (!stream->caught_up || stream->filter.after < stream->newest) {
            stream->reading = true;
            run_log_read(stream->logs, stream->run, &stream->filter, rest_stream_on_page, stream);
        } else if (stream->log_ended && stream->run_ended) {
            rest_stream_end(stream);
            return;
        }
    }
    rest_stream_look_later(stream);
}

static void rest_stream_on_time(struct loop_timer *timer)
{
    struct rest_stream *stream = timer->owner;
    if (!stream->slow && clock_now_us() - stream->written_us >= REST_STREAM_HEARTBEAT_US) {
        buf_append_str(&stream->out, S(":\n\n"));
        rest_stream_send(stream);
    }
    rest_stream_go_on(stream);
}

static void rest_stream_on_line(void *owner, const struct run_log_line *line)
{
    struct rest_stream *stream = owner;
    if (!line) {
        stream->log_ended = true;
        rest_stream_go_on(stream);
        return;
    }
    bool next = stream->caught_up && !stream->reading && !stream->slow && stream->filter.after == stream->newest;
    stream->newest = line->number;
    if (!next)
        return;
    stream->filter.after = line->number;
    if (!run_log_filter_takes(&stream->filter, line))
        return;
    rest_stream_put_line(stream, line);
    rest_stream_send(stream);
    if (http_unsent(stream->exchange->edge.http) > REST_STREAM_HIGH)
        rest_stream_go_on(stream);
}

static void rest_stream_on_event(void *owner, enum run_event event, const struct run *run, const struct run_step *step)
{
    struct rest_stream *stream = owner;
    bool marked = stream->slow || stream->any_changed;
    if (run != stream->live)
        return;
    if (stream->states && step && marked)
        stream->changed[step->index] = stream->any_changed = true;
    else if (stream->states && step)
        rest_stream_put_step(stream, run, step);
    else if (stream->states)
        stream->run_changed = true;
    if (event == RUN_EVENT_ENDED) { /* the run is gone after this: its last states leave now, however slow the client */
        rest_stream_put_changed(stream, run);
        stream->end_state = str_from(run_state_name((enum run_state)run->state));
        stream->run_ended = true;
        stream->live = NULL;
        list_remove(&stream->watcher.node);
        rest_stream_send(stream);
        loop_timer_set(stream->loop, &stream->timer, 0); /* the log's last lines are written before */
    } else {
        rest_stream_send(stream);
        rest_stream_go_on(stream);
    }
}

/* --- The beginning --- */

static void rest_stream_put_found(struct rest_stream *stream, const struct rest_run *found)
{
    struct json_writer writer = rest_stream_event(stream, "run");
    rest_write_run(&writer, NULL, &found->run);
    rest_stream_event_end(stream);
    for (size_t i = 0; i < found->step_count; i++) {
        struct history_step step = found->steps[i];
        step.report = S(""); /* the run itself has them */
        writer = rest_stream_event(stream, "step");
        rest_write_step(&writer, &step, stream->arena);
        rest_stream_event_end(stream);
    }
}

static void rest_stream_put_present(struct rest_stream *stream, const struct rest_run *found)
{
    const struct run *run = stream->live;
    if (!run) {
        rest_stream_put_found(stream, found);
        return;
    }
    rest_stream_put_run(stream, run);
    for (uint32_t i = 0; i < run->step_count; i++)
        rest_stream_put_step(stream, run, &run->steps[i]);
}

void rest_stream_begin(struct rest_exchange *exchange, const struct rest_stream_options *options)
{
    static const struct http_field unbuffered = {{"x-accel-buffering", 17}, {"no", 2}}; /* by a proxy */
    struct pipeline *pipeline = exchange->rest->pipeline;
    const struct rest_run *found = options->found;
    rest_begin(exchange, S("text/event-stream"), &unbuffered, 1);
    if (str_equal(exchange->edge.http->method, S("HEAD"))) {
        rest_end(exchange);
        return;
    }
    struct arena *arena = arena_new();
    struct rest_stream *stream = arena_new_object(arena, struct rest_stream);
    *stream = (struct rest_stream){.exchange = exchange,
                                   .loop = exchange->rest->loop,
                                   .logs = pipeline_logs(pipeline),
                                   .arena = arena,
                                   .run = str_copy(arena, found->run.id),
                                   .filter = options->filter,
                                   .states = options->states,
                                   .live = run_find(pipeline, found->run.id),
                                   .end_state = str_from(run_state_name((enum run_state)found->run.state)),
                                   .written_us = clock_now_us()};
    stream->filter.text = str_copy(arena, options->filter.text);
    stream->filter.bytes = REST_STREAM_LOW;
    if (stream->filter.before == 0)
        stream->filter.limit = REST_STREAM_LINES;
    stream->timer = (struct loop_timer){.on_time = rest_stream_on_time, .owner = stream};
    stream->subscriber = (struct run_log_subscriber){.on_line = rest_stream_on_line, .owner = stream};
    stream->watcher = (struct run_watcher){.on_event = rest_stream_on_event, .owner = stream};
    list_init(&stream->watcher.node);
    exchange->edge.on_gone = rest_stream_on_gone;
    exchange->edge.owner = stream;
    stream->log_ended = !run_log_subscribe(stream->logs, stream->run, &stream->subscriber);
    stream->run_ended = !stream->live;
    if (stream->live) {
        stream->changed = arena_array(arena, stream->live->step_count, sizeof(*stream->changed));
        run_watch(pipeline, &stream->watcher);
    }
    if (stream->states)
        rest_stream_put_present(stream, found);
    rest_stream_send(stream);
    rest_stream_go_on(stream);
}
