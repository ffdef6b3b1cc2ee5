/* Tells people: a webhook or a command of eider.yaml's `alerts:`, when a run's asset failed, when it works again, and
 * when an asset is older than its max_age in an environment with schedules (once until it is built again). Loop thread
 * only. */
#pragma once
#include "base/err.h"

struct alert_list;
struct pipeline;

/* Watches the pipeline's runs from now on. Without `alerts:` it does nothing. */
struct alert_list *alert_list_new(struct pipeline *pipeline, struct err *err);
/* What waits is lost. After the work pool's threads have returned. Accepts NULL inside. */
void alert_list_free(struct alert_list **list);
