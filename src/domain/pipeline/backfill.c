/* Backfills: one run per partition, in order, a few at once. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/pipeline/scheduler_priv.h"

#define BACKFILL_RUNS 2
/* Of all environments; older ones that have ended are forgotten. */
#define BACKFILL_KEEP 1000
#define BACKFILL_PAGE 500

struct scheduler_backfill_slot {
    struct scheduler_backfilling *backfill;
    bool is_used;
    size_t partition;
    struct str run; /* empty: it is being made */
};

struct scheduler_backfilling {
    struct list node; /* in scheduler.backfills, once it is durable */
    struct scheduler *scheduler;
    struct arena *arena; /* owns this */
    struct scheduler_backfill info;
    const struct principal *who; /* NULL: the server itself, or it was killed since */
    struct str *partitions;
    bool *ended; /* of the partition at the same index */
    size_t count, next;
    struct scheduler_backfill_slot slots[BACKFILL_RUNS];
    bool is_cancelled;

    struct str from, to; /* as asked for */
    bool only_missing;
    struct map built; /* partitions that are there; values: themselves */
    scheduler_backfill_done *done;
    void *owner;
};

static void scheduler_backfill_pump(struct scheduler_backfilling *backfill);

/* --- Its row --- */

struct scheduler_backfill_write {
    struct store_job job;
    struct arena *arena; /* owns this */
    struct scheduler *scheduler;
    struct scheduler_backfilling *backfill; /* NULL: it has ended */
    struct scheduler_backfill info;
    struct str waiting;
    scheduler_backfill_done *done; /* may be NULL */
    void *owner;
};

static bool scheduler_backfill_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct scheduler_backfill_write *write = job->owner;
    const struct scheduler_backfill *info = &write->info;
    const struct store_value values[] = {STORE_STRING(info->id),
                                         STORE_STRING(info->environment),
                                         STORE_STRING(info->asset),
                                         STORE_STRING(info->user),
                                         STORE_STRING(info->from),
                                         STORE_STRING(info->to),
                                         STORE_NUMBER(info->state),
                                         STORE_NUMBER(info->created_us),
                                         STORE_NUMBER(info->ended_us),
                                         STORE_NUMBER((int64_t)info->total),
                                         STORE_NUMBER((int64_t)info->done),
                                         STORE_NUMBER((int64_t)info->failed),
                                         STORE_STRING(write->waiting)};
    const struct store_value keep[] = {STORE_NUMBER(BACKFILL_KEEP)};
    return store_run(db,
                     "INSERT OR REPLACE INTO pipeline_backfills(id, environment, asset, user, first, last, state, "
                     "created_us, ended_us, total, done, failed, waiting) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                     "?10, ?11, ?12, ?13)",
                     values, sizeof(values) / sizeof(values[0]), NULL, NULL, err) &&
           store_run(db,
                     "DELETE FROM pipeline_backfills WHERE ended_us <> 0 AND id NOT IN (SELECT id FROM "
                     "pipeline_backfills ORDER BY created_us DESC LIMIT ?1)",
                     keep, 1, NULL, NULL, err);
}

static void scheduler_backfill_written(struct store_job *job, const struct err *error)
{
    struct scheduler_backfill_write *write = job->owner;
    struct scheduler *scheduler = write->scheduler;
    scheduler->busy--;
    if (error)
        log_warn("backfill.not_written", LOG_STR("backfill", write->info.id), LOG_ERR(error));
    if (write->done)
        write->done(write->owner, error ? NULL : &write->info, error);
    arena_free(&(struct arena *){write->arena});
    scheduler_rest(scheduler);
}

static struct str scheduler_backfill_waiting(const struct scheduler_backfilling *backfill, struct arena *arena)
{
    struct buf text __attribute__((cleanup(buf_cleanup))) = {0};
    for (size_t i = 0; i < backfill->count; i++) {
        if (backfill->ended[i])
            continue;
        buf_append_str(&text, backfill->partitions[i]);
        buf_append_char(&text, '\n');
    }
    return str_copy(arena, buf_str(&text));
}

