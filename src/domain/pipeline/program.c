#include "domain/pipeline/program.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/command.h"
#include "domain/pipeline/pipeline.h"
#include "domain/tenant/auth.h"
#include "platform/net/loop.h"
#include "platform/net/work.h"

#define PROGRAM_TREE_FDS 16
/* Of the last line of its standard error, in the step's error. */
#define PROGRAM_LAST_MAX 300

/* In the work's arena. */
struct program {
    struct step_work *work;
    const struct pipeline_options *pipeline;
    struct str scratch, run_directory; /* the second holds the first */
    struct str inputs;                 /* empty: none */
    struct str pass;
    struct command *command; /* NULL: none runs */
    struct program_options options;
    struct loop_timer timer; /* its time is over */
    struct err why;          /* it is being stopped; code ERR_OK: it is not */
    char last[PROGRAM_LAST_MAX];
    size_t last_len;
    struct work_job job; /* removes the scratch directory */
    struct err error;    /* of the step */
};

/* --- Scratch --- */

static int program_remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat, (void)walk;
    if (kind == FTW_DP ? rmdir(path) != 0 : unlink(path) != 0)
        log_warn("pipeline.scratch_left", LOG_STR("path", str_from(path)), LOG_I64("errno", errno));
    return 0;
}

/* Links are removed, not followed. */
static void program_remove(const char *path)
{
    nftw(path, program_remove_entry, PROGRAM_TREE_FDS, FTW_DEPTH | FTW_PHYS);
}

void program_sweep(struct str data)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    program_remove(str_format(arena, "%.*s/runs", STR_ARG(data)).ptr);
}

static bool program_make(struct str path, struct err *err)
{
    return mkdir(path.ptr, 0700) == 0 || errno == EEXIST || err_errno(err, "create '%s'", path.ptr);
}

static bool program_make_scratch(struct program *program, struct err *err)
{
    struct step_work *work = program->work;
    struct str runs = str_format(work->arena, "%.*s/runs", STR_ARG(program->pipeline->data));
    program->run_directory = str_format(work->arena, "%.*s/%.*s", STR_ARG(runs), STR_ARG(work->run->id));
    program->scratch =
        str_format(work->arena, "%.*s/%u.%u", STR_ARG(program->run_directory), work->step->index, work->step->attempt);
    return program_make(runs, err) && program_make(program->run_directory, err) && program_make(program->scratch, err);
}

/* --- Life cycle --- */

struct program *program_new(struct step_work *work, struct err *err)
{
    const struct pipeline_options *pipeline = pipeline_options(work->pipeline);
    if (!pipeline->is_private && !pipeline->settings->commands) {
        err_set(err, ERR_PRECONDITION, "this server does not run programs");
        err_hint(err, "set `commands: true` in eider.yaml, or use `eider run`");
        return NULL;
    }
    struct program *program = arena_new_object(work->arena, struct program);
    program->work = work;
    program->pipeline = pipeline;
    if (!program_make_scratch(program, err))
        return NULL;
    program->pass = auth_pass_new(pipeline->auth, work->run->environment->tenant, work->arena);
    return program;
}

struct str program_scratch(const struct program *program)
{
    return program->scratch;
}

bool program_inputs(struct program *program, struct str *path_out, struct err *err)
{
    struct str path = str_format(program->work->arena, "%.*s.inputs", STR_ARG(program->scratch));
    if (!program->inputs.len && !program_make(path, err))
        return false;
    *path_out = program->inputs = path;
    return true;
}

/* --- One of them --- */

static void program_on_line(void *owner, bool is_error, struct str line)
{
    struct program *program = owner;
    ptrdiff_t at = str_find(line, program->pass);
    if (at >= 0) /* a program that prints its environment */
        line = str_format(program->work->arena, "%.*s***%.*s", (int)at, line.ptr,
                          STR_ARG(str_from_index(line, (size_t)at + program->pass.len)));
    if (is_error && str_trim(line).len) {
        struct str last = str_slice(line, 0, PROGRAM_LAST_MAX);
        memcpy(program->last, last.ptr, last.len);
        program->last_len = last.len;
    }
    if (program->options.on_line)
        program->options.on_line(program->options.owner, is_error, line);
    else
        step_log(program->work, is_error ? LOG_WARN : LOG_INFO, line);
}

