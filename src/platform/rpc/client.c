/* The gRPC client's session: calls, framing, status. The socket is in client_connect.c. */
#include "platform/rpc/client_priv.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"
#include "platform/rpc/client_connect.h"

#define PREFIX_SIZE 5u
/* What the server may send before we have looked at it. */
#define WINDOW_SIZE (4 << 20)
/* DATA frames up to this size, if the server takes them: fewer headers and fewer system calls. */
#define FRAME_MAX ((size_t)256 * 1024)
#define FIELDS_MAX 32

/* A slice on its way out, cut into frames; freed with the last of them. */
struct part {
    struct slice slice;
    size_t taken; /* bytes already given to frames */
    size_t refs;  /* frames that are not sent yet, plus one while it is queued */
};

struct rpc_client {
    struct loop *loop;                      /* NULL in tests */
    struct rpc_client_transport *transport; /* NULL in tests */
    nghttp2_session *session;
    struct outbox *outbox;
    void (*flush)(void *owner);
    void *flush_owner;
    struct list calls;
    struct str authority; /* in the arena */
    struct arena *arena;
    bool is_secure;
    char goodbye[160]; /* what the server said when it ended the connection for a reason; empty: nothing */
    bool failed;
    struct err failure;
};

struct rpc_client_call {
    struct list node;
    struct rpc_client *client;
    struct arena *arena;
    const struct rpc_client_events *events;
    void *owner;
    int32_t stream;
    VEC(struct part *) parts; /* from part_first on they wait */
    size_t part_first;
    size_t unsent;
    uint64_t announced; /* bytes of the current message not written yet */
    bool half_closed;
    bool cancelled;
    bool wants_drained;
    struct loop_timer deadline;
    struct buf input;
    VEC(struct rpc_client_field) metadata;
    bool has_error; /* found here, not said by the server */
    struct err error;
};

static void part_unref(void *owner)
{
    struct part *part = owner;
    if (--part->refs > 0)
        return;
    slice_release(&part->slice);
    mem_free(part);
}

static void call_free(struct rpc_client_call *call)
{
    list_remove(&call->node);
    if (call->client->loop)
        loop_timer_cancel(call->client->loop, &call->deadline);
    for (size_t i = call->part_first; i < call->parts.count; i++)
        part_unref(call->parts.items[i]);
    vec_done(&call->parts);
    vec_done(&call->metadata);
    buf_done(&call->input);
    arena_free(&call->arena);
    mem_free(call);
}

static void client_flush(struct rpc_client *client)
{
    if (client->flush)
        client->flush(client->flush_owner);
}

/* --- What comes in. --- */

static void call_fail(struct rpc_client_call *call, const struct err *error)
{
    if (call->has_error)
        return;
    call->has_error = true;
    call->error = *error;
    if (call->stream > 0)
        (void)nghttp2_submit_rst_stream(call->client->session, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
    client_flush(call->client);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)flags;
    (void)user;
    struct rpc_client_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!call)
        return 0;
    size_t bytes = arena_used(call->arena) + name_len + value_len;
    if (call->metadata.count >= (size_t)limits_get(LIMIT_HTTP_FIELDS) ||
        bytes > 4 * (size_t)limits_get(LIMIT_HTTP_HEADER)) {
        struct err error;
        (void)err_set(&error, ERR_RESOURCE, "the server sent too many headers");
        call_fail(call, &error);
        return 0;
    }
    struct rpc_client_field field = {str_copy(call->arena, str_bytes(name, name_len)),
                                     str_copy(call->arena, str_bytes(value, value_len))};
    vec_push(&call->metadata, field);
    return 0;
}

