/* nghttp2's callbacks: streams come and go, frames are counted, bytes are handed on. */
#include "platform/rpc/session.h"

#include "base/clock.h"
#include "base/limits.h"
#include "platform/net/connection.h"
#include "platform/rpc/session_priv.h"

#define RPC_CONNECTION_WINDOW (64 << 20)
#define RPC_STREAM_WINDOW (8u << 20)
#define RPC_FRAME_SIZE (1u << 20)
/* Our own frames are as large as the peer allows, within reason: control frames get their turn between them. */
#define RPC_SENT_FRAME_MAX (256 * 1024)
#define RPC_BUDGET_US (10 * CLOCK_SECOND)
#define RPC_CONTROL_CREDIT_MAX 10000
#define RPC_TICK_US CLOCK_SECOND
/* Acknowledgements that wait to be sent: a client that floods without reading is cut off here. */
#define RPC_OUTBOUND_ACKS 100
#define RPC_CONTINUATIONS 8
/* A header block this many times over its limit ends the connection instead of the request. */
#define RPC_HEADER_EXCESS 8

/* True while at most `most` happened within ten seconds. */
static bool rpc_budget_spend(struct rpc_budget *budget, int64_t most)
{
    int64_t now_us = clock_now_us();
    if (now_us - budget->began_us >= RPC_BUDGET_US) {
        budget->began_us = now_us;
        budget->count = 0;
    }
    return ++budget->count <= most;
}

void rpc_session_terminate(struct rpc_session *session, uint32_t error_code)
{
    nghttp2_session_terminate_session(session->http2, error_code);
    rpc_session_wake(session);
}

void rpc_session_wake(struct rpc_session *session)
{
    if (!session->inside)
        session->on_wake(session->owner);
}

