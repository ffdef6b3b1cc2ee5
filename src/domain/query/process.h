/* One worker process: started, greeted, watched, stopped. It carries tasks; when it ends, however that happens, its
 * tasks end with an error and on_gone is called. Nothing here waits. Loop thread only. */
#pragma once
#include "domain/query/launch.h"
#include "domain/query/task.h"

enum query_process_state {
    QUERY_PROCESS_STARTING, /* until READY */
    QUERY_PROCESS_READY,
    QUERY_PROCESS_STOPPING, /* STOP was sent: no more tasks */
    QUERY_PROCESS_KILLED,   /* SIGKILL was sent */
    QUERY_PROCESS_GONE,
};

struct query_process_events {
    void (*on_ready)(void *owner);
    /* The process has ended and its tasks as well. was_ready: it had started properly. The owner may
     * free it there. */
    void (*on_gone)(void *owner, const struct err *why, bool was_ready);
    void *owner;
};

struct query_process_options {
    struct str program;
    struct str name; /* tenant, for ps and the log; must outlive the process */
    const struct channel_hello *hello;
};

struct query_process {
    struct loop *loop;
    struct query_process_events events;
    struct str name;
    int state; /* enum query_process_state */
    bool was_ready;
    bool clean; /* ended by STOP */
    pid_t pid;
    struct loop_watch exit; /* pidfd */
    struct loop_watch log;  /* pipe; fd -1 once closed */
    struct buf log_line;
    size_t log_bytes; /* in the current second */
    int64_t log_second;
    struct loop_timer timer; /* start timeout, then stop timeout */
    struct channel *channel;
    struct channel_pool *pool;
    struct list tasks;
    size_t task_count;
    uint64_t next_task;
    struct err why; /* code ERR_OK, or why we killed it */
    struct channel_usage usage;
    int64_t idle_since_us; /* clock_now_us when the last task ended */
};

/* Version, limits, memory and threads as configured; the caller adds the paths. */
void query_process_hello(struct channel_hello *hello_out);

struct query_process *query_process_start(struct loop *loop, const struct query_process_options *options,
                                          const struct query_process_events *events, struct err *err);
/* Kills it if it lives (no callbacks). Accepts NULL inside. */
void query_process_free(struct query_process **process);

/* Clean end, once the tasks have ended. */
void query_process_stop(struct query_process *process);
/* SIGKILL; why: what the tasks' error says. */
void query_process_kill(struct query_process *process, const struct err *why);
/* The worker answers with its memory figures. */
void query_process_ask(struct query_process *process);

/* While it is idle: gives the memory of its blocks back. */
void query_process_trim(struct query_process *process);

/* For query_task. */
void query_process_add(struct query_process *process, struct query_task *task);
void query_process_remove(struct query_process *process, struct query_task *task);
