/* Memory that front and worker share: a memfd that the front creates, sizes once and seals against resizing, so that no
 * access inside `size` can ever fault on either side. Sparse: a page costs something once it is touched. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct channel_block {
    uint32_t id;  /* the channel's name for it; 0 = not attached */
    int fd;       /* -1 once it was handed over */
    uint8_t *ptr; /* mapped, size bytes, page aligned */
    size_t size;
};

/* Front: a new block of at least size bytes (rounded up to pages). */
bool channel_block_create(struct channel_block *block_out, size_t size, struct err *err) MUST_USE;
/* Worker: maps what ATTACH brought and closes fd, also on error. Refuses a block that could still be resized. */
bool channel_block_map(struct channel_block *block_out, uint32_t id, int fd, uint64_t size, struct err *err) MUST_USE;
/* Unmaps and closes; harmless when done twice. */
void channel_block_done(struct channel_block *block);
