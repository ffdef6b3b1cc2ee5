/* What the files of this room share: the door itself, its side of a tenant, sessions with their seats, and a statement.
 */
#pragma once
#include "base/map.h"
#include "base/vec.h"
#include "domain/catalog/catalog.h"
#include "domain/query/disk.h"
#include "domain/query/gate.h"
#include "domain/query/intake.h"
#include "domain/query/journal.h"
#include "domain/query/process.h"
#include "domain/query/query.h"
#include "domain/query/session.h"
#include "platform/net/work.h"

/* The text that lists show of a statement. */
#define QUERY_SQL_SHOWN 4096
/* Random bytes of the names that clients get for transactions and prepared statements. */
#define QUERY_NAME_BYTES 16

/* The door's view of the Iceberg catalog (iceberg.c). */
struct query_iceberg {
    struct query *query;
    struct catalog *catalog; /* NULL: none */
    struct work_pool *pool;
    struct str url, extensions;
    enum query_iceberg_state {
        QUERY_ICEBERG_UNCHECKED,
        QUERY_ICEBERG_CHECKING,
        QUERY_ICEBERG_READY,
        QUERY_ICEBERG_BROKEN
    } state;
    struct err why; /* it is broken */
    struct work_job job;
};

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
    struct map users;    /* name → struct query_user; those with sessions */
    size_t process_count;
    int queued; /* statements in all queues */
    uint64_t last_id;
    uint64_t last_number; /* of connections and prepared statements on channels */
    uint64_t last_session;
    struct query_iceberg iceberg;
    struct query_journal journal;
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
    size_t statement_count; /* all that have not ended */
    struct list queue;      /* statements that wait for a slot */
    size_t queued, running;
    struct list waiting; /* statements that have a slot and wait for the worker */
    struct list seats;   /* of all sessions */
    struct query_process *process;
    bool needs_iceberg;                /* a statement did, so that the next worker starts with it */
    bool has_iceberg;                  /* the worker reaches the catalog */
    bool restarts;                     /* it is to stop when it is idle, to be started with it */
    char pass[CATALOG_PASS_BYTES + 1]; /* the worker's to the catalog; empty: none */
    struct query_disk disk;
    uint64_t starts, crashes;
    void (*deleted)(void *owner); /* not NULL: it is being deleted */
    void *deleted_owner;
};

/* A user's sessions. */
struct query_user {
    struct list sessions;
    size_t session_count;
};

struct query_session {
    struct list node; /* in its user */
    struct query *query;
    struct arena *arena;
    struct query_user *owner_user;
    struct str user;
    struct str id;        /* for lists and logs; no secret */
    char tenant[64];      /* chosen by query_session_set_tenant, or empty */
    struct list seats;    /* struct query_seat */
    struct list prepared; /* struct query_prepared */
    size_t prepared_count;
    struct map handles;     /* handle → struct query_prepared */
    struct list statements; /* that have not ended */
    size_t statement_count;
    size_t transaction_count; /* that have an id */
    int64_t used_us;
    struct loop_timer timer; /* idle, or it expires now */
    bool expires;
    void (*on_expired)(void *owner);
    void *owner;
};

/* A connection of DuckDB that a session has in a tenant's worker: its main one, or a further one of a transaction. It
 * serves one statement after the other. */
struct query_seat {
    struct list node;              /* in its session */
    struct list side_node;         /* in its tenant's side */
    struct query_session *session; /* NULL: closed, only its last statement still ends */
    struct query_tenant *side;
    uint64_t number; /* on the channel */
    bool is_main;
    bool is_used;              /* the worker may know the number */
    bool kept, in_transaction; /* as the worker's last answer said */
    bool lost;                 /* main: what the session had is gone with the worker, and nobody was told yet */
    char transaction[2 * QUERY_NAME_BYTES + 1]; /* the id; empty: none, or it was begun as SQL text */
    struct statement *begin;                    /* the one that opens this transaction, until it has ended */
    struct statement *busy;                     /* the one that has the seat */
    struct list waiting;
    VEC(uint64_t) forget; /* prepared statements closed while it was busy */
};

