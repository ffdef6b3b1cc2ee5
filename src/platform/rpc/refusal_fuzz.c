/* Frames of a client that is refused: each byte is looked at once, whole frames at a time, and the end is said once. */
#include <assert.h>
#include <stdlib.h>

#include "platform/rpc/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outbox outbox = {0};
    size_t at = 0, step = size ? data[0] % 64u + 1 : 1;
    bool over = false;
    refusal_http2_begin(&outbox);
    for (size_t end = 0; end < size && !over;) {
        end = size - end < step ? size : end + step;
        size_t consumed = SIZE_MAX;
        over = refusal_http2(&outbox, S("127.0.0.1:8815"), str_bytes(data + at, end - at), &consumed);
        if (!over) {
            assert(consumed <= end - at);
            at += consumed;
        }
    }
    assert(outbox_len(&outbox) ==
           (over ? 9u + 9 + 8 + sizeof("this port speaks TLS: use https://127.0.0.1:8815") - 1 : 9u));
    outbox_done(&outbox);
    return 0;
}
