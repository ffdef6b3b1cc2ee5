#include "domain/query/query.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "domain/query/publish.h"
#include "domain/query/query_priv.h"

static struct metric query_statements_total = {
    .name = "eider_statements_total", .help = "Statements that ended, by outcome.", .kind = METRIC_COUNTER};
static struct metric query_statement_seconds = {
    .name = "eider_statement_seconds", .help = "Time from getting a slot to the end.", .kind = METRIC_HISTOGRAM};
static struct metric query_rows_total = {.name = "eider_rows_total",
                                         .help = "Rows sent to clients (out) and stored by uploads (in).",
                                         .kind = METRIC_COUNTER};
static struct metric query_bytes_total = {
    .name = "eider_bytes_total", .help = "Bytes of results (out) and uploads (in).", .kind = METRIC_COUNTER};
static struct metric query_queue_depth = {
    .name = "eider_queue_depth", .help = "Statements that wait for a slot.", .kind = METRIC_GAUGE};

static void query_on_tick(struct loop_timer *timer);
static void query_on_drain_time(struct loop_timer *timer);
static void query_on_drained(struct loop_task *task);
static void query_on_logged(void *owner);
static void query_on_delete(void *owner, struct tenant *tenant, void (*finished)(void *), void *finished_owner);

/* --- Life --- */

/* "<path>/" as it may appear in an error; as given, and with links resolved. */
static void query_add_scrub(struct query *query, struct str path)
{
    char resolved[PATH_MAX];
    if (path.len == 0)
        return;
    query->scrub[query->scrub_count++] = str_format(query->arena, "%.*s/", STR_ARG(path));
    if (realpath(str_cstr(query->arena, path), resolved) && !str_equal(str_from(resolved), path))
        query->scrub[query->scrub_count++] = str_format(query->arena, "%s/", resolved);
}

struct query *query_new(struct loop *loop, struct tenant_list *tenants, const struct query_options *options,
                        struct err *err)
{
    if (options->program.len == 0 || options->library.len == 0) {
        err_set(err, ERR_INVALID, "the worker's program or DuckDB's library is not known");
        return NULL;
    }
    struct query *query = mem_new(struct query);
    query->loop = loop;
    query->tenants = tenants;
    query->arena = arena_new();
    query->options = (struct query_options){.data = str_copy(query->arena, options->data),
                                            .program = str_copy(query->arena, options->program),
                                            .library = str_copy(query->arena, options->library),
                                            .project = options->project};
    query_iceberg_init(query, options);
    query_add_scrub(query, query->options.data);
    list_init(&query->statements);
    list_init(&query->sides);
    list_init(&query->starved);
    list_init(&query->drained.node);
    query_journal_init(&query->journal, loop, options->store, query_on_logged, query);
    query->tick = (struct loop_timer){.on_time = query_on_tick, .owner = query};
    query->drain_timer = (struct loop_timer){.on_time = query_on_drain_time, .owner = query};
    query->drained.run = query_on_drained;
    query->drained.owner = query;
    tenant_on_delete(tenants, query_on_delete, query);
    return query;
}

void query_free(struct query **query_ptr)
{
    struct query *query = *query_ptr;
    if (!query)
        return;
    assert(query->statement_count == 0);
    *query_ptr = NULL;
    tenant_on_delete(query->tenants, NULL, NULL);
    list_each(&query->sides, node)
    {
        query_side_free(list_object(node, struct query_tenant, node));
    }
    assert(query->users.count == 0); /* the faces have closed their sessions */
    map_done(&query->users);
    loop_timer_cancel(query->loop, &query->tick);
    loop_timer_cancel(query->loop, &query->drain_timer);
    loop_defer_cancel(&query->drained);
    query_journal_done(&query->journal);
    arena_free(&query->arena);
    mem_free(query);
}

static void query_on_tick(struct loop_timer *timer)
{
    struct query *query = timer->owner;
    query_tick_workers(query);
    if (query->process_count)
        loop_timer_set(query->loop, &query->tick, CLOCK_SECOND);
}

/* --- Drain --- */