/* Hands out whole messages at the front of the input. */
static void call_read_messages(struct rpc_client_call *call)
{
    struct err error;
    while (!call->has_error && buf_len(&call->input) >= PREFIX_SIZE) {
        const uint8_t *prefix = (const uint8_t *)buf_str(&call->input).ptr;
        uint32_t size = (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 | prefix[4];
        if (prefix[0] != 0) {
            (void)err_set(&error, ERR_UNIMPLEMENTED, "the server sent a compressed message");
            call_fail(call, &error);
        } else if (size > (uint64_t)limits_get(LIMIT_MESSAGE)) {
            (void)limits_err(LIMIT_MESSAGE, &error);
            call_fail(call, &error);
        } else if (buf_len(&call->input) - PREFIX_SIZE < size) {
            return;
        } else {
            if (call->events->on_message)
                call->events->on_message(call->owner, call, str_slice(buf_str(&call->input), PREFIX_SIZE, size));
            buf_consume(&call->input, PREFIX_SIZE + size);
        }
    }
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *user)
{
    (void)flags;
    (void)user;
    struct rpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (!call || call->has_error)
        return 0;
    buf_append(&call->input, data, len);
    call_read_messages(call);
    return 0;
}

struct str rpc_client_metadata(const struct rpc_client_call *call, struct str name)
{
    for (size_t i = call->metadata.count; i > 0; i--)
        if (str_equal(call->metadata.items[i - 1].name, name))
            return call->metadata.items[i - 1].value;
    return (struct str){0};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* grpc-message is percent-encoded; a bad escape stands for itself (gRPC over HTTP/2, "Status-Message"). */
static struct str decode_message(struct arena *arena, struct str text)
{
    char *decoded = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.ptr[i] == '%' && i + 2 < text.len) {
            high = hex_digit(text.ptr[i + 1]);
            low = hex_digit(text.ptr[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            decoded[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            decoded[len++] = text.ptr[i];
        }
    }
    return str_bytes(decoded, len);
}

/* The server appends the hint to the message in a line of its own. */
static void set_status(struct err *error, int64_t code, struct str message)
{
    struct str hint = {0};
    ptrdiff_t line = str_find(message, S("\nhint: "));
    if (line >= 0) {
        hint = str_from_index(message, (size_t)line + sizeof("\nhint: ") - 1);
        message = str_slice(message, 0, (size_t)line);
    }
    enum err_code known = code > 0 && code <= ERR_UNAUTHENTICATED ? (enum err_code)code : ERR_UNKNOWN;
    (void)err_set(error, known, "%.*s", STR_ARG(message));
    if (hint.len > 0)
        (void)err_hint(error, "%.*s", STR_ARG(hint));
}

static enum err_code code_of_reset(uint32_t reset)
{
    switch (reset) {
    case NGHTTP2_CANCEL:
        return ERR_CANCELLED;
    case NGHTTP2_REFUSED_STREAM:
        return ERR_UNAVAILABLE;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return ERR_RESOURCE;
    default:
        return ERR_INTERNAL;
    }
}

/* True for status OK. */
static bool read_status(struct rpc_client_call *call, uint32_t reset, struct err *error)
{
    if (call->has_error) {
        *error = call->error;
        return false;
    }
    struct str status = rpc_client_metadata(call, S("grpc-status"));
    int64_t code;
    if (status.ptr && str_to_i64(status, &code)) {
        if (code != 0)
            set_status(error, code, decode_message(call->arena, rpc_client_metadata(call, S("grpc-message"))));
        return code == 0;
    }
    struct str http = rpc_client_metadata(call, S(":status"));
    if (reset != NGHTTP2_NO_ERROR)
        return err_set(error, code_of_reset(reset), "the server reset the call (%s)", nghttp2_http2_strerror(reset));
    if (http.ptr && !str_equal(http, S("200")))
        return err_set(error, ERR_UNAVAILABLE, "the server answered with HTTP status %.*s", STR_ARG(http));
    return err_set(error, ERR_UNKNOWN, "the server ended the call without a status");
}

static void call_end(struct rpc_client_call *call, const struct err *error)
{
    call->events->on_end(call->owner, call, error);
    call_free(call);
}

/* The server may end a call while we still send (an upload that it refuses): take its status and stop sending. */
static void note_goodbye(struct rpc_client *client, const nghttp2_goaway *goaway)
{
    size_t len = goaway->opaque_data_len < sizeof(client->goodbye) ? goaway->opaque_data_len : 0;
    if (goaway->error_code == NGHTTP2_NO_ERROR)
        return;
    for (size_t i = 0; i < len; i++) {
        char c = (char)goaway->opaque_data[i];
        client->goodbye[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    client->goodbye[len] = '\0';
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    if (frame->hd.type == NGHTTP2_GOAWAY)
        note_goodbye(user, &frame->goaway);
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    struct rpc_client_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (ends && call && !nghttp2_session_get_stream_local_close(session, frame->hd.stream_id))
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t reset, void *user)
{
    (void)user;
    struct rpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (!call)
        return 0;
    (void)nghttp2_session_set_stream_user_data(session, stream, NULL);
    struct err error;
    if (read_status(call, reset, &error))
        call_end(call, NULL);
    else
        call_end(call, &error);
    return 0;
}

/* --- What goes out. --- */

static ssize_t read_data(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)stream;
    (void)buffer;
    (void)user;
    struct rpc_client_call *call = source->ptr;
    size_t len = call->unsent < size ? call->unsent : size;
    if (len == call->unsent && call->half_closed)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (len == 0)
        return NGHTTP2_ERR_DEFERRED;
    if (len > 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)len;
}

/* Moves len bytes from the call's parts into the outbox, without copying them. */
static void move_parts(struct rpc_client_call *call, size_t len, struct outbox *outbox)
{
    call->unsent -= len;
    while (len > 0) {
        assert(call->part_first < call->parts.count);
        struct part *part = call->parts.items[call->part_first];
        size_t left = part->slice.len - part->taken;
        size_t now = left < len ? left : len;
        part->refs++;
        outbox_write(
            outbox,
            (struct slice){.ptr = part->slice.ptr + part->taken, .len = now, .release = part_unref, .owner = part});
        part->taken += now;
        len -= now;
        if (now == left) {
            call->part_first++;
            part_unref(part);
        }
    }
    if (call->part_first == call->parts.count)
        call->part_first = call->parts.count = 0;
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header, size_t len,
                     nghttp2_data_source *source, void *user)
{
    (void)session;
    struct rpc_client *client = user;
    assert(frame->data.padlen == 0);
    outbox_copy(client->outbox, header, 9);
    move_parts(source->ptr, len, client->outbox);
    return 0;
}

static ssize_t frame_size(nghttp2_session *session, uint8_t type, int32_t stream, int32_t session_window,
                          int32_t stream_window, uint32_t frame_max, void *user)
{
    (void)session;
    (void)type;
    (void)stream;
    (void)user;
    size_t size = frame_max < FRAME_MAX ? frame_max : FRAME_MAX;
    size = (size_t)session_window < size ? (size_t)session_window : size;
    return (ssize_t)((size_t)stream_window < size ? (size_t)stream_window : size);
}

void rpc_client_output(struct rpc_client *client, size_t room)
{
    if (client->failed)
        return;
    size_t start = outbox_len(client->outbox);
    while (outbox_len(client->outbox) - start < room) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(client->session, &bytes);
        if (len > 0)
            outbox_copy(client->outbox, bytes, (size_t)len);
        else
            break;
    }
    /* After a protocol error nghttp2 says good-bye and takes no more part. */
    if (!nghttp2_session_want_read(client->session) && !nghttp2_session_want_write(client->session)) {
        struct err error;
        (void)err_set(&error, ERR_UNAVAILABLE, "the server ended the connection, or does not speak gRPC");
        rpc_client_fail(client, &error);
        return;
    }
    list_each(&client->calls, node)
    {
        struct rpc_client_call *call = list_object(node, struct rpc_client_call, node);
        if (!call->wants_drained || call->unsent > 0)
            continue;
        call->wants_drained = false;
        if (call->events->on_drained)
            call->events->on_drained(call->owner, call);
    }
}

bool rpc_client_input(struct rpc_client *client, struct str bytes, struct err *err)
{
    ssize_t used = nghttp2_session_mem_recv(client->session, (const uint8_t *)bytes.ptr, bytes.len);
    if (used < 0)
        return err_set(err, ERR_UNAVAILABLE, "the server does not speak gRPC (%s)", nghttp2_strerror((int)used));
    client_flush(client);
    return true;
}

/* --- Life. --- */

static nghttp2_session *session_new(struct rpc_client *client)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        mem_panic("no memory for an HTTP/2 session");
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, frame_size);
    if (nghttp2_session_client_new(&session, callbacks, client) != 0)
        mem_panic("no memory for an HTTP/2 session");
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_SIZE},
    };
    (void)nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
    (void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW_SIZE);
    return session;
}

