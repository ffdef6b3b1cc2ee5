/* The programs of one step, one after the other: a scratch directory that is removed after it, a token that ends with
 * it, its time. Loop thread only. */
#pragma once
#include "domain/pipeline/step.h"

struct program;

/* With a scratch directory, DATA/runs/RUN/STEP.ATTEMPT, and a token for the run's tenant. ERR_PRECONDITION where the
 * server's configuration does not let programs run. */
struct program *program_new(struct step_work *work, struct err *err);
struct str program_scratch(const struct program *program);
/* A directory that the programs may read, made at the first call; removed as the scratch directory is. */
bool program_inputs(struct program *program, struct str *path_out, struct err *err) MUST_USE;

struct program_options {
    const struct str *argv; /* copied, as all of this */
    size_t argc;
    struct str directory; /* absolute */
    /* A line of its output; NULL: goes to the step's log as it is. */
    void (*on_line)(void *owner, bool is_error, struct str line);
    /* error NULL: its exit code was 0. ERR_UNKNOWN: it was not, and code says which; another error: it did not start,
     * was cancelled (ERR_CANCELLED), or its time was over (ERR_DEADLINE). */
    void (*on_exit)(void *owner, int code, const struct err *error);
    void *owner;
};
/* In the environment of the program: EIDER_URL, EIDER_TOKEN, EIDER_TENANT, EIDER_RUN, EIDER_ASSET, EIDER_PARTITION of a
 * run that has one, TMPDIR, and PATH, HOME, LANG, TZ of the server's. */
bool program_run(struct program *program, const struct program_options *options, struct err *err) MUST_USE;
/* The one that runs is stopped: ERR_CANCELLED follows. */
void program_cancel(struct program *program);

/* None runs: the token ends, the scratch directory is removed, then work->done is told. error NULL: success. */
void program_end(struct program *program, const struct err *error);

/* Scratch directories that a killed server has left. Before any step starts. */
void program_sweep(struct str data);
