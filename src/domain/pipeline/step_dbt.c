#include "domain/pipeline/step.h"

bool step_dbt_start(struct step_work *work, struct err *err)
{
    (void)work;
    return err_set(err, ERR_UNIMPLEMENTED, "dbt steps cannot run yet");
}