/* As it is now; in the order of the calls. */
static void scheduler_backfill_save(const struct scheduler_backfilling *backfill, scheduler_backfill_done *done,
                                    void *owner)
{
    struct arena *arena = arena_new_small();
    struct scheduler_backfill_write *write = arena_new_object(arena, struct scheduler_backfill_write);
    struct scheduler_backfill *info = &write->info;
    write->arena = arena;
    write->scheduler = backfill->scheduler;
    *info = backfill->info;
    info->id = str_copy(arena, info->id);
    info->environment = str_copy(arena, info->environment);
    info->asset = str_copy(arena, info->asset);
    info->from = str_copy(arena, info->from);
    info->to = str_copy(arena, info->to);
    info->user = str_copy(arena, info->user);
    write->waiting = scheduler_backfill_waiting(backfill, arena);
    write->done = done;
    write->owner = owner;
    write->job =
        (struct store_job){.apply = scheduler_backfill_apply, .done = scheduler_backfill_written, .owner = write};
    backfill->scheduler->busy++;
    store_submit(pipeline_options(backfill->scheduler->pipeline)->store, &write->job);
}

/* --- Its runs --- */

static void scheduler_backfill_forget(struct scheduler_backfilling *backfill)
{
    list_remove(&backfill->node);
    map_done(&backfill->built);
    arena_free(&(struct arena *){backfill->arena});
}

/* A partition is over, well or not. */
static void scheduler_backfill_count(struct scheduler_backfilling *backfill, struct scheduler_backfill_slot *slot,
                                     bool is_done)
{
    slot->is_used = false;
    backfill->ended[slot->partition] = true;
    backfill->info.done += is_done;
    backfill->info.failed += !is_done;
}

static bool scheduler_backfill_is_running(const struct scheduler_backfilling *backfill)
{
    for (size_t i = 0; i < BACKFILL_RUNS; i++) {
        if (backfill->slots[i].is_used)
            return true;
    }
    return false;
}

/* Frees it when nothing is left to do. */
static void scheduler_backfill_settle(struct scheduler_backfilling *backfill)
{
    bool is_over =
        (backfill->is_cancelled || backfill->next == backfill->count) && !scheduler_backfill_is_running(backfill);
    struct scheduler_backfill *info = &backfill->info;
    if (is_over) {
        info->state = backfill->is_cancelled ? RUN_CANCELLED : info->failed > 0 ? RUN_FAILED : RUN_DONE;
        info->ended_us = clock_wall_us();
        log_info("backfill.ended", LOG_STR("backfill", info->id), LOG_STR("asset", info->asset),
                 LOG_STR("state", str_from(run_state_name((enum run_state)info->state))), LOG_I64("done", info->done),
                 LOG_I64("failed", info->failed));
    }
    scheduler_backfill_save(backfill, NULL, NULL);
    if (is_over)
        scheduler_backfill_forget(backfill);
    else
        scheduler_backfill_pump(backfill);
}

static void scheduler_backfill_started(void *owner, struct run *run, const struct graph *graph,
                                       const struct plan_step *plan, size_t plan_count, const struct err *error)
{
    struct scheduler_backfill_slot *slot = owner;
    struct scheduler_backfilling *backfill = slot->backfill;
    (void)graph, (void)plan, (void)plan_count;
    if (backfill->scheduler->is_stopped) /* its partition still waits in the row */
        return;
    if (run && backfill->is_cancelled) {
        struct err err;
        if (!run_cancel(backfill->scheduler->pipeline, run->id, backfill->info.user, &err))
            log_debug("backfill.run_ended", LOG_STR("run", run->id), LOG_ERR(&err));
    }
    if (run) {
        slot->run = str_copy(backfill->arena, run->id);
        return;
    }
    log_warn("backfill.not_started", LOG_STR("backfill", backfill->info.id),
             LOG_STR("partition", backfill->partitions[slot->partition]), LOG_ERR(error));
    scheduler_backfill_count(backfill, slot, false);
    scheduler_backfill_settle(backfill);
}

static void scheduler_backfill_pump(struct scheduler_backfilling *backfill)
{
    struct scheduler *scheduler = backfill->scheduler;
    if (scheduler->is_stopped || backfill->is_cancelled)
        return;
    for (size_t i = 0; i < BACKFILL_RUNS && backfill->next < backfill->count; i++) {
        struct scheduler_backfill_slot *slot = &backfill->slots[i];
        if (slot->is_used)
            continue;
        AUTO(arena) struct arena *arena = arena_new_small();
        *slot = (struct scheduler_backfill_slot){.backfill = backfill, .is_used = true, .partition = backfill->next++};
        const struct run_request request = {.who = backfill->who,
                                            .environment = backfill->info.environment,
                                            .select = &backfill->info.asset,
                                            .select_count = 1,
                                            .partition = backfill->partitions[slot->partition],
                                            .trigger = str_format(arena, "backfill:%.*s", STR_ARG(backfill->info.id))};
        run_start(scheduler->pipeline, &request, scheduler_backfill_started, slot);
    }
}

