/* The whole HTTP/1.1 server without its socket: input in pieces, answers at once or late, until the end of the bytes.
 * What must hold: no request runs while another one does, and everything that was taken is given back. */
#include <assert.h>

#include "platform/http/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_request *fuzz_waiting;

static void fuzz_on_gone(struct http_request *request)
{
    assert(request == fuzz_waiting);
    fuzz_waiting = NULL;
}

static void fuzz_on_request(struct http_service *service, struct http_request *request)
{
    (void)service;
    assert(!fuzz_waiting);
    if (str_starts_with(request->path, S("/later"))) {
        fuzz_waiting = request;
        request->on_gone = fuzz_on_gone;
    } else if (str_starts_with(request->path, S("/stream"))) {
        http_begin(request, 200, S("text/plain"), NULL, 0);
        http_write(request, slice_copy(http_parameter(request, S("text"))));
        http_end(request);
    } else {
        http_answer(request, 200, http_field(request, S("accept")), request->body, NULL, 0);
    }
}

static void fuzz_on_wake(void *owner)
{
    *(int *)owner += 1;
}

/* The first byte says how large the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct str address = S("127.0.0.1:8815");
    size_t piece = data[0] ? data[0] : size;
    struct guard *guard = guard_new(&address, 1, NULL, 0);
    struct http_service service = {.on_request = fuzz_on_request};
    struct http1_host host = {.service = &service, .guard = guard};
    struct outbox outbox = {0};
    const struct net_peer peer = {.address = S("fuzz")};
    int wakes = 0;
    struct http1 *http1 = http1_new(&host, &outbox, &peer, fuzz_on_wake, &wakes);
    struct str bytes = str_from_index(str_bytes(data, size), 1);
    while (bytes.len && !http1_is_over(http1)) {
        size_t consumed = http1_input(http1, str_slice(bytes, 0, piece));
        bytes = str_from_index(bytes, consumed);
        if (fuzz_waiting) {
            struct http_request *request = fuzz_waiting;
            assert(http1_is_busy(http1));
            fuzz_waiting = NULL;
            if (piece % 2) {
                http_answer(request, 200, S("text/plain"), S("later"), NULL, 0);
            } else {
                fuzz_waiting = request;
                break;
            }
        }
        outbox_consume(&outbox, outbox_len(&outbox));
    }
    http1_free(&http1);
    assert(!fuzz_waiting);
    outbox_done(&outbox);
    http1_host_done(&host);
    guard_free(&guard);
    return 0;
}
