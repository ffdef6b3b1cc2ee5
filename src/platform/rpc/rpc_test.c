#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "platform/rpc/framing.h"
#include "platform/rpc/metadata.h"
#include "platform/rpc/session.h"

static void metadata_reads_timeouts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: malformed */
    } rows[] = {
        {"1H", 3600 * CLOCK_SECOND},
        {"2M", 120 * CLOCK_SECOND},
        {"3S", 3 * CLOCK_SECOND},
        {"4m", 4000},
        {"5u", 5},
        {"1n", 1},
        {"1000n", 1},
        {"1001n", 2},
        {"0S", 0},
        {"99999999H", INT64_C(99999999) * 3600 * CLOCK_SECOND},
        {"100000000S", -1},
        {"S", -1},
        {"", -1},
        {"1", -1},
        {"1s", -1},
        {"-1S", -1},
        {"+1S", -1},
        {" 1S", -1},
        {"1 S", -1},
        {"1.5S", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t us = -1;
        assert_int_equal(metadata_timeout_us(str_from(rows[i].text), &us), rows[i].us >= 0);
        assert_int_equal(us, rows[i].us);
    }
}

static void metadata_reads_base64_with_and_without_padding(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; /* bytes NULL: malformed */
    } rows[] = {
        {"", ""},
        {"Zg", "f"},
        {"Zg==", "f"},
        {"Zm8", "fo"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg", "foob"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
        {"Z", NULL},
        {"Zg=", NULL},
        {"Zg===", NULL},
        {"====", NULL},
        {"Zm9v=", NULL},
        {"Z g=", NULL},
        {"_-8=", NULL},
        {"Zm9vY", NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str bytes = {0};
        bool ok = metadata_decode_binary(arena, str_from(rows[i].text), &bytes);
        assert_int_equal(ok, rows[i].bytes != NULL);
        assert_true(!ok || str_equal(bytes, str_from(rows[i].bytes)));
        struct str again;
        if (ok) {
            assert_true(metadata_decode_binary(arena, metadata_encode_binary(arena, bytes), &again));
            assert_true(str_equal(bytes, again));
        }
    }
    arena_free(&arena);
}

static void metadata_encodes_messages(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_true(str_equal(metadata_encode_message(arena, S("100% \xc3\xa4\nx~")), S("100%25 %C3%A4%0Ax~")));
    arena_free(&arena);
}

/* However the bytes are cut, the same messages come out. */
static void framing_finds_messages_in_any_pieces(void **state)
{
    (void)state;
    const struct str wire = S("\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\2de");
    for (size_t piece = 1; piece <= wire.len; piece++) {
        struct framing framing = {0};
        char seen[32];
        size_t len = 0;
        for (size_t at = 0; at < wire.len; at += piece) {
            struct str bytes = str_slice(wire, at, piece), part;
            uint32_t size;
            for (enum framing_event event; (event = framing_next(&framing, &bytes, &size, &part)) != FRAMING_MORE;) {
                if (event == FRAMING_BEGIN)
                    seen[len++] = (char)('0' + size);
                for (size_t i = 0; event == FRAMING_BYTES && i < part.len; i++)
                    seen[len++] = part.ptr[i];
                if (event == FRAMING_END)
                    seen[len++] = '.';
            }
        }
        assert_true(str_equal(str_bytes(seen, len), S("3abc.0.2de.")));
        assert_true(framing_is_idle(&framing));
    }
}

static void framing_refuses_flags(void **state)
{
    (void)state;
    struct framing framing = {0};
    struct str bytes = S("\1\0\0\0\3"), part;
    uint32_t size;
    assert_int_equal(framing_next(&framing, &bytes, &size, &part), FRAMING_COMPRESSED);
}

/* --- A call that is held, over a session and a client without sockets. --- */

struct wire {
    struct rpc_host *host;
    struct guard *guard;
    struct http_service http;
    struct rpc_service service;
    struct rpc_session *server;
    struct outbox outbox;
    nghttp2_session *client;
    struct str body; /* of the request that is being sent */
    size_t body_sent;
    bool body_ends;
    int status; /* grpc-status as the client saw it; -1: none yet */
    struct rpc_call *call;
    int starts, messages, half_closes, closes;
    size_t message_bytes;
    uint64_t gone; /* the connection that went */
};

static void wire_on_message(struct rpc_call *call, struct str message)
{
    struct wire *wire = rpc_call_owner(call);
    wire->messages++;
    wire->message_bytes += message.len;
}

static void wire_on_half_close(struct rpc_call *call)
{
    struct wire *wire = rpc_call_owner(call);
    wire->half_closes++;
    rpc_finish(call, NULL);
}

static void wire_on_closed(struct rpc_call *call, bool finished)
{
    (void)finished;
    struct wire *wire = rpc_call_owner(call);
    wire->closes++;
    wire->call = NULL;
}

static void wire_on_start(void *service, struct rpc_call *call)
{
    static const struct rpc_events held = {.on_closed = wire_on_closed};
    static const struct rpc_events events = {
        .on_message = wire_on_message, .on_half_close = wire_on_half_close, .on_closed = wire_on_closed};
    struct wire *wire = service;
    wire->call = call;
    if (wire->starts++ == 0) {
        assert_null(rpc_call_owner(call));
        rpc_call_hold(call, &held, wire);
    } else {
        assert_ptr_equal(rpc_call_owner(call), wire);
        rpc_call_accept(call, &events, wire);
    }
}

static void wire_on_gone(void *owner, uint64_t connection)
{
    struct wire *wire = owner;
    wire->gone = connection;
}

static void wire_on_request(struct http_service *service, struct http_request *request)
{
    (void)service;
    http_answer(request, 404, S("text/plain"), S(""), NULL, 0);
}

static void wire_on_wake(void *owner)
{
    (void)owner;
}

static int wire_on_header(nghttp2_session *http2, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                          const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
    (void)http2, (void)frame, (void)flags;
    struct wire *wire = user_data;
    int64_t status;
    if (str_equal(str_bytes(name, name_len), S("grpc-status")) && str_to_i64(str_bytes(value, value_len), &status))
        wire->status = (int)status;
    return 0;
}

static ssize_t wire_read(nghttp2_session *http2, int32_t stream, uint8_t *bytes, size_t len, uint32_t *flags,
                         nghttp2_data_source *source, void *user_data)
{
    (void)http2, (void)stream, (void)source;
    struct wire *wire = user_data;
    struct str part = str_slice(wire->body, wire->body_sent, len);
    memcpy(bytes, part.ptr, part.len);
    wire->body_sent += part.len;
    if (wire->body_sent == wire->body.len && wire->body_ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (part.len == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)part.len;
}

static void wire_open(struct wire *wire)
{
    static const struct rpc_method methods[] = {{"/t/Held", true, wire_on_start}};
    const struct str address = S("127.0.0.1:8815");
    *wire = (struct wire){.http = {.on_request = wire_on_request},
                          .service = {.methods = methods, .method_count = 1, .owner = wire},
                          .status = -1};
    rpc_service_on_connection_gone(&wire->service, wire_on_gone);
    wire->guard = guard_new(&address, 1, NULL, 0);
    wire->host = rpc_host_new(&wire->http, wire->guard, &wire->service);
    static const struct net_peer peer = {.address = {"127.0.0.1:9", 11}, .loopback = true};
    wire->server = rpc_session_new(wire->host, &wire->outbox, &peer, wire_on_wake, wire);
    nghttp2_session_callbacks *callbacks;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, wire_on_header);
    assert_int_equal(nghttp2_session_client_new(&wire->client, callbacks, wire), 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(wire->client, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void wire_close(struct wire *wire)
{
    nghttp2_session_del(wire->client);
    rpc_session_free(&wire->server);
    outbox_done(&wire->outbox);
    rpc_host_free(&wire->host);
    guard_free(&wire->guard);
}

/* Until neither has anything to say. */
static void wire_exchange(struct wire *wire)
{
    for (bool moved = true; moved;) {
        const uint8_t *bytes;
        ssize_t len;
        moved = false;
        while ((len = nghttp2_session_mem_send(wire->client, &bytes)) > 0) {
            rpc_session_input(wire->server, str_bytes(bytes, (size_t)len));
            moved = true;
        }
        rpc_session_output(wire->server);
        AUTO(buf) struct buf out = {0};
        while (outbox_len(&wire->outbox)) {
            struct iovec part;
            assert_int_equal(outbox_peek(&wire->outbox, &part, 1), 1);
            buf_append(&out, part.iov_base, part.iov_len);
            outbox_consume(&wire->outbox, part.iov_len);
            moved = true;
        }
        struct str answer = buf_str(&out);
        assert_int_equal(nghttp2_session_mem_recv(wire->client, (const uint8_t *)answer.ptr, answer.len), answer.len);
    }
}

static int32_t wire_call(struct wire *wire, struct str body, bool ends)
{
    static const char *const fields[][2] = {{":method", "POST"},  {":scheme", "http"},
                                            {":path", "/t/Held"}, {":authority", "localhost"},
                                            {"te", "trailers"},   {"content-type", "application/grpc"}};
    nghttp2_nv headers[6];
    for (size_t i = 0; i < 6; i++)
        headers[i] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)fields[i][0],
                                  .value = (uint8_t *)(uintptr_t)fields[i][1],
                                  .namelen = strlen(fields[i][0]),
                                  .valuelen = strlen(fields[i][1])};
    const nghttp2_data_provider provider = {.read_callback = wire_read};
    wire->body = body;
    wire->body_sent = 0;
    wire->body_ends = ends;
    return nghttp2_submit_request(wire->client, NULL, headers, 6, &provider, NULL);
}

static void a_held_call_hears_everything_after_its_release(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire);
    wire_call(&wire, S("\0\0\0\0\3abc\0\0\0\0\2de"), true);
    wire_exchange(&wire);
    assert_int_equal(wire.starts, 1);
    assert_int_equal(wire.messages + wire.half_closes + wire.closes, 0);
    assert_int_equal(wire.status, -1);
    assert_true(rpc_call_peer(wire.call)->loopback);
    rpc_call_release(wire.call);
    wire_exchange(&wire);
    assert_int_equal(wire.starts, 2);
    assert_int_equal(wire.messages, 2);
    assert_int_equal(wire.message_bytes, 5);
    assert_int_equal(wire.half_closes, 1);
    assert_int_equal(wire.closes, 1);
    assert_int_equal(wire.status, 0);
    wire_close(&wire);
    assert_int_equal(wire.gone, 1);
}

static void a_held_call_of_a_client_that_leaves_is_closed(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire);
    int32_t stream = wire_call(&wire, S("\0\0\0\0\3abc"), false);
    wire_exchange(&wire);
    nghttp2_submit_rst_stream(wire.client, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    wire_exchange(&wire);
    assert_int_equal(wire.closes, 1);
    assert_int_equal(wire.starts, 1);
    wire_close(&wire);
}

static void a_held_call_takes_no_more_than_its_window(void **state)
{
    (void)state;
    static char bytes[32 << 20];
    struct wire wire;
    wire_open(&wire);
    memcpy(bytes, "\0\0\x1f\0\0", 5);
    wire_call(&wire, str_bytes(bytes, sizeof(bytes)), false);
    wire_exchange(&wire);
    assert_int_equal(wire.body_sent, 8 << 20);
    rpc_call_release(wire.call);
    wire_exchange(&wire);
    assert_true(wire.body_sent > 8 << 20);
    wire_close(&wire);
    assert_int_equal(wire.closes, 1);
}

static void a_held_call_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    static char bytes[1 << 20];
    struct err err;
    int64_t before = limits_get(LIMIT_HTTP2_GATHERED);
    struct wire wire;
    assert_true(limits_set(S("http2.max_gathered"), 1000, &err));
    wire_open(&wire);
    wire_call(&wire, str_bytes(bytes, sizeof(bytes)), true);
    wire_exchange(&wire);
    assert_int_equal(wire.status, ERR_RESOURCE);
    assert_int_equal(wire.starts, 1);
    assert_int_equal(wire.closes, 1);
    wire_close(&wire);
    assert_true(limits_set(S("http2.max_gathered"), before, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_reads_timeouts),
        cmocka_unit_test(metadata_reads_base64_with_and_without_padding),
        cmocka_unit_test(metadata_encodes_messages),
        cmocka_unit_test(framing_finds_messages_in_any_pieces),
        cmocka_unit_test(framing_refuses_flags),
        cmocka_unit_test(a_held_call_hears_everything_after_its_release),
        cmocka_unit_test(a_held_call_of_a_client_that_leaves_is_closed),
        cmocka_unit_test(a_held_call_takes_no_more_than_its_window),
        cmocka_unit_test(a_held_call_beyond_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
