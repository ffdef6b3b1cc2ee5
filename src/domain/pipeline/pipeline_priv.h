/* What the files around pipeline.c share: the project as it is loaded, and questions to a tenant's worker. */
#pragma once
#include "base/map.h"
#include "domain/pipeline/history_priv.h"
#include "domain/pipeline/pipeline.h"
#include "domain/query/query.h"
#include "platform/net/loop.h"
#include "platform/net/work.h"

struct alert_list;
struct lineage;
struct pipeline_load;
struct run_metrics;

/* A graph and those who use it: runs keep the one that they began with. */
struct pipeline_view {
    unsigned references;
    struct graph *graph;
};
struct pipeline_view *pipeline_view_ref(struct pipeline_view *view);
/* Accepts NULL inside. */
void pipeline_view_unref(struct pipeline_view **view);

struct pipeline {
    struct pipeline_options options;
    struct arena *arena; /* owns options' texts and url */
    struct str url;
    struct list runs;     /* that have not ended */
    struct list watchers; /* struct run_watcher */
    struct list starts;   /* struct run_making that wait for the history to be opened */
    size_t making;        /* starts that are on their way */
    struct map busy;      /* "tenant/asset" → the run that builds it */
    struct map built;     /* "tenant/asset" → its version; those of this server's life */
    size_t running;       /* steps of all runs */
    uint64_t number;      /* of the last run */
    uint64_t version;     /* of the last success */
    struct history history;
    struct pipeline_view *view; /* NULL: not loaded yet */
    struct map analyses;        /* "path/digest" → struct pipeline_analysis */
    struct list loads;          /* struct pipeline_ask that wait for the next load */
    struct pipeline_load *load; /* NULL: none is under way */
    struct loop_timer rescan;
    struct loop_timer reopen; /* the history could not be opened */
    struct err closed;        /* why */
    struct err load_error;    /* that was logged */
    struct run_log_list *logs;
    struct scheduler *scheduler;
    struct lineage *lineage;
    struct alert_list *alerts;
    struct run_metrics *metrics;
    bool begun, scheduling, draining;
    struct loop_task drained;
    void (*drain_done)(void *owner);
    void *drain_owner;
};

/* The files as they are now. view: borrowed, take a reference to keep it; NULL with an error. What is not analysed yet
 * is by the worker of the tenant, which is created when it does not exist. */
typedef void pipeline_load_done(void *owner, struct pipeline_view *view, const struct err *error);
void pipeline_load(struct pipeline *pipeline, struct str tenant, pipeline_load_done *done, void *owner);
/* Nobody waits any more. */
void pipeline_load_forget(struct pipeline *pipeline);

/* A procedure in a tenant's worker, and its whole answer: rows as JSON lines. done comes once, later; the call is gone
 * after it. */
struct pipeline_call;
struct pipeline_question {
    struct str tenant;
    enum query_procedure_kind kind;
    struct str arguments; /* JSON; copied */
    bool iceberg;         /* it needs the Iceberg catalog */
    int64_t deadline_us;
    size_t answer_max; /* bytes; more is an error */
};
typedef void pipeline_call_done(void *owner, struct str answer, const struct err *error);
struct pipeline_call *pipeline_call(struct pipeline *pipeline, const struct pipeline_question *question,
                                    pipeline_call_done *done, void *owner);
void pipeline_call_cancel(struct pipeline_call *call);
/* Without done. The statement is gone with the query. */
void pipeline_call_free(struct pipeline_call **call);
/* The member's text of each row, each a JSON document, parsed. NULL: the worker sends what is none (ERR_INTERNAL). */
const struct json **pipeline_call_rows(struct str answer, const char *member, struct arena *arena, size_t *count_out,
                                       struct err *err);

/* A run or a start is gone: perhaps the drain is over. */
void pipeline_check_drained(struct pipeline *pipeline);
