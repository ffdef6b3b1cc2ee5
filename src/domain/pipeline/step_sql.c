#include "domain/pipeline/step.h"

bool step_sql_start(struct step_work *work, struct err *err)
{
    (void)work;
    return err_set(err, ERR_UNIMPLEMENTED, "SQL steps cannot run yet");
}
