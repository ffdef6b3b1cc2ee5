/* What a run leaves in the server's tables. */
#include <assert.h>

#include "base/log.h"
#include "domain/pipeline/run_priv.h"
#include "platform/store/store.h"

#define HISTORY_VALUES_MAX 22

struct history_statement {
    struct history_statement *next;
    const char *sql;
    size_t count;
    struct store_value values[HISTORY_VALUES_MAX]; /* texts in the change's arena */
};

/* Statements that happen together. */
struct history_change {
    struct store_job job;
    struct list node;    /* in flow.unwritten */
    struct arena *arena; /* owns this */
    struct pipeline *pipeline;
    struct run_flow *flow;
    struct history_statement *first, **end;
    history_written *done; /* NULL: nobody waits */
};

static struct history_change *history_change_new(struct run_flow *flow, history_written *done)
{
    struct arena *arena = arena_new_small();
    struct history_change *change = arena_new_object(arena, struct history_change);
    change->arena = arena;
    change->pipeline = flow->pipeline;
    change->flow = flow;
    change->end = &change->first;
    change->done = done;
    list_init(&change->node);
    return change;
}

static void history_change_free(struct history_change *change)
{
    struct arena *arena = change->arena;
    arena_free(&arena);
}

static void history_add(struct history_change *change, const char *sql, const struct store_value *values, size_t count)
{
    assert(count <= HISTORY_VALUES_MAX);
    struct history_statement *statement = arena_new_object(change->arena, struct history_statement);
    statement->sql = sql;
    statement->count = count;
    for (size_t i = 0; i < count; i++) {
        statement->values[i] = values[i];
        if (values[i].kind == STORE_TEXT)
            statement->values[i].text = str_copy(change->arena, values[i].text);
    }
    *change->end = statement;
    change->end = &statement->next;
}
#define HISTORY_ADD(change, sql, ...)                                                \
    do {                                                                             \
        const struct store_value values_[] = {__VA_ARGS__};                          \
        history_add((change), (sql), values_, sizeof(values_) / sizeof(values_[0])); \
    } while (0)

static bool history_change_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct history_change *change = job->owner;
    for (const struct history_statement *statement = change->first; statement; statement = statement->next)
        if (!store_run(db, statement->sql, statement->values, statement->count, NULL, NULL, err))
            return false;
    return true;
}

static void history_change_done(struct store_job *job, const struct err *error)
{
    struct history_change *change = job->owner;
    struct pipeline *pipeline = change->pipeline;
    struct run_flow *flow = change->flow;
    history_written *done = change->done;
    pipeline->history.writes--;
    if (error && !done) { /* again with the run's end */
        log_warn("pipeline.history_failed", LOG_STR("run", flow->run.id), LOG_ERR(error));
        list_append(&flow->unwritten, &change->node);
        return;
    }
    history_change_free(change);
    if (done)
        done(flow, error);
}

static void history_submit(struct history_change *change)
{
    change->job = (struct store_job){.apply = history_change_apply, .done = history_change_done, .owner = change};
    change->pipeline->history.writes++;
    store_submit(change->pipeline->options.store, &change->job);
}

/* --- What changes --- */

static struct str history_error(const struct err *error, struct arena *arena)
{
    if (error->code == ERR_OK)
        return S("");
    return error->hint[0] ? str_format(arena, "%s; hint: %s", error->message, error->hint) : err_message(error);
}

static void history_add_step(struct history_change *change, const struct run_slot *slot)
{
    const struct run_step *step = slot->step;
    HISTORY_ADD(change,
                "INSERT INTO pipeline_steps(run, step, asset, kind, reason, upstream, state, attempt, queued_us, "
                "started_us, ended_us, rows, bytes, failure, committed, error, report, fingerprint, build_run, "
                "build_step) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, -1, -1, 0, 0, '', '', ?9, ?10, ?11)",
                STORE_NUMBER((int64_t)slot->flow->run.number), STORE_NUMBER(step->index), STORE_STRING(step->asset),
                STORE_NUMBER(step->kind), STORE_NUMBER(step->reason), STORE_STRING(slot->upstream),
                STORE_NUMBER(step->state), STORE_NUMBER(step->queued_us), STORE_STRING(slot->fingerprint),
                STORE_STRING(slot->build_run), STORE_NUMBER(slot->build_step));
}

void history_create(struct run_flow *flow, const struct history_new *new, history_written *done)
{
    const struct run *run = &flow->run;
    struct history_change *change = history_change_new(flow, done);
    HISTORY_ADD(change,
                "INSERT INTO pipeline_runs(number, id, environment, tenant, cause, user, selection, partition, parent, "
                "backfill, full_refresh, state, created_us, started_us, ended_us, error) VALUES(?1, ?2, ?3, ?4, ?5, "
                "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, 0, '')",
                STORE_NUMBER((int64_t)run->number), STORE_STRING(run->id), STORE_STRING(run->environment->name),
                STORE_STRING(run->environment->tenant), STORE_STRING(run->trigger), STORE_STRING(run->user),
                STORE_STRING(new->selection), STORE_STRING(run->partition), STORE_STRING(run->parent),
                STORE_STRING(new->backfill), STORE_NUMBER(run->full_refresh), STORE_NUMBER(run->state),
                STORE_NUMBER(run->created_us));
    for (uint32_t i = 0; i < run->step_count; i++)
        history_add_step(change, &flow->slots[i]);
    history_submit(change);
}

