#include "platform/net/work.h"

#include <pthread.h>

#include "platform/net/loop.h"

struct work_pool {
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t waiting;
    struct list jobs; /* guarded by lock: */
    bool stopping;    /* until here */
};

struct work_pool *work_pool_new(struct loop *loop)
{
    struct work_pool *pool = mem_new(struct work_pool);
    pool->loop = loop;
    list_init(&pool->jobs);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->waiting, NULL);
    return pool;
}

void work_pool_free(struct work_pool **pool)
{
    if (!*pool)
        return;
    pthread_cond_destroy(&(*pool)->waiting);
    pthread_mutex_destroy(&(*pool)->lock);
    mem_free(*pool);
    *pool = NULL;
}

/* On the loop's thread. */
static void work_tell(void *owner)
{
    struct work_job *job = owner;
    job->done(job);
}

/* The next job; NULL when the pool stops. */
static struct work_job *work_take(struct work_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (list_is_empty(&pool->jobs) && !pool->stopping)
        pthread_cond_wait(&pool->waiting, &pool->lock);
    struct list *node = pool->stopping ? NULL : list_first(&pool->jobs);
    if (node)
        list_remove(node);
    pthread_mutex_unlock(&pool->lock);
    return node ? list_object(node, struct work_job, node) : NULL;
}

void work_pool_thread(struct work_pool *pool)
{
    struct work_job *job;
    while ((job = work_take(pool))) {
        job->run(job);
        loop_post(pool->loop, work_tell, job);
    }
}

void work_pool_stop(struct work_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->waiting);
    pthread_mutex_unlock(&pool->lock);
}

void work_submit(struct work_pool *pool, struct work_job *job)
{
    pthread_mutex_lock(&pool->lock);
    list_append(&pool->jobs, &job->node);
    pthread_cond_signal(&pool->waiting);
    pthread_mutex_unlock(&pool->lock);
}
