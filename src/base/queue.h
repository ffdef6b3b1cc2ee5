/* A bounded queue between threads. After queue_push the sender holds nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct queue;

/* capacity: most items that may wait. */
struct queue *queue_new(size_t capacity);
/* The items that still wait are not freed. Accepts NULL inside. */
void queue_free(struct queue **queue);

/* Never waits; false when the queue is full or closed: the sender keeps the item. */
bool queue_push(struct queue *queue, void *item) MUST_USE;

/* Waits for an item; NULL when the queue is closed and empty, or the time is over. timeout_us < 0: no limit. */
void *queue_pop(struct queue *queue, int64_t timeout_us);

/* No more pushes; those who wait get what is left, then NULL. */
void queue_close(struct queue *queue);

size_t queue_count(struct queue *queue);
