#include "domain/pipeline/alert.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/pipeline/alert_send.h"
#include "domain/pipeline/pipeline_priv.h"
#include "platform/json/json.h"
#include "platform/store/store.h"

#define ALERT_ASSETS_MAX 50 /* named in one message */
#define ALERT_LOOK_MIN_US CLOCK_SECOND
#define ALERT_LOOK_MAX_US (60 * CLOCK_SECOND)

struct alert_list {
    struct pipeline *pipeline;
    struct run_watcher watcher;
    struct map failing; /* "environment/asset" whose last build failed → the list */
    struct map missed;  /* the same, of freshness: told */
    struct loop_timer timer;
    int64_t begun_us; /* wall clock: what was never built is due from then on */
    size_t count;
    struct alert_sender **senders; /* one per alert of the settings */
};

/* One message on its way to all senders that want it. */
struct alert_draft {
    struct alert_list *list;
    enum alert_kind kind;
    const struct graph *graph;
    const struct project_environment *environment;
    const struct run *run;   /* NULL: of none */
    const int64_t *built_us; /* FRESHNESS: by node */
    const size_t *nodes;     /* the assets it is about */
    const uint32_t *steps;   /* of the run, for each of them; NULL without one */
    size_t count;
};

static struct str alert_key(struct arena *arena, struct str environment, struct str asset)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(environment), STR_ARG(asset));
}

/* --- Messages --- */

static void alert_write_error(struct json_writer *writer, const struct run_step *step, struct arena *arena)
{
    struct err ignored;
    const struct json *report = step->report.len > 0 ? json_parse(arena, step->report, &ignored) : NULL;
    const struct json *place = json_get(report, "error");
    if (step->error.code == ERR_OK)
        return;
    json_begin_object(writer, "error");
    json_write_text(writer, "message", err_message(&step->error));
    if (step->error.hint[0])
        json_write_text(writer, "hint", str_from(step->error.hint));
    if (json_i64(json_get(place, "line")) > 0)
        json_write_i64(writer, "line", json_i64(json_get(place, "line")));
    if (json_i64(json_get(place, "column")) > 0)
        json_write_i64(writer, "column", json_i64(json_get(place, "column")));
    json_end_object(writer);
}

static void alert_write_asset(const struct alert_draft *draft, size_t index, struct json_writer *writer,
                              struct arena *arena)
{
    const struct asset *asset = draft->graph->nodes[draft->nodes[index]].asset;
    json_begin_object(writer, NULL);
    json_write_text(writer, "asset", asset->name);
    json_write_text(writer, "path", asset->path);
    if (asset->owner.len > 0)
        json_write_text(writer, "owner", asset->owner);
    if (draft->run) {
        const struct run_step *step = &draft->run->steps[draft->steps[index]];
        json_write_text(writer, "state", str_from(step_state_name((enum step_state)step->state)));
        json_write_i64(writer, "attempt", step->attempt);
        alert_write_error(writer, step, arena);
    } else {
        json_write_time(writer, "built", draft->built_us[draft->nodes[index]]);
        json_write_i64(writer, "max_age_s", asset->max_age_us / CLOCK_SECOND);
    }
    json_end_object(writer);
}

static void alert_write_run(const struct run *run, struct json_writer *writer)
{
    json_begin_object(writer, "run");
    json_write_text(writer, "id", run->id);
    json_write_i64(writer, "number", (int64_t)run->number);
    json_write_text(writer, "state", str_from(run_state_name((enum run_state)run->state)));
    json_write_text(writer, "trigger", run->trigger);
    if (run->user.len > 0)
        json_write_text(writer, "user", run->user);
    json_write_time(writer, "created", run->created_us);
    json_write_time(writer, "ended", run->ended_us);
    json_end_object(writer);
}

