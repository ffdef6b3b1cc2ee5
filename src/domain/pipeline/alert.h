/* Tells people: a webhook or a command of eider.yaml's `alerts:`, when a run has failed, when an asset that failed
 * works again, and when an asset is older than its max_age in an environment with schedules (once, until it is built
 * again). One message per run and kind, with the assets in it. Loop thread only. */
#pragma once
#include "base/err.h"

struct alert_list;
struct pipeline;

/* Watches the pipeline's runs from now on. Without `alerts:` it does nothing. */
struct alert_list *alert_list_new(struct pipeline *pipeline, struct err *err);
/* Takes from history what fails at present, once it is open. */
void alert_list_read(struct alert_list *list);
/* Assets are looked at for freshness from now on. */
void alert_list_begin(struct alert_list *list);
/* No command of an alert runs or waits; pipeline_check_drained is called when that becomes true. */
bool alert_list_is_idle(const struct alert_list *list);
/* What waits for an address is tried once more. After the work pool's threads have returned. Accepts NULL inside. */
void alert_list_free(struct alert_list **list);
