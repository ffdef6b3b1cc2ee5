/* A growable array of values of one type: `VEC(struct column) columns = {0};`, then vec_push(&columns, column).
 * The elements are columns.items[0 .. columns.count). Owned by whoever holds it; vec_done frees it. */
#pragma once
#include <stddef.h>

#include "base/mem.h"

#define VEC(type)        \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

#define vec_push(vec, value)                                                                \
    do {                                                                                    \
        if ((vec)->count == (vec)->capacity)                                                \
            (vec)->items = vec_grow((vec)->items, &(vec)->capacity, sizeof(*(vec)->items)); \
        (vec)->items[(vec)->count++] = (value);                                             \
    } while (0)

/* Removes element i by moving the last one into its place. */
#define vec_remove_unordered(vec, index) ((vec)->items[(index)] = (vec)->items[--(vec)->count])

#define vec_clear(vec) ((vec)->count = 0)

#define vec_done(vec)                       \
    do {                                    \
        mem_free((vec)->items);             \
        (vec)->items = NULL;                \
        (vec)->count = (vec)->capacity = 0; \
    } while (0)

/* Doubles the capacity; used by vec_push. */
void *vec_grow(void *items, size_t *capacity, size_t item_size) __attribute__((returns_nonnull));
