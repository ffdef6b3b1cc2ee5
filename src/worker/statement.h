/* One statement inside a worker: what the front asked for, its session while it runs, and the ways in (blocks that came
 * free, messages of an upload, cancel) and out (output.h).
 *
 * Threads: the thread that executes it owns it; whoever reads the channel reaches it through the fields guarded by
 * lock. */
#pragma once
#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/vec.h"
#include "platform/channel/frame.h"
#include "platform/engine/engine.h"

struct worker;

/* A block that the statement may fill. */
struct worker_grant {
    uint32_t block;
    uint8_t *ptr;
};

/* One message of an upload on its way to the engine. */
struct worker_put {
    struct list node;
    struct worker *worker;
    uint64_t statement;
    uint32_t block; /* 0: the body follows in memory of its own */
    uint8_t *body;
    uint64_t len;
    struct buf header; /* owned */
    struct buf memory; /* owns an inline body */
};

struct worker_statement {
    struct list node; /* in worker.statements */
    int64_t look_us;  /* when worker_statement_look is due; guarded by the worker's lock */
    struct worker *worker;
    struct arena *arena; /* owned; all texts below */
    uint64_t id;
    enum channel_type type; /* RUN, DESCRIBE, UPLOAD, METADATA */
    struct channel_run run;
    struct channel_upload upload;
    struct channel_metadata metadata;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct engine_session *session; /* while it runs; for interrupts */
    bool cancelled;
    bool finish;           /* UPLOAD: commit after the last put */
    bool slow;             /* frames are no longer held back to go out together */
    uint64_t rows;         /* sent so far */
    uint64_t memory_bytes; /* most that was seen of DuckDB's memory; 0: nobody looked */
    VEC(struct worker_grant) grants;
    struct list puts;
    struct buf held; /* frames that wait for the next ones */

    /* the executing thread's own */
    struct worker_grant block; /* taken for the next message; block 0: none */
    uint8_t *small;  /* CHANNEL_INLINE_MAX bytes for a message that travels in its frame; the worker's again */
    uint8_t *memory; /* for a message that fits no block */
    size_t memory_size;
    uint8_t *reserved; /* what reserve gave out last */
    size_t inline_used;
    bool started; /* a first message went out */
};

/* payload of a RUN, DESCRIBE, UPLOAD or METADATA frame; texts are copied. NULL when it is malformed. */
struct worker_statement *worker_statement_new(struct worker *worker, const struct channel_frame *frame,
                                              struct err *err);
/* Accepts NULL inside. */
void worker_statement_free(struct worker_statement **statement);

/* From the reading thread. */
void worker_statement_grant(struct worker_statement *statement, struct worker_grant grant);
/* Takes put. */
void worker_statement_put(struct worker_statement *statement, struct worker_put *put);
void worker_statement_finish(struct worker_statement *statement);
void worker_statement_cancel(struct worker_statement *statement);
/* Repeats the interrupt of a cancelled statement; true while it is needed. */
bool worker_statement_interrupt(struct worker_statement *statement);
bool worker_statement_is_cancelled(struct worker_statement *statement);
/* Several times a second while it runs: keeps the memory's peak and sends PROGRESS to those that asked for it. */
void worker_statement_look(struct worker_statement *statement, uint64_t memory_bytes);

/* Runs it to its END frame. */
void worker_statement_execute(struct worker_statement *statement);

/* --- For those that execute one --- */

struct engine_policy worker_policy(uint8_t rights, struct str refusal, bool files_allowed);
/* Waits for the next PUT; release it. NULL with ERR_OK in *err: FINISH came; else *err says why. */
struct worker_put *worker_statement_next_put(struct worker_statement *statement, struct err *err);
/* owner is a put whose body is no longer used: the front may fill its block again. Any thread. */
void worker_put_release(void *owner);

/* run.c: RUN and DESCRIBE. */
bool worker_run(struct worker_statement *statement, struct channel_end *end, struct err *err) MUST_USE;
bool worker_describe(struct worker_statement *statement, struct channel_end *end, struct err *err) MUST_USE;
/* procedure.c: does what RUN's procedure asks for, through statement->session. *answer_out: SQL whose result is the
 * answer, in the statement's arena. */
bool worker_procedure(struct worker_statement *statement, struct str *answer_out, struct err *err) MUST_USE;
/* metadata.c: answers METADATA through statement->session and worker_output; fills in rows, bytes and kind. */
bool worker_metadata(struct worker_statement *statement, struct channel_end *end, struct err *err) MUST_USE;

/* Frees a put without telling the front; the release function of an upload's bodies tells it. */
void worker_put_free(struct worker_put **put);
