#include "domain/query/import.h"

#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "domain/query/process.h"

struct query_import {
    struct loop *loop;
    struct arena *arena; /* owns sql */
    struct str sql;
    struct query_sink sink;
    struct query_process *process;
    struct query_task task;
    uint64_t bytes;
    int64_t created_us, started_us;
    bool cancelled;
    bool ended;             /* on_end is on its way, or was called */
    struct loop_task later; /* calls on_end: outside the process, so that it may free the import */
    struct err error;       /* code ERR_OK: success */
    uint64_t rows;
};

static void query_import_end(struct query_import *import, const struct err *error, uint64_t rows)
{
    if (import->ended)
        return;
    import->ended = true;
    import->rows = rows;
    if (error)
        import->error = *error;
    loop_defer(import->loop, &import->later);
}

static void query_import_on_later(struct loop_task *task)
{
    struct query_import *import = task->owner;
    int64_t now_us = clock_now_us();
    int64_t started_us = import->started_us ? import->started_us : now_us;
    struct query_end end = {.error = import->error.code == ERR_OK ? NULL : &import->error,
                            .rows = import->rows,
                            .bytes = import->bytes,
                            .queued_us = started_us - import->created_us,
                            .run_us = now_us - started_us};
    import->sink.on_end(import->sink.owner, &end); /* the import may be gone after it */
}

static void query_import_on_piece(struct query_task *task, struct query_piece *piece)
{
    struct query_import *import = task->owner;
    if (import->cancelled || import->ended) {
        slice_release(&piece->header);
        slice_release(&piece->body);
        return;
    }
    import->bytes += piece->header.len + piece->body.len;
    import->sink.on_piece(import->sink.owner, piece);
}

static void query_import_on_end(struct query_task *task, const struct query_task_end *end)
{
    struct query_import *import = task->owner;
    struct err cancelled;
    err_set(&cancelled, ERR_CANCELLED, "the import was cancelled");
    query_import_end(import, import->cancelled ? &cancelled : end->error, end->rows);
}

static const struct query_task_events query_import_events = {.on_piece = query_import_on_piece,
                                                             .on_end = query_import_on_end};

static void query_import_on_ready(void *owner)
{
    struct query_import *import = owner;
    struct channel_run run = {.format = QUERY_FORMAT_FLIGHT,
                              .files_allowed = true,
                              .batch_target = (uint64_t)limits_get(LIMIT_BATCH_TARGET),
                              .sql = import->sql};
    import->started_us = clock_now_us();
    query_task_run(&import->task, import->process, CHANNEL_RUN, &run);
    if (import->cancelled)
        query_task_cancel(&import->task);
}

/* It never got to run, or died under its statement (whose end came first). */
static void query_import_on_gone(void *owner, const struct err *why, bool was_ready)
{
    (void)was_ready;
    query_import_end(owner, why, 0);
}

struct query_import *query_import_start(struct loop *loop, const struct query_import_options *options, struct str sql,
                                        const struct query_sink *sink, struct err *err)
{
    struct query_import *import = mem_new(struct query_import);
    import->loop = loop;
    import->arena = arena_new();
    import->sql = str_copy(import->arena, sql);
    import->sink = *sink;
    import->created_us = clock_now_us();
    import->task.owner = import;
    import->task.events = &query_import_events;
    list_init(&import->task.node);
    list_init(&import->later.node);
    import->later.run = query_import_on_later;
    import->later.owner = import;
    struct channel_hello hello;
    query_process_hello(&hello);
    hello.external_access = true;
    hello.temp_directory = options->temp_directory;
    hello.library = options->library;
    hello.read_paths = options->paths;
    hello.read_path_count = options->path_count;
    hello.extensions = options->extensions;
    hello.setup = options->setup;
    hello.port_count = options->port_count;
    assert(options->port_count <= CHANNEL_PORTS_MAX);
    for (uint32_t i = 0; i < options->port_count; i++)
        hello.ports[i] = options->ports[i];
    struct query_process_options process = {.program = options->program, .name = S("import"), .hello = &hello};
    struct query_process_events events = {
        .on_ready = query_import_on_ready, .on_gone = query_import_on_gone, .owner = import};
    import->process = query_process_start(loop, &process, &events, err);
    if (!import->process) {
        arena_free(&import->arena);
        mem_free(import);
        return NULL;
    }
    return import;
}

void query_import_cancel(struct query_import *import)
{
    if (import->cancelled || import->ended)
        return;
    import->cancelled = true;
    struct err why;
    err_set(&why, ERR_CANCELLED, "the import was cancelled");
    query_process_kill(import->process, &why); /* it holds nothing worth a clean end */
}

void query_import_free(struct query_import **import_ptr)
{
    struct query_import *import = *import_ptr;
    if (!import)
        return;
    *import_ptr = NULL;
    loop_defer_cancel(&import->later);
    query_process_free(&import->process);
    arena_free(&import->arena);
    mem_free(import);
}