/* chosen: of the draft's assets. */
static void alert_write_document(const struct alert_draft *draft, const size_t *chosen, size_t count, struct str text,
                                 struct buf *out, struct arena *arena)
{
    const struct project_settings *settings = pipeline_settings(draft->list->pipeline);
    struct json_writer writer = {.buf = out};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "event", str_from(alert_kind_name(draft->kind)));
    json_write_time(&writer, "at", clock_wall_us());
    json_write_text(&writer, "text", text);
    json_write_text(&writer, "project", settings->name);
    json_write_text(&writer, "environment", draft->environment->name);
    json_write_text(&writer, "tenant", draft->environment->tenant);
    if (draft->run)
        alert_write_run(draft->run, &writer);
    json_write_i64(&writer, "count", (int64_t)count);
    json_begin_array(&writer, "assets");
    for (size_t i = 0; i < count && i < ALERT_ASSETS_MAX; i++)
        alert_write_asset(draft, chosen[i], &writer, arena);
    json_end_array(&writer);
    json_end_object(&writer);
}

/* "shop: orders, customers failed in production: the first one's reason" */
static struct str alert_text(const struct alert_draft *draft, const size_t *chosen, size_t count, struct arena *arena)
{
    static const char *const verbs[] = {"failed", "recovered", "older than allowed"};
    AUTO(buf) struct buf text = {0};
    buf_printf(&text, "%.*s: ", STR_ARG(pipeline_settings(draft->list->pipeline)->name));
    for (size_t i = 0; i < count && i < ALERT_ASSETS_MAX; i++)
        buf_printf(&text, "%s%.*s", i ? ", " : "", STR_ARG(draft->graph->nodes[draft->nodes[chosen[i]]].asset->name));
    if (count > ALERT_ASSETS_MAX)
        buf_printf(&text, " and %zu more", count - ALERT_ASSETS_MAX);
    buf_printf(&text, " %s in %.*s", verbs[draft->kind], STR_ARG(draft->environment->name));
    if (draft->kind == ALERT_FAILURE && draft->run->steps[draft->steps[chosen[0]]].error.code != ERR_OK)
        buf_printf(&text, ": %s", draft->run->steps[draft->steps[chosen[0]]].error.message);
    return str_copy(arena, buf_str(&text));
}

static bool alert_wants(const struct project_alert *alert, enum alert_kind kind)
{
    switch (kind) {
    case ALERT_FAILURE:
        return alert->on_failure;
    case ALERT_RECOVERY:
        return alert->on_recovery;
    case ALERT_FRESHNESS:
        return alert->on_freshness;
    }
    return false;
}

static void alert_tell_one(const struct alert_draft *draft, const struct project_alert *alert,
                           struct alert_sender *sender)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf document = {0}, names = {0};
    bool *selected = arena_array(arena, draft->graph->node_count, sizeof(*selected));
    size_t *chosen = arena_array(arena, draft->count, sizeof(*chosen)), count = 0;
    struct err err;
    if (!graph_select(draft->graph, alert->select, alert->select_count, selected, &err)) {
        log_warn("alert.no_selection", LOG_ERR(&err));
        return;
    }
    for (size_t i = 0; i < draft->count; i++) {
        if (!selected[draft->nodes[i]])
            continue;
        buf_printf(&names, "%s%.*s", count ? " " : "", STR_ARG(draft->graph->nodes[draft->nodes[i]].asset->name));
        chosen[count++] = i;
    }
    if (count == 0)
        return;
    struct alert_message message = {.kind = draft->kind,
                                    .environment = draft->environment->name,
                                    .run = draft->run ? draft->run->id : S(""),
                                    .assets = str_slice(buf_str(&names), 0, 16384),
                                    .text = alert_text(draft, chosen, count, arena)};
    alert_write_document(draft, chosen, count, message.text, &document, arena);
    message.document = buf_str(&document);
    alert_send(sender, &message);
}

static void alert_tell(const struct alert_draft *draft)
{
    const struct project_settings *settings = pipeline_settings(draft->list->pipeline);
    for (size_t i = 0; draft->count > 0 && i < settings->alert_count; i++) {
        if (alert_wants(&settings->alerts[i], draft->kind))
            alert_tell_one(draft, &settings->alerts[i], draft->list->senders[i]);
    }
}

/* --- Runs --- */

