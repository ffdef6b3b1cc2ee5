/* /metrics: Prometheus text. What happened is in the registry (base/metric); what is, is asked for here. The label
 * tenant goes to the most active ones only: a label per tenant of thousands would hurt whoever stores the series. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/vec.h"
#include "face/rest/rest_priv.h"

#define REST_METRICS_TENANTS 100

struct rest_metrics {
    struct arena *arena;
    VEC(struct query_worker_info) workers; /* texts in the arena */
};

enum rest_gauge_kind { REST_GAUGE, REST_COUNTER };

/* One line of the table below: a value of each worker. */
struct rest_metrics_row {
    const char *name;
    const char *help;
    enum rest_gauge_kind kind;
    double (*value)(const struct query_worker_info *info);
};

#define REST_WORKER_VALUE(member)                                            \
    static double rest_worker_##member(const struct query_worker_info *info) \
    {                                                                        \
        return (double)info->member;                                         \
    }
REST_WORKER_VALUE(running)
REST_WORKER_VALUE(queued)
REST_WORKER_VALUE(rss_bytes)
REST_WORKER_VALUE(memory_bytes)
REST_WORKER_VALUE(spill_bytes)
REST_WORKER_VALUE(file_bytes)
REST_WORKER_VALUE(wal_bytes)
REST_WORKER_VALUE(starts)
REST_WORKER_VALUE(crashes)

static double rest_worker_up(const struct query_worker_info *info)
{
    return info->pid > 0;
}

static const struct rest_metrics_row rest_metrics_rows[] = {
    {"eider_worker_up", "Worker processes that run.", REST_GAUGE, rest_worker_up},
    {"eider_worker_statements_running", "Statements that run.", REST_GAUGE, rest_worker_running},
    {"eider_queue_depth", "Statements that wait for admission.", REST_GAUGE, rest_worker_queued},
    {"eider_worker_resident_bytes", "Resident memory of the worker.", REST_GAUGE, rest_worker_rss_bytes},
    {"eider_worker_memory_bytes", "Memory that DuckDB counts as its own.", REST_GAUGE, rest_worker_memory_bytes},
    {"eider_worker_spill_bytes", "Temporary files of statements.", REST_GAUGE, rest_worker_spill_bytes},
    {"eider_tenant_file_bytes", "Size of the tenant's database file.", REST_GAUGE, rest_worker_file_bytes},
    {"eider_tenant_wal_bytes", "Size of its write-ahead log.", REST_GAUGE, rest_worker_wal_bytes},
    {"eider_worker_starts_total", "Worker starts.", REST_COUNTER, rest_worker_starts},
    {"eider_worker_crashes_total", "Workers that ended without being asked to.", REST_COUNTER, rest_worker_crashes},
};

static void rest_metrics_worker(void *owner, const struct query_worker_info *info)
{
    struct rest_metrics *metrics = owner;
    struct query_worker_info copy = *info;
    copy.tenant = str_copy(metrics->arena, info->tenant);
    vec_push(&metrics->workers, copy);
}

/* Most active first: what runs and waits, then what it holds. */
static int rest_metrics_order(const void *a, const void *b)
{
    const struct query_worker_info *left = a, *right = b;
    int busy_left = left->running + left->queued, busy_right = right->running + right->queued;
    if (busy_left != busy_right)
        return busy_left > busy_right ? -1 : 1;
    if (left->rss_bytes != right->rss_bytes)
        return left->rss_bytes > right->rss_bytes ? -1 : 1;
    return str_compare(left->tenant, right->tenant);
}

static void rest_metrics_row_render(struct buf *text, const struct rest_metrics *metrics,
                                    const struct rest_metrics_row *row)
{
    double other = 0;
    buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
               row->kind == REST_COUNTER ? "counter" : "gauge");
    for (size_t i = 0; i < metrics->workers.count; i++) {
        const struct query_worker_info *info = &metrics->workers.items[i];
        if (i >= REST_METRICS_TENANTS) {
            other += row->value(info);
            continue;
        }
        buf_printf(text, "%s{tenant=\"", row->name);
        metric_escape(text, info->tenant);
        buf_printf(text, "\"} %.17g\n", row->value(info));
    }
    if (metrics->workers.count > REST_METRICS_TENANTS)
        buf_printf(text, "%s{tenant=\"other\"} %.17g\n", row->name, other);
}

static void rest_metrics_gauge(struct buf *text, const char *name, const char *help, double value)
{
    const char *kind = str_ends_with(str_from(name), S("_total")) ? "counter" : "gauge";
    buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, kind, name, value);
}

static double rest_metrics_resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double rest_metrics_descriptors(void)
{
    double count = -3; /* ".", ".." and the directory itself */
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void rest_metrics_process(struct buf *text, const struct rest *rest)
{
    struct rusage usage;
    struct rlimit files;
    double cpu = 0;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
              (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    rest_metrics_gauge(text, "process_cpu_seconds_total", "Processor time of the front.", cpu);
    rest_metrics_gauge(text, "process_resident_memory_bytes", "Resident memory of the front.", rest_metrics_resident());
    rest_metrics_gauge(text, "process_open_fds", "Open descriptors of the front.", rest_metrics_descriptors());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        rest_metrics_gauge(text, "process_max_fds", "Most descriptors that it may open.", (double)files.rlim_cur);
    int64_t started_us = clock_wall_us() - (clock_now_us() - rest->started_us);
    rest_metrics_gauge(text, "process_start_time_seconds", "Start of the front, since 1970.", (double)started_us / 1e6);
}

void rest_metrics_get(struct rest_exchange *exchange)
{
    struct rest *rest = exchange->rest;
    struct rest_metrics metrics = {.arena = rest_arena(exchange)};
    AUTO(buf) struct buf text = {0};

    metric_render(&text);
    query_each_worker(rest->query, rest_metrics_worker, &metrics);
    if (metrics.workers.count > 0)
        qsort(metrics.workers.items, metrics.workers.count, sizeof(metrics.workers.items[0]), rest_metrics_order);
    for (size_t i = 0; i < sizeof(rest_metrics_rows) / sizeof(rest_metrics_rows[0]); i++)
        rest_metrics_row_render(&text, &metrics, &rest_metrics_rows[i]);
    vec_done(&metrics.workers);

    rest_metrics_gauge(&text, "eider_tenants", "Tenants.", (double)tenant_count(rest->tenants));
    buf_printf(&text, "# HELP eider_build_info Version of the program.\n# TYPE eider_build_info gauge\n"
                      "eider_build_info{version=\"");
    metric_escape(&text, rest->version);
    buf_printf(&text, "\"} 1\n");
    rest_metrics_process(&text, rest);
    rest_answer(exchange, 200, S("text/plain; version=0.0.4; charset=utf-8"), buf_str(&text), NULL, 0);
}
