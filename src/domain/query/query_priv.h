/* What the files of this room share: the door itself, its side of a tenant, and a statement. */
#pragma once
#include "domain/query/disk.h"
#include "domain/query/history.h"
#include "domain/query/intake.h"
#include "domain/query/process.h"
#include "domain/query/query.h"

/* The text that lists show of a statement. */
#define QUERY_SQL_SHOWN 4096

struct query {
    struct loop *loop;
    struct tenant_list *tenants;
    struct arena *arena; /* owns options' texts */
    struct query_options options;
    struct str scrub[4]; /* host paths that error texts must not show */
    size_t scrub_count;
    struct list statements; /* all that have not ended, oldest first */
    size_t statement_count;
    struct list sides;   /* struct query_tenant that were ever used */
    struct list starved; /* those that wait for another's worker to end */
    size_t process_count;
    int queued; /* statements in all queues */
    uint64_t last_id;
    struct query_history history;
    struct query_disk disk;
    struct loop_timer tick; /* every second while there are workers */
    bool draining;
    struct loop_timer drain_timer;
    struct loop_task drained;
    void (*drain_done)(void *owner);
    void *drain_owner;
};

/* A tenant as this room sees it: tenant.query_data. */
struct query_tenant {
    struct list node;         /* in query.sides */
    struct list starved_node; /* in query.starved */
    struct query *query;
    struct tenant *tenant;
    struct list queue; /* statements that wait for a slot */
    size_t queued, running;
    struct list waiting; /* statements that have a slot and wait for the worker */
    struct query_process *process;
    struct query_disk disk;
    uint64_t starts, crashes;
    void (*deleted)(void *owner); /* not NULL: it is being deleted */
    void *deleted_owner;
};

enum statement_kind { STATEMENT_RUN, STATEMENT_DESCRIBE, STATEMENT_UPLOAD, STATEMENT_SNAPSHOT };

struct statement {
    struct list node;  /* in query.statements */
    struct list place; /* in its tenant's queue or waiting */
    struct query *query;
    struct query_tenant *side;
    struct query_task task;
    struct arena *arena; /* owned; all texts */
    enum statement_kind kind;
    int state; /* enum query_state */
    struct str id, user, protocol, sql, parameters;
    struct str schema, table, path; /* uploads; snapshots */
    enum query_format format;
    enum query_mode mode;
    struct query_sink sink;
    void (*on_ready)(void *owner); /* uploads */
    struct query_intake *intake;   /* uploads; owned */
    bool finish;                   /* uploads: FINISH was asked for */
    uint64_t request_id;
    int64_t created_us, started_us; /* started: got its slot; 0 = not yet */
    int64_t started_wall_us;
    int64_t deadline_us;
    enum limit deadline_limit; /* LIMIT_STATEMENT_TIMEOUT when that is the deadline, else LIMIT_COUNT */
    uint64_t rows, bytes;      /* that went by */
    struct err reason;         /* why it is being stopped; code ERR_OK: it is not */
    struct loop_timer timer;   /* deadline, or queue_wait, or kill_grace: by state */
    struct loop_task later;    /* ends it from the loop */
};

/* --- statement.c --- */

/* The worker is ready: sends it. */
void query_statement_send(struct statement *statement);
/* Stops it for this reason; the first reason stays. on_end follows later. */
void query_statement_stop(struct statement *statement, const struct err *reason);
/* It has a slot now. */
void query_statement_start(struct statement *statement);
void query_statement_info(const struct statement *statement, struct query_info *info_out);

/* --- admission.c: slots and workers --- */

struct query_tenant *query_side(struct query *query, struct tenant *tenant);
/* Gives the statement a slot or a place in the queue; false: refused. */
bool query_admit(struct statement *statement, struct err *err) MUST_USE;
/* The worker for a statement that has a slot: sends it now, or later when there is one. */
void query_need_worker(struct statement *statement);
/* The statement has ended or left the queue; its place is somebody else's. */
void query_leave(struct statement *statement);
/* Frees a side that nothing uses; called when a tenant is gone. */
void query_side_free(struct query_tenant *side);
/* Once a second: idle workers are stopped, memory is asked for. */
void query_tick_workers(struct query *query);

/* --- query.c --- */

/* Something ended: perhaps the drain is over. */
void query_check_drained(struct query *query);
/* Takes host paths out of an error's text. */
void query_scrub(const struct query *query, struct err *error);
/* A tenant that is being deleted has no statement and no worker any more: tells. */
void query_check_deleted(struct query_tenant *side);
/* Counts a statement that has ended. */
void query_count(const struct statement *statement, enum query_outcome outcome, int64_t run_us);
/* The queue of some tenant grew by so many. */
void query_show_queue(struct query *query, int growth);
