/* What happened is counted in static metrics, which /metrics renders by itself. */
#include "domain/pipeline/run_metrics.h"

#include "base/clock.h"
#include "base/metric.h"
#include "domain/pipeline/pipeline_priv.h"

#define METRIC(variable, text, meaning, what) \
    static struct metric variable = {.name = (text), .help = (meaning), .kind = (what)}

METRIC(metric_runs, "eider_pipeline_runs_total", "Runs that have ended, by state and trigger.", METRIC_COUNTER);
METRIC(metric_run_seconds, "eider_pipeline_run_seconds", "From a run's start to its end.", METRIC_HISTOGRAM);
METRIC(metric_runs_running, "eider_pipeline_runs_running", "Runs that have not ended.", METRIC_GAUGE);
METRIC(metric_steps, "eider_pipeline_steps_total", "Steps that have ended, by state.", METRIC_COUNTER);
METRIC(metric_step_seconds, "eider_pipeline_step_seconds", "From a step's first start to its end.", METRIC_HISTOGRAM);
METRIC(metric_steps_running, "eider_pipeline_steps_running", "Steps that run.", METRIC_GAUGE);
METRIC(metric_retries, "eider_pipeline_retries_total", "Attempts that failed and were followed by another, by failure.",
       METRIC_COUNTER);
METRIC(metric_rows, "eider_pipeline_rows_total", "Rows that steps wrote.", METRIC_COUNTER);
METRIC(metric_success, "eider_pipeline_last_success_timestamp_seconds",
       "When an asset was built last, since 1970. Of 100 assets; the others share the name other.", METRIC_GAUGE);
METRIC(metric_ticks, "eider_pipeline_ticks_total", "When schedules were due, by what came of it.", METRIC_COUNTER);
METRIC(metric_log_dropped, "eider_pipeline_log_lines_dropped_total", "Lines of runs that were not kept.",
       METRIC_COUNTER);
METRIC(metric_lineage_dropped, "eider_pipeline_lineage_events_dropped_total", "Lineage events that nobody took.",
       METRIC_COUNTER);
METRIC(metric_alerts, "eider_pipeline_alerts_total", "Alerts, by what came of them.", METRIC_COUNTER);

struct run_metrics {
    struct pipeline *pipeline;
    struct run_watcher watcher;
    struct map assets; /* "environment/asset" → its series */
};

/* The series with one label. */
static struct metric_series *run_metrics_series(struct metric *metric, const char *label, const char *value)
{
    AUTO(buf) struct buf labels = {0};
    buf_printf(&labels, "%s=\"%s\"", label, value);
    buf_append_char(&labels, '\0');
    return metric_series(metric, buf_str(&labels).ptr);
}

void run_metrics_count_tick(const char *outcome)
{
    metric_add(run_metrics_series(&metric_ticks, "outcome", outcome), 1);
}

void run_metrics_count_log_dropped(uint64_t lines)
{
    metric_add(metric_series(&metric_log_dropped, ""), (double)lines);
}

void run_metrics_count_lineage_dropped(uint64_t events)
{
    metric_add(metric_series(&metric_lineage_dropped, ""), (double)events);
}

void run_metrics_count_alert(const char *outcome, uint64_t alerts)
{
    metric_add(run_metrics_series(&metric_alerts, "outcome", outcome), (double)alerts);
}

/* --- The last success of an asset --- */

static void run_metrics_success(struct run_metrics *metrics, struct str environment, struct str asset, int64_t wall_us)
{
    AUTO(buf) struct buf text = {0};
    buf_printf(&text, "%.*s/%.*s", STR_ARG(environment), STR_ARG(asset));
    struct metric_series *series = map_get(&metrics->assets, buf_str(&text));
    if (!series) {
        bool room = metrics->assets.count < RUN_METRICS_ASSETS;
        AUTO(buf) struct buf labels = {0};
        buf_append_str(&labels, S("environment=\""));
        metric_escape(&labels, environment);
        buf_append_str(&labels, S("\",asset=\""));
        metric_escape(&labels, room ? asset : S("other"));
        buf_append(&labels, "\"", 2); /* with its NUL */
        series = metric_series(&metric_success, buf_str(&labels).ptr);
        if (room)
            map_put(&metrics->assets, buf_str(&text), series);
    }
    double seconds = (double)wall_us / 1e6;
    if (seconds > series->value)
        metric_set(series, seconds);
}

struct run_metrics_question {
    struct run_metrics *metrics;
    struct str environment; /* the settings' */
};

