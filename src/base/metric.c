/* A registry of static metrics; series are a short list per metric, because labels are bounded by design. */
#include "base/metric.h"

static struct metric *metric_first;
static const double metric_bounds[METRIC_BUCKET_COUNT] = METRIC_BUCKETS;

struct metric_series *metric_series(struct metric *metric, const char *labels)
{
    if (!metric->registered) {
        metric->registered = true;
        metric->next = metric_first;
        metric_first = metric;
    }
    for (struct metric_series *series = metric->series; series; series = series->next) {
        if (strcmp(series->labels, labels) == 0)
            return series;
    }
    struct metric_series *series = mem_new(struct metric_series);
    size_t size = strlen(labels) + 1;
    series->labels = mem_alloc(size);
    memcpy(series->labels, labels, size);
    series->next = metric->series;
    metric->series = series;
    return series;
}

void metric_observe(struct metric_series *series, double seconds)
{
    series->value += seconds;
    series->count++;
    for (size_t i = 0; i < METRIC_BUCKET_COUNT; i++) {
        if (seconds <= metric_bounds[i])
            series->buckets[i]++;
    }
}

static void metric_render_histogram(struct buf *text, const struct metric *metric, const struct metric_series *series)
{
    const char *comma = series->labels[0] ? "," : "";
    for (size_t i = 0; i < METRIC_BUCKET_COUNT; i++)
        buf_printf(text, "%s_bucket{%s%sle=\"%g\"} %llu\n", metric->name, series->labels, comma, metric_bounds[i],
                   (unsigned long long)series->buckets[i]);
    buf_printf(text, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", metric->name, series->labels, comma,
               (unsigned long long)series->count);
    buf_printf(text, "%s_sum{%s} %.9g\n", metric->name, series->labels, series->value);
    buf_printf(text, "%s_count{%s} %llu\n", metric->name, series->labels, (unsigned long long)series->count);
}

void metric_render(struct buf *text)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (const struct metric *metric = metric_first; metric; metric = metric->next) {
        buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, kinds[metric->kind]);
        for (const struct metric_series *series = metric->series; series; series = series->next) {
            if (metric->kind == METRIC_HISTOGRAM)
                metric_render_histogram(text, metric, series);
            else if (series->labels[0])
                buf_printf(text, "%s{%s} %.17g\n", metric->name, series->labels, series->value);
            else
                buf_printf(text, "%s %.17g\n", metric->name, series->value);
        }
    }
}

void metric_escape(struct buf *text, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n')
            buf_append_str(text, S("\\n"));
        else {
            if (c == '"' || c == '\\')
                buf_append_char(text, '\\');
            buf_append_char(text, c);
        }
    }
}
