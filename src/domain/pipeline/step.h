/* One attempt of one step, as those see it who carry it out: SQL in the tenant's worker, a program, dbt, an import. The
 * run (run.h) decides when to begin, how long it may take, and whether to try again. Loop thread only. */
#pragma once
#include "domain/pipeline/run.h"

struct pipeline;
struct step_import;

struct step_work {
    struct pipeline *pipeline;
    struct run *run;
    struct run_step *step;
    const struct graph_node *node;
    int64_t deadline_us; /* clock_now_us scale; who carries it out must end by then with ERR_DEADLINE */
    struct arena *arena; /* of this attempt */
    bool export_only;    /* the table is committed: only the exports are to be done (again) */
    /* Set by whoever carries it out: asks it to stop soon; done still comes. */
    void (*cancel)(struct step_work *work);
    void *owner;       /* of whoever carries it out */
    struct str staged; /* what BUILD runs instead of the asset's text: reads what was imported; empty: its own */
    struct step_import *import; /* step_import.c's, around the BUILD */
    /* Filled in before done. */
    enum asset_failure failure; /* with an error; without one, ASSET_FAILS_TEST: a test only warns */
    bool committed;             /* the table is there although there was an error: a retry repeats the exports only */
    int64_t rows, bytes;        /* -1: not known */
    struct str report;          /* JSON, in the arena; see below */
    /* Called once, later, from the loop; error NULL: success. The work is gone after it. */
    void (*done)(struct step_work *work, const struct err *error);
};
/* The report, also kept in history (pipeline_steps.report) and in asset_state:
 * {"kind": "table", "columns": [{"name","type"}], "tests": [{"name","kind","severity","blocking","passed","failures",
 *  "message"}], "files": [{"path","size","modified_us"}], "exports": [{"path","format","rows","bytes"}],
 *  "lineage": [{"column","from":[{"table","column","direct"}]}], "sql": "as run",
 *  "error": {"line","column"}}; members may be missing. */

/* false with *err: refused at once, and done is not called. */
typedef bool step_start(struct step_work *work, struct err *err);
step_start step_sql_start;     /* SQL, seeds, tests: procedure BUILD, then exports. step_sql.c */
step_start step_command_start; /* step_command.c */
step_start step_dbt_start;     /* step_dbt.c */
step_start step_import_start;  /* SQL with a connection. step_import.c */

/* A line of the step's log; text may have any bytes, is cut at pipeline.max_line. */
void step_log(struct step_work *work, int level, struct str text); /* enum log_level */
void step_logf(struct step_work *work, int level, const char *format, ...) PRINTF(3, 4);
