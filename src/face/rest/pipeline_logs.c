/* /api/v1/pipelines/runs/{id}/logs and events. */
#include "face/rest/pipeline.h"

static void rest_not_yet(struct rest_exchange *exchange)
{
    struct err err;
    (void)err_set(&err, ERR_UNIMPLEMENTED, "not served yet");
    rest_fail(exchange, &err);
}

void rest_run_logs_get(struct rest_exchange *exchange)
{
    rest_not_yet(exchange);
}

void rest_run_events_get(struct rest_exchange *exchange)
{
    rest_not_yet(exchange);
}
