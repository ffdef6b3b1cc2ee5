/* Bytes on their way out, with someone to tell when they are no longer needed. This is how a result block in shared
 * memory reaches the socket without a copy: whoever sends calls release exactly once, after the bytes left or were
 * dropped. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct slice {
    const uint8_t *ptr;
    size_t len;
    void (*release)(void *owner); /* NULL: static memory, nothing to do */
    void *owner;
};

static inline void slice_release(struct slice *slice)
{
    if (slice->release)
        slice->release(slice->owner);
    *slice = (struct slice){0};
}

/* A heap copy of the bytes as a slice that frees itself. */
struct slice slice_copy(struct str bytes);

/* Takes the first len bytes off as a slice of their own. The memory is released after both parts were. */
struct slice slice_split(struct slice *slice, size_t len);
