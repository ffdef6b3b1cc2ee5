/* Lists that are ordered by name: a name is found by halving, pages begin anywhere, and 10,000 names cost no more than
 * their texts and a pointer each. */
#include "domain/catalog/index.h"

#include <assert.h>

#include "platform/object/location.h"

static struct str index_copy(struct str text)
{
    char *copy = mem_alloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return str_bytes(copy, text.len);
}

static void index_forget(struct str *text)
{
    mem_free((void *)(uintptr_t)text->ptr);
    *text = (struct str){0};
}

/* Replaces a text that is owned. */
static void index_set(struct str *text, struct str value)
{
    struct str copy = index_copy(value); /* value may lie in the old one */
    index_forget(text);
    *text = copy;
}

/* Position of the first object whose text is not less than key; each object begins anywhere with its text at offset. */
static size_t index_search(void *const *objects, size_t count, size_t offset, struct str key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct str *text = (const void *)((const char *)objects[middle] + offset);
        if (str_compare(*text, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#define index_from(list, type, member, key) \
    index_search((void *const *)(list)->items, (list)->count, offsetof(type, member), (key))

#define index_insert(list, position, object)                                \
    do {                                                                    \
        vec_push((list), (object));                                         \
        memmove((list)->items + (position) + 1, (list)->items + (position), \
                ((list)->count - 1 - (position)) * sizeof(*(list)->items)); \
        (list)->items[(position)] = (object);                               \
    } while (0)

#define index_take_out(list, position)                                      \
    do {                                                                    \
        (list)->count--;                                                    \
        memmove((list)->items + (position), (list)->items + (position) + 1, \
                ((list)->count - (position)) * sizeof(*(list)->items));     \
    } while (0)

/* --- Names --- */

struct str index_key(struct arena *arena, const struct catalog_namespace *name)
{
    size_t len = 0;
    for (size_t i = 0; i < name->count; i++)
        len += name->levels[i].len + 1;
    char *text = arena_alloc(arena, len + 1);
    size_t used = 0;
    for (size_t i = 0; i < name->count; i++) {
        if (i)
            text[used++] = INDEX_SEPARATOR;
        memcpy(text + used, name->levels[i].ptr, name->levels[i].len);
        used += name->levels[i].len;
    }
    return str_bytes(text, used);
}

struct catalog_namespace index_levels(struct arena *arena, struct str key)
{
    struct str *levels = arena_array(arena, CATALOG_LEVELS_MAX, sizeof(*levels));
    size_t count = 0;
    struct str level;
    for (struct str rest = str_copy(arena, key);
         count < CATALOG_LEVELS_MAX && str_split_next(&rest, INDEX_SEPARATOR, &level);)
        levels[count++] = level;
    return (struct catalog_namespace){.levels = levels, .count = count};
}

struct str index_show(struct arena *arena, struct str key)
{
    char *text = str_cstr(arena, key);
    for (char *c = text; *c; c++)
        if (*c == INDEX_SEPARATOR)
            *c = '.';
    return str_bytes(text, key.len);
}

bool index_is_hidden(struct str key)
{
    return str_starts_with(key, S("$"));
}

/* --- Tenants --- */

static void index_add_implied(struct index_tenant *tenant, struct str key)
{
    index_space_add(tenant, key, NULL, 0)->implied = true;
}

struct index_tenant *index_tenant_new(struct str id, struct cache *cache)
{
    struct index_tenant *tenant = mem_new(struct index_tenant);
    tenant->id = index_copy(id);
    tenant->cache = cache;
    list_init(&tenant->dropped);
    index_add_implied(tenant, S("$mirror"));
    index_add_implied(tenant, S("iceberg"));
    return tenant;
}

void index_tenant_free(struct index_tenant **tenant)
{
    struct index_tenant *old = *tenant;
    *tenant = NULL;
    if (!old)
        return;
    while (old->spaces.count) {
        struct index_space *space = old->spaces.items[old->spaces.count - 1];
        while (space->items.count)
            index_item_remove(space->items.items[space->items.count - 1]);
        index_space_remove(space);
    }
    list_each(&old->dropped, node)
    {
        index_item_remove(list_object(node, struct index_item, node));
    }
    while (old->places.count)
        index_place_give(old, old->places.items[old->places.count - 1]);
    vec_done(&old->spaces);
    vec_done(&old->places);
    index_forget(&old->id);
    mem_free(old);
}

/* --- Namespaces --- */

size_t index_space_from(const struct index_tenant *tenant, struct str key)
{
    return index_from(&tenant->spaces, struct index_space, key, key);
}

struct index_space *index_space_find(const struct index_tenant *tenant, struct str key)
{
    size_t position = index_space_from(tenant, key);
    if (position == tenant->spaces.count || !str_equal(tenant->spaces.items[position]->key, key))
        return NULL;
    return tenant->spaces.items[position];
}

struct index_space *index_space_add(struct index_tenant *tenant, struct str key, const struct catalog_pair *properties,
                                    size_t count)
{
    struct index_space *space = mem_new(struct index_space);
    space->tenant = tenant;
    space->key = index_copy(key);
    index_space_change(space, properties, count);
    index_insert(&tenant->spaces, index_space_from(tenant, key), space);
    return space;
}

void index_space_change(struct index_space *space, const struct catalog_pair *properties, size_t count)
{
    struct arena *arena = count ? arena_new_small() : NULL;
    struct catalog_pair *copy = count ? arena_array(arena, count, sizeof(*copy)) : NULL;
    for (size_t i = 0; i < count; i++) {
        copy[i].key = str_copy(arena, properties[i].key);
        copy[i].value = str_copy(arena, properties[i].value);
    }
    arena_free(&space->arena);
    space->arena = arena;
    space->properties = copy;
    space->property_count = count;
}

void index_space_remove(struct index_space *space)
{
    struct index_tenant *tenant = space->tenant;
    size_t position = index_space_from(tenant, space->key);
    assert(space->items.count == 0 && tenant->spaces.items[position] == space);
    index_take_out(&tenant->spaces, position);
    vec_done(&space->items);
    arena_free(&space->arena);
    index_forget(&space->key);
    mem_free(space);
}

/* --- Tables and views --- */

size_t index_item_from(const struct index_space *space, struct str name)
{
    return index_from(&space->items, struct index_item, name, name);
}

struct index_item *index_item_find(const struct index_space *space, struct str name)
{
    size_t position = index_item_from(space, name);
    if (position == space->items.count || !str_equal(space->items.items[position]->name, name))
        return NULL;
    return space->items.items[position];
}

static void index_item_enter(struct index_item *item, struct index_space *space)
{
    item->space = space;
    index_insert(&space->items, index_item_from(space, item->name), item);
    if (!index_is_hidden(space->key))
        item->tenant->items++;
}

static void index_item_leave(struct index_item *item)
{
    struct index_space *space = item->space;
    if (!space) {
        list_remove(&item->node);
        return;
    }
    size_t position = index_item_from(space, item->name);
    assert(space->items.items[position] == item);
    index_take_out(&space->items, position);
    if (!index_is_hidden(space->key))
        item->tenant->items--;
    item->space = NULL;
}

struct index_item *index_item_add(struct index_tenant *tenant, const struct index_row *row, struct index_place *place)
{
    struct index_item *item = mem_new(struct index_item);
    *item = (struct index_item){.id = row->id,
                                .kind = row->kind,
                                .tenant = tenant,
                                .in = index_copy(row->in),
                                .name = index_copy(row->name),
                                .uuid = index_copy(row->uuid),
                                .metadata = index_copy(row->metadata),
                                .location = index_copy(row->location),
                                .dropped_us = row->dropped_us,
                                .delete_us = row->delete_us};
    list_init(&item->node);
    if (place)
        place->item = item;
    if (row->dropped_us)
        list_append(&tenant->dropped, &item->node);
    else
        index_item_enter(item, index_space_find(tenant, item->in));
    return item;
}

void index_item_point(struct index_item *item, struct str metadata, struct str uuid)
{
    cache_drop(item->tenant->cache, &item->whole);
    cache_drop(item->tenant->cache, &item->refs);
    index_set(&item->metadata, metadata);
    index_set(&item->uuid, uuid);
}

/* The places of an item go. */
static void index_item_unplace(struct index_item *item)
{
    struct index_tenant *tenant = item->tenant;
    for (size_t i = index_from(&tenant->places, struct index_place, location, item->location);
         i < tenant->places.count && str_equal(tenant->places.items[i]->location, item->location); i++) {
        if (tenant->places.items[i]->item == item) {
            index_place_give(tenant, tenant->places.items[i]);
            return;
        }
    }
}

void index_item_move(struct index_item *item, struct index_place *place)
{
    index_item_unplace(item);
    place->item = item;
    index_set(&item->location, place->location);
}

void index_item_rename(struct index_item *item, struct index_space *space, struct str name)
{
    index_item_leave(item);
    item->dropped_us = item->delete_us = 0;
    index_set(&item->in, space->key);
    index_set(&item->name, name);
    index_item_enter(item, space);
}

void index_item_drop(struct index_item *item, int64_t dropped_us, int64_t delete_us)
{
    index_item_leave(item);
    item->dropped_us = dropped_us;
    item->delete_us = delete_us;
    cache_drop(item->tenant->cache, &item->whole);
    cache_drop(item->tenant->cache, &item->refs);
    list_append(&item->tenant->dropped, &item->node);
}

void index_item_remove(struct index_item *item)
{
    index_item_leave(item);
    index_item_unplace(item);
    cache_drop(item->tenant->cache, &item->whole);
    cache_drop(item->tenant->cache, &item->refs);
    index_forget(&item->in);
    index_forget(&item->name);
    index_forget(&item->uuid);
    index_forget(&item->metadata);
    index_forget(&item->location);
    mem_free(item);
}

struct index_item *index_dropped_find(const struct index_tenant *tenant, int64_t id)
{
    list_each(&tenant->dropped, node)
    {
        struct index_item *item = list_object(node, struct index_item, node);
        if (item->id == id)
            return item;
    }
    return NULL;
}

/* --- Places --- */

static bool index_overlaps(struct str one, struct str other)
{
    return str_equal(one, other) || location_is_below(one, other) || location_is_below(other, one);
}

/* The one that is in the way, or NULL. Names with a common beginning stand side by side, but "a-b" may stand between
 * "a" and "a/b": parents are therefore looked up one by one, and those below begin where "a/" would stand. */
const struct index_place *index_place_other(const struct index_tenant *tenant, struct str location,
                                            const struct index_item *except)
{
    for (size_t len = location.len; len; len--) {
        if (len < location.len && location.ptr[len] != '/')
            continue;
        struct str parent = str_slice(location, 0, len);
        for (size_t i = index_from(&tenant->places, struct index_place, location, parent);
             i < tenant->places.count && str_equal(tenant->places.items[i]->location, parent); i++)
            if (!except || tenant->places.items[i]->item != except)
                return tenant->places.items[i];
    }
    for (size_t i = index_from(&tenant->places, struct index_place, location, location); i < tenant->places.count;
         i++) {
        const struct index_place *place = tenant->places.items[i];
        if (!str_starts_with(place->location, location))
            break;
        if (index_overlaps(location, place->location) && (!except || place->item != except))
            return place;
    }
    return NULL;
}

struct index_place *index_place_take(struct index_tenant *tenant, struct str location, const struct index_item *except,
                                     const struct index_place **other_out)
{
    const struct index_place *other = index_place_other(tenant, location, except);
    if (other) {
        *other_out = other;
        return NULL;
    }
    struct index_place *place = mem_new(struct index_place);
    place->location = index_copy(location);
    index_insert(&tenant->places, index_from(&tenant->places, struct index_place, location, location), place);
    return place;
}

void index_place_give(struct index_tenant *tenant, struct index_place *place)
{
    if (!place)
        return;
    for (size_t i = index_from(&tenant->places, struct index_place, location, place->location);
         i < tenant->places.count; i++) {
        if (tenant->places.items[i] == place) {
            index_take_out(&tenant->places, i);
            break;
        }
    }
    index_forget(&place->location);
    mem_free(place);
}
