/* Jobs that wait for disks or other machines, or compute for milliseconds, on threads of their own, so that the loop
 * never does. The threads are made by app/; jobs and answers belong to the loop's thread. */
#pragma once
#include "base/err.h"
#include "base/list.h"

struct loop;
struct work_pool;

/* Embedded in its owner, which lives until done. */
struct work_job {
    struct list node;
    void (*run)(struct work_job *job);  /* on a thread of the pool; touches nothing that the loop's thread uses */
    void (*done)(struct work_job *job); /* on the loop's thread, later */
};

/* loop: where answers are told. */
struct work_pool *work_pool_new(struct loop *loop);
/* After the threads have returned; jobs that were not begun are dropped. Accepts NULL inside. */
void work_pool_free(struct work_pool **pool);
/* The work of one thread, until work_pool_stop. */
void work_pool_thread(struct work_pool *pool);
/* Those that have begun end; no others begin. */
void work_pool_stop(struct work_pool *pool);

/* In the order of submission. The queue is unbounded: who submits bounds it. */
void work_submit(struct work_pool *pool, struct work_job *job);
