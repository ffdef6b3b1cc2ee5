/* gRPC on a stream: the server's side of PROTOCOL-HTTP2. Everything that a client may get wrong ends in a status. */
#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "platform/http/carrier.h"
#include "platform/rpc/metadata.h"
#include "platform/rpc/session_priv.h"

/* A message of this size is worth large frames. */
#define RPC_BULK_MESSAGE (64u * 1024)

static struct rpc_stream *rpc_call_stream(const struct rpc_call *call)
{
    /* the call is a part of its stream, which is not const anywhere */
    return (struct rpc_stream *)((uintptr_t)call - offsetof(struct rpc_stream, call));
}

/* The transport ends the call: the client gets the status, the application hears that it failed. */
static void rpc_call_refuse(struct rpc_call *call, const struct err *error)
{
    if (!call->finished)
        call->refused = true;
    rpc_finish(call, error);
}

static void rpc_call_decode_binary_fields(struct rpc_stream *stream, struct err *err)
{
    for (size_t i = 0; i < stream->fields.count; i++) {
        struct http_field *field = &stream->fields.items[i];
        if (str_ends_with(field->name, S("-bin")) &&
            !metadata_decode_binary(stream->arena, field->value, &field->value))
            err_set(err, ERR_INVALID, "metadata '%.*s' is not base64", STR_ARG(field->name));
    }
}

/* What the headers say about the call itself. */
static bool rpc_call_check(struct rpc_stream *stream, struct err *err)
{
    struct rpc_call *call = &stream->call;
    struct str timeout = rpc_stream_field(stream, S("grpc-timeout"));
    int64_t delay_us;
    if (stream->too_large)
        return limits_err(
            stream->header_bytes > (size_t)limits_get(LIMIT_HTTP_HEADER) ? LIMIT_HTTP_HEADER : LIMIT_HTTP_FIELDS, err);
    if (!str_equal(stream->method, S("POST")))
        return err_set(err, ERR_INVALID, "a call must be a POST request");
    if (!call->entry->method)
        return err_set(err, ERR_UNIMPLEMENTED, "method '%.*s' is not served here", STR_ARG(stream->path));
    if (timeout.ptr) {
        if (!metadata_timeout_us(timeout, &delay_us))
            return err_set(err, ERR_INVALID, "grpc-timeout '%.*s' is malformed", STR_ARG(timeout));
        call->deadline_us = clock_deadline_us(delay_us);
    }
    rpc_call_decode_binary_fields(stream, err);
    return err->code == ERR_OK;
}

void rpc_call_start(struct rpc_stream *stream)
{
    struct rpc_call *call = &stream->call;
    struct err err = {0};
    call->entry = rpc_host_find(stream->session->host, stream->path);
    call->deadline_us = CLOCK_NEVER;
    call->id = http_next_id();
    if (rpc_call_check(stream, &err))
        call->entry->method->on_start(call->entry->service->owner, call);
    else
        rpc_call_refuse(call, &err);
}

static void rpc_call_begin_message(struct rpc_call *call, uint32_t size)
{
    enum limit limit = call->entry->method->collects ? LIMIT_UNARY_MESSAGE : LIMIT_MESSAGE;
    if (size >= RPC_BULK_MESSAGE)
        rpc_session_expect_bulk(rpc_call_stream(call)->session);
    if (size > (uint64_t)limits_get(limit)) {
        struct err err = {0};
        limits_err(limit, &err);
        err_wrap(&err, "a message of %u bytes", size);
        rpc_call_refuse(call, &err);
    } else if (!call->entry->method->collects && call->events->on_message_begin) {
        call->events->on_message_begin(call, size);
    }
}

/* The buffer grows with what has arrived, not with what was announced. */
static void rpc_call_message_bytes(struct rpc_call *call, struct str part)
{
    if (!call->entry->method->collects) {
        if (call->events->on_message_bytes)
            call->events->on_message_bytes(call, part);
    } else if (!rpc_stream_gather(rpc_call_stream(call), &call->message, part)) {
        struct err err = {0};
        limits_err(LIMIT_HTTP2_GATHERED, &err);
        rpc_call_refuse(call, &err);
    }
}

static void rpc_call_end_message(struct rpc_call *call)
{
    if (!call->entry->method->collects) {
        if (call->events->on_message_end)
            call->events->on_message_end(call);
        return;
    }
    if (call->events->on_message)
        call->events->on_message(call, buf_str(&call->message));
    rpc_stream_forget(rpc_call_stream(call), &call->message);
}

static void rpc_call_gather_held(struct rpc_call *call, struct str bytes)
{
    if (call->finished || rpc_stream_gather(rpc_call_stream(call), &call->held, bytes))
        return;
    struct err err = {0};
    limits_err(LIMIT_HTTP2_GATHERED, &err);
    rpc_call_refuse(call, &err);
}

