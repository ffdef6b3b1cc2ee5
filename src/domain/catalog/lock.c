#include "domain/catalog/lock.h"

#include <assert.h>

#include "base/limits.h"

struct lock_queue {
    struct list claims; /* the first one has the name */
    size_t count;
    struct str name; /* of the first claim that made the queue: a copy behind the struct */
};

struct lock_claim {
    struct list node;
    struct lock_queue *queue;
    struct lock_set *set;
};

static struct lock_queue *lock_queue_new(struct lock_table *table, struct str name)
{
    struct lock_queue *queue = mem_alloc(sizeof(*queue) + name.len);
    list_init(&queue->claims);
    memcpy(queue + 1, name.ptr, name.len);
    queue->name = str_bytes(queue + 1, name.len);
    map_put(&table->queues, name, queue);
    return queue;
}

void lock_table_done(struct lock_table *table)
{
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&table->queues, &position)))
        mem_free(entry->value);
    map_done(&table->queues);
}

static bool lock_has_room(struct lock_table *table, struct str name, struct err *err)
{
    const struct lock_queue *queue = map_get(&table->queues, name);
    if (!queue || queue->count < (size_t)limits_get(LIMIT_CATALOG_WAITING))
        return true;
    return limits_err(LIMIT_CATALOG_WAITING, err);
}

static void lock_claim_take(struct lock_set *set, struct str name)
{
    struct lock_queue *queue = map_get(&set->table->queues, name);
    if (!queue)
        queue = lock_queue_new(set->table, name);
    for (size_t i = 0; i < set->count; i++)
        if (set->claims[i].queue == queue)
            return;
    struct lock_claim *claim = &set->claims[set->count++];
    claim->queue = queue;
    claim->set = set;
    if (queue->count++)
        set->waiting++;
    list_append(&queue->claims, &claim->node);
}

bool lock_take(struct lock_table *table, struct arena *arena, struct lock_set *set, const struct str *names,
               size_t count, bool *ready_out, struct err *err)
{
    assert(set->count == 0);
    for (size_t i = 0; i < count; i++)
        if (!lock_has_room(table, names[i], err))
            return false;
    set->table = table;
    set->claims = arena_array(arena, count + 1, sizeof(*set->claims));
    for (size_t i = 0; i < count; i++)
        lock_claim_take(set, names[i]);
    *ready_out = set->waiting == 0;
    return true;
}

void lock_release(struct lock_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct lock_claim *claim = &set->claims[i];
        struct lock_queue *queue = claim->queue;
        bool first = list_first(&queue->claims) == &claim->node;
        list_remove(&claim->node);
        if (--queue->count == 0) {
            map_remove(&set->table->queues, queue->name);
            mem_free(queue);
            continue;
        }
        struct lock_set *next = list_object(list_first(&queue->claims), struct lock_claim, node)->set;
        if (first && --next->waiting == 0)
            next->on_ready(next);
    }
    set->count = set->waiting = 0;
}

void lock_forget(struct lock_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        list_remove(&set->claims[i].node);
    set->count = set->waiting = 0;
}
