/* Lines gather in memory and are written in batches on the work pool, one batch of a log at a time. A line has its
 * number at once; it is given back to nobody by a reader before it is in the file, so a reader of an open log first has
 * it written. When the disk refuses, the batch is tried again at the same place of the files. */
#include "domain/pipeline/run_log.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "domain/pipeline/run_log_file.h"
#include "domain/pipeline/run_log_text.h"
#include "domain/pipeline/run_metrics.h"
#include "platform/net/loop.h"
#include "platform/net/work.h"

#define RUN_LOG_DELAY_US (50 * CLOCK_MILLISECOND)
#define RUN_LOG_AGAIN_US CLOCK_SECOND
#define RUN_LOG_TRIES 60            /* to write the end of a log that is closed */
#define RUN_LOG_BATCH (256u << 10)  /* is written without waiting */
#define RUN_LOG_WAITING (32u << 20) /* beyond it, lines are dropped: the disk is too slow, or refuses */
#define RUN_LOG_RESERVE (1u << 20)  /* for errors and the run's own lines, beyond pipeline.max_log */

struct run_log_list {
    struct loop *loop;
    struct work_pool *pool;
    struct arena *arena;
    struct str directory;
    struct map logs;     /* by run; open ones, and those whose last batch is on its way */
    struct list readers; /* given to the work pool */
};

/* Lines and their records, to go to one place of the files. */
struct run_log_batch {
    uint64_t size, count; /* where it begins */
    struct buf lines, records;
};

struct run_log {
    struct run_log_list *list;
    struct arena *arena;
    struct str run;
    char *path; /* without ".log" */
    bool open;
    uint64_t count, size; /* with what waits */
    uint64_t dropped;
    struct run_log_batch waiting;
    struct run_log_batch writing; /* the work pool's while is_writing */
    bool is_writing;
    bool ok;
    struct err error;
    unsigned refusals; /* of the batch, in a row */
    struct work_job job;
    struct loop_timer timer;
    struct buf text; /* the line at hand */
    struct list subscribers;
    struct list readers; /* wait until all that waited when they came is written */
};

struct run_log_reader {
    struct list node;
    struct run_log_list *list;
    uint64_t count; /* lines that have to be in the file */
    bool is_open;   /* then no file means no line yet */
    struct arena *arena;
    char *path;
    struct run_log_filter filter;
    struct run_log_page page;
    uint64_t total;
    bool ok;
    struct err error;
    struct work_job job;
    run_log_done *done;
    void *owner;
};

static void run_log_flush(struct run_log *log);
static void run_log_on_time(struct loop_timer *timer);
static void run_log_do_write(struct work_job *job);
static void run_log_written(struct work_job *job);
static void run_log_write_dropped(struct run_log *log);
static void run_log_reader_begin(struct run_log_reader *reader);

struct run_log_list *run_log_list_new(struct loop *loop, struct work_pool *pool, struct str data, struct err *err)
{
    struct arena *arena = arena_new_small();
    struct run_log_list *list = arena_new_object(arena, struct run_log_list);
    *list = (struct run_log_list){.loop = loop, .pool = pool, .arena = arena};
    list_init(&list->readers);
    struct str logs = str_format(arena, "%.*s/logs", STR_ARG(data));
    list->directory = str_format(arena, "%.*s/runs", STR_ARG(logs));
    if ((mkdir(logs.ptr, 0700) != 0 && errno != EEXIST) || (mkdir(list->directory.ptr, 0700) != 0 && errno != EEXIST)) {
        err_errno(err, "make the directory '%.*s'", STR_ARG(list->directory));
        arena_free(&arena);
        return NULL;
    }
    return list;
}