/* Rapid reset and its mirror image: resets of both sides count, except those that end an answered stream. */
static void rpc_session_count_reset(struct rpc_session *session)
{
    if (!rpc_budget_spend(&session->resets, limits_get(LIMIT_HTTP2_RESETS)))
        rpc_session_terminate(session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Frames that cost us work and carry nothing. Those that answer our own DATA are free. */
static void rpc_session_count_control(struct rpc_session *session)
{
    if (session->control_credit > 0) {
        session->control_credit--;
        return;
    }
    if (!rpc_budget_spend(&session->control, limits_get(LIMIT_HTTP2_CONTROL)))
        rpc_session_terminate(session, NGHTTP2_ENHANCE_YOUR_CALM);
}

void rpc_session_allow_control(struct rpc_session *session)
{
    if (session->control_credit < RPC_CONTROL_CREDIT_MAX)
        session->control_credit += 2;
}

static struct rpc_stream *rpc_session_stream(nghttp2_session *http2, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(http2, id) : NULL;
}

/* RFC 9113 5.1.1: an id below one that was used already, and never used itself, ends the connection. nghttp2 is lenient
 * here because it cannot tell such an id from one of a stream that has ended; the last gap in the sequence tells. */
static int rpc_on_begin_frame(nghttp2_session *http2, const nghttp2_frame_hd *header, void *user_data)
{
    (void)http2;
    struct rpc_session *session = user_data;
    if (header->type != NGHTTP2_HEADERS || header->stream_id % 2 == 0)
        return 0;
    if (header->stream_id > session->last_id) {
        session->gap_begin = session->last_id + 1;
        session->gap_end = header->stream_id;
        session->last_id = header->stream_id;
    } else if (header->stream_id >= session->gap_begin && header->stream_id < session->gap_end) {
        rpc_session_terminate(session, NGHTTP2_PROTOCOL_ERROR);
    }
    return 0;
}

static int rpc_on_begin_headers(nghttp2_session *http2, const nghttp2_frame *frame, void *user_data)
{
    struct rpc_session *session = user_data;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct rpc_stream *stream = rpc_stream_new(session, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(http2, frame->hd.stream_id, stream);
    rpc_session_allow_control(session);
    return 0;
}

static void rpc_session_store_field(struct rpc_stream *stream, struct str name, struct str value)
{
    struct arena *arena = stream->arena;
    if (name.ptr[0] != ':') {
        struct http_field field = {str_copy(arena, name), str_copy(arena, value)};
        if (str_equal(name, S("content-type")))
            stream->content_type = field.value;
        else if (str_equal(name, S("host")) && !stream->authority.ptr)
            stream->authority = field.value;
        vec_push(&stream->fields, field);
    } else if (str_equal(name, S(":method"))) {
        stream->method = str_copy(arena, value);
    } else if (str_equal(name, S(":path"))) {
        stream->path = str_copy(arena, value);
    } else if (str_equal(name, S(":authority"))) {
        stream->authority = str_copy(arena, value);
    }
}

static int rpc_on_header(nghttp2_session *http2, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                         const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
    (void)flags;
    struct rpc_session *session = user_data;
    struct rpc_stream *stream = rpc_session_stream(http2, frame->hd.stream_id);
    if (!stream)
        return 0;
    stream->header_bytes += name_len + value_len + 32;
    stream->header_count++;
    size_t limit = (size_t)limits_get(LIMIT_HTTP_HEADER);
    if (stream->header_bytes > limit * RPC_HEADER_EXCESS) {
        rpc_session_terminate(session, NGHTTP2_ENHANCE_YOUR_CALM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (stream->header_bytes > limit || stream->header_count > (size_t)limits_get(LIMIT_HTTP_FIELDS))
        stream->too_large = true;
    if (!stream->too_large && stream->kind == RPC_STREAM_HEADERS) /* trailers are counted only */
        rpc_session_store_field(stream, str_bytes(name, name_len), str_bytes(value, value_len));
    return 0;
}

static bool rpc_session_is_call(struct str content_type)
{
    if (!str_starts_with(content_type, S("application/grpc")))
        return false;
    struct str rest = str_from_index(content_type, sizeof("application/grpc") - 1);
    return rest.len == 0 || rest.ptr[0] == '+' || rest.ptr[0] == ';';
}

static void rpc_session_start_stream(struct rpc_stream *stream)
{
    stream->kind = rpc_session_is_call(stream->content_type) ? RPC_STREAM_CALL : RPC_STREAM_HTTP;
    if (stream->kind == RPC_STREAM_CALL)
        rpc_call_start(stream);
    else if (stream->too_large)
        rpc_carrier_refuse_headers(stream);
}

static void rpc_session_half_close(struct rpc_stream *stream)
{
    stream->half_closed = true;
    if (stream->kind == RPC_STREAM_CALL)
        rpc_call_half_close(stream);
    else
        rpc_carrier_half_close(stream);
}

static int rpc_on_frame(nghttp2_session *http2, const nghttp2_frame *frame, void *user_data)
{
    struct rpc_session *session = user_data;
    struct rpc_stream *stream = rpc_session_stream(http2, frame->hd.stream_id);
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (stream && stream->kind == RPC_STREAM_HEADERS)
            rpc_session_start_stream(stream);
        if (stream && ends)
            rpc_session_half_close(stream);
        break;
    case NGHTTP2_DATA:
        if (stream && ends)
            rpc_session_half_close(stream);
        else if (frame->hd.length == frame->data.padlen)
            rpc_session_count_control(session);
        break;
    case NGHTTP2_RST_STREAM:
        rpc_session_count_reset(session);
        break;
    default: /* SETTINGS, PING, PRIORITY, WINDOW_UPDATE; nghttp2 ends a session for acknowledged SETTINGS that we never
                sent, and no PING is ever sent from here */
        if (frame->hd.type != NGHTTP2_SETTINGS || !(frame->hd.flags & NGHTTP2_FLAG_ACK))
            rpc_session_count_control(session);
        break;
    }
    return 0;
}

static int rpc_on_frame_sent(nghttp2_session *http2, const nghttp2_frame *frame, void *user_data)
{
    struct rpc_session *session = user_data;
    struct rpc_stream *stream = rpc_session_stream(http2, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
        frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM)
        rpc_session_count_reset(session);
    if (!stream || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
        (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    stream->call.trailed = true;
    if (!stream->half_closed) /* RFC 9113 8.1: the answer is whole, what the client still sends is not wanted */
        nghttp2_submit_rst_stream(http2, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    return 0;
}

static int rpc_on_data(nghttp2_session *http2, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
                       void *user_data)
{
    (void)flags;
    struct rpc_session *session = user_data;
    struct rpc_stream *stream = rpc_session_stream(http2, stream_id);
    /* The connection's window is for all streams: one that is paused must not stop the others. */
    nghttp2_session_consume_connection(http2, len);
    if (!stream)
        return 0;
    stream->progress_us = session->active_us;
    rpc_stream_consume(stream, len);
    if (stream->kind == RPC_STREAM_CALL)
        rpc_call_input(stream, str_bytes(data, len));
    else
        rpc_carrier_input(stream, str_bytes(data, len));
    return 0;
}

static void rpc_session_close_stream(struct rpc_stream *stream)
{
    if (stream->kind == RPC_STREAM_CALL)
        rpc_call_closed(stream);
    else
        rpc_carrier_closed(stream);
    rpc_stream_free(stream);
}

static int rpc_on_stream_close(nghttp2_session *http2, int32_t stream_id, uint32_t error_code, void *user_data)
{
    (void)error_code, (void)user_data;
    struct rpc_stream *stream = rpc_session_stream(http2, stream_id);
    if (!stream)
        return 0;
    nghttp2_session_set_stream_user_data(http2, stream_id, NULL);
    rpc_session_close_stream(stream);
    return 0;
}

static ssize_t rpc_frame_size(nghttp2_session *http2, uint8_t type, int32_t stream_id, int32_t session_window,
                              int32_t stream_window, uint32_t frame_max, void *user_data)
{
    (void)http2, (void)type, (void)stream_id, (void)user_data;
    ssize_t size = session_window < stream_window ? session_window : stream_window;
    if (size > (ssize_t)frame_max)
        size = (ssize_t)frame_max;
    return size < RPC_SENT_FRAME_MAX ? size : RPC_SENT_FRAME_MAX;
}

nghttp2_session_callbacks *rpc_session_callbacks(void)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        mem_panic("out of memory");
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, rpc_on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, rpc_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, rpc_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, rpc_on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, rpc_on_frame_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, rpc_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, rpc_on_stream_close);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, rpc_frame_size);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, rpc_stream_send_data);
    return callbacks;
}

nghttp2_option *rpc_session_option(void)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        mem_panic("out of memory");
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, RPC_OUTBOUND_ACKS);
    nghttp2_option_set_max_continuations(option, RPC_CONTINUATIONS);
    return option;
}

struct rpc_session *rpc_session_new(struct rpc_host *host, struct outbox *outbox, const struct net_peer *peer,
                                    void (*on_wake)(void *owner), void *owner)
{
    struct rpc_session *session = mem_new(struct rpc_session);
    *session = (struct rpc_session){.host = host, .outbox = outbox, .peer = peer, .on_wake = on_wake, .owner = owner};
    session->id = ++host->last_session;
    session->active_us = clock_now_us();
    list_init(&session->streams);
    list_init(&session->draining);
    if (nghttp2_session_server_new2(&session->http2, host->callbacks, session, host->option) != 0)
        mem_panic("out of memory");
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)limits_get(LIMIT_HTTP2_STREAMS)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, RPC_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits_get(LIMIT_HTTP_HEADER)},
    };
    nghttp2_submit_settings(session->http2, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
    nghttp2_session_set_local_window_size(session->http2, NGHTTP2_FLAG_NONE, 0, RPC_CONNECTION_WINDOW);
    return session;
}

