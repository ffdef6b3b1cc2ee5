#include "domain/query/journal.h"

#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/vec.h"
#include "platform/store/store.h"

#define QUERY_JOURNAL_DELAY (500 * CLOCK_MILLISECOND)
/* Of a slow statement's text in the server's log. */
#define QUERY_JOURNAL_LINE 1024

static struct metric query_journal_dropped = {
    .name = "eider_statement_log_dropped_total",
    .help = "Statements that the statement log does not have, because they ended faster than it could be written.",
    .kind = METRIC_COUNTER};

struct query_journal_batch {
    struct store_job job;
    struct query_journal *journal;
    struct arena *arena; /* owns the texts */
    VEC(struct query_info) records;
};

static void query_journal_on_time(struct loop_timer *timer);

void query_journal_init(struct query_journal *journal, struct loop *loop, struct store *store,
                        void (*on_written)(void *owner), void *owner)
{
    *journal = (struct query_journal){.loop = loop, .store = store, .on_written = on_written, .owner = owner};
    journal->timer = (struct loop_timer){.on_time = query_journal_on_time, .owner = journal};
}

static void query_journal_batch_free(struct query_journal_batch *batch)
{
    if (!batch)
        return;
    arena_free(&batch->arena);
    vec_done(&batch->records);
    mem_free(batch);
}

void query_journal_done(struct query_journal *journal)
{
    assert(!journal->writes);
    loop_timer_cancel(journal->loop, &journal->timer);
    query_journal_batch_free(journal->filling);
    journal->filling = NULL;
}

/* --- Writing: on the store's thread, which has the batch to itself --- */

static bool query_journal_write(struct store_db *db, const struct query_info *info, struct err *err)
{
    const struct store_value values[] = {
        STORE_STRING(info->id),
        STORE_STRING(info->tenant),
        STORE_STRING(info->user),
        STORE_STRING(info->role),
        STORE_STRING(info->session),
        STORE_STRING(info->protocol),
        STORE_STRING(info->sql),
        STORE_NUMBER(info->outcome),
        STORE_STRING(info->error),
        STORE_NUMBER(info->started_wall_us),
        STORE_NUMBER(info->queued_us),
        STORE_NUMBER(info->run_us),
        STORE_NUMBER((int64_t)info->rows),
        STORE_NUMBER((int64_t)info->bytes),
        STORE_NUMBER((int64_t)info->memory_bytes),
    };
    return store_run(db,
                     "INSERT INTO statements(id, tenant, user, role, session, protocol, sql, outcome, error, "
                     "started_us, queued_us, run_us, rows, bytes, memory_bytes) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                     values, sizeof(values) / sizeof(values[0]), NULL, NULL, err);
}

/* The oldest rows, somewhat more of them than came in, so that it keeps up and no batch takes long. */
static bool query_journal_trim(struct store_db *db, size_t added, struct err *err)
{
    const struct store_value rows[] = {STORE_NUMBER(limits_get(LIMIT_STATEMENT_LOG_ROWS))};
    const struct store_value old[] = {
        STORE_NUMBER((int64_t)added * 2 + 100),
        STORE_NUMBER(clock_wall_us() - limits_get(LIMIT_STATEMENT_LOG) * 86400 * CLOCK_SECOND)};
    return store_run(db, "DELETE FROM statements WHERE number <= (SELECT max(number) FROM statements) - ?1", rows, 1,
                     NULL, NULL, err) &&
           store_run(db,
                     "DELETE FROM statements WHERE number IN (SELECT number FROM statements ORDER BY number LIMIT ?1) "
                     "AND started_us < ?2",
                     old, 2, NULL, NULL, err);
}

static bool query_journal_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct query_journal_batch *batch = job->owner;
    for (size_t i = 0; i < batch->records.count; i++) {
        if (!query_journal_write(db, &batch->records.items[i], err))
            return false;
    }
    return query_journal_trim(db, batch->records.count, err);
}

static void query_journal_written(struct store_job *job, const struct err *error)
{
    struct query_journal_batch *batch = job->owner;
    struct query_journal *journal = batch->journal;
    if (error)
        log_warn("statement.log_failed", LOG_I64("statements", batch->records.count), LOG_ERR(error));
    query_journal_batch_free(batch);
    journal->writes = false;
    journal->on_written(journal->owner);
}

bool query_journal_flush(struct query_journal *journal)
{
    struct query_journal_batch *batch = journal->filling;
    if (batch && !journal->writes) {
        journal->filling = NULL;
        journal->writes = true;
        loop_timer_cancel(journal->loop, &journal->timer);
        store_submit(journal->store, &batch->job);
    }
    return !journal->writes;
}

static void query_journal_on_time(struct loop_timer *timer)
{
    struct query_journal *journal = timer->owner;
    query_journal_flush(journal);
    if (journal->filling) /* the last batch is not through yet */
        loop_timer_set(journal->loop, timer, QUERY_JOURNAL_DELAY);
}

/* --- Adding --- */

void query_journal_each(const struct query_journal *journal, void (*each)(void *owner, const struct query_info *info),
                        void *owner)
{
    const struct query_journal_batch *batch = journal->filling;
    for (size_t i = batch ? batch->records.count : 0; i > 0; i--)
        each(owner, &batch->records.items[i - 1]);
}

static void query_journal_log_slow(const struct query_info *info)
{
    if (info->run_us < limits_get(LIMIT_SLOW) * CLOCK_MILLISECOND)
        return;
    log_warn("statement.slow", LOG_STR("statement", info->id), LOG_STR("tenant", info->tenant),
             LOG_STR("user", info->user), LOG_STR("session", info->session), LOG_STR("protocol", info->protocol),
             LOG_STR("sql", str_slice(info->sql, 0, QUERY_JOURNAL_LINE)),
             LOG_I64("queued_ms", info->queued_us / CLOCK_MILLISECOND),
             LOG_I64("run_ms", info->run_us / CLOCK_MILLISECOND), LOG_I64("rows", info->rows),
             LOG_I64("bytes", info->bytes), LOG_I64("memory_bytes", info->memory_bytes));
}

static struct query_journal_batch *query_journal_batch_new(struct query_journal *journal)
{
    struct query_journal_batch *batch = mem_new(struct query_journal_batch);
    batch->journal = journal;
    batch->arena = arena_new();
    batch->job = (struct store_job){.apply = query_journal_apply, .done = query_journal_written, .owner = batch};
    return batch;
}

void query_journal_add(struct query_journal *journal, const struct query_info *info)
{
    query_journal_log_slow(info);
    if (!journal->filling) {
        journal->filling = query_journal_batch_new(journal);
        loop_timer_set(journal->loop, &journal->timer, QUERY_JOURNAL_DELAY);
    }
    struct query_journal_batch *batch = journal->filling;
    if (batch->records.count >= (size_t)limits_get(LIMIT_STATEMENT_LOG_QUEUE)) {
        metric_add(metric_series(&query_journal_dropped, ""), 1);
        return;
    }
    struct query_info copy = *info;
    struct str *texts[] = {&copy.id,  &copy.tenant,  &copy.user, &copy.protocol,
                           &copy.sql, &copy.session, &copy.role, &copy.error};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = str_copy(batch->arena, *texts[i]);
    vec_push(&batch->records, copy);
}