/* Whether its worker has to reach the Iceberg catalog. IF_USED: when the tenant has anything there; WANTS: unless
 * sessions keep something in a worker that does not. */
enum statement_iceberg {
    STATEMENT_NO_ICEBERG,
    STATEMENT_ICEBERG_IF_USED,
    STATEMENT_WANTS_ICEBERG,
    STATEMENT_NEEDS_ICEBERG
};

enum statement_kind { STATEMENT_RUN, STATEMENT_DESCRIBE, STATEMENT_UPLOAD, STATEMENT_METADATA };

struct statement {
    struct list node;         /* in query.statements */
    struct list place;        /* in its seat's waiting, its tenant's queue, or its tenant's waiting */
    struct list session_node; /* in its session */
    struct query *query;
    struct query_tenant *side;
    struct query_task task;
    struct arena *arena; /* owned; all texts */
    enum statement_kind kind;
    int state; /* enum query_state */
    struct str id, user, protocol, sql, parameters;
    struct str shown; /* sql as lists and logs show it */
    enum role role;
    struct query_session *session; /* NULL: none, or it was closed */
    struct str session_id;
    struct query_seat *seat; /* that it has or waits for; NULL: any connection */
    uint64_t connection;     /* on the channel; 0: any */
    bool borrows;            /* it has the seat because that was free, not because it must */
    bool leaves;             /* something may stay in its connection */
    struct str transaction;  /* its id, also the one that it opens */
    enum query_transaction_step step;
    uint64_t prepared;        /* on the channel; 0: none */
    bool run_unless_reads;    /* STATEMENT_DESCRIBE */
    bool progress;            /* PROGRESS is wanted */
    struct query_binds binds; /* in the RUN frame, or empty */
    struct query_metadata_request metadata;
    int procedure; /* enum query_procedure_kind; 0: none */
    enum statement_iceberg iceberg;
    struct str absent[CHANNEL_ABSENT_MAX]; /* names that no table of the schema "default" may have */
    uint32_t absent_count;
    struct str changed[CHANNEL_CHANGED_MAX]; /* Iceberg tables whose rows it changes, quoted */
    uint32_t changed_count;
    const struct gate_result *gate; /* of a text that was rewritten; else NULL */
    struct str written;             /* that text as the user wrote it */
    bool reserved;                  /* it takes no slot */
    struct str schema, table;       /* uploads */
    bool temporary;                 /* uploads */
    enum query_target target;       /* uploads, as the next two */
    struct str partition_by, sort_by;
    enum query_format format;
    enum query_mode mode;
    struct query_sink sink;
    void (*on_ready)(void *owner); /* of intake; may be NULL */
    struct query_intake *intake;   /* uploads, and binds that come as messages; owned */
    bool finish;                   /* intake: FINISH was asked for */
    uint64_t request_id;
    bool is_queued, is_sent, is_failed;
    bool is_cut;                    /* a piece of its result was thrown away */
    bool may_write;                 /* a guess from its text */
    int64_t created_us, started_us; /* started: got its slot; 0 = not yet */
    int64_t started_wall_us;
    int64_t deadline_us;
    enum limit deadline_limit;    /* LIMIT_STATEMENT_TIMEOUT when that is the deadline, else LIMIT_COUNT */
    uint64_t rows, bytes;         /* that went by */
    struct query_task_end answer; /* its error is not kept; is_answered false: there was none */
    struct err reason;            /* why it is being stopped; code ERR_OK: it is not */
    struct loop_timer timer;      /* deadline, busy_wait, queue_wait, or kill_grace: by state */
    struct loop_task later;       /* ends it from the loop */
};

/* --- statement.c --- */

/* In state QUERY_QUEUED, in no list. */
struct statement *query_statement_new(struct query *query, struct tenant *tenant, enum statement_kind kind,
                                      const struct query_sink *sink);