void history_run_state(struct run_flow *flow)
{
    struct history_change *change = history_change_new(flow, NULL);
    HISTORY_ADD(change, "UPDATE pipeline_runs SET state = ?2, started_us = ?3 WHERE number = ?1",
                STORE_NUMBER((int64_t)flow->run.number), STORE_NUMBER(flow->run.state),
                STORE_NUMBER(flow->run.started_us));
    history_submit(change);
}

static void history_add_state(struct history_change *change, const struct run_step *step)
{
    HISTORY_ADD(change,
                "UPDATE pipeline_steps SET state = ?3, attempt = ?4, queued_us = ?5, started_us = ?6, ended_us = ?7, "
                "rows = ?8, bytes = ?9, failure = ?10, committed = ?11, error = ?12, report = ?13 WHERE run = ?1 AND "
                "step = ?2",
                STORE_NUMBER((int64_t)change->flow->run.number), STORE_NUMBER(step->index), STORE_NUMBER(step->state),
                STORE_NUMBER(step->attempt), STORE_NUMBER(step->queued_us), STORE_NUMBER(step->started_us),
                STORE_NUMBER(step->ended_us), STORE_NUMBER(step->rows), STORE_NUMBER(step->bytes),
                STORE_NUMBER(step->failure), STORE_NUMBER(step->committed),
                STORE_STRING(history_error(&step->error, change->arena)), STORE_STRING(step->report));
}

void history_step(struct run_flow *flow, const struct run_step *step)
{
    struct history_change *change = history_change_new(flow, NULL);
    history_add_state(change, step);
    history_submit(change);
}

static void history_add_attempt(struct history_change *change, const struct run_step *step, int64_t ended_us)
{
    HISTORY_ADD(change,
                "INSERT OR REPLACE INTO pipeline_attempts(run, step, attempt, started_us, ended_us, failure, error) "
                "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                STORE_NUMBER((int64_t)change->flow->run.number), STORE_NUMBER(step->index), STORE_NUMBER(step->attempt),
                STORE_NUMBER(change->flow->slots[step->index].attempt_us), STORE_NUMBER(ended_us),
                STORE_NUMBER(step->failure), STORE_STRING(history_error(&step->error, change->arena)));
}

void history_attempt(struct run_flow *flow, const struct run_step *step, int64_t ended_us)
{
    struct history_change *change = history_change_new(flow, NULL);
    history_add_attempt(change, step, ended_us);
    history_add_state(change, step);
    history_submit(change);
}

void history_success(struct run_flow *flow, const struct run_step *step, uint64_t version)
{
    const struct run *run = &flow->run;
    const struct asset *asset = run->graph->nodes[step->node].asset;
    struct history_change *change = history_change_new(flow, NULL);
    history_add_attempt(change, step, step->ended_us);
    history_add_state(change, step);
    HISTORY_ADD(change,
                "INSERT INTO pipeline_assets AS known(tenant, asset, partition, fingerprint, built_us, version, run, "
                "rows, bytes, report) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET "
                "fingerprint = excluded.fingerprint, built_us = excluded.built_us, version = excluded.version, "
                "run = excluded.run, rows = excluded.rows, bytes = excluded.bytes, report = excluded.report "
                "WHERE excluded.version >= known.version",
                STORE_STRING(run->environment->tenant), STORE_STRING(step->asset),
                STORE_STRING(asset->partition.kind == ASSET_NOT_PARTITIONED ? S("") : run->partition),
                STORE_STRING(flow->slots[step->index].fingerprint), STORE_NUMBER(step->ended_us),
                STORE_NUMBER((int64_t)version), STORE_STRING(run->id), STORE_NUMBER(step->rows),
                STORE_NUMBER(step->bytes), STORE_STRING(step->report));
    history_submit(change);
}

void history_end(struct run_flow *flow, int state, int64_t ended_us, history_written *done)
{
    struct history_change *change = history_change_new(flow, done);
    bool again = !list_is_empty(&flow->unwritten);
    list_each(&flow->unwritten, node)
    {
        list_remove(node);
        history_submit(list_object(node, struct history_change, node));
    }
    /* What was written after a change that was not would be undone by it. */
    for (uint32_t i = 0; again && i < flow->run.step_count; i++)
        history_add_state(change, &flow->run.steps[i]);
    HISTORY_ADD(change, "UPDATE pipeline_runs SET state = ?2, ended_us = ?3, error = ?4 WHERE number = ?1",
                STORE_NUMBER((int64_t)flow->run.number), STORE_NUMBER(state), STORE_NUMBER(ended_us),
                STORE_STRING(history_error(&flow->error, change->arena)));
    history_submit(change);
}

void history_forget(struct run_flow *flow)
{
    struct list *node;
    while ((node = list_first(&flow->unwritten))) {
        list_remove(node);
        history_change_free(list_object(node, struct history_change, node));
    }
}
