/* The only home of malloc. Small allocations never fail: a process that cannot get a few bytes stops.
 * Sizes that a client controls go through mem_try_alloc, after a limit was checked. */
#pragma once
#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* Runs `name_cleanup(&variable)` when the variable leaves its scope; each module with handles defines one. */
#define AUTO(name) __attribute__((cleanup(name##_cleanup)))

/* Zeroed memory; never NULL (the process aborts when there is none). Free with mem_free. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Zeroed memory, or NULL when there is none. */
void *mem_try_alloc(size_t size) __attribute__((malloc));

/* Grows or shrinks; never NULL. New bytes are not zeroed. */
void *mem_realloc(void *ptr, size_t size) __attribute__((returns_nonnull));

/* Accepts NULL. */
void mem_free(void *ptr);

/* One zeroed object of a type. */
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

/* count * size without overflow (aborts on overflow). */
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Stops the process with a message: a state that our own code excludes. */
_Noreturn void mem_panic(const char *why);
