/* Slots and workers of a tenant: at most query.max_running statements run, query.max_queued wait; the worker is started
 * for the first, stopped when idle, and started again after it ended for whatever reason. */
#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/query/query_priv.h"

static void query_worker_start(struct query_tenant *side);

/* --- Sides --- */

struct query_tenant *query_side(struct query *query, struct tenant *tenant)
{
    if (tenant->query_data)
        return tenant->query_data;
    struct query_tenant *side = mem_new(struct query_tenant);
    side->query = query;
    side->tenant = tenant;
    list_init(&side->starved_node);
    list_init(&side->queue);
    list_init(&side->waiting);
    list_init(&side->seats);
    list_append(&query->sides, &side->node);
    tenant->query_data = side;
    return side;
}

void query_side_free(struct query_tenant *side)
{
    assert(list_is_empty(&side->queue) && list_is_empty(&side->waiting));
    list_each(&side->seats, node)
    {
        query_seat_close(list_object(node, struct query_seat, side_node));
    }
    if (side->process)
        side->query->process_count--;
    query_process_free(&side->process);
    query_iceberg_end(side);
    side->tenant->query_data = NULL;
    list_remove(&side->node);
    list_remove(&side->starved_node);
    mem_free(side);
}

/* --- Slots --- */

bool query_admit(struct statement *statement, struct err *err)
{
    struct query_tenant *side = statement->side;
    if (statement->reserved || side->running < (size_t)limits_get(LIMIT_RUNNING)) {
        side->running += !statement->reserved;
        query_statement_start(statement);
        return true;
    }
    if (side->queued >= (size_t)limits_get(LIMIT_QUEUED))
        return limits_err(LIMIT_QUEUED, err);
    side->queued++;
    statement->is_queued = true;
    query_show_queue(side->query, 1);
    list_append(&side->queue, &statement->place);
    int64_t now_us = clock_now_us();
    int64_t wait_us = limits_get(LIMIT_QUEUE_WAIT) * CLOCK_SECOND;
    if (statement->deadline_us - now_us < wait_us)
        wait_us = statement->deadline_us > now_us ? statement->deadline_us - now_us : 0;
    loop_timer_set(side->query->loop, &statement->timer, wait_us);
    return true;
}

/* The first in the queue that is not being stopped gets a slot. */
static void query_admit_next(struct query_tenant *side)
{
    list_each(&side->queue, node)
    {
        struct statement *statement = list_object(node, struct statement, place);
        if (side->running >= (size_t)limits_get(LIMIT_RUNNING))
            return;
        if (statement->state != QUERY_QUEUED)
            continue;
        list_remove(node);
        side->queued--;
        statement->is_queued = false;
        query_show_queue(side->query, -1);
        side->running++;
        loop_timer_cancel(side->query->loop, &statement->timer);
        query_statement_start(statement);
    }
}

void query_leave(struct statement *statement)
{
    struct query_tenant *side = statement->side;
    list_remove(&statement->place);
    if (statement->started_us) {
        side->running -= !statement->reserved;
    } else if (statement->is_queued) {
        side->queued--;
        query_show_queue(side->query, -1);
    }
    query_admit_next(side);
}

/* --- Workers --- */

void query_need_worker(struct statement *statement)
{
    struct query_tenant *side = statement->side;
    struct err error;
    switch (query_iceberg_ask(statement, &error)) {
    case QUERY_ICEBERG_SEND:
        query_statement_send(statement);
        return;
    case QUERY_ICEBERG_REFUSE:
        query_statement_stop(statement, &error);
        return;
    case QUERY_ICEBERG_WAIT:
        break;
    }
    list_append(&side->waiting, &statement->place);
    if (!side->process && list_is_empty(&side->starved_node))
        query_worker_start(side);
}

/* Nothing will come of a worker for these; they end later, from the loop. */
static void query_fail_waiting(struct query_tenant *side, const struct err *error)
{
    struct list *node;
    while ((node = list_first(&side->waiting))) {
        list_remove(node);
        query_statement_stop(list_object(node, struct statement, place), error);
    }
}

