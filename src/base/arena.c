/* A chain of blocks with a bump pointer; big requests get a block of their own. */
#include "base/arena.h"

#include <stdalign.h>

#define ARENA_BLOCK_SIZE 4000u
#define ARENA_SMALL_BLOCK_SIZE 400u
#define ARENA_ALIGNMENT alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena_closer {
    struct arena_closer *next;
    void (*close)(void *object);
    void *object;
};

struct arena {
    struct arena_block *blocks; /* the current block first */
    struct arena_closer *closers;
    size_t used;
    size_t block_size;
};

static struct arena_block *arena_block_new(size_t size)
{
    struct arena_block *block = mem_alloc(sizeof(*block) + size);
    block->size = size;
    return block;
}

struct arena *arena_new(void)
{
    struct arena *arena = mem_new(struct arena);
    arena->block_size = ARENA_BLOCK_SIZE;
    return arena;
}

struct arena *arena_new_small(void)
{
    struct arena *arena = mem_new(struct arena);
    arena->block_size = ARENA_SMALL_BLOCK_SIZE;
    return arena;
}

static void arena_run_closers(struct arena *arena)
{
    while (arena->closers) {
        struct arena_closer *closer = arena->closers;
        arena->closers = closer->next;
        closer->close(closer->object);
    }
}

void arena_free(struct arena **arena)
{
    if (!arena || !*arena)
        return;
    arena_run_closers(*arena);
    for (struct arena_block *block = (*arena)->blocks; block;) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
    mem_free(*arena);
    *arena = NULL;
}

void arena_reset(struct arena *arena)
{
    arena_run_closers(arena);
    struct arena_block *kept = NULL;
    for (struct arena_block *block = arena->blocks; block;) {
        struct arena_block *next = block->next;
        if (!kept && block->size == arena->block_size)
            kept = block;
        else
            mem_free(block);
        block = next;
    }
    if (kept) {
        memset(kept->bytes, 0, kept->used);
        kept->used = 0;
        kept->next = NULL;
    }
    arena->blocks = kept;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        mem_panic("allocation size overflows");
    size = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    arena->used += size;

    struct arena_block *current = arena->blocks;
    if (current && current->size - current->used >= size) {
        void *ptr = current->bytes + current->used;
        current->used += size;
        return ptr;
    }
    bool big = size > arena->block_size / 2;
    struct arena_block *block = arena_block_new(big ? size : arena->block_size);
    block->used = size;
    if (big && current) { /* keep the current block's room usable */
        block->next = current->next;
        current->next = block;
    } else {
        block->next = current;
        arena->blocks = block;
    }
    return block->bytes;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        mem_panic("allocation size overflows");
    return arena_alloc(arena, count * size);
}

void *arena_copy(struct arena *arena, const void *ptr, size_t len)
{
    void *copy = arena_alloc(arena, len);
    if (len)
        memcpy(copy, ptr, len);
    return copy;
}

void arena_defer(struct arena *arena, void (*close)(void *object), void *object)
{
    struct arena_closer *closer = arena_new_object(arena, struct arena_closer);
    *closer = (struct arena_closer){.next = arena->closers, .close = close, .object = object};
    arena->closers = closer;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
