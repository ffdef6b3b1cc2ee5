/* Counters, gauges and histograms for /metrics (Prometheus text format 0.0.4). A metric is a static object; a series is
 * one combination of label values, found by metric_series and kept by the caller where speed matters. Loop thread only.
 */
#pragma once
#include <stdint.h>

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Upper bounds of a histogram's buckets, in seconds; +Inf is added. */
#define METRIC_BUCKETS                                                                         \
    {                                                                                          \
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 \
    }
#define METRIC_BUCKET_COUNT 16

struct metric_series {
    struct metric_series *next;
    char *labels; /* `method="DoGet",code="OK"`, owned */
    double value; /* counter or gauge; a histogram's sum */
    uint64_t count;
    uint64_t buckets[METRIC_BUCKET_COUNT];
};

struct metric {
    const char *name; /* "eider_requests_total" */
    const char *help;
    enum metric_kind kind;
    struct metric_series *series;
    struct metric *next; /* registry, filled on first use */
    bool registered;
};

/* The series with these labels (in the form of struct metric_series.labels; "" for none); made on first use. */
struct metric_series *metric_series(struct metric *metric, const char *labels);
static inline void metric_add(struct metric_series *series, double amount)
{
    series->value += amount;
}
static inline void metric_set(struct metric_series *series, double value)
{
    series->value = value;
}
void metric_observe(struct metric_series *series, double seconds);
/* Every registered metric as Prometheus text. */
void metric_render(struct buf *text);
/* Gauges with changing labels are written directly: escapes the label value. */
void metric_escape(struct buf *text, struct str value);