static void program_on_exit(void *owner, int code, const struct err *error)
{
    struct program *program = owner;
    loop_timer_cancel(program->pipeline->loop, &program->timer);
    command_free(&program->command);
    struct err failed = program->why;
    struct str last = str_bytes(program->last, program->last_len);
    if (failed.code == ERR_OK && error)
        failed = *error;
    else if (failed.code == ERR_OK && code > 128)
        err_set(&failed, ERR_UNKNOWN, "the program ended by signal %d", code - 128);
    else if (failed.code == ERR_OK && code != 0)
        err_set(&failed, ERR_UNKNOWN, "exit code %d%s%.*s", code, last.len ? ": " : "", STR_ARG(last));
    program->options.on_exit(program->options.owner, code, failed.code == ERR_OK ? NULL : &failed);
}

static void program_stop(struct program *program, const struct err *why)
{
    if (program->why.code == ERR_OK)
        program->why = *why;
    if (program->command)
        command_stop(program->command);
}

static void program_on_time(struct loop_timer *timer)
{
    struct err why;
    err_set(&why, ERR_DEADLINE, "the program was stopped, its time was over");
    program_stop(timer->owner, &why);
}

void program_cancel(struct program *program)
{
    struct err why;
    err_set(&why, ERR_CANCELLED, "the program was stopped, the run was cancelled");
    program_stop(program, &why);
}

bool program_run(struct program *program, const struct program_options *options, struct err *err)
{
    struct step_work *work = program->work;
    struct arena *arena = work->arena;
    const struct str environment[] = {
        str_format(arena, "EIDER_URL=%.*s", STR_ARG(pipeline_url(work->pipeline))),
        str_format(arena, "EIDER_TOKEN=%.*s", STR_ARG(program->pass)),
        str_format(arena, "EIDER_TENANT=%.*s", STR_ARG(work->run->environment->tenant)),
        str_format(arena, "EIDER_RUN=%.*s", STR_ARG(work->run->id)),
        str_format(arena, "EIDER_ASSET=%.*s", STR_ARG(work->step->asset)),
        str_format(arena, "EIDER_PARTITION=%.*s", STR_ARG(work->run->partition)), /* the last: may be left out */
    };
    size_t count = sizeof(environment) / sizeof(environment[0]);
    const struct command_options command = {
        .program = program->pipeline->program,
        .argv = options->argv,
        .argc = options->argc,
        .directory = options->directory,
        .environment = environment,
        .environment_count = work->run->partition.len ? count : count - 1,
        .hidden = program->pipeline->data,
        .scratch = program->scratch,
        .readable = program->inputs,
        .memory_bytes = limits_get(LIMIT_PIPELINE_MEMORY),
        .on_line = program_on_line,
        .on_exit = program_on_exit,
        .owner = program,
    };
    program->options = *options;
    if (program->why.code != ERR_OK) {
        *err = program->why;
        return false;
    }
    program->command = command_start(program->pipeline->loop, &command, err);
    if (!program->command)
        return false;
    program->timer = (struct loop_timer){.on_time = program_on_time, .owner = program};
    if (work->deadline_us != CLOCK_NEVER)
        loop_timer_set(program->pipeline->loop, &program->timer, work->deadline_us - clock_now_us());
    return true;
}

/* --- The end of the step --- */

static void program_clean(struct work_job *job)
{
    struct program *program = list_object(job, struct program, job);
    program_remove(program->scratch.ptr);
    if (program->inputs.len)
        program_remove(program->inputs.ptr);
    rmdir(program->run_directory.ptr); /* stays while other steps have theirs */
}

static void program_cleaned(struct work_job *job)
{
    struct program *program = list_object(job, struct program, job);
    struct step_work *work = program->work;
    work->done(work, program->error.code == ERR_OK ? NULL : &program->error);
}

void program_end(struct program *program, const struct err *error)
{
    auth_pass_end(program->pipeline->auth, program->pass);
    if (error)
        program->error = *error;
    program->job = (struct work_job){.run = program_clean, .done = program_cleaned};
    work_submit(program->pipeline->pool, &program->job);
}