void rpc_session_expect_bulk(struct rpc_session *session)
{
    if (session->bulk)
        return;
    session->bulk = true;
    const nghttp2_settings_entry setting = {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, RPC_FRAME_SIZE};
    nghttp2_submit_settings(session->http2, NGHTTP2_FLAG_NONE, &setting, 1);
}

void rpc_session_free(struct rpc_session **session_ptr)
{
    struct rpc_session *session = session_ptr ? *session_ptr : NULL;
    if (!session)
        return;
    session->inside = true;
    for (struct list *node = list_first(&session->streams); node; node = list_first(&session->streams)) {
        struct rpc_stream *stream = list_object(node, struct rpc_stream, node);
        rpc_session_close_stream(stream);
    }
    nghttp2_session_del(session->http2);
    for (const struct rpc_service *service = session->host->service; service; service = service->next) {
        if (service->on_connection_gone)
            service->on_connection_gone(service->owner, session->id);
    }
    mem_free(session);
    *session_ptr = NULL;
}

void rpc_session_input(struct rpc_session *session, struct str bytes)
{
    session->inside = true;
    session->active_us = clock_now_us();
    ssize_t taken = nghttp2_session_mem_recv(session->http2, (const uint8_t *)bytes.ptr, bytes.len);
    if (taken < 0) /* not HTTP/2 at all, or a flood; whatever can be said to it is in nghttp2's queue already */
        session->over = true;
    session->inside = false;
}