void scheduler_backfill_run_ended(struct scheduler *scheduler, const struct run *run)
{
    list_each(&scheduler->backfills, node)
    {
        struct scheduler_backfilling *backfill = list_object(node, struct scheduler_backfilling, node);
        for (size_t i = 0; i < BACKFILL_RUNS; i++) {
            struct scheduler_backfill_slot *slot = &backfill->slots[i];
            if (!slot->is_used || !str_equal(slot->run, run->id))
                continue;
            scheduler_backfill_count(backfill, slot, run->state == RUN_DONE);
            scheduler_backfill_settle(backfill);
            return;
        }
    }
}

/* --- Asked --- */

static struct scheduler_backfilling *scheduler_backfill_new(struct scheduler *scheduler)
{
    struct arena *arena = arena_new();
    struct scheduler_backfilling *backfill = arena_new_object(arena, struct scheduler_backfilling);
    backfill->scheduler = scheduler;
    backfill->arena = arena;
    list_init(&backfill->node);
    return backfill;
}

static void scheduler_backfill_refuse(struct scheduler_backfilling *backfill, const struct err *error)
{
    struct scheduler *scheduler = backfill->scheduler;
    backfill->done(backfill->owner, NULL, error);
    scheduler_backfill_forget(backfill);
    scheduler->busy--;
    scheduler_rest(scheduler);
}

/* It is durable: it begins. */
static void scheduler_backfill_created(void *owner, const struct scheduler_backfill *info, const struct err *error)
{
    struct scheduler_backfilling *backfill = owner;
    struct scheduler *scheduler = backfill->scheduler;
    if (error) {
        scheduler_backfill_refuse(backfill, error);
        return;
    }
    log_info("backfill.created", LOG_STR("backfill", info->id), LOG_STR("asset", info->asset),
             LOG_STR("environment", info->environment), LOG_I64("partitions", info->total));
    list_append(&scheduler->backfills, &backfill->node);
    backfill->done(backfill->owner, info, NULL);
    scheduler->busy--;
    if (backfill->count == 0)
        scheduler_backfill_settle(backfill);
    else
        scheduler_backfill_pump(backfill);
}

/* The partitions are known, and which of them are there. */
static void scheduler_backfill_create(struct scheduler_backfilling *backfill)
{
    size_t kept = 0;
    for (size_t i = 0; i < backfill->count; i++) {
        if (!map_get(&backfill->built, backfill->partitions[i]))
            backfill->partitions[kept++] = backfill->partitions[i];
    }
    backfill->count = kept;
    backfill->ended = arena_array(backfill->arena, kept + 1, sizeof(bool));
    backfill->info.total = (uint32_t)kept;
    backfill->info.state = RUN_RUNNING;
    backfill->info.created_us = clock_wall_us();
    backfill->info.id = random_hex(backfill->arena, 8);
    scheduler_backfill_save(backfill, scheduler_backfill_created, backfill);
}

struct scheduler_backfill_built {
    struct store_job job;
    struct scheduler_backfilling *backfill;
    struct str tenant;
};

static void scheduler_backfill_built_row(void *owner, const struct store_value *columns, size_t count)
{
    struct scheduler_backfilling *backfill = owner;
    (void)count;
    map_put(&backfill->built, columns[0].text, backfill);
}

static bool scheduler_backfill_built_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct scheduler_backfill_built *built = job->owner;
    const struct store_value values[] = {STORE_STRING(built->tenant), STORE_STRING(built->backfill->info.asset)};
    return store_run(db, "SELECT partition FROM pipeline_assets WHERE tenant = ?1 AND asset = ?2 AND partition <> ''",
                     values, 2, scheduler_backfill_built_row, built->backfill, err);
}

static void scheduler_backfill_built_done(struct store_job *job, const struct err *error)
{
    struct scheduler_backfill_built *built = job->owner;
    if (error)
        scheduler_backfill_refuse(built->backfill, error);
    else
        scheduler_backfill_create(built->backfill);
}

static bool scheduler_backfill_plan(struct scheduler_backfilling *backfill, const struct graph *graph, struct err *err)
{
    struct scheduler_backfill *info = &backfill->info;
    const struct project_environment *environment =
        project_environment_find(pipeline_settings(backfill->scheduler->pipeline), info->environment);
    if (!environment)
        return err_set(err, ERR_NOT_FOUND, "there is no environment '%.*s'",
                       STR_ARG(str_slice(info->environment, 0, 64)));
    info->environment = str_copy(backfill->arena, environment->name);
    ptrdiff_t node = graph_find(graph, info->asset);
    if (node < 0)
        return err_set(err, ERR_NOT_FOUND, "there is no asset '%.*s'", STR_ARG(str_slice(info->asset, 0, 64)));
    const struct str *partitions;
    if (!plan_partitions(graph->nodes[node].asset, backfill->from, backfill->to, clock_wall_us(), backfill->arena,
                         &partitions, &backfill->count, err))
        return false;
    backfill->partitions = arena_array(backfill->arena, backfill->count + 1, sizeof(struct str));
    for (size_t i = 0; i < backfill->count; i++)
        backfill->partitions[i] = str_copy(backfill->arena, partitions[i]);
    if (backfill->count > 0) {
        info->from = backfill->partitions[0];
        info->to = backfill->partitions[backfill->count - 1];
    }
    return true;
}

