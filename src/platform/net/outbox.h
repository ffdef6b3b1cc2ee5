/* Bytes that wait for a socket: a queue of slices in order. Small pieces (frame headers, short answers) are copied
 * into shared chunks, so that many of them leave as one; large ones are sent from where they are. Knows no socket:
 * a connection drains it, a test or a fuzz target reads it. Not thread-safe. */
#pragma once
#include <sys/uio.h>

#include "platform/net/slice.h"

/* Slices up to this size are copied and released at once. */
#define OUTBOX_COPY_MAX 2048u

struct outbox_chunk;

struct outbox {
    struct slice *items; /* ring of capacity (a power of two) entries, owned; NULL while never used */
    size_t capacity;
    size_t first;
    size_t count;
    struct outbox_chunk *chunk; /* where the next small piece goes; NULL when there is none */
    uint64_t written;           /* bytes ever put in */
    uint64_t sent;              /* bytes ever taken out */
};

/* Releases everything that waits. A zeroed outbox is an empty one. */
void outbox_done(struct outbox *outbox);

/* Takes the slice. */
void outbox_write(struct outbox *outbox, struct slice slice);
/* Copies. */
void outbox_copy(struct outbox *outbox, const void *ptr, size_t len);
static inline void outbox_copy_str(struct outbox *outbox, struct str text)
{
    outbox_copy(outbox, text.ptr, text.len);
}

/* Room for len <= OUTBOX_COPY_MAX contiguous bytes, to be followed by outbox_commit of what was used of it. */
uint8_t *outbox_reserve(struct outbox *outbox, size_t len) __attribute__((returns_nonnull));
void outbox_commit(struct outbox *outbox, size_t len);

static inline size_t outbox_len(const struct outbox *outbox)
{
    return (size_t)(outbox->written - outbox->sent);
}

/* Up to count pieces from the front; returns how many. */
size_t outbox_peek(const struct outbox *outbox, struct iovec *pieces_out, size_t count);

/* Forgets len bytes at the front and releases the slices that are through. When everything is through, the memory
 * of the queue itself is given back too. */
void outbox_consume(struct outbox *outbox, size_t len);
