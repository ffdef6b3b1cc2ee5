/* Who may change a name: changes to one name are done one after the other, in the order in which they came. A change
 * that needs several names takes its places in all of their queues at once, so none can wait in a circle. Loop thread
 * only. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"

struct lock_queue;

/* All names in use; embedded in its owner, zero-initialised. */
struct lock_table {
    struct map queues; /* by name: struct lock_queue */
};
void lock_table_done(struct lock_table *table);

/* What a change holds or waits for; embedded in it, zero-initialised. */
struct lock_set {
    struct lock_table *table;
    struct lock_claim *claims;
    size_t count;
    size_t waiting;                         /* claims that are not the first in their queue */
    void (*on_ready)(struct lock_set *set); /* called by the release of another one */
};
/* The claims live in the arena. *ready_out: all are free, on_ready does not come. A name twice is once. ERR_RESOURCE
 * names catalog.max_waiting; nothing is taken then. */
bool lock_take(struct lock_table *table, struct arena *arena, struct lock_set *set, const struct str *names,
               size_t count, bool *ready_out, struct err *err) MUST_USE;
/* Harmless when nothing is taken. */
void lock_release(struct lock_set *set);
/* The same for everyone at the end: nobody is told. */
void lock_forget(struct lock_set *set);
