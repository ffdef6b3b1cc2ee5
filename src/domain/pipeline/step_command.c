#include "domain/pipeline/step.h"

bool step_command_start(struct step_work *work, struct err *err)
{
    (void)work;
    return err_set(err, ERR_UNIMPLEMENTED, "command steps cannot run yet");
}