static void alert_on_run_end(struct alert_list *list, const struct run *run)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct alert_draft failed = {
        .list = list, .kind = ALERT_FAILURE, .graph = run->graph, .environment = run->environment, .run = run};
    struct alert_draft recovered = failed;
    size_t *nodes = arena_array(arena, run->step_count * 2, sizeof(*nodes));
    uint32_t *steps = arena_array(arena, run->step_count * 2, sizeof(*steps));
    recovered.kind = ALERT_RECOVERY;
    failed.nodes = nodes;
    failed.steps = steps;
    recovered.nodes = nodes + run->step_count;
    recovered.steps = steps + run->step_count;
    for (uint32_t i = 0; i < run->step_count; i++) {
        const struct run_step *step = &run->steps[i];
        struct str key = alert_key(arena, run->environment->name, step->asset);
        bool done = step->state == STEP_DONE || step->state == STEP_WARNED;
        if (step->state == STEP_FAILED) {
            map_put(&list->failing, key, list);
            nodes[failed.count] = step->node;
            steps[failed.count++] = i;
        } else if (done && map_remove(&list->failing, key)) {
            nodes[run->step_count + recovered.count] = step->node;
            steps[run->step_count + recovered.count++] = i;
        }
        if (done)
            map_remove(&list->missed, key);
    }
    alert_tell(&failed);
    alert_tell(&recovered);
}

static void alert_on_event(void *owner, enum run_event event, const struct run *run, const struct run_step *step)
{
    (void)step;
    if (event == RUN_EVENT_ENDED)
        alert_on_run_end(owner, run);
}

/* --- What failed before this server began --- */

struct alert_reading {
    struct store_job job;
    struct alert_list *list;
    struct arena *arena; /* owns this */
    VEC(struct str) keys;
};

static void alert_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct alert_reading *reading = owner;
    (void)count;
    vec_push(&reading->keys, alert_key(reading->arena, columns[0].text, columns[1].text));
}

/* The last step that was done or failed, of each asset that was built once: by its index. */
static bool alert_read(struct store_job *job, struct store_db *db, struct err *err)
{
    struct alert_reading *reading = list_object(job, struct alert_reading, job);
    const struct store_value states[] = {STORE_NUMBER(STEP_DONE), STORE_NUMBER(STEP_FAILED), STORE_NUMBER(STEP_FAILED)};
    return store_run(db,
                     "SELECT environment, asset FROM (SELECT r.environment AS environment, a.asset AS asset, (SELECT "
                     "s.state FROM pipeline_steps s JOIN pipeline_runs q ON q.number = s.run WHERE s.asset = a.asset "
                     "AND q.tenant = a.tenant AND s.state BETWEEN ? AND ? ORDER BY s.run DESC LIMIT 1) AS state FROM "
                     "(SELECT DISTINCT tenant, asset FROM pipeline_assets) a JOIN (SELECT DISTINCT tenant, environment "
                     "FROM pipeline_runs) r ON r.tenant = a.tenant) WHERE state = ?",
                     states, 3, alert_on_row, reading, err);
}

static void alert_read_done(struct store_job *job, const struct err *error)
{
    struct alert_reading *reading = list_object(job, struct alert_reading, job);
    for (size_t i = 0; !error && i < reading->keys.count; i++)
        map_put(&reading->list->failing, reading->keys.items[i], reading->list);
    if (error)
        log_warn("alert.no_history", LOG_ERR(error));
    struct arena *arena = reading->arena;
    vec_done(&reading->keys);
    arena_free(&arena);
}

void alert_list_read(struct alert_list *list)
{
    if (list->count == 0)
        return;
    struct arena *arena = arena_new();
    struct alert_reading *reading = arena_new_object(arena, struct alert_reading);
    reading->list = list;
    reading->arena = arena;
    reading->job = (struct store_job){.apply = alert_read, .done = alert_read_done};
    store_submit(list->pipeline->options.store, &reading->job);
}

/* --- Freshness --- */

struct alert_look {
    struct alert_list *list;
    const struct project_environment *environment;
};

