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
    struct map connections;                /* number → struct worker_connection * */
    VEC(uint8_t *) scratch;                /* memory for small messages that statements left */
};

/* serve.c: threads take turns in reading the channel; the one that reads a statement runs it. Ends with the process. */
_Noreturn void worker_serve(struct worker *worker);
/* Takes a statement that has ended off the list. */
void worker_forget(struct worker *worker, struct worker_statement *statement);

/* What is kept under this number, else a clean session; 0 and numbers not known yet: a clean one. ERR_INTERNAL while
 * another statement has it. */
struct engine_session *worker_connection_take(struct worker *worker, uint64_t connection, struct err *err);
/* Keeps it under its number if something is left in it. Else it serves later statements, if it is clean and reusable,
 * or is closed. */
void worker_connection_give(struct worker *worker, uint64_t connection, struct engine_session **session, bool reusable);
/* CLOSE. One that is in use is closed when it is given back. */
void worker_connection_close(struct worker *worker, uint64_t connection);
/* FORGET. */
void worker_connection_forget(struct worker *worker, uint64_t connection, uint64_t prepared);
/* At the clean end of the process, when no statement runs. */
void worker_connection_close_all(struct worker *worker);
