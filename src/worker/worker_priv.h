/* What the files of this room share: the worker itself. */
#pragma once
#include "base/map.h"
#include "platform/channel/block.h"
#include "platform/channel/port.h"
#include "worker/statement.h"

struct worker {
    struct arena *arena; /* owns the texts of hello */
    struct channel_hello hello;
    struct channel_port port;
    struct engine *engine;

    struct map blocks; /* id → struct channel_block *; the reading thread's */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t role_free;
    bool reading;   /* some thread has the reading role */
    size_t waiting; /* threads that wait for it */
    size_t threads;
    struct list statements; /* read and not yet ended */
    size_t statement_count;
    VEC(struct engine_session *) sessions; /* clean ones */
    VEC(uint8_t *) scratch;                /* memory for small messages that statements left */
};

/* serve.c: threads take turns in reading the channel; the one that reads a statement runs it. Ends with the process. */
_Noreturn void worker_serve(struct worker *worker);
/* Takes a statement that has ended off the list. */
void worker_forget(struct worker *worker, struct worker_statement *statement);

/* A clean session, or a fresh one. */
struct engine_session *worker_session_take(struct worker *worker, struct err *err);
/* Keeps it for later statements if it is clean and reusable, else closes it. */
void worker_session_give(struct worker *worker, struct engine_session **session, bool reusable);
