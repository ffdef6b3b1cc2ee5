/* Bytes from a hostile worker through the front's decoder, and from a broken front through the worker's: nothing may be
 * read beyond them, and what is accepted must encode to the same frame. */
#include <assert.h>

#include "platform/channel/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Encoding what was decoded gives the frame again. */
static void fuzz_same(const struct channel_frame *frame, const struct buf *again)
{
    struct str got = buf_str(again);
    assert(got.len == CHANNEL_HEADER_SIZE + frame->payload.len);
    assert(str_equal(str_from_index(got, CHANNEL_HEADER_SIZE), frame->payload));
}

static bool fuzz_from_worker(const struct channel_frame *frame, struct buf *again, struct err *err)
{
    struct channel_ready ready;
    struct channel_data message;
    struct channel_end end;
    struct channel_put_done done;
    struct channel_usage usage;
    struct channel_progress progress;
    switch ((unsigned)frame->type) {
    case CHANNEL_READY:
        if (!channel_decode_ready(frame->payload, &ready, err))
            return false;
        channel_encode_ready(again, &ready);
        return true;
    case CHANNEL_DATA:
        if (!channel_decode_data(frame->payload, &message, err))
            return false;
        channel_encode_data(again, frame->statement, &message);
        return true;
    case CHANNEL_END:
        if (!channel_decode_end(frame->payload, &end, err))
            return false;
        channel_encode_end(again, frame->statement, &end);
        return true;
    case CHANNEL_PUT_DONE:
        if (!channel_decode_put_done(frame->payload, &done, err))
            return false;
        channel_encode_put_done(again, frame->statement, &done);
        return true;
    case CHANNEL_USAGE:
        if (!channel_decode_usage(frame->payload, &usage, err))
            return false;
        channel_encode_usage(again, &usage);
        return true;
    case CHANNEL_PROGRESS:
        if (!channel_decode_progress(frame->payload, &progress, err))
            return false;
        channel_encode_progress(again, frame->statement, &progress);
        return true;
    default:
        return false;
    }
}

static bool fuzz_from_front(const struct channel_frame *frame, struct arena *arena, struct buf *again, struct err *err)
{
    static struct channel_hello hello;
    struct channel_run run;
    struct channel_upload upload;
    struct channel_put put;
    struct channel_metadata metadata;
    uint64_t connection, prepared;
    switch ((unsigned)frame->type) {
    case CHANNEL_HELLO:
        if (!channel_decode_hello(frame->payload, arena, &hello, err))
            return false;
        channel_encode_hello(again, &hello);
        return true;
    case CHANNEL_RUN:
        if (!channel_decode_run(frame->payload, &run, err))
            return false;
        channel_encode_run(again, CHANNEL_RUN, frame->statement, &run);
        return true;
    case CHANNEL_UPLOAD:
        if (!channel_decode_upload(frame->payload, &upload, err))
            return false;
        channel_encode_upload(again, frame->statement, &upload);
        return true;
    case CHANNEL_PUT:
        if (!channel_decode_put(frame->payload, &put, err))
            return false;
        channel_encode_put(again, frame->statement, &put);
        return true;
    case CHANNEL_METADATA:
        if (!channel_decode_metadata(frame->payload, &metadata, err))
            return false;
        channel_encode_metadata(again, frame->statement, &metadata);
        return true;
    case CHANNEL_CLOSE:
        if (!channel_decode_close(frame->payload, &connection, err))
            return false;
        channel_encode_close(again, connection);
        return true;
    case CHANNEL_FORGET:
        if (!channel_decode_forget(frame->payload, &connection, &prepared, err))
            return false;
        channel_encode_forget(again, connection, prepared);
        return true;
    default:
        return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_bytes(data, size);
    struct channel_frame frame;
    struct err error;
    while (channel_frame_next(input, &frame, &error) == 1) {
        AUTO(arena) struct arena *arena = arena_new();
        AUTO(buf) struct buf again = {0};
        if (fuzz_from_worker(&frame, &again, &error) || fuzz_from_front(&frame, arena, &again, &error))
            fuzz_same(&frame, &again);
        input = str_from_index(input, CHANNEL_HEADER_SIZE + frame.payload.len);
    }
    return 0;
}