/* Of an id that came from outside too: it becomes the name of a file. */
static bool run_log_is_name(struct str run)
{
    for (size_t i = 0; i < run.len; i++) {
        char c = run.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return run.len > 0 && run.len <= 64;
}

static char *run_log_path(struct run_log_list *list, struct arena *arena, struct str run)
{
    return str_cstr(arena, str_format(arena, "%.*s/%.*s", STR_ARG(list->directory), STR_ARG(run)));
}

static bool run_log_batch_write(const char *path, const struct run_log_batch *batch, struct err *err)
{
    return run_log_file_write(path, batch->size, buf_str(&batch->lines), batch->count, buf_str(&batch->records), err);
}

static void run_log_free(struct run_log *log)
{
    loop_timer_cancel(log->list->loop, &log->timer);
    buf_done(&log->waiting.lines);
    buf_done(&log->waiting.records);
    buf_done(&log->writing.lines);
    buf_done(&log->writing.records);
    buf_done(&log->text);
    map_remove(&log->list->logs, log->run);
    arena_free(&log->arena);
    mem_free(log);
}

static void run_log_reader_free(struct run_log_reader *reader)
{
    struct arena *arena = reader->arena;
    list_remove(&reader->node);
    arena_free(&arena);
}

void run_log_list_free(struct run_log_list **list_ptr)
{
    struct run_log_list *list = *list_ptr;
    struct map_entry *entry;
    struct err err;
    if (!list)
        return;
    for (size_t position = 0; (entry = map_next(&list->logs, &position)); position = 0) {
        struct run_log *log = entry->value;
        run_log_write_dropped(log);
        /* A batch that was begun may be half written, or not at all: writing it again changes nothing. */
        if (!run_log_batch_write(log->path, &log->writing, &err) ||
            !run_log_batch_write(log->path, &log->waiting, &err))
            log_warn("run_log.lost", LOG_STR("run", log->run), LOG_ERR(&err));
        list_each(&log->subscribers, node) list_remove(node);
        list_each(&log->readers, node) run_log_reader_free(list_object(node, struct run_log_reader, node));
        run_log_free(log);
    }
    list_each(&list->readers, node) run_log_reader_free(list_object(node, struct run_log_reader, node));
    map_done(&list->logs);
    struct arena *arena = list->arena;
    arena_free(&arena);
    *list_ptr = NULL;
}

struct run_log *run_log_open(struct run_log_list *list, struct str run, struct err *err)
{
    uint64_t count, size;
    if (!run_log_is_name(run)) {
        err_set(err, ERR_INVALID, "'%.*s' is no name of a run", STR_ARG(str_slice(run, 0, 64)));
        return NULL;
    }
    struct run_log *log = map_get(&list->logs, run);
    if (log) { /* its last lines are on their way */
        log->open = true;
        return log;
    }
    AUTO(arena) struct arena *arena = arena_new_small();
    char *path = run_log_path(list, arena, run);
    if (!run_log_file_recover(path, &count, &size, err))
        return NULL;
    log = mem_new(struct run_log);
    *log = (struct run_log){.list = list, .open = true, .count = count, .size = size, .arena = arena};
    log->run = str_copy(arena, run);
    log->path = path;
    log->waiting.size = size;
    log->waiting.count = count;
    log->timer = (struct loop_timer){.on_time = run_log_on_time, .owner = log};
    log->job = (struct work_job){.run = run_log_do_write, .done = run_log_written};
    list_init(&log->subscribers);
    list_init(&log->readers);
    map_put(&list->logs, run, log);
    arena = NULL;
    return log;
}

void run_log_close(struct run_log **log_ptr)
{
    struct run_log *log = *log_ptr;
    *log_ptr = NULL;
    if (!log)
        return;
    run_log_write_dropped(log);
    log->open = false;
    while (!list_is_empty(&log->subscribers)) {
        struct run_log_subscriber *subscriber =
            list_object(list_first(&log->subscribers), struct run_log_subscriber, node);
        list_remove(&subscriber->node);
        subscriber->on_line(subscriber->owner, NULL);
    }
    run_log_flush(log);
}

/* --- Writing. --- */

/* On a thread of the work pool. */
static void run_log_do_write(struct work_job *job)
{
    struct run_log *log = list_object(job, struct run_log, job);
    log->ok = run_log_batch_write(log->path, &log->writing, &log->error);
}

static void run_log_on_time(struct loop_timer *timer)
{
    run_log_flush(timer->owner);
}

/* Begins a batch of all that waits; an ended log with nothing left is freed. */
static void run_log_flush(struct run_log *log)
{
    if (log->is_writing || (log->refusals > 0 && log->timer.index))
        return;
    loop_timer_cancel(log->list->loop, &log->timer);
    if (buf_len(&log->writing.records) == 0) { /* else it is tried again */
        struct run_log_batch empty = log->writing;
        log->writing = log->waiting;
        empty.size = log->size;
        empty.count = log->count;
        log->waiting = empty;
    }
    if (buf_len(&log->writing.records) > 0) {
        log->is_writing = true;
        work_submit(log->list->pool, &log->job);
    } else if (!log->open) {
        run_log_free(log);
    }
}

/* Those whose lines are all in the files now. */
static void run_log_wake_readers(struct run_log *log)
{
    list_each(&log->readers, node)
    {
        struct run_log_reader *reader = list_object(node, struct run_log_reader, node);
        if (reader->count <= log->writing.count || log->refusals > 0)
            run_log_reader_begin(reader);
    }
}

static void run_log_written(struct work_job *job)
{
    struct run_log *log = list_object(job, struct run_log, job);
    log->is_writing = false;
    if (!log->ok) {
        if (log->refusals++ == 0)
            log_warn("run_log.refused", LOG_STR("run", log->run), LOG_ERR(&log->error));
        run_log_wake_readers(log);
        if (log->open || log->refusals < RUN_LOG_TRIES) {
            loop_timer_set(log->list->loop, &log->timer, RUN_LOG_AGAIN_US);
            return;
        }
        run_metrics_count_log_dropped(log->count - log->writing.count);
        buf_clear(&log->waiting.records);
        buf_clear(&log->waiting.lines);
    }
    log->refusals = 0;
    log->writing.count += buf_len(&log->writing.records) / RUN_LOG_RECORD_SIZE;
    buf_clear(&log->writing.lines);
    buf_clear(&log->writing.records);
    run_log_wake_readers(log);
    if (!log->open || !list_is_empty(&log->readers) || buf_len(&log->waiting.lines) >= RUN_LOG_BATCH)
        run_log_flush(log);
    else if (buf_len(&log->waiting.lines) > 0)
        loop_timer_set(log->list->loop, &log->timer, RUN_LOG_DELAY_US);
}

/* Whether a line of this size is kept. */
static bool run_log_has_room(struct run_log *log, int level, uint32_t step, size_t len)
{
    uint64_t max = (uint64_t)limits_get(LIMIT_PIPELINE_LOG);
    if (level >= LOG_ERROR || step == RUN_LOG_NO_STEP)
        max += RUN_LOG_RESERVE;
    return log->size + len + RUN_LOG_RECORD_SIZE * (log->count + 1) <= max &&
           buf_len(&log->waiting.lines) + buf_len(&log->writing.lines) + len <= RUN_LOG_WAITING;
}

static void run_log_append(struct run_log *log, const struct run_log_line *line)
{
    struct run_log_batch *batch = &log->waiting;
    size_t len = line->asset.len + 1 + line->text.len;
    const struct run_log_record record = {.offset = log->size,
                                          .at_us = line->at_us,
                                          .len = (uint32_t)len,
                                          .step = line->step,
                                          .attempt = line->attempt,
                                          .level = (uint8_t)line->level};
    buf_append_str(&batch->lines, line->asset);
    buf_append_char(&batch->lines, '\t');
    buf_append_str(&batch->lines, line->text);
    buf_append_char(&batch->lines, '\n');
    run_log_record_encode(&record, buf_reserve(&batch->records, RUN_LOG_RECORD_SIZE));
    buf_commit(&batch->records, RUN_LOG_RECORD_SIZE);
    log->size += len + 1;
    log->count++;
    list_each(&log->subscribers, node)
    {
        struct run_log_subscriber *subscriber = list_object(node, struct run_log_subscriber, node);
        subscriber->on_line(subscriber->owner, line);
    }
}

/* One line that is clean. */
static void run_log_add(struct run_log *log, int level, uint32_t step, uint32_t attempt, struct str asset,
                        struct str text)
{
    struct run_log_line line = {.at_us = clock_wall_us(),
                                .level = level,
                                .step = step,
                                .attempt = attempt & 0xffffff,
                                .asset = asset,
                                .text = text};
    if (!run_log_has_room(log, level, step, asset.len + text.len + 2)) {
        log->dropped++;
        run_metrics_count_log_dropped(1);
        return;
    }
    line.number = log->count + 1;
    run_log_append(log, &line);
}

/* Says at the end how many lines are missing. */
static void run_log_write_dropped(struct run_log *log)
{
    if (log->dropped == 0)
        return;
    struct str text = str_format(log->arena, "%llu lines were not kept: the log is full (pipeline.max_log, %lld bytes)",
                                 (unsigned long long)log->dropped, (long long)limits_get(LIMIT_PIPELINE_LOG));
    run_log_append(log, &(struct run_log_line){.number = log->count + 1,
                                               .at_us = clock_wall_us(),
                                               .level = LOG_WARN,
                                               .step = RUN_LOG_NO_STEP,
                                               .asset = S(""),
                                               .text = text});
    log->dropped = 0;
}

void run_log_write(struct run_log *log, int level, uint32_t step, uint32_t attempt, struct str asset, struct str text)
{
    size_t len_max = (size_t)limits_get(LIMIT_PIPELINE_LINE);
    size_t rest = RUN_LOG_LINE_MAX - 1 - asset.len;
    if (len_max > rest)
        len_max = rest;
    if (text.len == 0)
        run_log_add(log, level, step, attempt, asset, text);
    while (run_log_text_next(&text, len_max, &log->text)) {
        run_log_add(log, level, step, attempt, asset, buf_str(&log->text));
        buf_clear(&log->text);
    }
    if (buf_len(&log->waiting.lines) >= RUN_LOG_BATCH)
        run_log_flush(log);
    else if (!log->is_writing && !log->timer.index && buf_len(&log->waiting.lines) > 0)
        loop_timer_set(log->list->loop, &log->timer, RUN_LOG_DELAY_US);
}

/* --- Reading. --- */

/* On a thread of the work pool. */
static void run_log_do_read(struct work_job *job)
{
    struct run_log_reader *reader = list_object(job, struct run_log_reader, job);
    struct run_log_file file;
    reader->ok = reader->error.code == ERR_OK && run_log_file_open(reader->path, &file, &reader->error);
    if (!reader->ok) {
        reader->ok = reader->is_open && reader->error.code == ERR_NOT_FOUND;
        return;
    }
    reader->total = file.count;
    reader->ok = run_log_file_read(&file, &reader->filter, reader->arena, &reader->page, &reader->error);
    run_log_file_close(&file);
}

static void run_log_read_done(struct work_job *job)
{
    struct run_log_reader *reader = list_object(job, struct run_log_reader, job);
    struct run_log_page page = reader->page;
    if (reader->ok)
        reader->done(reader->owner, page.lines, page.count, reader->total, page.more, NULL);
    else
        reader->done(reader->owner, NULL, 0, 0, false, &reader->error);
    run_log_reader_free(reader);
}

static void run_log_reader_begin(struct run_log_reader *reader)
{
    list_remove(&reader->node);
    list_append(&reader->list->readers, &reader->node);
    work_submit(reader->list->pool, &reader->job);
}

void run_log_read(struct run_log_list *list, struct str run, const struct run_log_filter *filter, run_log_done *done,
                  void *owner)
{
    struct arena *arena = arena_new_small();
    struct run_log_reader *reader = arena_new_object(arena, struct run_log_reader);
    *reader = (struct run_log_reader){
        .list = list, .arena = arena, .filter = *filter, .done = done, .owner = owner, .error = {.code = ERR_OK}};
    reader->job = (struct work_job){.run = run_log_do_read, .done = run_log_read_done};
    reader->filter.text = str_copy(arena, filter->text);
    list_init(&reader->node);
    if (reader->filter.limit == 0 || reader->filter.limit > RUN_LOG_PAGE_MAX)
        reader->filter.limit = RUN_LOG_PAGE_MAX;
    if (run_log_is_name(run))
        reader->path = run_log_path(list, arena, run);
    else
        err_set(&reader->error, ERR_NOT_FOUND, "there is no such run");
    struct run_log *log = map_get(&list->logs, run);
    reader->is_open = log != NULL;
    if (!log || log->refusals > 0 || (!log->is_writing && buf_len(&log->waiting.records) == 0)) {
        run_log_reader_begin(reader);
        return;
    }
    reader->count = log->count;
    list_append(&log->readers, &reader->node);
    run_log_flush(log);
}

bool run_log_filter_takes(const struct run_log_filter *filter, const struct run_log_line *line)
{
    return line->level >= filter->level && (filter->step == RUN_LOG_NO_STEP || filter->step == line->step) &&
           (filter->text.len == 0 || run_log_text_find_first(line->text, filter->text) >= 0);
}

bool run_log_subscribe(struct run_log_list *list, struct str run, struct run_log_subscriber *subscriber)
{
    struct run_log *log = map_get(&list->logs, run);
    list_init(&subscriber->node);
    if (!log || !log->open)
        return false;
    list_append(&log->subscribers, &subscriber->node);
    return true;
}

void run_log_unsubscribe(struct run_log_subscriber *subscriber)
{
    list_remove(&subscriber->node);
}

/* --- Removal. --- */

struct run_log_removal {
    struct arena *arena;
    char *path;
    struct work_job job;
};

static void run_log_do_remove(struct work_job *job)
{
    struct run_log_removal *removal = list_object(job, struct run_log_removal, job);
    unlink(str_format(removal->arena, "%s.idx", removal->path).ptr);
    unlink(str_format(removal->arena, "%s.log", removal->path).ptr);
}

static void run_log_removed(struct work_job *job)
{
    struct arena *arena = list_object(job, struct run_log_removal, job)->arena;
    arena_free(&arena);
}

void run_log_remove(struct run_log_list *list, struct str run)
{
    if (!run_log_is_name(run))
        return;
    struct arena *arena = arena_new_small();
    struct run_log_removal *removal = arena_new_object(arena, struct run_log_removal);
    *removal = (struct run_log_removal){.arena = arena, .path = run_log_path(list, arena, run)};
    removal->job = (struct work_job){.run = run_log_do_remove, .done = run_log_removed};
    work_submit(list->pool, &removal->job);
}
