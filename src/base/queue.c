/* A ring under one mutex. */
#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void **items; /* guarded by lock, as all below */
    size_t capacity;
    size_t head;
    size_t count;
    bool closed;
};

struct queue *queue_new(size_t capacity)
{
    struct queue *queue = mem_new(struct queue);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    queue->items = mem_array(capacity, sizeof(void *));
    queue->capacity = capacity;
    return queue;
}

void queue_free(struct queue **queue)
{
    if (!*queue)
        return;
    pthread_mutex_destroy(&(*queue)->lock);
    pthread_cond_destroy(&(*queue)->changed);
    mem_free((*queue)->items);
    mem_free(*queue);
    *queue = NULL;
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    bool room = !queue->closed && queue->count < queue->capacity;
    if (room) {
        queue->items[(queue->head + queue->count++) % queue->capacity] = item;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return room;
}

/* Waits until an item is there, the queue is closed or the time is over. The lock is held. */
static void queue_wait(struct queue *queue, int64_t timeout_us)
{
    int64_t deadline_us = clock_deadline_us(timeout_us);
    struct timespec until = {.tv_sec = deadline_us / CLOCK_SECOND, .tv_nsec = deadline_us % CLOCK_SECOND * 1000};
    while (queue->count == 0 && !queue->closed) {
        if (timeout_us < 0)
            pthread_cond_wait(&queue->changed, &queue->lock);
        else if (pthread_cond_timedwait(&queue->changed, &queue->lock, &until) == ETIMEDOUT)
            return;
    }
}

void *queue_pop(struct queue *queue, int64_t timeout_us)
{
    void *item = NULL;
    pthread_mutex_lock(&queue->lock);
    if (timeout_us != 0)
        queue_wait(queue, timeout_us);
    if (queue->count) {
        item = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->capacity;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

size_t queue_count(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}
