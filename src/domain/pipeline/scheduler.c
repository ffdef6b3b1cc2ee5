/* Schedules as the project has them, and the clock that looks at them. */
#include "domain/pipeline/scheduler_priv.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nearest.h"

/* The wall clock may be set, and machines sleep: it is looked at this often. */
#define SCHEDULER_LOOK (5 * CLOCK_SECOND)
/* The two clocks went apart by so much: somebody has set one of them. */
#define SCHEDULER_JUMP CLOCK_SECOND
#define SCHEDULER_LOOK_MIN (100 * CLOCK_MILLISECOND)

static const char *const scheduler_kind_names[] = {"cron", "every", "file", "after"};
static const char *const scheduler_trigger_words[] = {"schedule", "schedule", "file", "after"};

/* --- Items --- */

static struct str scheduler_key(struct str environment, struct str name, struct arena *arena)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(environment), STR_ARG(name));
}

struct scheduler_item *scheduler_item_find(struct scheduler *scheduler, struct str environment, struct str name)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    return map_get(&scheduler->by_name, scheduler_key(environment, name, arena));
}

static void scheduler_on_look(struct sensor_look *look);

struct scheduler_item *scheduler_item_need(struct scheduler *scheduler, struct str environment, struct str name)
{
    struct scheduler_item *item = scheduler_item_find(scheduler, environment, name);
    if (item)
        return item;
    struct arena *own = arena_new_small();
    item = arena_new_object(own, struct scheduler_item);
    item->own = own;
    item->scheduler = scheduler;
    item->environment_name = str_copy(own, environment);
    item->name = str_copy(own, name);
    item->look.done = scheduler_on_look;
    item->look.owner = item;
    list_init(&item->waiting);
    list_init(&item->left);
    list_append(&scheduler->items, &item->node);
    map_put(&scheduler->by_name, scheduler_key(environment, name, own), item);
    return item;
}

static void scheduler_item_undefine(struct scheduler_item *item)
{
    schedule_done(&item->clock);
    arena_free(&item->arena);
    item->environment = NULL;
}

static void scheduler_item_free(struct scheduler_item *item)
{
    list_each(&item->waiting, waiting)
    {
        scheduler_firing_free(list_object(waiting, struct scheduler_firing, node));
    }
    list_each(&item->left, left)
    {
        scheduler_firing_free(list_object(left, struct scheduler_firing, node));
    }
    scheduler_item_undefine(item);
    buf_done(&item->detail);
    arena_free(&(struct arena *){item->own});
}

static void scheduler_set_detail(struct scheduler_item *item, struct str detail)
{
    buf_clear(&item->detail);
    buf_append_str(&item->detail, detail);
}

static bool scheduler_has_clock(const struct scheduler_item *item)
{
    return item->kind == SCHEDULER_CRON || item->kind == SCHEDULER_EVERY;
}

/* What is next when nothing stands in the way. */
static int64_t scheduler_next_us(const struct scheduler_item *item, int64_t last_us)
{
    return schedule_fire_us(&item->clock, schedule_next_us(&item->clock, last_us));
}

/* Ticks begin after now. */
static void scheduler_item_reset(struct scheduler_item *item)
{
    item->last_us = clock_wall_us();
    if (scheduler_has_clock(item))
        item->next_us = scheduler_next_us(item, item->last_us);
}

/* Ticks that the last server left go on. */
static void scheduler_item_resume(struct scheduler_item *item)
{
    list_each(&item->left, node)
    {
        list_remove(node);
        struct scheduler_firing *firing = list_object(node, struct scheduler_firing, node);
        firing->in_turn = true;
        item->pending++;
        scheduler_firing_go(firing);
    }
}

/* Begun, and the project has it: from now on it counts. A clock that says something else than before has missed
 * nothing. */
static void scheduler_item_begin(struct scheduler_item *item)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct str says = str_format(arena, "%.*s %.*s", STR_ARG(item->expression), STR_ARG(item->when.zone));
    bool is_new = !item->is_known;
    bool is_other = scheduler_has_clock(item) && !str_equal(says, buf_str(&item->detail));
    if (is_new)
        item->paused = item->when.paused;
    if (is_new || is_other)
        scheduler_item_reset(item);
    else if (scheduler_has_clock(item))
        item->next_us = scheduler_next_us(item, item->last_us);
    if (is_other)
        scheduler_set_detail(item, says);
    if (is_new || is_other)
        scheduler_save(item, NULL, NULL);
    scheduler_item_resume(item);
}

/* --- What the project says --- */

