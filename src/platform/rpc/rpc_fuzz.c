/* A whole HTTP/2 session with gRPC calls and HTTP requests, without a socket. The input is what the client sends; the
 * preface may be left out. What must hold: on_closed comes once for each call, and nothing is left behind. */
#include <assert.h>

#include "base/clock.h"
#include "platform/rpc/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_open;

static void fuzz_on_request(struct http_service *service, struct http_request *request)
{
    (void)service;
    http_answer(request, 200, S("text/plain"), request->body, NULL, 0);
}

static void fuzz_on_message(struct rpc_call *call, struct str message)
{
    struct slice slice = slice_copy(message);
    rpc_send(call, &slice, 1);
}

static void fuzz_on_begin(struct rpc_call *call, uint32_t size)
{
    rpc_call_pause(call);
    rpc_send_begin(call, size < 100 ? size : 100);
    uint8_t zero[100] = {0};
    struct slice slice = slice_copy(str_bytes(zero, size < 100 ? size : 100));
    rpc_send_part(call, &slice, 1);
}

static void fuzz_on_bytes(struct rpc_call *call, struct str bytes)
{
    (void)bytes;
    rpc_call_resume(call);
}

static void fuzz_on_half_close(struct rpc_call *call)
{
    rpc_finish(call, NULL);
}

static void fuzz_on_closed(struct rpc_call *call, bool finished)
{
    (void)call, (void)finished;
    fuzz_open--;
}

static const struct rpc_events fuzz_events = {.on_message = fuzz_on_message,
                                              .on_message_begin = fuzz_on_begin,
                                              .on_message_bytes = fuzz_on_bytes,
                                              .on_half_close = fuzz_on_half_close,
                                              .on_drained = fuzz_on_half_close,
                                              .on_closed = fuzz_on_closed};

static void fuzz_on_start(void *service, struct rpc_call *call)
{
    (void)service;
    fuzz_open++;
    rpc_call_accept(call, &fuzz_events, NULL);
}

static struct rpc_call *fuzz_held;

static void fuzz_on_held_closed(struct rpc_call *call, bool finished)
{
    fuzz_held = NULL;
    fuzz_on_closed(call, finished);
}

/* Every call is held until the next piece of input was there; one at a time, the others are not held. */
static void fuzz_on_start_held(void *service, struct rpc_call *call)
{
    static const struct rpc_events events = {.on_closed = fuzz_on_held_closed};
    if (rpc_call_owner(call)) {
        rpc_call_accept(call, &fuzz_events, NULL);
    } else if (fuzz_held) {
        fuzz_on_start(service, call);
    } else {
        fuzz_open++;
        fuzz_held = call;
        rpc_call_hold(call, &events, &fuzz_held);
    }
}

static void fuzz_release(void)
{
    struct rpc_call *call = fuzz_held;
    fuzz_held = NULL;
    if (call)
        rpc_call_release(call);
}

static const struct rpc_method fuzz_methods[] = {
    {"/f/A", true, fuzz_on_start}, {"/f/B", false, fuzz_on_start}, {"/f/C", true, fuzz_on_start_held}};

static void fuzz_on_wake(void *owner)
{
    *(int *)owner += 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct str address = S("127.0.0.1:8815");
    const struct rpc_service rpc = {.methods = fuzz_methods, .method_count = 3};
    struct http_service http = {.on_request = fuzz_on_request};
    struct guard *guard = guard_new(&address, 1, NULL, 0);
    struct rpc_host *host = rpc_host_new(&http, guard, &rpc);
    struct outbox outbox = {0};
    const struct net_peer peer = {.address = S("fuzz")};
    int wakes = 0;
    struct rpc_session *session = rpc_session_new(host, &outbox, &peer, fuzz_on_wake, &wakes);
    size_t piece = data[0] ? data[0] : size;
    struct str bytes = str_from_index(str_bytes(data, size), 1);
    struct str preface = S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    if (!str_starts_with(bytes, S("PRI")))
        rpc_session_input(session, preface);
    while (bytes.len && !rpc_session_is_over(session)) {
        rpc_session_input(session, str_slice(bytes, 0, piece));
        bytes = str_from_index(bytes, piece);
        rpc_session_output(session);
        outbox_consume(&outbox, outbox_len(&outbox));
        rpc_session_output(session);
        fuzz_release();
        rpc_session_tick(session);
    }
    rpc_session_free(&session);
    assert(fuzz_open == 0);
    outbox_done(&outbox);
    rpc_host_free(&host);
    guard_free(&guard);
    return 0;
}
