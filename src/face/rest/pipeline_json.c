/* What runs, steps and problems look like in JSON. */
#include "face/rest/pipeline.h"

void rest_write_filled(struct json_writer *writer, const char *key, struct str text)
{
    if (text.len > 0)
        json_write_text(writer, key, text);
}

void rest_write_texts(struct json_writer *writer, const char *key, const struct str *texts, size_t count)
{
    json_begin_array(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, texts[i]);
    json_end_array(writer);
}

/* -1: not known. */
static void rest_write_count(struct json_writer *writer, const char *key, int64_t count)
{
    if (count >= 0)
        json_write_i64(writer, key, count);
}

static void rest_write_place(struct json_writer *writer, int line, int column)
{
    if (line > 0)
        json_write_i64(writer, "line", line);
    if (line > 0 && column > 0)
        json_write_i64(writer, "column", column);
}

void rest_write_problem(struct json_writer *writer, const struct asset_problem *problem)
{
    json_begin_object(writer, NULL);
    rest_write_filled(writer, "path", problem->path);
    rest_write_place(writer, problem->line, problem->column);
    rest_write_filled(writer, "asset", problem->asset);
    json_write_text(writer, "message", problem->message);
    rest_write_filled(writer, "hint", problem->hint);
    json_end_object(writer);
}

void rest_write_run(struct json_writer *writer, const char *key, const struct history_run *run)
{
    json_begin_object(writer, key);
    json_write_text(writer, "id", run->id);
    json_write_i64(writer, "number", (int64_t)run->number);
    json_write_text(writer, "environment", run->environment);
    json_write_text(writer, "tenant", run->tenant);
    json_write_text(writer, "trigger", run->trigger);
    rest_write_filled(writer, "user", run->user);
    rest_write_filled(writer, "partition", run->partition);
    rest_write_filled(writer, "parent", run->parent);
    rest_write_filled(writer, "backfill", run->backfill);
    rest_write_filled(writer, "selection", run->selection);
    json_write_text(writer, "state", str_from(run_state_name((enum run_state)run->state)));
    json_write_time(writer, "created", run->created_us);
    json_write_time(writer, "started", run->started_us);
    json_write_time(writer, "ended", run->ended_us);
    if (run->started_us && run->ended_us)
        json_write_i64(writer, "run_us", run->ended_us - run->started_us);
    json_write_i64(writer, "steps", run->steps);
    json_write_i64(writer, "done", run->done);
    json_write_i64(writer, "failed", run->failed);
    json_write_i64(writer, "skipped", run->skipped);
    rest_write_count(writer, "rows", run->rows);
    rest_write_filled(writer, "error", run->error);
    json_end_object(writer);
}

void rest_write_live_run(struct json_writer *writer, const char *key, const struct run *run)
{
    struct history_run shown = {.number = run->number,
                                .id = run->id,
                                .environment = run->environment->name,
                                .tenant = run->environment->tenant,
                                .trigger = run->trigger,
                                .user = run->user,
                                .partition = run->partition,
                                .parent = run->parent,
                                .state = run->state,
                                .created_us = run->created_us,
                                .started_us = run->started_us,
                                .ended_us = run->ended_us,
                                .steps = run->step_count};
    for (uint32_t i = 0; i < run->step_count; i++) {
        const struct run_step *step = &run->steps[i];
        shown.done += step->state == STEP_DONE || step->state == STEP_WARNED;
        shown.failed += step->state == STEP_FAILED;
        shown.skipped += step->state == STEP_SKIPPED;
        shown.rows += step->rows > 0 ? step->rows : 0;
    }
    rest_write_run(writer, key, &shown);
}

struct rest_step_error {
    struct str message, hint, path;
    const struct json *place; /* the report's error, or NULL */
};

