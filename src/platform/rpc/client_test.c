/* The gRPC client against an HTTP/2 server session in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "platform/rpc/client_priv.h"

#define MESSAGE_SIZE 300000u

static struct peer {
    nghttp2_session *session;
    struct buf body;    /* of the request */
    struct buf headers; /* "name: value\n" */
    bool half_closed;
    bool reset;
    struct buf answer; /* what the data provider sends */
    const char *status, *message;
} peer;

static struct outbox outbox;
static struct rpc_client *client;
static struct err error;

static struct seen {
    struct buf messages;
    size_t message_count;
    bool ended, fine;
    int drained;
    struct err error;
    char trailer[64];
    size_t releases;
} seen;

/* --- The server. --- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)frame;
    (void)flags;
    (void)user;
    buf_printf(&peer.headers, "%.*s: %.*s\n", (int)name_len, (const char *)name, (int)value_len, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *user)
{
    (void)session;
    (void)flags;
    (void)stream;
    (void)user;
    buf_append(&peer.body, data, len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    (void)user;
    peer.half_closed |= frame->hd.type == NGHTTP2_DATA && frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    peer.reset |= frame->hd.type == NGHTTP2_RST_STREAM;
    return 0;
}

static nghttp2_nv field(const char *name, const char *value)
{
    union {
        const char *from;
        uint8_t *to;
    } n = {.from = name}, v = {.from = value};
    return (nghttp2_nv){.name = n.to, .namelen = strlen(name), .value = v.to, .valuelen = strlen(value)};
}

static ssize_t read_answer(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t size, uint32_t *flags,
                           nghttp2_data_source *source, void *user)
{
    (void)source;
    (void)user;
    size_t len = buf_len(&peer.answer) < size ? buf_len(&peer.answer) : size;
    memcpy(buffer, buf_str(&peer.answer).ptr, len);
    buf_consume(&peer.answer, len);
    if (buf_len(&peer.answer) == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const nghttp2_nv trailers[] = {field("grpc-status", peer.status), field("grpc-message", peer.message),
                                       field("x-trace", "t1")};
        (void)nghttp2_submit_trailer(session, stream, trailers, 3);
    }
    return (ssize_t)len;
}

static void answer(const void *bytes, size_t len, const char *status, const char *message)
{
    const nghttp2_nv headers[] = {field(":status", "200"), field("content-type", "application/grpc")};
    nghttp2_data_provider provider = {.read_callback = read_answer};
    buf_append(&peer.answer, bytes, len);
    peer.status = status;
    peer.message = message;
    assert_int_equal(nghttp2_submit_response(peer.session, 1, headers, 2, &provider), 0);
}

static void peer_to_client(void)
{
    const uint8_t *bytes;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(peer.session, &bytes)) > 0)
        assert_true(rpc_client_input(client, str_bytes(bytes, (size_t)len), &error));
}

static void client_to_peer(void)
{
    rpc_client_output(client, 1 << 20);
    while (outbox_len(&outbox) > 0) {
        struct iovec piece;
        assert_int_equal(outbox_peek(&outbox, &piece, 1), 1);
        assert_int_equal(nghttp2_session_mem_recv(peer.session, piece.iov_base, piece.iov_len), piece.iov_len);
        outbox_consume(&outbox, piece.iov_len);
    }
}

static void exchange(void)
{
    for (int turn = 0; turn < 50; turn++) {
        client_to_peer();
        peer_to_client();
    }
}

/* --- The client's events. --- */

static void on_message(void *owner, struct rpc_client_call *call, struct str message)
{
    (void)owner;
    (void)call;
    buf_append_str(&seen.messages, message);
    seen.message_count++;
}

static void on_drained(void *owner, struct rpc_client_call *call)
{
    (void)owner;
    assert_int_equal(rpc_client_unsent(call), 0);
    seen.drained++;
}

static void on_end(void *owner, struct rpc_client_call *call, const struct err *problem)
{
    (void)owner;
    struct str trailer = rpc_client_metadata(call, S("x-trace"));
    (void)snprintf(seen.trailer, sizeof(seen.trailer), "%.*s", STR_ARG(trailer));
    seen.ended = true;
    seen.fine = !problem;
    if (problem)
        seen.error = *problem;
}

static const struct rpc_client_events events = {on_message, on_drained, on_end};

static struct rpc_client_call *start(int64_t deadline_us)
{
    static const struct rpc_client_field fields[] = {{{"eider-tenant", 12}, {"tenant_acme", 11}}};
    const struct rpc_client_request request = {S("/x.Y/Z"), fields, 1, deadline_us};
    struct rpc_client_call *call = rpc_client_start(client, &request, &events, NULL, &error);
    assert_non_null(call);
    return call;
}

static int set_up(void **state)
{
    (void)state;
    nghttp2_session_callbacks *callbacks;
    peer = (struct peer){0};
    seen = (struct seen){0};
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    assert_int_equal(nghttp2_session_server_new(&peer.session, callbacks, NULL), 0);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(peer.session, 0, NULL, 0), 0);
    client = rpc_client_new(NULL, &outbox, NULL, NULL, &error);
    return client ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_client_close(&client);
    nghttp2_session_del(peer.session);
    outbox_done(&outbox);
    outbox = (struct outbox){0};
    buf_done(&peer.body);
    buf_done(&peer.headers);
    buf_done(&peer.answer);
    buf_done(&seen.messages);
    return 0;
}