static struct str scheduler_expression(const struct scheduler_item *item, struct arena *arena)
{
    static const struct {
        int64_t us;
        char unit;
    } units[] = {
        {86400 * CLOCK_SECOND, 'd'}, {3600 * CLOCK_SECOND, 'h'}, {60 * CLOCK_SECOND, 'm'}, {CLOCK_SECOND, 's'}};
    if (item->kind == SCHEDULER_CRON)
        return item->when.cron;
    if (item->kind == SCHEDULER_FILE)
        return item->when.on_file;
    for (size_t i = 0; item->kind == SCHEDULER_EVERY && i < sizeof(units) / sizeof(units[0]); i++) {
        if (item->when.every_us % units[i].us == 0)
            return str_format(arena, "%lld%c", (long long)(item->when.every_us / units[i].us), units[i].unit);
    }
    if (item->kind == SCHEDULER_EVERY)
        return str_format(arena, "%lldms", (long long)(item->when.every_us / CLOCK_MILLISECOND));
    struct str text = S("");
    for (size_t i = 0; i < item->when.after_count; i++)
        text = str_format(arena, "%.*s%s%.*s", STR_ARG(text), i ? ", " : "", STR_ARG(item->when.after[i]));
    return text;
}

static const struct str *scheduler_copy_texts(struct arena *arena, const struct str *texts, size_t count)
{
    struct str *copy = arena_array(arena, count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = str_copy(arena, texts[i]);
    return copy;
}

static void scheduler_define(struct scheduler_item *item, const struct project_environment *environment,
                             struct str asset, const struct asset_schedule *when, const struct str *select,
                             size_t select_count)
{
    struct arena *arena = arena_new_small();
    scheduler_item_undefine(item);
    item->arena = arena;
    item->kind = when->cron.len > 0      ? SCHEDULER_CRON
                 : when->every_us > 0    ? SCHEDULER_EVERY
                 : when->on_file.len > 0 ? SCHEDULER_FILE
                                         : SCHEDULER_AFTER;
    item->asset = str_copy(arena, asset);
    item->when = *when;
    item->when.cron = str_copy(arena, when->cron);
    item->when.zone = str_copy(arena, when->zone);
    item->when.on_file = str_copy(arena, when->on_file);
    item->when.after = scheduler_copy_texts(arena, when->after, when->after_count);
    item->select = scheduler_copy_texts(arena, select, select_count);
    item->select_count = select_count;
    item->trigger = str_format(arena, "%s:%.*s", scheduler_trigger_words[item->kind], STR_ARG(item->name));
    item->expression = scheduler_expression(item, arena);
    struct err err;
    if (scheduler_has_clock(item) && !schedule_init(&item->clock, &item->when, item->name, &err)) {
        log_warn("schedule.refused", LOG_STR("schedule", item->name), LOG_ERR(&err));
        scheduler_item_undefine(item);
        return;
    }
    item->environment = environment;
    if (scheduler_has_clock(item))
        item->next_us = scheduler_next_us(item, item->is_known ? item->last_us : clock_wall_us());
}

static void scheduler_adopt(struct scheduler *scheduler, const struct project_environment *environment, struct str name,
                            struct str asset, const struct asset_schedule *when, const struct str *select,
                            size_t select_count)
{
    struct scheduler_item *item = scheduler_item_need(scheduler, environment->name, name);
    if (item->environment) { /* in this round already */
        log_warn("schedule.refused", LOG_STR("schedule", name),
                 LOG_STR("reason", S("a schedule of eider.yaml has the name of the asset")));
        return;
    }
    scheduler_define(item, environment, asset, when, select, select_count);
    list_remove(&item->node);
    list_append(&scheduler->items, &item->node);
}

void scheduler_set_graph(struct scheduler *scheduler, const struct graph *graph)
{
    const struct project_settings *settings = pipeline_settings(scheduler->pipeline);
    list_each(&scheduler->items, asleep)
    {
        list_object(asleep, struct scheduler_item, node)->environment = NULL;
    }
    for (size_t e = 0; e < settings->environment_count; e++) {
        const struct project_environment *environment = &settings->environments[e];
        if (!environment->schedules)
            continue;
        for (size_t i = 0; i < settings->schedule_count; i++) {
            const struct project_schedule *named = &settings->schedules[i];
            scheduler_adopt(scheduler, environment, named->name, S(""), &named->when, named->select,
                            named->select_count);
        }
        for (size_t i = 0; i < graph->project->asset_count; i++) {
            const struct asset *asset = graph->project->assets[i];
            if (asset->schedule)
                scheduler_adopt(scheduler, environment, asset->name, asset->name, asset->schedule, &asset->name, 1);
        }
    }
    scheduler_find_loops(scheduler, graph);
    list_each(&scheduler->items, node)
    {
        struct scheduler_item *item = list_object(node, struct scheduler_item, node);
        if (item->environment && scheduler->is_begun)
            scheduler_item_begin(item);
    }
    if (scheduler->is_begun && !scheduler->is_stopped)
        loop_timer_set(pipeline_options(scheduler->pipeline)->loop, &scheduler->timer, 0);
}

/* --- Looking --- */

static void scheduler_look_clock(struct scheduler_item *item, int64_t wall_us)
{
    struct schedule_due due;
    schedule_due(&item->clock, item->last_us, item->scheduler->awake_us, wall_us, &due);
    item->last_us = due.last_us;
    item->next_us = due.next_us;
    if (due.missed)
        scheduler_miss(item, due.last_missed_us, due.missed);
    for (size_t i = 0; i < due.count; i++)
        scheduler_fire(scheduler_firing_new(item, due.ticks_us[i]), due.count > 1);
}

/* The state of a sensor's files is known. */
static void scheduler_on_look(struct sensor_look *look)
{
    struct scheduler_item *item = look->owner;
    struct scheduler *scheduler = item->scheduler;
    scheduler->busy--;
    bool stays = sensor_is_stable(&item->sensor, look->state, item->when.stable_us, clock_now_us());
    bool is_first = !item->has_looked;
    bool wanted = item->environment && item->kind == SCHEDULER_FILE && !item->paused && !scheduler->is_stopped;
    if (wanted && stays) {
        item->has_looked = true;
        if (!str_equal(str_from(look->state), buf_str(&item->detail))) {
            scheduler_set_detail(item, str_from(look->state));
            if (look->files == 0) {
                scheduler_save(item, NULL, NULL);
            } else if (is_first && item->when.catch_up == ASSET_CATCH_UP_NONE) {
                scheduler_miss(item, clock_wall_us(), 1);
            } else {
                item->last_us = clock_wall_us();
                scheduler_fire(scheduler_firing_new(item, item->last_us), false);
            }
        }
    }
    scheduler_rest(scheduler);
}

static void scheduler_look_files(struct scheduler_item *item, int64_t now_us)
{
    int64_t pause_us = item->when.stable_us / 2;
    pause_us = pause_us < SCHEDULER_LOOK_MIN ? SCHEDULER_LOOK_MIN : pause_us;
    item->look_us = now_us + (pause_us < SCHEDULER_LOOK ? pause_us : SCHEDULER_LOOK);
    if (item->look.is_busy)
        return;
    const struct pipeline_options *options = pipeline_options(item->scheduler->pipeline);
    item->scheduler->busy++;
    sensor_look_start(&item->look, options->pool, options->settings->root, item->when.on_file);
}

static void scheduler_on_time(struct loop_timer *timer)
{
    struct scheduler *scheduler = timer->owner;
    int64_t wall_us = clock_wall_us(), now_us = clock_now_us(), delay_us = SCHEDULER_LOOK;
    int64_t apart_us = (wall_us - scheduler->wall_us) - (now_us - scheduler->now_us);
    bool jumped = apart_us > SCHEDULER_JUMP || apart_us < -SCHEDULER_JUMP;
    scheduler->wall_us = wall_us;
    scheduler->now_us = now_us;
    bool counts = false;
    list_each(&scheduler->items, node)
    {
        struct scheduler_item *item = list_object(node, struct scheduler_item, node);
        int64_t wait_us = SCHEDULER_LOOK;
        if (!item->environment || item->paused || item->kind == SCHEDULER_AFTER)
            continue;
        counts = true;
        if (scheduler_has_clock(item)) {
            if (jumped || wall_us >= item->next_us)
                scheduler_look_clock(item, wall_us);
            wait_us = item->next_us - wall_us;
        } else {
            if (now_us >= item->look_us)
                scheduler_look_files(item, now_us);
            wait_us = item->look_us - now_us;
        }
        delay_us = wait_us < delay_us ? wait_us : delay_us;
    }
    if (counts)
        loop_timer_set(pipeline_options(scheduler->pipeline)->loop, timer, delay_us > 0 ? delay_us : 0);
}

static bool scheduler_succeeded(const struct run *run, struct str asset)
{
    for (uint32_t i = 0; i < run->step_count; i++) {
        const struct run_step *step = &run->steps[i];
        if (str_equal(step->asset, asset) && (step->state == STEP_DONE || step->state == STEP_WARNED))
            return true;
    }
    return false;
}

static bool scheduler_has_seen(const struct scheduler_item *item, struct str asset)
{
    struct str name, rest = buf_str(&item->detail);
    while (str_split_next(&rest, '\n', &name)) {
        if (str_equal(name, asset))
            return true;
    }
    return false;
}

/* Those of `after` that have succeeded since the last tick stand in the detail, each with a line end. */
static void scheduler_look_run(struct scheduler_item *item, const struct run *run)
{
    struct buf seen __attribute__((cleanup(buf_cleanup))) = {0};
    size_t count = 0;
    if (item->asset.len > 0 && scheduler_succeeded(run, item->asset)) /* it ran itself, in its place */
        return;
    for (size_t i = 0; i < item->when.after_count; i++) {
        struct str asset = item->when.after[i];
        if (!scheduler_has_seen(item, asset) && !scheduler_succeeded(run, asset))
            continue;
        buf_append_str(&seen, asset);
        buf_append_char(&seen, '\n');
        count++;
    }
    if (count == item->when.after_count) {
        buf_clear(&item->detail);
        item->last_us = clock_wall_us();
        scheduler_fire(scheduler_firing_new(item, item->last_us), false);
    } else if (!str_equal(buf_str(&seen), buf_str(&item->detail))) {
        scheduler_set_detail(item, buf_str(&seen));
        scheduler_save(item, NULL, NULL);
    }
}

static void scheduler_on_event(void *owner, enum run_event event, const struct run *run, const struct run_step *step)
{
    struct scheduler *scheduler = owner;
    (void)step;
    if (event != RUN_EVENT_ENDED || scheduler->is_stopped)
        return;
    scheduler_backfill_run_ended(scheduler, run);
    list_each(&scheduler->items, node)
    {
        struct scheduler_item *item = list_object(node, struct scheduler_item, node);
        scheduler_item_turn(item);
        bool listens = scheduler->is_begun && item->environment == run->environment && item->kind == SCHEDULER_AFTER &&
                       !item->paused && !item->is_loop;
        if (listens)
            scheduler_look_run(item, run);
    }
}

/* --- Life --- */

struct scheduler *scheduler_new(struct pipeline *pipeline, struct err *err)
{
    (void)err;
    struct scheduler *scheduler = mem_new(struct scheduler);
    scheduler->pipeline = pipeline;
    list_init(&scheduler->items);
    list_init(&scheduler->backfills);
    scheduler->timer = (struct loop_timer){.on_time = scheduler_on_time, .owner = scheduler};
    scheduler->watcher = (struct run_watcher){.on_event = scheduler_on_event, .owner = scheduler};
    list_init(&scheduler->watcher.node);
    run_watch(pipeline, &scheduler->watcher);
    scheduler_load(scheduler);
    return scheduler;
}

void scheduler_begin(struct scheduler *scheduler)
{
    if (scheduler->is_begun || !scheduler->is_loaded)
        return;
    scheduler->is_begun = true;
    scheduler->awake_us = scheduler->wall_us = clock_wall_us();
    scheduler->now_us = clock_now_us();
    list_each(&scheduler->items, node)
    {
        struct scheduler_item *item = list_object(node, struct scheduler_item, node);
        if (item->environment)
            scheduler_item_begin(item);
    }
    scheduler_backfill_resume(scheduler);
    loop_timer_set(pipeline_options(scheduler->pipeline)->loop, &scheduler->timer, 0);
}

void scheduler_stop(struct scheduler *scheduler)
{
    scheduler->is_stopped = true;
    loop_timer_cancel(pipeline_options(scheduler->pipeline)->loop, &scheduler->timer);
}

bool scheduler_is_idle(const struct scheduler *scheduler)
{
    return scheduler->busy == 0;
}

void scheduler_rest(struct scheduler *scheduler)
{
    if (scheduler->busy == 0)
        pipeline_check_drained(scheduler->pipeline);
}

void scheduler_free(struct scheduler **scheduler)
{
    struct scheduler *gone = *scheduler;
    *scheduler = NULL;
    if (!gone)
        return;
    scheduler_stop(gone);
    run_unwatch(&gone->watcher);
    scheduler_load_forget(gone);
    scheduler_backfill_free(gone);
    list_each(&gone->items, node)
    {
        scheduler_item_free(list_object(node, struct scheduler_item, node));
    }
    map_done(&gone->by_name);
    mem_free(gone);
}

/* --- Asked --- */

void scheduler_each(struct scheduler *scheduler, void (*each)(void *owner, const struct scheduler_info *info),
                    void *owner)
{
    list_each(&scheduler->items, node)
    {
        const struct scheduler_item *item = list_object(node, struct scheduler_item, node);
        if (!item->environment)
            continue;
        bool ticks = scheduler_has_clock(item) && !item->paused && scheduler->is_begun;
        const struct scheduler_info info = {.name = item->name,
                                            .environment = item->environment_name,
                                            .asset = item->asset,
                                            .kind = str_from(scheduler_kind_names[item->kind]),
                                            .expression = item->expression,
                                            .zone = item->kind == SCHEDULER_CRON ? zone_name(item->clock.zone) : S(""),
                                            .paused = item->paused,
                                            .last_us = item->last_outcome[0] ? item->last_us : 0,
                                            .next_us = ticks && item->next_us != CLOCK_NEVER ? item->next_us : 0,
                                            .last_run = str_from(item->last_run),
                                            .last_outcome = str_from(item->last_outcome)};
        each(owner, &info);
    }
}

/* The item that the project has, or ERR_NOT_FOUND. */
static struct scheduler_item *scheduler_known(struct scheduler *scheduler, struct str environment, struct str name,
                                              struct err *err)
{
    const struct project_environment *in =
        project_environment_find(pipeline_settings(scheduler->pipeline), environment);
    if (!in) {
        err_set(err, ERR_NOT_FOUND, "there is no environment '%.*s'", STR_ARG(str_slice(environment, 0, 64)));
        return NULL;
    }
    struct scheduler_item *item = scheduler_item_find(scheduler, in->name, name);
    if (item && item->environment)
        return item;
    err_set(err, ERR_NOT_FOUND, "there is no schedule '%.*s' in %.*s", STR_ARG(str_slice(name, 0, 64)),
            STR_ARG(in->name));
    if (!in->schedules) {
        err_hint(err,
                 "nothing runs by itself there: schedules: true in eider.yaml, under environments.%.*s, changes it",
                 STR_ARG(in->name));
        return NULL;
    }
    AUTO(arena) struct arena *arena = arena_new();
    VEC(const char *) names = {0};
    list_each(&scheduler->items, node)
    {
        const struct scheduler_item *other = list_object(node, struct scheduler_item, node);
        if (other->environment == in)
            vec_push(&names, str_cstr(arena, other->name));
    }
    vec_push(&names, (const char *)NULL);
    const char *nearest = nearest_name(name, names.items);
    if (nearest)
        err_hint(err, "did you mean %s?", nearest);
    vec_done(&names);
    return NULL;
}

void scheduler_pause(struct scheduler *scheduler, struct str environment, struct str name, bool paused,
                     void (*done)(void *owner, const struct err *error), void *owner)
{
    struct err err = {0};
    struct scheduler_item *item = scheduler_known(scheduler, environment, name, &err);
    if (!item) {
        scheduler_fail(scheduler, done, owner, &err);
        return;
    }
    if (item->paused && !paused)
        scheduler_item_reset(item); /* what was due meanwhile was not wanted */
    item->paused = paused;
    log_info(paused ? "schedule.paused" : "schedule.resumed", LOG_STR("schedule", item->name),
             LOG_STR("environment", item->environment_name));
    scheduler_save(item, done, owner);
    if (scheduler->is_begun && !scheduler->is_stopped)
        loop_timer_set(pipeline_options(scheduler->pipeline)->loop, &scheduler->timer, 0);
}

struct scheduler_refusal {
    run_done *done;
    void *owner;
};

static void scheduler_on_refused(void *owner, const struct err *error)
{
    struct scheduler_refusal *refusal = owner;
    refusal->done(refusal->owner, NULL, NULL, NULL, 0, error);
    mem_free(refusal);
}

void scheduler_trigger(struct scheduler *scheduler, const struct principal *who, struct str environment,
                       struct str name, run_done *done, void *owner)
{
    struct err err = {0};
    struct scheduler_item *item = scheduler_known(scheduler, environment, name, &err);
    if (!item) {
        struct scheduler_refusal *refusal = mem_new(struct scheduler_refusal);
        *refusal = (struct scheduler_refusal){done, owner};
        scheduler_fail(scheduler, scheduler_on_refused, refusal, &err);
        return;
    }
    struct scheduler_firing *firing = scheduler_firing_new(item, clock_wall_us());
    firing->who = who ? principal_copy(firing->arena, who) : NULL;
    firing->done = done;
    firing->owner = owner;
    item->pending++;
    scheduler_firing_go(firing);
}
