/* Slices that own heap memory, and slices that share their memory with others. */
#include "platform/net/slice.h"

#include <assert.h>

struct slice slice_copy(struct str bytes)
{
    if (bytes.len == 0)
        return (struct slice){0};
    uint8_t *copy = mem_realloc(NULL, bytes.len);
    memcpy(copy, bytes.ptr, bytes.len);
    return (struct slice){.ptr = copy, .len = bytes.len, .release = mem_free, .owner = copy};
}

/* Counts the parts of one slice that are still alive. */
struct slice_share {
    size_t parts;
    void (*release)(void *owner);
    void *owner;
};

static void slice_share_unref(void *object)
{
    struct slice_share *share = object;
    if (--share->parts > 0)
        return;
    share->release(share->owner);
    mem_free(share);
}

struct slice slice_split(struct slice *slice, size_t len)
{
    assert(len <= slice->len);
    struct slice front = *slice;
    if (len == slice->len) {
        *slice = (struct slice){0};
        return front;
    }
    if (slice->release && slice->release != slice_share_unref) {
        struct slice_share *share = mem_new(struct slice_share);
        *share = (struct slice_share){.parts = 1, .release = slice->release, .owner = slice->owner};
        slice->release = slice_share_unref;
        slice->owner = share;
    }
    if (slice->release)
        ((struct slice_share *)slice->owner)->parts++;
    front = *slice;
    front.len = len;
    slice->ptr += len;
    slice->len -= len;
    return front;
}
