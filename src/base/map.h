/* Hash map from bytes to a pointer. Keys are copied, values are not owned. The hash is keyed with a random seed per
 * process, so clients cannot choose keys that collide. Not thread-safe. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct map_entry {
    struct str key; /* owned by the map */
    void *value;    /* never NULL in a used entry */
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* capacity slots, open addressing; owned */
    size_t count;
    size_t capacity;
};

void map_done(struct map *map);

/* The value, or NULL. */
void *map_get(const struct map *map, struct str key);

/* Sets the value (not NULL) and returns the one that it replaces, or NULL. */
void *map_put(struct map *map, struct str key, void *value);

/* Removes and returns the value, or NULL. */
void *map_remove(struct map *map, struct str key);

/* The next used entry after *position (start with 0), or NULL. The map must not change meanwhile. */
struct map_entry *map_next(const struct map *map, size_t *position);

/* A number as a key. The number must outlive the call only. */
static inline struct str map_key_u64(const uint64_t *number)
{
    return str_bytes(number, sizeof(*number));
}