static bool headers_have(const char *line)
{
    return str_find(buf_str(&peer.headers), str_from(line)) >= 0;
}

static void a_call_carries_metadata_deadline_and_messages(void **state)
{
    (void)state;
    struct rpc_client_call *call = start(clock_now_us() + 90 * CLOCK_SECOND);
    rpc_client_begin_message(call, 5);
    rpc_client_write(call, slice_copy(S("he")));
    rpc_client_write(call, slice_copy(S("llo")));
    rpc_client_half_close(call);
    exchange();
    assert_true(headers_have(":path: /x.Y/Z\n"));
    assert_true(headers_have("eider-tenant: tenant_acme\n"));
    assert_true(headers_have("grpc-timeout: "));
    assert_true(str_equal(buf_str(&peer.body), S("\0\0\0\0\5hello")));
    assert_true(peer.half_closed && seen.drained > 0);
    answer("\0\0\0\0\2ok\0\0\0\0\0", 12, "0", "");
    exchange();
    assert_true(seen.ended && seen.fine);
    assert_int_equal(seen.message_count, 2);
    assert_true(str_equal(buf_str(&seen.messages), S("ok")));
    assert_string_equal(seen.trailer, "t1");
}

static void count_release(void *owner)
{
    (void)owner;
    seen.releases++;
}

static void a_window_holds_the_sender_back_and_every_slice_is_released(void **state)
{
    (void)state;
    static uint8_t bytes[MESSAGE_SIZE];
    struct rpc_client_call *call = start(CLOCK_NEVER);
    rpc_client_begin_message(call, MESSAGE_SIZE);
    rpc_client_write(call, (struct slice){bytes, MESSAGE_SIZE, count_release, NULL});
    client_to_peer();
    /* The default window is 65,535 bytes, and the peer has not answered yet. */
    assert_true(rpc_client_unsent(call) > MESSAGE_SIZE - 65536);
    assert_int_equal(seen.drained, 0);
    exchange();
    assert_int_equal(buf_len(&peer.body), MESSAGE_SIZE + 5);
    assert_int_equal(seen.releases, 1);
    assert_true(seen.drained > 0);
    rpc_client_begin_message(call, MESSAGE_SIZE);
    rpc_client_write(call, (struct slice){bytes, MESSAGE_SIZE, count_release, NULL});
    rpc_client_close(&client);
    assert_int_equal(seen.releases, 2);
}

static void an_early_error_arrives_with_message_and_hint(void **state)
{
    (void)state;
    struct rpc_client_call *call = start(CLOCK_NEVER);
    rpc_client_begin_message(call, 3);
    rpc_client_write(call, slice_copy(S("abc")));
    client_to_peer();
    answer("", 0, "3", "column %27a%27: 100%25%0Ahint: fix it");
    exchange();
    (void)call;
    assert_true(seen.ended && !seen.fine && peer.reset);
    assert_int_equal(seen.error.code, ERR_INVALID);
    assert_string_equal(seen.error.message, "column 'a': 100%");
    assert_string_equal(seen.error.hint, "fix it");
}

static void cancel_resets_the_stream(void **state)
{
    (void)state;
    struct rpc_client_call *call = start(CLOCK_NEVER);
    client_to_peer();
    rpc_client_cancel(call);
    assert_false(seen.ended);
    exchange();
    assert_true(peer.reset && seen.ended && !seen.fine);
    assert_int_equal(seen.error.code, ERR_CANCELLED);
}

static void a_broken_connection_ends_every_call(void **state)
{
    (void)state;
    (void)start(CLOCK_NEVER);
    client_to_peer();
    struct err lost;
    (void)err_set(&lost, ERR_UNAVAILABLE, "lost");
    rpc_client_fail(client, &lost);
    assert_true(seen.ended);
    assert_int_equal(seen.error.code, ERR_UNAVAILABLE);
    const struct rpc_client_request request = {S("/x.Y/Z"), NULL, 0, CLOCK_NEVER};
    assert_null(rpc_client_start(client, &request, &events, NULL, &error));
}

static void a_message_with_a_lying_length_or_compression_is_refused(void **state)
{
    (void)state;
    (void)start(CLOCK_NEVER);
    client_to_peer();
    answer("\0\xff\xff\xff\xffx", 6, "0", "");
    exchange();
    assert_true(seen.ended && !seen.fine);
    assert_int_equal(seen.error.code, ERR_RESOURCE);
}

static void what_is_no_http2_is_an_error(void **state)
{
    (void)state;
    (void)start(CLOCK_NEVER);
    rpc_client_output(client, 1 << 20);
    (void)!rpc_client_input(client, S("HTTP/1.1 400 Bad Request\r\n\r\n"), &error);
    rpc_client_output(client, 1 << 20);
    assert_true(seen.ended && !seen.fine);
    assert_int_equal(seen.error.code, ERR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_carries_metadata_deadline_and_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_window_holds_the_sender_back_and_every_slice_is_released, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_early_error_arrives_with_message_and_hint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancel_resets_the_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_connection_ends_every_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_with_a_lying_length_or_compression_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_http2_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
