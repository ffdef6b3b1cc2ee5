/* A statement as the worker's channel sees it: what was asked, what has come back so far, and the checks that a hostile
 * worker has to pass. Embedded in its owner (a statement of a tenant, an import). Loop thread only. */
#pragma once
#include "domain/query/query.h"
#include "platform/channel/pool.h"

struct query_process;
struct query_task;

/* How a task ended. */
struct query_task_end {
    const struct err *error; /* NULL: success */
    bool is_answered;        /* by the worker; else it is gone, and what follows is not known */
    enum query_kind kind;
    bool ran, depends, returns;
    bool in_transaction, kept; /* the connection; see struct channel_end */
    uint64_t rows, bytes, memory_bytes;
    int target; /* uploads: enum query_target, and why; valid during on_end */
    struct str reason;
};

struct query_task_events {
    /* Takes the slices. */
    void (*on_piece)(struct query_task *task, struct query_piece *piece);
    /* Uploads only: the worker is done with a body. False with *err: it cannot be. */
    bool (*on_put_done)(struct query_task *task, const struct channel_put_done *done, struct err *err);
    /* Last; the task belongs to no process any more. */
    void (*on_end)(struct query_task *task, const struct query_task_end *end);
};

struct query_task {
    struct list node;              /* in its process; list_init before first use */
    struct query_process *process; /* NULL before its start and after its end */
    const struct query_task_events *events;
    void *owner;
    uint64_t id;          /* on the channel */
    uint64_t body_left;   /* of the message that comes in pieces */
    uint64_t inline_used; /* bytes that came in frames, as the worker must count them */
    bool started;         /* a first message came */
    unsigned may_come;    /* bit n: messages with role n may still come */
    int permille;         /* how far it is; -1: not known */
};

/* RUN or DESCRIBE: grants blocks and sends. run's blocks are filled in. */
void query_task_run(struct query_task *task, struct query_process *process, enum channel_type type,
                    struct channel_run *run);
void query_task_upload(struct query_task *task, struct query_process *process, const struct channel_upload *upload);
/* metadata's blocks are filled in. */
void query_task_metadata(struct query_task *task, struct query_process *process, struct channel_metadata *metadata);
/* Asks the worker to stop it; on_end follows. */
void query_task_cancel(struct query_task *task);

/* A frame from the worker about this task; false: the worker is hostile. May end the task. */
bool query_task_on_frame(struct query_task *task, const struct channel_frame *frame, struct err *err) MUST_USE;
/* Its process is gone. */
void query_task_fail(struct query_task *task, const struct err *error);