static void alert_on_states(void *owner, const struct asset_state *states, size_t count, const struct err *error)
{
    struct alert_look look = *(struct alert_look *)owner;
    struct alert_list *list = look.list;
    mem_free(owner);
    if (error || !list->pipeline->view)
        return;
    AUTO(arena) struct arena *arena = arena_new();
    const struct graph *graph = list->pipeline->view->graph;
    int64_t *built_us = arena_array(arena, graph->node_count, sizeof(*built_us));
    size_t *nodes = arena_array(arena, graph->node_count, sizeof(*nodes)), missed = 0;
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t node = graph_find(graph, states[i].asset);
        if (node >= 0)
            built_us[node] = states[i].built_us;
    }
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct asset *asset = graph->nodes[i].asset;
        int64_t since_us = built_us[i] ? built_us[i] : list->begun_us;
        struct str key = alert_key(arena, look.environment->name, asset->name);
        if (asset->max_age_us == 0 || now_us - since_us <= asset->max_age_us)
            map_remove(&list->missed, key);
        else if (!map_put(&list->missed, key, list))
            nodes[missed++] = i;
    }
    const struct alert_draft draft = {.list = list,
                                      .kind = ALERT_FRESHNESS,
                                      .graph = graph,
                                      .environment = look.environment,
                                      .built_us = built_us,
                                      .nodes = nodes,
                                      .count = missed};
    alert_tell(&draft);
}

/* A quarter of the shortest age, so that a miss is told soon, and rarely enough to cost nothing. */
static int64_t alert_look_delay_us(const struct graph *graph)
{
    int64_t delay_us = ALERT_LOOK_MAX_US;
    for (size_t i = 0; graph && i < graph->node_count; i++) {
        int64_t age_us = graph->nodes[i].asset->max_age_us;
        if (age_us > 0 && age_us / 4 < delay_us)
            delay_us = age_us / 4;
    }
    return delay_us < ALERT_LOOK_MIN_US || !graph ? ALERT_LOOK_MIN_US : delay_us;
}

static void alert_on_time(struct loop_timer *timer)
{
    struct alert_list *list = timer->owner;
    const struct project_settings *settings = pipeline_settings(list->pipeline);
    const struct graph *graph = list->pipeline->view ? list->pipeline->view->graph : NULL;
    bool any = false;
    for (size_t i = 0; graph && i < graph->node_count; i++)
        any = any || graph->nodes[i].asset->max_age_us > 0;
    for (size_t i = 0; any && i < settings->environment_count; i++) {
        if (!settings->environments[i].schedules)
            continue;
        struct alert_look *look = mem_new(struct alert_look);
        *look = (struct alert_look){list, &settings->environments[i]};
        history_states(list->pipeline, settings->environments[i].name, alert_on_states, look);
    }
    loop_timer_set(list->pipeline->options.loop, timer, alert_look_delay_us(graph));
}

void alert_list_begin(struct alert_list *list)
{
    const struct project_settings *settings = pipeline_settings(list->pipeline);
    bool any = false;
    for (size_t i = 0; i < settings->alert_count; i++)
        any = any || settings->alerts[i].on_freshness;
    list->begun_us = clock_wall_us();
    if (any)
        loop_timer_set(list->pipeline->options.loop, &list->timer, ALERT_LOOK_MIN_US);
}

/* --- Life --- */

static void alert_on_idle(void *owner)
{
    struct alert_list *list = owner;
    pipeline_check_drained(list->pipeline);
}

struct alert_list *alert_list_new(struct pipeline *pipeline, struct err *err)
{
    const struct project_settings *settings = pipeline_settings(pipeline);
    struct alert_list *list = mem_new(struct alert_list);
    (void)err;
    *list = (struct alert_list){.pipeline = pipeline,
                                .watcher = {.on_event = alert_on_event, .owner = list},
                                .timer = {.on_time = alert_on_time, .owner = list},
                                .count = settings->alert_count};
    list_init(&list->watcher.node);
    list->senders = mem_array(list->count, sizeof(struct alert_sender *));
    for (size_t i = 0; i < list->count; i++)
        list->senders[i] = alert_sender_new(pipeline, &settings->alerts[i], alert_on_idle, list);
    if (list->count > 0)
        run_watch(pipeline, &list->watcher);
    return list;
}

bool alert_list_is_idle(const struct alert_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!alert_sender_is_idle(list->senders[i]))
            return false;
    }
    return true;
}

void alert_list_free(struct alert_list **list_ptr)
{
    struct alert_list *list = *list_ptr;
    if (!list)
        return;
    run_unwatch(&list->watcher);
    loop_timer_cancel(list->pipeline->options.loop, &list->timer);
    for (size_t i = 0; i < list->count; i++)
        alert_sender_free(&list->senders[i]);
    mem_free((void *)list->senders);
    map_done(&list->failing);
    map_done(&list->missed);
    mem_free(list);
    *list_ptr = NULL;
}
