/* A ring of slices. Small pieces share chunks; a chunk is freed when the last piece in it has left. */
#include "platform/net/outbox.h"

#include <assert.h>

#define OUTBOX_CHUNK_SIZE 8192u

struct outbox_chunk {
    size_t users; /* the outbox while it writes here, and each slice that points here */
    size_t used;
    uint8_t bytes[OUTBOX_CHUNK_SIZE];
};

static void outbox_chunk_unref(void *object)
{
    struct outbox_chunk *chunk = object;
    if (--chunk->users == 0)
        mem_free(chunk);
}

void outbox_done(struct outbox *outbox)
{
    outbox_consume(outbox, outbox_len(outbox));
    assert(outbox->count == 0);
    mem_free(outbox->items);
    *outbox = (struct outbox){.written = outbox->written, .sent = outbox->sent};
}

static void outbox_push(struct outbox *outbox, struct slice slice)
{
    if (outbox->count == outbox->capacity) {
        size_t capacity = outbox->capacity ? outbox->capacity * 2 : 8;
        struct slice *items = mem_array(capacity, sizeof(*items));
        for (size_t i = 0; i < outbox->count; i++)
            items[i] = outbox->items[(outbox->first + i) & (outbox->capacity - 1)];
        mem_free(outbox->items);
        outbox->items = items;
        outbox->capacity = capacity;
        outbox->first = 0;
    }
    outbox->items[(outbox->first + outbox->count++) & (outbox->capacity - 1)] = slice;
    outbox->written += slice.len;
}

void outbox_write(struct outbox *outbox, struct slice slice)
{
    if (slice.len <= OUTBOX_COPY_MAX) {
        if (slice.len)
            outbox_copy(outbox, slice.ptr, slice.len);
        slice_release(&slice);
        return;
    }
    outbox_push(outbox, slice);
}

uint8_t *outbox_reserve(struct outbox *outbox, size_t len)
{
    assert(len <= OUTBOX_COPY_MAX);
    struct outbox_chunk *chunk = outbox->chunk;
    if (!chunk || OUTBOX_CHUNK_SIZE - chunk->used < len) {
        if (chunk)
            outbox_chunk_unref(chunk);
        chunk = mem_realloc(NULL, sizeof(*chunk)); /* not zeroed: this is the path of every answer */
        chunk->users = 1;
        chunk->used = 0;
        outbox->chunk = chunk;
    }
    return chunk->bytes + chunk->used;
}

void outbox_commit(struct outbox *outbox, size_t len)
{
    struct outbox_chunk *chunk = outbox->chunk;
    assert(chunk && len <= OUTBOX_CHUNK_SIZE - chunk->used);
    if (len == 0)
        return;
    uint8_t *start = chunk->bytes + chunk->used;
    chunk->used += len;
    if (outbox->count) { /* make the last slice longer when it ends here */
        struct slice *last = &outbox->items[(outbox->first + outbox->count - 1) & (outbox->capacity - 1)];
        if (last->owner == chunk && last->ptr + last->len == start) {
            last->len += len;
            outbox->written += len;
            return;
        }
    }
    chunk->users++;
    outbox_push(outbox, (struct slice){.ptr = start, .len = len, .release = outbox_chunk_unref, .owner = chunk});
}

void outbox_copy(struct outbox *outbox, const void *ptr, size_t len)
{
    const uint8_t *from = ptr;
    while (len) {
        size_t part = len < OUTBOX_COPY_MAX ? len : OUTBOX_COPY_MAX;
        memcpy(outbox_reserve(outbox, part), from, part);
        outbox_commit(outbox, part);
        from += part;
        len -= part;
    }
}

size_t outbox_peek(const struct outbox *outbox, struct iovec *pieces_out, size_t count)
{
    size_t pieces = count < outbox->count ? count : outbox->count;
    for (size_t i = 0; i < pieces; i++) {
        const struct slice *slice = &outbox->items[(outbox->first + i) & (outbox->capacity - 1)];
        /* sendmsg does not write through it */
        pieces_out[i] = (struct iovec){.iov_base = (void *)(uintptr_t)slice->ptr, .iov_len = slice->len};
    }
    return pieces;
}

void outbox_consume(struct outbox *outbox, size_t len)
{
    assert(len <= outbox_len(outbox));
    outbox->sent += len;
    while (len) {
        struct slice *slice = &outbox->items[outbox->first];
        if (len < slice->len) {
            slice->ptr += len;
            slice->len -= len;
            return;
        }
        struct slice through = *slice;
        len -= through.len;
        outbox->first = (outbox->first + 1) & (outbox->capacity - 1);
        outbox->count--;
        slice_release(&through); /* may write to this outbox again: it is consistent by now */
    }
    if (outbox->count == 0 && outbox->chunk) {
        outbox_chunk_unref(outbox->chunk);
        outbox->chunk = NULL;
        mem_free(outbox->items);
        outbox->items = NULL;
        outbox->capacity = outbox->first = 0;
    }
}
