/* One stream's output: a queue of slices that nghttp2 asks for by length, and that goes to the outbox without a copy.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "platform/net/connection.h"
#include "platform/rpc/session_priv.h"

struct rpc_stream *rpc_stream_new(struct rpc_session *session, int32_t id)
{
    struct rpc_stream *stream = mem_new(struct rpc_stream);
    stream->session = session;
    stream->id = id;
    stream->arena = arena_new();
    stream->started_us = stream->progress_us = clock_now_us();
    list_init(&stream->node);
    list_init(&stream->draining);
    if (session->stream_count == 0)
        session->tick_us = stream->started_us;
    list_append(&session->streams, &stream->node);
    session->stream_count++;
    return stream;
}

void rpc_stream_free(struct rpc_stream *stream)
{
    stream->session->stream_count--;
    list_remove(&stream->node);
    list_remove(&stream->draining);
    for (size_t i = stream->out_first; i < stream->out.count; i++)
        slice_release(&stream->out.items[i]);
    vec_done(&stream->out);
    vec_done(&stream->fields);
    vec_done(&stream->call.headers);
    vec_done(&stream->call.trailers);
    rpc_stream_forget(stream, &stream->call.message);
    rpc_stream_forget(stream, &stream->call.held);
    rpc_stream_forget(stream, &stream->body);
    buf_done(&stream->call.message);
    buf_done(&stream->call.held);
    buf_done(&stream->body);
    arena_free(&stream->arena);
    mem_free(stream);
}

bool rpc_stream_gather(struct rpc_stream *stream, struct buf *buf, struct str bytes)
{
    if (stream->session->gathered + bytes.len > (size_t)limits_get(LIMIT_HTTP2_GATHERED))
        return false;
    stream->session->gathered += bytes.len;
    buf_append_str(buf, bytes);
    return true;
}

void rpc_stream_forget(struct rpc_stream *stream, struct buf *buf)
{
    stream->session->gathered -= buf_len(buf);
    buf_clear(buf);
}

static ssize_t rpc_stream_read(nghttp2_session *http2, int32_t stream_id, uint8_t *unused, size_t len, uint32_t *flags,
                               nghttp2_data_source *source, void *user_data)
{
    (void)http2, (void)stream_id, (void)unused, (void)user_data;
    struct rpc_stream *stream = source->ptr;
    if (stream->queued == 0 && !stream->eof) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (len > stream->queued)
        len = stream->queued;
    if (len)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream->eof && len == stream->queued) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->kind == RPC_STREAM_CALL) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            rpc_call_trailers(stream);
        }
    }
    return (ssize_t)len;
}

/* nghttp2 has decided on a frame of len bytes: header and slices go to the outbox. */
int rpc_stream_send_data(nghttp2_session *http2, nghttp2_frame *frame, const uint8_t *header, size_t len,
                         nghttp2_data_source *source, void *user_data)
{
    (void)http2, (void)frame; /* no padding is ever asked for */
    struct rpc_session *session = user_data;
    struct rpc_stream *stream = source->ptr;
    assert(len <= stream->queued);
    outbox_copy(session->outbox, header, 9);
    stream->queued -= len;
    while (len) {
        struct slice *slice = &stream->out.items[stream->out_first];
        struct slice part = slice_split(slice, len < slice->len ? len : slice->len);
        len -= part.len;
        if (slice->len == 0)
            stream->out_first++;
        outbox_write(session->outbox, part);
    }
    if (stream->out_first == stream->out.count) {
        stream->out_first = 0;
        vec_clear(&stream->out);
    }
    stream->position = session->outbox->written;
    stream->progress_us = clock_now_us();
    rpc_session_allow_control(session); /* the client may well answer with a window update and a ping */
    return outbox_len(session->outbox) >= CONNECTION_HIGH_WATER ? NGHTTP2_ERR_PAUSE : 0;
}

nghttp2_nv rpc_stream_nv(struct http_field field)
{
    /* nghttp2 copies both and does not write through them */
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)field.name.ptr,
                        .value = (uint8_t *)(uintptr_t)field.value.ptr,
                        .namelen = field.name.len,
                        .valuelen = field.value.len,
                        .flags = NGHTTP2_NV_FLAG_NONE};
}

void rpc_stream_respond(struct rpc_stream *stream, const struct http_field *fields, size_t count, bool with_body)
{
    nghttp2_nv *headers = arena_array(stream->arena, count, sizeof(*headers));
    for (size_t i = 0; i < count; i++)
        headers[i] = rpc_stream_nv(fields[i]);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = rpc_stream_read};
    if (nghttp2_submit_response(stream->session->http2, stream->id, headers, count, with_body ? &provider : NULL) != 0)
        rpc_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
    rpc_session_wake(stream->session);
}

static void rpc_stream_go_on(struct rpc_stream *stream)
{
    if (stream->deferred) {
        stream->deferred = false;
        nghttp2_session_resume_data(stream->session->http2, stream->id);
    }
    rpc_session_wake(stream->session);
}

void rpc_stream_push(struct rpc_stream *stream, struct slice slice)
{
    if (slice.len == 0 || stream->eof) {
        slice_release(&slice);
        return;
    }
    if (stream->queued == 0)
        stream->progress_us = clock_now_us();
    stream->queued += slice.len;
    vec_push(&stream->out, slice);
    rpc_stream_go_on(stream);
}

void rpc_stream_end(struct rpc_stream *stream)
{
    stream->eof = true;
    rpc_stream_go_on(stream);
}

void rpc_stream_reset(struct rpc_stream *stream, uint32_t error_code)
{
    nghttp2_submit_rst_stream(stream->session->http2, NGHTTP2_FLAG_NONE, stream->id, error_code);
    rpc_session_wake(stream->session);
}

size_t rpc_stream_unsent(const struct rpc_stream *stream)
{
    uint64_t sent = stream->session->outbox->sent;
    size_t in_outbox = stream->position > sent ? (size_t)(stream->position - sent) : 0;
    return stream->queued + in_outbox;
}

void rpc_stream_consume(struct rpc_stream *stream, size_t len)
{
    if (stream->paused) {
        stream->unconsumed += len;
        return;
    }
    nghttp2_session_consume_stream(stream->session->http2, stream->id, len);
}

void rpc_stream_resume(struct rpc_stream *stream)
{
    if (!stream->paused)
        return;
    stream->paused = false;
    nghttp2_session_consume_stream(stream->session->http2, stream->id, stream->unconsumed);
    stream->unconsumed = 0;
    rpc_session_wake(stream->session);
}

struct str rpc_stream_field(const struct rpc_stream *stream, struct str name)
{
    for (size_t i = 0; i < stream->fields.count; i++) {
        if (str_equal(stream->fields.items[i].name, name))
            return stream->fields.items[i].value;
    }
    return (struct str){0};
}
