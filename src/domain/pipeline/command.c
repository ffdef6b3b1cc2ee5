#include "domain/pipeline/command.h"

struct command *command_start(struct loop *loop, const struct command_options *options, struct err *err)
{
    (void)loop;
    (void)options;
    err_set(err, ERR_UNIMPLEMENTED, "programs cannot be started yet");
    return NULL;
}

void command_stop(struct command *command)
{
    (void)command;
}

void command_free(struct command **command)
{
    *command = NULL;
}