static void scheduler_backfill_on_graph(void *owner, const struct graph *graph, const struct err *error)
{
    struct scheduler_backfilling *backfill = owner;
    struct err err;
    if (!graph || !scheduler_backfill_plan(backfill, graph, &err)) {
        scheduler_backfill_refuse(backfill, graph ? &err : error);
        return;
    }
    if (!backfill->only_missing) {
        scheduler_backfill_create(backfill);
        return;
    }
    const struct pipeline_options *options = pipeline_options(backfill->scheduler->pipeline);
    struct scheduler_backfill_built *built = arena_new_object(backfill->arena, struct scheduler_backfill_built);
    built->backfill = backfill;
    built->tenant = project_environment_find(options->settings, backfill->info.environment)->tenant;
    built->job = (struct store_job){
        .apply = scheduler_backfill_built_apply, .done = scheduler_backfill_built_done, .owner = built};
    store_submit(options->store, &built->job);
}

void scheduler_backfill_start(struct scheduler *scheduler, const struct scheduler_backfill_request *request,
                              scheduler_backfill_done *done, void *owner)
{
    struct scheduler_backfilling *backfill = scheduler_backfill_new(scheduler);
    struct arena *arena = backfill->arena;
    backfill->info.environment = str_copy(arena, request->environment);
    backfill->info.asset = str_copy(arena, request->asset);
    backfill->info.user = str_copy(arena, request->who ? request->who->user : S(""));
    backfill->who = request->who ? principal_copy(arena, request->who) : NULL;
    backfill->from = backfill->info.from = str_copy(arena, request->from);
    backfill->to = backfill->info.to = str_copy(arena, request->to);
    backfill->only_missing = request->only_missing;
    backfill->done = done;
    backfill->owner = owner;
    scheduler->busy++; /* until it is made or refused */
    pipeline_graph(scheduler->pipeline, scheduler_backfill_on_graph, backfill);
}

/* --- Cancelling --- */

struct scheduler_backfill_refusal {
    scheduler_backfill_done *done;
    void *owner;
};

static void scheduler_backfill_on_refused(void *owner, const struct err *error)
{
    struct scheduler_backfill_refusal *refusal = owner;
    refusal->done(refusal->owner, NULL, error);
    mem_free(refusal);
}

void scheduler_backfill_cancel(struct scheduler *scheduler, struct str id, scheduler_backfill_done *done, void *owner)
{
    struct scheduler_backfilling *backfill = NULL;
    list_each(&scheduler->backfills, node)
    {
        struct scheduler_backfilling *each = list_object(node, struct scheduler_backfilling, node);
        backfill = str_equal(each->info.id, id) ? each : backfill;
    }
    if (!backfill) {
        struct err err = {0};
        struct scheduler_backfill_refusal *refusal = mem_new(struct scheduler_backfill_refusal);
        *refusal = (struct scheduler_backfill_refusal){done, owner};
        err_set(&err, ERR_NOT_FOUND, "no backfill '%.*s' is under way", STR_ARG(str_slice(id, 0, 64)));
        scheduler_fail(scheduler, scheduler_backfill_on_refused, refusal, &err);
        return;
    }
    backfill->is_cancelled = true;
    backfill->info.state = RUN_CANCELLING;
    scheduler_backfill_save(backfill, done, owner);
    for (size_t i = 0; i < BACKFILL_RUNS; i++) {
        const struct scheduler_backfill_slot *slot = &backfill->slots[i];
        struct err err;
        if (slot->is_used && slot->run.len > 0 &&
            !run_cancel(scheduler->pipeline, slot->run, backfill->info.user, &err))
            log_debug("backfill.run_ended", LOG_STR("run", slot->run), LOG_ERR(&err));
    }
    if (!scheduler_backfill_is_running(backfill))
        scheduler_backfill_settle(backfill);
}

/* --- What the last server left --- */