void rpc_call_input(struct rpc_stream *stream, struct str bytes)
{
    struct rpc_call *call = &stream->call;
    struct err err = {0};
    if (call->is_held) {
        rpc_call_gather_held(call, bytes);
        return;
    }
    while (call->events && !call->finished) {
        uint32_t size;
        struct str part;
        switch (framing_next(&call->framing, &bytes, &size, &part)) {
        case FRAMING_MORE:
            return;
        case FRAMING_BEGIN:
            rpc_call_begin_message(call, size);
            break;
        case FRAMING_BYTES:
            rpc_call_message_bytes(call, part);
            break;
        case FRAMING_END:
            rpc_call_end_message(call);
            break;
        case FRAMING_COMPRESSED:
            err_set(&err, ERR_UNIMPLEMENTED, "compressed messages are not supported");
            rpc_call_refuse(call, &err);
            break;
        }
    }
}

void rpc_call_half_close(struct rpc_stream *stream)
{
    struct rpc_call *call = &stream->call;
    if (!call->events || call->finished || call->is_held)
        return;
    if (framing_is_idle(&call->framing)) {
        if (call->events->on_half_close)
            call->events->on_half_close(call);
        return;
    }
    struct err err = {0};
    err_set(&err, ERR_INVALID, "the stream ended inside a message");
    rpc_call_refuse(call, &err);
}

void rpc_call_closed(struct rpc_stream *stream)
{
    struct rpc_call *call = &stream->call;
    bool finished = call->finished && call->trailed;
    rpc_entry_count(call->entry, finished ? call->code : ERR_CANCELLED, stream->started_us);
    call->finished = true; /* what on_closed still tries to send goes nowhere */
    stream->eof = true;
    if (call->events && call->events->on_closed)
        call->events->on_closed(call, finished && !call->refused);
}

void rpc_call_drained(struct rpc_stream *stream)
{
    struct rpc_call *call = &stream->call;
    if (call->events && call->events->on_drained && !call->refused)
        call->events->on_drained(call);
}

void rpc_call_accept(struct rpc_call *call, const struct rpc_events *events, void *owner)
{
    assert(!call->events && events);
    call->events = events;
    call->owner = owner;
}

void rpc_call_hold(struct rpc_call *call, const struct rpc_events *events, void *owner)
{
    rpc_call_accept(call, events, owner);
    call->is_held = true;
    rpc_call_pause(call);
}

void rpc_call_release(struct rpc_call *call)
{
    struct rpc_stream *stream = rpc_call_stream(call);
    assert(call->is_held);
    if (call->finished) /* refused meanwhile: on_closed of the holder comes */
        return;
    struct buf held = call->held;
    call->held = (struct buf){0};
    stream->session->gathered -= buf_len(&held);
    call->is_held = false;
    call->events = NULL;
    rpc_call_resume(call);
    call->entry->method->on_start(call->entry->service->owner, call);
    rpc_call_input(stream, buf_str(&held));
    buf_done(&held);
    if (stream->half_closed)
        rpc_call_half_close(stream);
}

void *rpc_call_owner(const struct rpc_call *call)
{
    return call->owner;
}

struct arena *rpc_call_arena(struct rpc_call *call)
{
    return rpc_call_stream(call)->arena;
}

uint64_t rpc_call_id(const struct rpc_call *call)
{
    return call->id;
}

const char *rpc_call_path(const struct rpc_call *call)
{
    return call->entry->method->path;
}

struct str rpc_call_metadata(const struct rpc_call *call, struct str name)
{
    return rpc_stream_field(rpc_call_stream(call), name);
}

bool rpc_call_metadata_at(const struct rpc_call *call, size_t index, struct str *name_out, struct str *value_out)
{
    const struct rpc_stream *stream = rpc_call_stream(call);
    if (index >= stream->fields.count)
        return false;
    *name_out = stream->fields.items[index].name;
    *value_out = stream->fields.items[index].value;
    return true;
}

int64_t rpc_call_deadline_us(const struct rpc_call *call)
{
    return call->deadline_us;
}

struct str rpc_call_remote(const struct rpc_call *call)
{
    return rpc_call_stream(call)->session->peer->address;
}

uint64_t rpc_call_connection(const struct rpc_call *call)
{
    return rpc_call_stream(call)->session->id;
}

const struct net_peer *rpc_call_peer(const struct rpc_call *call)
{
    return rpc_call_stream(call)->session->peer;
}

void rpc_service_on_connection_gone(struct rpc_service *service, void (*on_gone)(void *owner, uint64_t connection))
{
    service->on_connection_gone = on_gone;
}

/* -bin values are bytes to the application and base64 on the wire; others must be printable ASCII there. */
static void rpc_call_add(struct rpc_call *call, struct str name, struct str value, struct http_field *field_out)
{
    struct arena *arena = rpc_call_arena(call);
    bool binary = str_ends_with(name, S("-bin"));
    field_out->name = str_lower(arena, name);
    field_out->value = binary ? metadata_encode_binary(arena, value) : str_copy(arena, value);
}

