/* A run as the command line sees it: what the server's events say, how it is drawn on a terminal, and the lines that
 * tell it elsewhere. All but cli_run_follow is pure. */
#pragma once
#include "base/vec.h"
#include "cli/pipeline.h"

enum cli_run_state {
    CLI_RUN_WAITING,
    CLI_RUN_READY,
    CLI_RUN_RUNNING,
    CLI_RUN_RETRYING,
    CLI_RUN_DONE,
    CLI_RUN_WARNED,
    CLI_RUN_FAILED,
    CLI_RUN_SKIPPED,
    CLI_RUN_CANCELLED,
    CLI_RUN_INTERRUPTED,
};
#define CLI_RUN_STATES 10
const char *cli_run_state_name(enum cli_run_state state); /* as the server calls it */
bool cli_run_state_is_end(enum cli_run_state state);

/* Of a running step's last log line, the beginning that a line of a terminal shows. */
#define CLI_RUN_LAST 160

struct cli_run_step {
    struct str asset;
    enum cli_run_state state;
    size_t depth; /* levels below what it waits for last */
    int64_t attempt;
    int64_t rows, bytes; /* -1: not known */
    int64_t run_us;      /* -1: not ended */
    int64_t begun_us;    /* clock_now_us, when its start was heard of; 0: not yet */
    struct str error;    /* with its place and hint, several lines, clean; empty: none */
    char last[CLI_RUN_LAST];
    size_t last_len;
};

struct cli_run {
    struct arena *arena;
    struct str id, environment, tenant;
    int64_t number;
    VEC(struct cli_run_step) steps; /* as numbered in the run */
    size_t *order;                  /* of drawing: below what they wait for; order_count of them */
    size_t order_count;
    struct str state; /* of the run, as the server calls it */
    struct str error;
    bool ended;
    int64_t begun_us; /* clock_now_us */
    int64_t run_us;   /* -1: not ended */
    /* Told of each change of a step's state, after it; may be NULL. */
    void (*on_step)(void *owner, const struct cli_run *run, const struct cli_run_step *step);
    void *owner;
};

/* From the answer that began the run. */
void cli_run_begin(struct cli_run *run, struct arena *arena, const struct json *answer);
void cli_run_done(struct cli_run *run);
static inline void cli_run_cleanup(struct cli_run *run)
{
    cli_run_done(run);
}
/* One event of the stream: "run", "step", "log", "end"; others are passed over. */
bool cli_run_event(struct cli_run *run, struct str name, struct str data, struct err *err) MUST_USE;
/* Steps in a state. */
size_t cli_run_count(const struct cli_run *run, enum cli_run_state state);

/* --- Drawing --- */

struct cli_run_screen {
    size_t width, height; /* of the terminal */
    bool colour;
    int64_t now_us; /* clock_now_us */
};
/* All steps as a tree where they have room, else those that matter most now; no more lines than height - 1. Returns how
 * many lines it appended. */
size_t cli_run_draw(struct buf *out, const struct cli_run *run, const struct cli_run_screen *screen);

/* --- Lines, each with its end; clean --- */

void cli_run_begin_line(struct buf *out, const struct cli_run *run);
/* Nothing for states that say nothing. */
void cli_run_step_line(struct buf *out, const struct cli_run_step *step);
/* "run 12 failed: 5 done, 1 failed, 2 skipped in 3.20 s, 1,204 rows" */
void cli_run_end_line(struct buf *out, const struct cli_run *run);
/* What went wrong, step by step. */
void cli_run_error_lines(struct buf *out, const struct cli_run *run);

/* --- Following --- */

/* Follows the run that has begun to its end, shown and logged (below root, unless that is empty), and sets the exit
 * code. The first Ctrl-C cancels the run, the second leaves it. */
bool cli_run_follow(struct cli *cli, const struct json *answer, struct str root, struct err *err) MUST_USE;
