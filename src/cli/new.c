/* eider new: a project that runs, from a template. */
#include "cli/cli_priv.h"

static bool run(struct cli *cli, struct err *err)
{
    (void)cli;
    return err_set(err, ERR_UNIMPLEMENTED, "not yet");
}

static const struct cli_option options[] = {CLI_HELP_OPTION};

const struct cli_command cli_command_new = {
    .name = "new",
    .summary = "make a project",
    .usage = "NAME [OPTION]...",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