void rpc_call_add_header(struct rpc_call *call, struct str name, struct str value)
{
    assert(!call->responded);
    struct http_field field;
    rpc_call_add(call, name, value, &field);
    vec_push(&call->headers, field);
}

void rpc_call_add_trailer(struct rpc_call *call, struct str name, struct str value)
{
    struct http_field field;
    rpc_call_add(call, name, value, &field);
    vec_push(&call->trailers, field);
}

static void rpc_call_respond(struct rpc_call *call, bool with_body)
{
    struct rpc_stream *stream = rpc_call_stream(call);
    size_t count = 0;
    size_t most = 2 + call->headers.count + (with_body ? 0 : call->trailers.count);
    struct http_field *fields = arena_array(stream->arena, most, sizeof(*fields));
    fields[count++] = (struct http_field){S(":status"), S("200")};
    fields[count++] = (struct http_field){S("content-type"), S("application/grpc")};
    for (size_t i = 0; i < call->headers.count; i++)
        fields[count++] = call->headers.items[i];
    for (size_t i = 0; !with_body && i < call->trailers.count; i++)
        fields[count++] = call->trailers.items[i];
    call->responded = true;
    rpc_stream_respond(stream, fields, count, with_body);
}

static void rpc_call_push(struct rpc_call *call, const struct slice *slices, size_t count)
{
    struct rpc_stream *stream = rpc_call_stream(call);
    for (size_t i = 0; i < count; i++)
        rpc_stream_push(stream, slices[i]);
    if (call->events && call->events->on_drained && list_is_empty(&stream->draining))
        list_append(&stream->session->draining, &stream->draining);
}

static void rpc_call_drop(const struct slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slice slice = slices[i];
        slice_release(&slice);
    }
}

void rpc_send_begin(struct rpc_call *call, uint32_t size)
{
    assert(call->part_left == 0);
    if (call->finished)
        return;
    if (!call->responded)
        rpc_call_respond(call, true);
    uint8_t prefix[FRAMING_PREFIX_SIZE];
    framing_prefix(size, prefix);
    rpc_stream_push(rpc_call_stream(call), slice_copy(str_bytes(prefix, sizeof(prefix))));
    call->part_left = size;
}

void rpc_send_part(struct rpc_call *call, const struct slice *slices, size_t count)
{
    if (call->finished) {
        rpc_call_drop(slices, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        assert(slices[i].len <= call->part_left);
        call->part_left -= slices[i].len;
    }
    rpc_call_push(call, slices, count);
}

void rpc_send(struct rpc_call *call, const struct slice *slices, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += slices[i].len;
    assert(size <= UINT32_MAX);
    rpc_send_begin(call, (uint32_t)size);
    rpc_send_part(call, slices, count);
}

size_t rpc_call_unsent(const struct rpc_call *call)
{
    return rpc_stream_unsent(rpc_call_stream(call));
}

static void rpc_call_set_status(struct rpc_call *call, const struct err *error)
{
    struct arena *arena = rpc_call_arena(call);
    call->code = error ? error->code : ERR_OK;
    struct http_field status = {S("grpc-status"), str_format(arena, "%d", call->code)};
    vec_push(&call->trailers, status);
    if (!error || error->code == ERR_OK)
        return;
    const char *glue = error->hint[0] ? "\nhint: " : "";
    struct str text = str_format(arena, "%s%s%s", error->message, glue, error->hint);
    struct http_field message = {S("grpc-message"), metadata_encode_message(arena, text)};
    vec_push(&call->trailers, message);
}

void rpc_finish(struct rpc_call *call, const struct err *error)
{
    struct rpc_stream *stream = rpc_call_stream(call);
    if (call->finished)
        return;
    call->finished = true;
    if (call->part_left) { /* the client must not take half a message for a whole one */
        call->code = error ? error->code : ERR_INTERNAL;
        bool stopped = call->code == ERR_DEADLINE || call->code == ERR_CANCELLED; /* that is no fault of ours */
        rpc_stream_reset(stream, stopped ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR);
        return;
    }
    rpc_call_set_status(call, error);
    if (!call->responded && call->headers.count) /* clients look for them in the initial metadata */
        rpc_call_respond(call, true);
    if (call->responded)
        rpc_stream_end(stream);
    else
        rpc_call_respond(call, false);
    rpc_call_resume(call); /* what still arrives is dropped, it must not fill the window */
}

void rpc_call_trailers(struct rpc_stream *stream)
{
    struct rpc_call *call = &stream->call;
    nghttp2_nv *trailers = arena_array(stream->arena, call->trailers.count, sizeof(*trailers));
    for (size_t i = 0; i < call->trailers.count; i++)
        trailers[i] = rpc_stream_nv(call->trailers.items[i]);
    nghttp2_submit_trailer(stream->session->http2, stream->id, trailers, call->trailers.count);
}

void rpc_call_pause(struct rpc_call *call)
{
    rpc_call_stream(call)->paused = true;
}

void rpc_call_resume(struct rpc_call *call)
{
    rpc_stream_resume(rpc_call_stream(call));
}
