/* Prometheus series of runs and steps (docs/reference/metrics.md). Labels are bounded: outcomes, kinds of trigger, and
 * the names of at most RUN_METRICS_ASSETS assets. Loop thread only. */
#pragma once
#include <stdint.h>

#include "base/err.h"

struct pipeline;
struct run_metrics;

#define RUN_METRICS_ASSETS 100

/* Watches the pipeline's runs from now on. */
struct run_metrics *run_metrics_new(struct pipeline *pipeline, struct err *err);
/* Takes the last successes from history, once it is open. */
void run_metrics_read(struct run_metrics *metrics);
/* Accepts NULL inside. */
void run_metrics_free(struct run_metrics **metrics);

/* What others of the room count. outcome: "started", "skipped", "failed", "missed". */
void run_metrics_count_tick(const char *outcome);
void run_metrics_count_log_dropped(uint64_t lines);
void run_metrics_count_lineage_dropped(uint64_t events);
void run_metrics_count_alert(const char *outcome, uint64_t alerts); /* "sent", "failed", "dropped" */
