#include "domain/pipeline/step.h"

bool step_import_start(struct step_work *work, struct err *err)
{
    (void)work;
    return err_set(err, ERR_UNIMPLEMENTED, "import steps cannot run yet");
}
