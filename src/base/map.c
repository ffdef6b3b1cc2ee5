/* Open addressing with linear probing and backward-shift deletion; SipHash-1-3 with a random key. */
#include "base/map.h"

#include <pthread.h>

#include "base/random.h"

/* One seed for the process; maps of several threads may need it at the same moment. */
static uint64_t map_seed[2];
static pthread_once_t map_seeded = PTHREAD_ONCE_INIT;

static void map_make_seed(void)
{
    random_bytes(map_seed, sizeof(map_seed));
}

static uint64_t map_rotate(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static void map_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = map_rotate(v[1], 13) ^ v[0];
    v[0] = map_rotate(v[0], 32);
    v[2] += v[3];
    v[3] = map_rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = map_rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = map_rotate(v[1], 17) ^ v[2];
    v[2] = map_rotate(v[2], 32);
}

static uint64_t map_hash(struct str key)
{
    pthread_once(&map_seeded, map_make_seed);
    uint64_t v[4] = {map_seed[0] ^ 0x736f6d6570736575u, map_seed[1] ^ 0x646f72616e646f6du,
                     map_seed[0] ^ 0x6c7967656e657261u, map_seed[1] ^ 0x7465646279746573u};
    size_t i = 0;
    for (; i + 8 <= key.len; i += 8) {
        uint64_t word;
        memcpy(&word, key.ptr + i, 8);
        v[3] ^= word;
        map_sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t shift = 0; i < key.len; i++, shift += 8)
        last |= (uint64_t)(uint8_t)key.ptr[i] << shift;
    v[3] ^= last;
    map_sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int round = 0; round < 3; round++)
        map_sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_done(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].value)
            mem_free((void *)(uintptr_t)map->entries[i].key.ptr);
    }
    mem_free(map->entries);
    *map = (struct map){0};
}

/* The slot of the key, or the free slot where it belongs. capacity > 0. */
static size_t map_slot(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    size_t slot = (size_t)hash & mask;
    while (map->entries[slot].value) {
        const struct map_entry *entry = &map->entries[slot];
        if (entry->hash == hash && str_equal(entry->key, key))
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

void *map_get(const struct map *map, struct str key)
{
    if (map->count == 0)
        return NULL;
    return map->entries[map_slot(map, key, map_hash(key))].value;
}

static void map_grow(struct map *map)
{
    struct map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 16;
    map->entries = mem_array(map->capacity, sizeof(*map->entries));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].value)
            map->entries[map_slot(map, old.entries[i].key, old.entries[i].hash)] = old.entries[i];
    }
    mem_free(old.entries);
}

void *map_put(struct map *map, struct str key, void *value)
{
    if (4 * (map->count + 1) > 3 * map->capacity)
        map_grow(map);
    uint64_t hash = map_hash(key);
    struct map_entry *entry = &map->entries[map_slot(map, key, hash)];
    void *replaced = entry->value;
    if (!replaced) {
        char *copy = mem_alloc(key.len + 1);
        if (key.len)
            memcpy(copy, key.ptr, key.len);
        *entry = (struct map_entry){.key = {copy, key.len}, .hash = hash};
        map->count++;
    }
    entry->value = value;
    return replaced;
}

void *map_remove(struct map *map, struct str key)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->capacity - 1;
    size_t hole = map_slot(map, key, map_hash(key));
    void *removed = map->entries[hole].value;
    if (!removed)
        return NULL;
    mem_free((void *)(uintptr_t)map->entries[hole].key.ptr);
    map->count--;
    for (size_t next = (hole + 1) & mask; map->entries[next].value; next = (next + 1) & mask) {
        size_t home = (size_t)map->entries[next].hash & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) { /* it may move back into the hole */
            map->entries[hole] = map->entries[next];
            hole = next;
        }
    }
    map->entries[hole] = (struct map_entry){0};
    return removed;
}

struct map_entry *map_next(const struct map *map, size_t *position)
{
    while (*position < map->capacity) {
        struct map_entry *entry = &map->entries[(*position)++];
        if (entry->value)
            return entry;
    }
    return NULL;
}