/* One that never entered. */
void query_statement_free(struct statement *statement);
/* Gives it a seat and a slot, or a place where it waits; refused: NULL, and it is gone. */
struct statement *query_statement_enter(struct statement *statement, struct err *err);
/* The worker is ready: sends it. */
void query_statement_send(struct statement *statement);
/* Stops it for this reason; the first reason stays. on_end follows later. */
void query_statement_stop(struct statement *statement, const struct err *reason);
/* It has a slot now. */
void query_statement_start(struct statement *statement);
void query_statement_info(const struct statement *statement, struct query_info *info_out);

/* --- seat.c: which connection a statement runs on, and in which order --- */

/* Decides by the statement's session, transaction and text: sets its seat, or leaves it NULL. */
bool query_seat_choose(struct statement *statement, struct err *err) MUST_USE;
/* Gives the seat to the statement; false: it waits. */
bool query_seat_take(struct statement *statement);
/* The statement has ended, or never entered: the next one gets the seat. */
void query_seat_leave(struct statement *statement);
/* The side's worker has ended, and what was left in it is lost. */
void query_seats_lose(struct query_tenant *side);
/* Something that a session left is in the worker. */
bool query_seats_are_kept(const struct query_tenant *side);
/* The session is closed, or the tenant deleted: goes at once, or with its last statement. */
void query_seat_close(struct query_seat *seat);
/* The session's seat for this transaction in any tenant, or NULL. */
struct query_seat *query_seat_find(const struct query_session *session, struct str transaction);
/* The worker need not keep the prepared statement any more. */
void query_seat_forget(struct query_seat *seat, uint64_t prepared);
/* "session lost: ..." */
void query_seat_lost_err(struct err *error);
/* "statement q0..., which still runs"; for the error of one that waited too long. */
void query_seat_busy_err(const struct statement *statement, struct err *error);

/* --- session.c --- */

/* Counts the statement; ERR_DENIED for another's session, ERR_RESOURCE beyond session.max_statements. */
bool query_session_enter(struct statement *statement, struct err *err) MUST_USE;
void query_session_leave(struct statement *statement);
/* Those that chose the tenant expire; tenant empty: all. */
void query_sessions_expire(struct query *query, struct str tenant);

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

/* A worker that is ready takes those that wait for it, as far as it can. */
void query_send_waiting(struct query_tenant *side);
/* Whoever waits for a worker that could not be started yet. */
void query_start_waiting(struct query *query);

/* --- iceberg.c --- */

void query_iceberg_init(struct query *query, const struct query_options *options);
/* The tenant's next worker has to reach the catalog. */
bool query_iceberg_is_wanted(const struct query_tenant *side);
/* True while the extensions are not checked yet; query_start_waiting follows. */
bool query_iceberg_wait(struct query *query);
/* For a worker that starts: what it has to know, with a pass of its own. */
bool query_iceberg_hello(struct query_tenant *side, struct arena *arena, struct channel_hello *hello,
                         struct err *err) MUST_USE;
/* The worker has ended. */
void query_iceberg_end(struct query_tenant *side);
/* Whether the side's worker, if there is one, is right for the statement: send it, let it wait for another one, or
 * refuse it with *err. */
enum query_iceberg_way { QUERY_ICEBERG_SEND, QUERY_ICEBERG_WAIT, QUERY_ICEBERG_REFUSE };
enum query_iceberg_way query_iceberg_ask(struct statement *statement, struct err *err);
/* A statement has ended: perhaps the worker is idle now. */
void query_iceberg_restart(struct query_tenant *side);
/* Keeps what the worker has to know of the Iceberg tables that the text makes or changes. ERR_EXISTS when it makes what
 * is on the other side already, so far as that is known here. */
bool query_iceberg_names(struct statement *statement, const struct gate_result *gate, struct err *err) MUST_USE;
/* ERR_EXISTS when an Iceberg table has the name. */
bool query_iceberg_is_free(const struct statement *statement, struct str name, struct err *err) MUST_USE;

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
