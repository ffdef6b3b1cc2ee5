/* Answers of the catalog. */
#include "worker/output.h"
#include "worker/worker_priv.h"

bool worker_metadata(struct worker_statement *statement, struct channel_end *end, struct err *err)
{
    (void)statement;
    (void)end;
    return err_set(err, ERR_UNIMPLEMENTED, "the catalog cannot be asked yet");
}