void query_send_waiting(struct query_tenant *side)
{
    struct list batch, *node;
    list_init(&batch);
    while ((node = list_first(&side->waiting))) {
        list_remove(node);
        list_append(&batch, node);
    }
    while ((node = list_first(&batch))) { /* those that go on waiting join the list again */
        struct statement *statement = list_object(node, struct statement, place);
        list_remove(node);
        if (statement->state == QUERY_RUNNING) /* else it is being stopped, and ends by itself */
            query_need_worker(statement);
    }
}

static void query_worker_on_ready(void *owner)
{
    query_send_waiting(owner);
}

/* True when a statement that is not being stopped waits for a worker. */
static bool query_has_waiting(const struct query_tenant *side)
{
    list_each(&side->waiting, node)
    {
        if (list_object(node, struct statement, place)->state == QUERY_RUNNING)
            return true;
    }
    return false;
}

void query_start_waiting(struct query *query)
{
    list_each(&query->sides, node)
    {
        struct query_tenant *side = list_object(node, struct query_tenant, node);
        if (!side->process && list_is_empty(&side->starved_node) && query_has_waiting(side))
            query_worker_start(side);
    }
}

/* Somebody's worker has ended: the first tenant that still waits for its place starts its own. */
static void query_feed_starved(struct query *query)
{
    struct list *node;
    while ((node = list_first(&query->starved))) {
        list_remove(node);
        struct query_tenant *side = list_object(node, struct query_tenant, starved_node);
        if (!query_has_waiting(side))
            continue;
        query_worker_start(side);
        return;
    }
}

static void query_worker_on_gone(void *owner, const struct err *why, bool was_ready)
{
    struct query_tenant *side = owner;
    struct query *query = side->query;
    if (!side->process->clean)
        side->crashes++;
    query_process_free(&side->process);
    query_iceberg_end(side);
    query->process_count--;
    query_seats_lose(side);
    if (!was_ready) {
        struct err error = *why;
        query_scrub(query, &error);
        query_fail_waiting(side, &error);
    } else if (query_has_waiting(side)) {
        query_worker_start(side);
    }
    query_feed_starved(query);
    query_check_deleted(side);
    query_check_drained(query);
}

/* The tenant's worker that has been idle for longest, or NULL. */
static struct query_tenant *query_longest_idle(struct query *query)
{
    struct query_tenant *best = NULL;
    list_each(&query->sides, node)
    {
        struct query_tenant *side = list_object(node, struct query_tenant, node);
        struct query_process *process = side->process;
        if (!process || process->state != QUERY_PROCESS_READY || process->task_count || side->running)
            continue;
        if (query_seats_are_kept(side)) /* it would lose what sessions have in it */
            continue;
        if (!best || process->idle_since_us < best->process->idle_since_us)
            best = side;
    }
    return best;
}

/* Too many workers: one that is idle makes room, else the statements that wait are refused. */
static void query_worker_starve(struct query_tenant *side)
{
    struct query *query = side->query;
    struct query_tenant *idle = query_longest_idle(query);
    struct err error;
    if (idle) {
        list_append(&query->starved, &side->starved_node);
        query_process_stop(idle->process);
        return;
    }
    limits_err(LIMIT_WORKERS, &error);
    error.code = ERR_UNAVAILABLE;
    query_fail_waiting(side, &error);
}

/* Beyond the quota a file may grow by this much: DELETE and DROP, which make room, need some for their log. */
#define QUERY_QUOTA_SLACK (UINT64_C(4) << 20)

static struct str query_project_root(const struct query *query, struct str tenant)
{
    const struct query_project *project = &query->options.project;
    for (size_t i = 0; i < project->tenant_count; i++)
        if (str_equal(project->tenants[i], tenant))
            return project->root;
    return S("");
}

