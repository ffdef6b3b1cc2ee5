#include "domain/tenant/recent.h"

#include <assert.h>
#include <stdalign.h>

struct recent_entry {
    struct list node;
    struct str key; /* behind the object */
    alignas(max_align_t) unsigned char object[];
};

void recent_init(struct recent *recent, size_t max, size_t size)
{
    assert(max > 0);
    *recent = (struct recent){.max = max, .size = size};
    list_init(&recent->order);
}

static void recent_drop(struct recent *recent, struct recent_entry *entry)
{
    list_remove(&entry->node);
    map_remove(&recent->entries, entry->key);
    mem_free(entry);
}

void recent_done(struct recent *recent)
{
    list_each(&recent->order, node) recent_drop(recent, list_object(node, struct recent_entry, node));
    map_done(&recent->entries);
}

void *recent_get(struct recent *recent, struct str key)
{
    struct recent_entry *entry = map_get(&recent->entries, key);
    if (!entry)
        return NULL;
    list_remove(&entry->node);
    list_append(&recent->order, &entry->node);
    return entry->object;
}

void *recent_need(struct recent *recent, struct str key)
{
    void *known = recent_get(recent, key);
    if (known)
        return known;
    if (recent->entries.count >= recent->max)
        recent_drop(recent, list_object(list_first(&recent->order), struct recent_entry, node));
    struct recent_entry *entry = mem_alloc(sizeof(*entry) + recent->size + key.len + 1);
    unsigned char *text = entry->object + recent->size;
    if (key.len)
        memcpy(text, key.ptr, key.len);
    entry->key = str_bytes(text, key.len);
    list_append(&recent->order, &entry->node);
    map_put(&recent->entries, entry->key, entry);
    return entry->object;
}

void recent_remove(struct recent *recent, struct str key)
{
    struct recent_entry *entry = map_get(&recent->entries, key);
    if (entry)
        recent_drop(recent, entry);
}

void recent_each(struct recent *recent, void (*each)(void *owner, void *object), void *owner)
{
    list_each(&recent->order, node) each(owner, list_object(node, struct recent_entry, node)->object);
}
