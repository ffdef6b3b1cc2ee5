/* Memory that dies at once: an arena belongs to a request, a statement or a command, and everything that it needs
 * on its way lives there. Not thread-safe; one owner. */
#pragma once
#include "base/mem.h"
#include "base/str.h"

struct arena;

struct arena *arena_new(void);

/* For what lives long and holds a few short texts: it takes hundreds of bytes at a time instead of thousands. */
struct arena *arena_new_small(void);

/* Runs the deferred closers in reverse order, frees all memory and clears the pointer. Accepts NULL inside. */
void arena_free(struct arena **arena);
static inline void arena_cleanup(struct arena **arena)
{
    arena_free(arena);
}

/* Forgets everything but keeps the first block, for reuse by the next request of a connection. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
#define arena_new_object(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));

/* Copies bytes; result is aligned for any type. */
void *arena_copy(struct arena *arena, const void *ptr, size_t len) __attribute__((returns_nonnull));

/* close(object) runs when the arena is freed or reset, last deferred first. */
void arena_defer(struct arena *arena, void (*close)(void *object), void *object);

/* Bytes handed out so far (for limits). */
size_t arena_used(const struct arena *arena);
