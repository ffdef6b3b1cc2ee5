/* A program as a step: its output is the step's log, its exit code the result. */
#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/program.h"

static void step_command_cancel(struct step_work *work)
{
    program_cancel(work->owner);
}

static void step_command_on_exit(void *owner, int code, const struct err *error)
{
    (void)code;
    struct step_work *work = owner;
    if (error)
        work->failure = error->code == ERR_DEADLINE ? ASSET_FAILS_TIMEOUT : ASSET_FAILS_COMMAND;
    program_end(work->owner, error);
}

bool step_command_start(struct step_work *work, struct err *err)
{
    struct program *program = program_new(work, err);
    if (!program)
        return false;
    const struct asset *asset = work->node->asset;
    work->owner = program;
    work->cancel = step_command_cancel;
    work->rows = work->bytes = -1;
    const struct program_options options = {
        .argv = asset->command,
        .argc = asset->command_count,
        .directory = pipeline_settings(work->pipeline)->root,
        .on_exit = step_command_on_exit,
        .owner = work,
    };
    struct err error;
    if (!program_run(program, &options, &error)) {
        work->failure = ASSET_FAILS_COMMAND;
        program_end(program, &error);
    }
    return true;
}