struct rpc_client *rpc_client_new(struct loop *loop, struct outbox *outbox, void (*flush)(void *owner),
                                  void *flush_owner, struct err *err)
{
    (void)err;
    struct rpc_client *client = mem_new(struct rpc_client);
    list_init(&client->calls);
    client->loop = loop;
    client->outbox = outbox;
    client->flush = flush;
    client->flush_owner = flush_owner;
    client->arena = arena_new();
    client->authority = S("localhost");
    client->session = session_new(client);
    return client;
}

struct rpc_client *rpc_client_connect(struct loop *loop, const char *host, uint16_t port, int64_t timeout_us,
                                      const struct tls_trust *trust, struct err *err)
{
    struct rpc_client_transport *transport = rpc_client_transport_open(loop, host, port, timeout_us, trust, err);
    if (!transport)
        return NULL;
    struct rpc_client *client =
        rpc_client_new(loop, rpc_client_transport_outbox(transport), rpc_client_transport_flush, transport, err);
    client->transport = transport;
    client->authority = str_format(client->arena, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    client->is_secure = trust != NULL;
    rpc_client_transport_start(transport, client);
    return client;
}

void rpc_client_close(struct rpc_client **client)
{
    struct rpc_client *closed = *client;
    if (!closed)
        return;
    list_each(&closed->calls, node) call_free(list_object(node, struct rpc_client_call, node));
    nghttp2_session_del(closed->session);
    rpc_client_transport_close(&closed->transport);
    arena_free(&closed->arena);
    mem_free(closed);
    *client = NULL;
}

void rpc_client_fail(struct rpc_client *client, const struct err *error)
{
    if (client->failed)
        return;
    client->failed = true;
    client->failure = *error;
    if (client->goodbye[0])
        (void)err_set(&client->failure, ERR_UNAVAILABLE, "the server ended the connection: %s", client->goodbye);
    error = &client->failure;
    struct list *first;
    while ((first = list_first(&client->calls))) {
        struct rpc_client_call *call = list_object(first, struct rpc_client_call, node);
        if (call->stream > 0)
            (void)nghttp2_session_set_stream_user_data(client->session, call->stream, NULL);
        /* What the call found out, or heard, before the connection broke says more than that it broke. */
        struct err status;
        bool heard = rpc_client_metadata(call, S("grpc-status")).ptr || call->has_error;
        bool fine = heard && read_status(call, NGHTTP2_NO_ERROR, &status);
        call_end(call, fine ? NULL : heard ? &status : error);
    }
}

/* --- Calls. --- */

/* At most 8 digits and a unit (gRPC over HTTP/2, "Timeout"). */
static struct str format_timeout(struct arena *arena, int64_t timeout_us)
{
    static const struct {
        int64_t us;
        char unit;
    } units[] = {{1, 'u'}, {1000, 'm'}, {1000000, 'S'}, {60000000, 'M'}};
    timeout_us = timeout_us > 0 ? timeout_us : 1;
    size_t unit = 0;
    while (timeout_us / units[unit].us > 99999999 && unit + 1 < sizeof(units) / sizeof(units[0]))
        unit++;
    int64_t count = timeout_us / units[unit].us;
    return str_format(arena, "%d%c", (int)(count > 99999999 ? 99999999 : count), units[unit].unit);
}

static nghttp2_nv header(struct str name, struct str value)
{
    /* nghttp2 takes pointers to non-const but copies and never writes through them. */
    union {
        const char *from;
        uint8_t *to;
    } n = {.from = name.ptr}, v = {.from = value.ptr};
    return (nghttp2_nv){.name = n.to, .namelen = name.len, .value = v.to, .valuelen = value.len};
}

static void on_deadline(struct loop_timer *timer)
{
    struct rpc_client_call *call = timer->owner;
    struct err error;
    (void)err_set(&error, ERR_DEADLINE, "the call did not end within its time");
    call_fail(call, &error);
}

struct rpc_client_call *rpc_client_start(struct rpc_client *client, const struct rpc_client_request *request,
                                         const struct rpc_client_events *events, void *owner, struct err *err)
{
    if (client->failed) {
        *err = client->failure;
        return NULL;
    }
    struct rpc_client_call *call = mem_new(struct rpc_client_call);
    *call = (struct rpc_client_call){.client = client, .arena = arena_new(), .events = events, .owner = owner};
    list_append(&client->calls, &call->node);
    nghttp2_nv headers[FIELDS_MAX + 8];
    size_t count = 0;
    headers[count++] = header(S(":method"), S("POST"));
    headers[count++] = header(S(":scheme"), client->is_secure ? S("https") : S("http"));
    headers[count++] = header(S(":path"), request->path);
    headers[count++] = header(S(":authority"), client->authority);
    headers[count++] = header(S("te"), S("trailers"));
    headers[count++] = header(S("content-type"), S("application/grpc"));
    headers[count++] = header(S("user-agent"), S("eider"));
    if (request->deadline_us != CLOCK_NEVER) {
        int64_t left_us = request->deadline_us - clock_now_us();
        headers[count++] = header(S("grpc-timeout"), format_timeout(call->arena, left_us));
        call->deadline = (struct loop_timer){.on_time = on_deadline, .owner = call};
        if (client->loop)
            loop_timer_set(client->loop, &call->deadline, left_us > 0 ? left_us : 0);
    }
    assert(request->field_count <= FIELDS_MAX);
    for (size_t i = 0; i < request->field_count; i++)
        headers[count++] = header(request->fields[i].name, request->fields[i].value);
    nghttp2_data_provider provider = {.source.ptr = call, .read_callback = read_data};
    call->stream = nghttp2_submit_request(client->session, NULL, headers, count, &provider, call);
    if (call->stream < 0) {
        (void)err_set(err, ERR_UNAVAILABLE, "cannot start a call: %s", nghttp2_strerror(call->stream));
        call_free(call);
        return NULL;
    }
    client_flush(client);
    return call;
}

static void call_queue(struct rpc_client_call *call, struct slice slice)
{
    if (slice.len == 0 || call->cancelled || call->has_error) {
        slice_release(&slice);
        return;
    }
    struct part *part = mem_new(struct part);
    *part = (struct part){.slice = slice, .refs = 1};
    vec_push(&call->parts, part);
    call->unsent += slice.len;
    call->wants_drained = true;
    (void)nghttp2_session_resume_data(call->client->session, call->stream);
    client_flush(call->client);
}

void rpc_client_begin_message(struct rpc_client_call *call, uint32_t size)
{
    assert(call->announced == 0 && !call->half_closed);
    uint8_t prefix[PREFIX_SIZE] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                                   (uint8_t)size};
    call->announced = size;
    call_queue(call, slice_copy(str_bytes(prefix, sizeof(prefix))));
}

void rpc_client_write(struct rpc_client_call *call, struct slice slice)
{
    assert(slice.len <= call->announced);
    call->announced -= slice.len;
    call_queue(call, slice);
}

size_t rpc_client_unsent(const struct rpc_client_call *call)
{
    return call->unsent;
}

void rpc_client_half_close(struct rpc_client_call *call)
{
    assert(call->announced == 0);
    call->half_closed = true;
    (void)nghttp2_session_resume_data(call->client->session, call->stream);
    client_flush(call->client);
}

void rpc_client_cancel(struct rpc_client_call *call)
{
    struct err error;
    call->cancelled = true;
    (void)err_set(&error, ERR_CANCELLED, "cancelled");
    call_fail(call, &error);
}
