/* What the files of a dbt step share: the step, and the files around the program. */
#pragma once
#include "domain/pipeline/ask.h"
#include "domain/pipeline/dbt.h"
#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/program.h"
#include "platform/net/work.h"

struct relay;

/* In the attempt's arena. */
struct step_dbt {
    struct step_work *work;
    const struct pipeline_options *pipeline;
    struct program *program;
    struct statement *publishing; /* NULL: no more */
    struct work_job job;          /* on a thread of the pool: files; while it is there it alone uses what follows */
    struct arena *files;          /* owns results' texts */
    struct str snapshot;          /* the published file */
    struct str inputs;            /* with a link to it, "TENANT.duckdb" */
    struct str database;          /* scratch file that dbt builds in */
    struct str kept;              /* dbt.duckdb of the last success, in the tenant's directory */
    struct err error;             /* of the job; code ERR_OK: it went well */
    struct dbt_results results;
    size_t next; /* node to import */
    struct relay *relay;
    int code; /* dbt's exit code */
    bool is_cancelled;
    int64_t rows;
    char why[300]; /* dbt's own word on what failed */
};

/* --- step_dbt_files.c; the job's --- */

/* The snapshot where the program can read it, profiles.yml, and what was kept. */
bool step_dbt_prepare(struct step_dbt *step, struct err *err) MUST_USE;
/* What dbt has left. */
bool step_dbt_read(struct step_dbt *step, struct err *err) MUST_USE;
/* Keeps the scratch file for the next run, if what is built then depends on it. */
void step_dbt_keep(struct step_dbt *step);