static void run_metrics_on_states(void *owner, const struct asset_state *states, size_t count, const struct err *error)
{
    struct run_metrics_question question = *(struct run_metrics_question *)owner;
    mem_free(owner);
    for (size_t i = 0; !error && i < count; i++)
        run_metrics_success(question.metrics, question.environment, states[i].asset, states[i].built_us);
}

void run_metrics_read(struct run_metrics *metrics)
{
    const struct project_settings *settings = pipeline_settings(metrics->pipeline);
    for (size_t i = 0; i < settings->environment_count; i++) {
        struct run_metrics_question *question = mem_new(struct run_metrics_question);
        *question = (struct run_metrics_question){metrics, settings->environments[i].name};
        history_states(metrics->pipeline, question->environment, run_metrics_on_states, question);
    }
}

/* --- Runs and steps --- */

/* "schedule:nightly": the kind alone, for names are without bound. */
static void run_metrics_on_run_end(const struct run *run)
{
    AUTO(buf) struct buf labels = {0};
    ptrdiff_t colon = str_find_char(run->trigger, ':');
    struct str kind = colon < 0 ? run->trigger : str_slice(run->trigger, 0, (size_t)colon);
    buf_printf(&labels, "state=\"%s\",trigger=\"", run_state_name((enum run_state)run->state));
    metric_escape(&labels, kind);
    buf_append(&labels, "\"", 2); /* with its NUL */
    metric_add(metric_series(&metric_runs, buf_str(&labels).ptr), 1);
    if (run->started_us && run->ended_us)
        metric_observe(metric_series(&metric_run_seconds, ""), (double)(run->ended_us - run->started_us) / 1e6);
}

static void run_metrics_on_step(struct run_metrics *metrics, const struct run *run, const struct run_step *step)
{
    if (step->state < STEP_DONE)
        return;
    metric_add(run_metrics_series(&metric_steps, "state", step_state_name((enum step_state)step->state)), 1);
    if (step->started_us && step->ended_us)
        metric_observe(metric_series(&metric_step_seconds, ""), (double)(step->ended_us - step->started_us) / 1e6);
    if (step->state != STEP_DONE && step->state != STEP_WARNED)
        return;
    if (step->rows > 0)
        metric_add(metric_series(&metric_rows, ""), (double)step->rows);
    run_metrics_success(metrics, run->environment->name, step->asset, step->ended_us);
}

static void run_metrics_on_event(void *owner, enum run_event event, const struct run *run, const struct run_step *step)
{
    struct run_metrics *metrics = owner;
    const struct pipeline *pipeline = metrics->pipeline;
    size_t running = 0;
    switch (event) {
    case RUN_EVENT_STEP:
        run_metrics_on_step(metrics, run, step);
        break;
    case RUN_EVENT_ATTEMPT:
        metric_add(run_metrics_series(&metric_retries, "failure", asset_failure_name(step->failure)), 1);
        break;
    case RUN_EVENT_ENDED:
        run_metrics_on_run_end(run);
        break;
    case RUN_EVENT_CREATED:
    case RUN_EVENT_STARTED:
        break;
    }
    if (event != RUN_EVENT_STEP)
        for (const struct list *node = pipeline->runs.next; node != &pipeline->runs; node = node->next)
            running++;
    if (event != RUN_EVENT_STEP)
        metric_set(metric_series(&metric_runs_running, ""), (double)running);
    metric_set(metric_series(&metric_steps_running, ""), (double)pipeline->running);
}

struct run_metrics *run_metrics_new(struct pipeline *pipeline, struct err *err)
{
    struct run_metrics *metrics = mem_new(struct run_metrics);
    (void)err;
    metrics->pipeline = pipeline;
    metrics->watcher = (struct run_watcher){.on_event = run_metrics_on_event, .owner = metrics};
    list_init(&metrics->watcher.node);
    run_watch(pipeline, &metrics->watcher);
    run_metrics_count_log_dropped(0); /* series that are there before the first drop */
    run_metrics_count_lineage_dropped(0);
    metric_set(metric_series(&metric_runs_running, ""), 0);
    metric_set(metric_series(&metric_steps_running, ""), 0);
    return metrics;
}

void run_metrics_free(struct run_metrics **metrics)
{
    if (!*metrics)
        return;
    run_unwatch(&(*metrics)->watcher);
    map_done(&(*metrics)->assets);
    mem_free(*metrics);
    *metrics = NULL;
}