/* Tells calls that their bytes have left. */
static void rpc_session_report_drained(struct rpc_session *session)
{
    list_each(&session->draining, node)
    {
        struct rpc_stream *stream = list_object(node, struct rpc_stream, draining);
        if (stream->queued || stream->position > session->outbox->sent)
            continue;
        list_remove(node);
        rpc_call_drained(stream);
    }
}

void rpc_session_output(struct rpc_session *session)
{
    session->inside = true;
    rpc_session_report_drained(session);
    while (outbox_len(session->outbox) < CONNECTION_HIGH_WATER) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(session->http2, &bytes);
        if (len < 0)
            session->over = true;
        if (len <= 0)
            break;
        outbox_copy(session->outbox, bytes, (size_t)len);
    }
    session->inside = false;
}

bool rpc_session_is_over(const struct rpc_session *session)
{
    return session->over || (!nghttp2_session_want_read(session->http2) && !nghttp2_session_want_write(session->http2));
}

bool rpc_session_is_idle(const struct rpc_session *session)
{
    return session->stream_count == 0;
}

int64_t rpc_session_deadline_us(const struct rpc_session *session)
{
    if (session->stream_count)
        return session->tick_us + RPC_TICK_US;
    return session->active_us + limits_get(LIMIT_IDLE_TIMEOUT) * CLOCK_SECOND;
}

/* Bytes that cannot leave because the client opens no window, and HTTP bodies that do not come. */
static bool rpc_session_is_stalled(const struct rpc_stream *stream, int64_t now_us)
{
    bool waits_to_send = stream->queued > 0;
    bool waits_for_body = stream->kind == RPC_STREAM_HTTP && !stream->half_closed;
    return (waits_to_send || waits_for_body) &&
           now_us - stream->progress_us > limits_get(LIMIT_WRITE_TIMEOUT) * CLOCK_SECOND;
}

void rpc_session_tick(struct rpc_session *session)
{
    int64_t now_us = clock_now_us();
    session->tick_us = now_us;
    if (session->stream_count == 0 && now_us >= rpc_session_deadline_us(session))
        rpc_session_terminate(session, NGHTTP2_NO_ERROR);
    list_each(&session->streams, node)
    {
        struct rpc_stream *stream = list_object(node, struct rpc_stream, node);
        if (stream->kind == RPC_STREAM_HEADERS) {
            if (now_us - stream->started_us > limits_get(LIMIT_HEADER_TIMEOUT) * CLOCK_SECOND)
                rpc_session_terminate(session, NGHTTP2_ENHANCE_YOUR_CALM);
        } else if (rpc_session_is_stalled(stream, now_us)) {
            rpc_stream_reset(stream, NGHTTP2_CANCEL);
        }
    }
}

void rpc_session_stop(struct rpc_session *session)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(session->http2);
    nghttp2_submit_goaway(session->http2, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    rpc_session_wake(session);
}