void query_drain(struct query *query, void (*done)(void *owner), void *owner)
{
    query->draining = true;
    query_sessions_expire(query, S(""));
    query->drain_done = done;
    query->drain_owner = owner;
    loop_timer_set(query->loop, &query->drain_timer, limits_get(LIMIT_DRAIN) * CLOCK_SECOND);
    query_check_drained(query);
}

static void query_on_drain_time(struct loop_timer *timer)
{
    struct query *query = timer->owner;
    struct err reason;
    err_set(&reason, ERR_UNAVAILABLE, "the server is shutting down");
    list_each(&query->statements, node)
    {
        query_statement_stop(list_object(node, struct statement, node), &reason);
    }
}

/* Statements first, then the workers and the log, then done, which always comes later. */
void query_check_drained(struct query *query)
{
    if (!query->draining || !query->drain_done || query->statement_count)
        return;
    list_each(&query->sides, node)
    {
        struct query_tenant *side = list_object(node, struct query_tenant, node);
        if (side->process && side->process->state < QUERY_PROCESS_STOPPING)
            query_process_stop(side->process);
    }
    if (query_journal_flush(&query->journal) && query->process_count == 0)
        loop_defer(query->loop, &query->drained);
}

static void query_on_logged(void *owner)
{
    query_check_drained(owner);
}

static void query_on_drained(struct loop_task *task)
{
    struct query *query = task->owner;
    loop_timer_cancel(query->loop, &query->drain_timer);
    void (*done)(void *owner) = query->drain_done;
    query->drain_done = NULL;
    done(query->drain_owner);
}

/* --- Deletion of a tenant --- */

static void query_on_delete(void *owner, struct tenant *tenant, void (*finished)(void *), void *finished_owner)
{
    struct query *query = owner;
    struct query_tenant *side = tenant->query_data;
    query_unpublish(query, tenant->id);
    if (!side) {
        finished(finished_owner);
        return;
    }
    side->deleted = finished;
    side->deleted_owner = finished_owner;
    struct err reason;
    err_set(&reason, ERR_CANCELLED, "tenant '%.*s' is being deleted", STR_ARG(tenant->id));
    list_each(&query->statements, node)
    {
        struct statement *statement = list_object(node, struct statement, node);
        if (statement->side == side)
            query_statement_stop(statement, &reason);
    }
    query_sessions_expire(query, tenant->id);
    if (side->process) /* its data goes away: nothing is worth a clean end */
        query_process_kill(side->process, &reason);
    query_check_deleted(side);
}

void query_check_deleted(struct query_tenant *side)
{
    if (!side->deleted || side->statement_count || side->process)
        return;
    void (*deleted)(void *owner) = side->deleted;
    void *owner = side->deleted_owner;
    query_side_free(side);
    deleted(owner);
}

/* --- Errors and metrics --- */

/* Removes every occurrence of the path from the text. */
static void query_scrub_text(char *text, struct str path)
{
    char *found;
    while (path.len && (found = memmem(text, strlen(text), path.ptr, path.len)))
        memmove(found, found + path.len, strlen(found + path.len) + 1);
}

void query_scrub(const struct query *query, struct err *error)
{
    for (size_t i = 0; i < query->scrub_count; i++) {
        query_scrub_text(error->message, query->scrub[i]);
        query_scrub_text(error->hint, query->scrub[i]);
    }
}

void query_count(const struct statement *statement, enum query_outcome outcome, int64_t run_us)
{
    static const char *const labels[] = {"outcome=\"done\"", "outcome=\"failed\"", "outcome=\"cancelled\"",
                                         "outcome=\"timeout\""};
    bool is_upload = statement->kind == STATEMENT_UPLOAD;
    const char *direction = is_upload ? "direction=\"in\"" : "direction=\"out\"";
    metric_add(metric_series(&query_statements_total, labels[outcome]), 1);
    metric_observe(metric_series(&query_statement_seconds, ""), (double)run_us / (double)CLOCK_SECOND);
    metric_add(metric_series(&query_rows_total, direction), (double)statement->rows);
    metric_add(metric_series(&query_bytes_total, direction), (double)statement->bytes);
}

void query_show_queue(struct query *query, int growth)
{
    query->queued += growth;
    metric_set(metric_series(&query_queue_depth, ""), (double)query->queued);
}
