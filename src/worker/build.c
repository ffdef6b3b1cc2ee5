#include "worker/procedures.h"

bool worker_build(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                  struct err *err)
{
    (void)statement;
    (void)arguments;
    (void)answer_out;
    return err_set(err, ERR_UNIMPLEMENTED, "not carried out yet");
}