void scheduler_backfill_loaded(struct scheduler *scheduler, const struct scheduler_backfill *row, struct str waiting)
{
    struct scheduler_backfilling *backfill = scheduler_backfill_new(scheduler);
    struct arena *arena = backfill->arena;
    backfill->info = *row;
    backfill->info.id = str_copy(arena, row->id);
    backfill->info.environment = str_copy(arena, row->environment);
    backfill->info.asset = str_copy(arena, row->asset);
    backfill->info.user = str_copy(arena, row->user);
    backfill->info.from = str_copy(arena, row->from);
    backfill->info.to = str_copy(arena, row->to);
    backfill->is_cancelled = row->state == RUN_CANCELLING;
    backfill->partitions = arena_array(arena, row->total + 1, sizeof(struct str));
    struct str partition;
    while (backfill->count < row->total && str_split_next(&waiting, '\n', &partition)) {
        if (partition.len > 0)
            backfill->partitions[backfill->count++] = str_copy(arena, partition);
    }
    backfill->ended = arena_array(arena, backfill->count + 1, sizeof(bool));
    list_append(&scheduler->backfills, &backfill->node);
}

void scheduler_backfill_resume(struct scheduler *scheduler)
{
    list_each(&scheduler->backfills, node)
    {
        struct scheduler_backfilling *backfill = list_object(node, struct scheduler_backfilling, node);
        if (backfill->is_cancelled || backfill->next == backfill->count)
            scheduler_backfill_settle(backfill);
        else
            scheduler_backfill_pump(backfill);
    }
}

void scheduler_backfill_free(struct scheduler *scheduler)
{
    list_each(&scheduler->backfills, node)
    {
        scheduler_backfill_forget(list_object(node, struct scheduler_backfilling, node));
    }
}

/* --- All of an environment --- */

struct scheduler_backfill_list {
    struct store_job job;
    struct scheduler *scheduler;
    struct arena *arena; /* owns this */
    struct str environment;
    VEC(struct scheduler_backfill) rows;
    scheduler_backfills_done *done;
    void *owner;
};

struct scheduler_backfill scheduler_backfill_row(const struct store_value *columns, struct arena *arena)
{
    return (struct scheduler_backfill){.id = str_copy(arena, columns[0].text),
                                       .environment = str_copy(arena, columns[1].text),
                                       .asset = str_copy(arena, columns[2].text),
                                       .user = str_copy(arena, columns[3].text),
                                       .from = str_copy(arena, columns[4].text),
                                       .to = str_copy(arena, columns[5].text),
                                       .state = (int)columns[6].number,
                                       .created_us = columns[7].number,
                                       .ended_us = columns[8].number,
                                       .total = (uint32_t)columns[9].number,
                                       .done = (uint32_t)columns[10].number,
                                       .failed = (uint32_t)columns[11].number};
}

static void scheduler_backfill_list_row(void *owner, const struct store_value *columns, size_t count)
{
    struct scheduler_backfill_list *list = owner;
    (void)count;
    vec_push(&list->rows, scheduler_backfill_row(columns, list->arena));
}

static bool scheduler_backfill_list_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct scheduler_backfill_list *list = job->owner;
    const struct store_value values[] = {STORE_STRING(list->environment), STORE_NUMBER(BACKFILL_PAGE)};
    vec_clear(&list->rows);
    return store_run(db,
                     "SELECT id, environment, asset, user, first, last, state, created_us, ended_us, total, done, "
                     "failed FROM pipeline_backfills WHERE ?1 IN ('', environment) ORDER BY created_us DESC, id LIMIT "
                     "?2",
                     values, 2, scheduler_backfill_list_row, list, err);
}

static void scheduler_backfill_list_done(struct store_job *job, const struct err *error)
{
    struct scheduler_backfill_list *list = job->owner;
    struct scheduler *scheduler = list->scheduler;
    scheduler->busy--;
    list->done(list->owner, list->rows.items, error ? 0 : list->rows.count, error);
    vec_done(&list->rows);
    arena_free(&(struct arena *){list->arena});
    scheduler_rest(scheduler);
}

void scheduler_backfills(struct scheduler *scheduler, struct str environment, scheduler_backfills_done *done,
                         void *owner)
{
    struct arena *arena = arena_new_small();
    struct scheduler_backfill_list *list = arena_new_object(arena, struct scheduler_backfill_list);
    list->scheduler = scheduler;
    list->arena = arena;
    list->environment = str_copy(arena, environment);
    list->done = done;
    list->owner = owner;
    list->job =
        (struct store_job){.apply = scheduler_backfill_list_apply, .done = scheduler_backfill_list_done, .owner = list};
    scheduler->busy++;
    store_submit(pipeline_options(scheduler->pipeline)->store, &list->job);
}