static void rest_write_step_members(struct json_writer *writer, const struct history_step *step,
                                    const struct rest_step_error *error)
{
    json_write_i64(writer, "index", step->index);
    json_write_text(writer, "asset", step->asset);
    json_write_text(writer, "kind", str_from(asset_kind_name((enum asset_kind)step->kind)));
    json_write_text(writer, "state", str_from(step_state_name((enum step_state)step->state)));
    json_write_text(writer, "reason", str_from(plan_reason_name((enum plan_reason)step->reason)));
    json_write_i64(writer, "attempt", step->attempt);
    json_write_time(writer, "queued", step->queued_us);
    json_write_time(writer, "started", step->started_us);
    json_write_time(writer, "ended", step->ended_us);
    if (step->started_us && step->ended_us)
        json_write_i64(writer, "run_us", step->ended_us - step->started_us);
    rest_write_count(writer, "rows", step->rows);
    rest_write_count(writer, "bytes", step->bytes);
    rest_write_filled(writer, "failure", step->failure);
    if (error->message.len == 0)
        return;
    json_begin_object(writer, "error");
    json_write_text(writer, "message", error->message);
    rest_write_filled(writer, "hint", error->hint.len ? error->hint : json_text(json_get(error->place, "hint")));
    rest_write_filled(writer, "path", error->path);
    rest_write_place(writer, (int)json_i64(json_get(error->place, "line")),
                     (int)json_i64(json_get(error->place, "column")));
    json_end_object(writer);
}

/* What BUILD said of its failure, with the place in the asset's text. */
static const struct json *rest_report_error(const struct json *report)
{
    return json_get(report, "error");
}

void rest_write_live_step(struct json_writer *writer, const char *key, const struct run *run,
                          const struct run_step *step)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err ignored;
    bool failed = step->error.code != ERR_OK;
    const struct json *report = failed && step->report.len > 0 ? json_parse(arena, step->report, &ignored) : NULL;
    const struct rest_step_error error = {.message = failed ? err_message(&step->error) : S(""),
                                          .hint = failed ? str_from(step->error.hint) : S(""),
                                          .path = run->graph->nodes[step->node].asset->path,
                                          .place = rest_report_error(report)};
    const struct history_step shown = {.index = step->index,
                                       .asset = step->asset,
                                       .kind = (int)step->kind,
                                       .state = step->state,
                                       .reason = (int)step->reason,
                                       .attempt = step->attempt,
                                       .queued_us = step->queued_us,
                                       .started_us = step->started_us,
                                       .ended_us = step->ended_us,
                                       .rows = step->rows,
                                       .bytes = step->bytes,
                                       .failure = str_from(asset_failure_name(step->failure))};
    json_begin_object(writer, key);
    rest_write_step_members(writer, &shown, &error);
    json_end_object(writer);
}

void rest_write_attempt(struct json_writer *writer, const struct history_attempt *attempt)
{
    json_begin_object(writer, NULL);
    json_write_i64(writer, "step", attempt->step);
    json_write_i64(writer, "attempt", attempt->attempt);
    json_write_time(writer, "started", attempt->started_us);
    json_write_time(writer, "ended", attempt->ended_us);
    rest_write_filled(writer, "failure", attempt->failure);
    rest_write_filled(writer, "error", attempt->error);
    json_end_object(writer);
}

void rest_write_step(struct json_writer *writer, const struct history_step *step, struct arena *arena)
{
    struct err ignored;
    const struct json *report = step->report.len > 0 ? json_parse(arena, step->report, &ignored) : NULL;
    const struct json *upstream = step->upstream.len > 0 ? json_parse(arena, step->upstream, &ignored) : NULL;
    const struct rest_step_error error = {.message = step->error, .place = rest_report_error(report)};
    json_begin_object(writer, NULL);
    rest_write_step_members(writer, step, &error);
    if (upstream)
        json_write_value(writer, "upstream", upstream);
    if (report)
        json_write_value(writer, "report", report);
    json_end_object(writer);
}