/* Everything a worker must know. Texts live in the arena, or in the side. */
static bool query_worker_hello(struct query_tenant *side, struct arena *arena, struct channel_hello *hello_out,
                               struct err *err)
{
    struct query *query = side->query;
    struct str directory = tenant_directory(query->tenants, side->tenant, arena);
    struct channel_hello hello;
    query_process_hello(&hello);
    hello.directory = directory;
    hello.database = str_format(arena, "%.*s/%.*s.duckdb", STR_ARG(directory), STR_ARG(side->tenant->id));
    hello.temp_directory = str_format(arena, "%.*s/tmp", STR_ARG(directory));
    hello.project = query_project_root(query, side->tenant->id);
    hello.library = query->options.library;
    uint64_t quota = (uint64_t)limits_get(LIMIT_DISK_QUOTA);
    hello.file_size_bytes = quota ? quota + QUERY_QUOTA_SLACK : 0;
    if (query_iceberg_is_wanted(side) && !query_iceberg_hello(side, arena, &hello, err))
        return false;
    *hello_out = hello;
    return true;
}

static void query_worker_start(struct query_tenant *side)
{
    struct query *query = side->query;
    if (query_iceberg_is_wanted(side) && query_iceberg_wait(query))
        return; /* query_start_waiting comes */
    if (query->process_count >= (size_t)limits_get(LIMIT_WORKERS)) {
        query_worker_starve(side);
        return;
    }
    AUTO(arena) struct arena *arena = arena_new();
    struct channel_hello hello;
    struct query_process_options options = {
        .program = query->options.program, .name = side->tenant->id, .hello = &hello};
    struct query_process_events events = {
        .on_ready = query_worker_on_ready, .on_gone = query_worker_on_gone, .owner = side};
    struct err error;
    if (query_worker_hello(side, arena, &hello, &error))
        side->process = query_process_start(query->loop, &options, &events, &error);
    if (!side->process) {
        query_iceberg_end(side);
        query_fail_waiting(side, &error);
        return;
    }
    side->starts++;
    if (query->process_count++ == 0)
        loop_timer_set(query->loop, &query->tick, CLOCK_SECOND);
}

void query_tick_workers(struct query *query)
{
    int64_t now_us = clock_now_us();
    int64_t idle_us = limits_get(LIMIT_WORKER_IDLE) * CLOCK_SECOND;
    list_each(&query->sides, node)
    {
        struct query_tenant *side = list_object(node, struct query_tenant, node);
        struct query_process *process = side->process;
        if (!process || process->state != QUERY_PROCESS_READY)
            continue;
        int64_t idle_for_us = process->task_count ? 0 : now_us - process->idle_since_us;
        if (idle_for_us >= idle_us && side->running == 0 && !query_seats_are_kept(side)) {
            query_process_stop(process);
            continue;
        }
        if (idle_for_us >= CLOCK_SECOND)
            query_process_trim(process);
        if (idle_for_us < 3 * CLOCK_SECOND) /* an idle worker's figures do not change */
            query_process_ask(process);
    }
}

/* --- Lists --- */

static int64_t query_file_bytes(struct query_tenant *side, const char *suffix)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str directory = tenant_directory(side->query->tenants, side->tenant, arena);
    struct str path = str_format(arena, "%.*s/%.*s.duckdb%s", STR_ARG(directory), STR_ARG(side->tenant->id), suffix);
    return query_disk_file(path);
}

void query_each_worker(struct query *query, void (*each)(void *owner, const struct query_worker_info *info),
                       void *owner)
{
    list_each(&query->sides, node)
    {
        struct query_tenant *side = list_object(node, struct query_tenant, node);
        static const struct channel_usage nothing;
        struct query_process *process = side->process;
        const struct channel_usage *usage = process ? &process->usage : &nothing;
        if (side->starts == 0)
            continue;
        struct query_worker_info info = {.tenant = side->tenant->id,
                                         .pid = process ? process->pid : 0,
                                         .running = (int)side->running,
                                         .queued = (int)side->queued,
                                         .rss_bytes = (int64_t)usage->rss_bytes,
                                         .memory_bytes = (int64_t)usage->memory_bytes,
                                         .spill_bytes = (int64_t)usage->spill_bytes,
                                         .file_bytes = query_file_bytes(side, ""),
                                         .wal_bytes = query_file_bytes(side, ".wal"),
                                         .starts = side->starts,
                                         .crashes = side->crashes};
        each(owner, &info);
    }
}
