#include "domain/query/process.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/state.h"

/* A worker that does not end after STOP is killed: a checkpoint of a big file may take a while. */
#define QUERY_PROCESS_STOP_US (30 * CLOCK_SECOND)
/* What a worker may write to the log in one second; the rest of the second is dropped. */
#define QUERY_PROCESS_LOG_BYTES 8192
#define QUERY_PROCESS_LINE_BYTES 1024

static const struct state_rule query_process_rules[] = {
    [QUERY_PROCESS_STARTING] = {"starting", STATE_TO(QUERY_PROCESS_READY) | STATE_TO(QUERY_PROCESS_KILLED) |
                                                STATE_TO(QUERY_PROCESS_GONE)},
    [QUERY_PROCESS_READY] = {"ready", STATE_TO(QUERY_PROCESS_STOPPING) | STATE_TO(QUERY_PROCESS_KILLED) |
                                          STATE_TO(QUERY_PROCESS_GONE)},
    [QUERY_PROCESS_STOPPING] = {"stopping", STATE_TO(QUERY_PROCESS_KILLED) | STATE_TO(QUERY_PROCESS_GONE)},
    [QUERY_PROCESS_KILLED] = {"killed", STATE_TO(QUERY_PROCESS_GONE)},
    [QUERY_PROCESS_GONE] = {"gone", 0},
};

/* --- The worker's log pipe: bounded lines, bounded bytes per second --- */

static void query_process_log_line(struct query_process *process)
{
    if (buf_len(&process->log_line))
        log_warn("worker.output", LOG_STR("tenant", process->name), LOG_I64("pid", process->pid),
                 LOG_STR("text", buf_str(&process->log_line)));
    buf_clear(&process->log_line);
}

static void query_process_log_text(struct query_process *process, struct str text)
{
    int64_t second = clock_now_us() / CLOCK_SECOND;
    if (second != process->log_second) {
        process->log_second = second;
        process->log_bytes = 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n' || buf_len(&process->log_line) >= QUERY_PROCESS_LINE_BYTES)
            query_process_log_line(process);
        if (text.ptr[i] != '\n' && process->log_bytes++ < QUERY_PROCESS_LOG_BYTES)
            buf_append_char(&process->log_line, text.ptr[i]);
    }
}

static void query_process_close_log(struct query_process *process)
{
    if (process->log.fd < 0)
        return;
    loop_watch_remove(process->loop, &process->log);
    close(process->log.fd);
    process->log.fd = -1;
    query_process_log_line(process);
}

static void query_process_on_log(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct query_process *process = watch->owner;
    char text[4096];
    ssize_t len = read(watch->fd, text, sizeof(text));
    if (len > 0)
        query_process_log_text(process, str_bytes(text, (size_t)len));
    else if (len == 0 || (errno != EAGAIN && errno != EINTR))
        query_process_close_log(process);
}

/* --- The end --- */

static void query_process_describe_exit(struct query_process *process, const siginfo_t *info, struct err *error)
{
    if (process->why.code != ERR_OK)
        *error = process->why;
    else if (info->si_code == CLD_EXITED)
        err_set(error, ERR_UNAVAILABLE, "the tenant's worker ended (exit code %d)", info->si_status);
    else
        err_set(error, ERR_UNAVAILABLE, "the tenant's worker ended (signal %d)", info->si_status);
    if (!error->hint[0])
        err_hint(error, "the next statement starts a fresh one");
}

static void query_process_on_exit(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct query_process *process = watch->owner;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    loop_watch_remove(process->loop, &process->exit);
    loop_timer_cancel(process->loop, &process->timer);
    process->clean = process->state == QUERY_PROCESS_STOPPING && info.si_code == CLD_EXITED && info.si_status == 0;
    state_move(&process->state, QUERY_PROCESS_GONE, query_process_rules);
    channel_drain(process->channel); /* answers that were sent before the end are answers */
    struct err error;
    query_process_describe_exit(process, &info, &error);
    if (!process->clean)
        log_warn("worker.ended", LOG_STR("tenant", process->name), LOG_I64("pid", process->pid), LOG_ERR(&error));
    struct list *node;
    while ((node = list_first(&process->tasks)))
        query_task_fail(list_object(node, struct query_task, node), &error);
    process->events.on_gone(process->events.owner, &error, process->was_ready);
}

void query_process_kill(struct query_process *process, const struct err *why)
{
    if (process->state == QUERY_PROCESS_KILLED || process->state == QUERY_PROCESS_GONE)
        return;
    process->why = *why;
    state_move(&process->state, QUERY_PROCESS_KILLED, query_process_rules);
    loop_timer_cancel(process->loop, &process->timer);
    kill(process->pid, SIGKILL); /* not reaped yet, so the pid is still its own */
}

static void query_process_on_time(struct loop_timer *timer)
{
    struct query_process *process = timer->owner;
    struct err error;
    if (process->state == QUERY_PROCESS_STARTING) {
        err_set(&error, ERR_UNAVAILABLE, "the tenant's worker did not start within worker.start_timeout (%lld s)",
                (long long)limits_get(LIMIT_WORKER_START));
        err_hint(&error, "the server's log may say why");
    } else {
        err_set(&error, ERR_UNAVAILABLE, "the tenant's worker did not stop in time");
    }
    query_process_kill(process, &error);
}

void query_process_stop(struct query_process *process)
{
    if (process->state != QUERY_PROCESS_READY) {
        struct err error;
        err_set(&error, ERR_UNAVAILABLE, "the tenant's worker was stopped");
        if (process->state == QUERY_PROCESS_STARTING)
            query_process_kill(process, &error);
        return;
    }
    state_move(&process->state, QUERY_PROCESS_STOPPING, query_process_rules);
    channel_encode_empty(channel_out(process->channel), CHANNEL_STOP, 0);
    channel_flush(process->channel);
    loop_timer_set(process->loop, &process->timer, QUERY_PROCESS_STOP_US);
}

/* --- Frames --- */

static bool query_process_on_ready(struct query_process *process, struct str payload, struct err *err)
{
    struct channel_ready ready;
    if (process->was_ready)
        return err_set(err, ERR_INTERNAL, "the worker sent READY twice");
    if (!channel_decode_ready(payload, &ready, err))
        return false;
    if (ready.code != ERR_OK) {
        struct err why;
        err_set(&why, ready.code, "the worker cannot start: %.*s",
                STR_ARG(str_slice(ready.message, 0, sizeof(why.message))));
        err_hint(&why, "%.*s", STR_ARG(str_slice(ready.hint, 0, sizeof(why.hint))));
        query_process_kill(process, &why);
        process->why = why; /* also when it has exited by itself meanwhile */
        return true;
    }
    if (process->state != QUERY_PROCESS_STARTING)
        return true; /* it was killed, or is gone, meanwhile */
    loop_timer_cancel(process->loop, &process->timer);
    state_move(&process->state, QUERY_PROCESS_READY, query_process_rules);
    process->was_ready = true;
    process->idle_since_us = clock_now_us();
    log_info("worker.ready", LOG_STR("tenant", process->name), LOG_I64("pid", process->pid),
             LOG_I64("landlock", ready.landlock_abi), LOG_STR("engine", ready.engine_version));
    if (ready.landlock_abi == 0)
        log_warn("worker.unconfined", LOG_STR("tenant", process->name), LOG_I64("pid", process->pid),
                 LOG_STR("why", S("this kernel has no Landlock")));
    process->events.on_ready(process->events.owner);
    return true;
}

static struct query_task *query_process_find(struct query_process *process, uint64_t id)
{
    list_each(&process->tasks, node)
    {
        struct query_task *task = list_object(node, struct query_task, node);
        if (task->id == id)
            return task;
    }
    return NULL;
}

static bool query_process_on_frame(void *owner, const struct channel_frame *frame, struct err *err)
{
    struct query_process *process = owner;
    if (frame->statement == 0) {
        if (frame->type == CHANNEL_READY)
            return query_process_on_ready(process, frame->payload, err);
        if (frame->type == CHANNEL_USAGE)
            return channel_decode_usage(frame->payload, &process->usage, err);
        return err_set(err, ERR_INTERNAL, "the worker sent a %s frame", channel_type_name(frame->type));
    }
    struct query_task *task = query_process_find(process, frame->statement);
    if (!task) /* we forget a task only at its END, so there is nothing that could still come */
        return err_set(err, ERR_INTERNAL, "the worker answered a statement that does not run");
    return query_task_on_frame(task, frame, err);
}

/* The stream is over: either the process ends by itself, or it is made to. */
static void query_process_on_closed(void *owner, const struct err *error)
{
    struct query_process *process = owner;
    if (process->state == QUERY_PROCESS_STOPPING)
        return; /* it is on its way out; the timer watches */
    struct err why = *error;
    if (process->why.code != ERR_OK)
        why = process->why;
    else if (error->code == ERR_UNAVAILABLE)
        why = (struct err){0}; /* it died: the exit status says more */
    query_process_kill(process, &why);
}

/* --- Life --- */

static bool query_process_watch(struct query_process *process, const struct query_launched *launched, struct err *err)
{
    process->exit = (struct loop_watch){.fd = launched->pidfd, .on_ready = query_process_on_exit, .owner = process};
    process->log = (struct loop_watch){.fd = launched->log_fd, .on_ready = query_process_on_log, .owner = process};
    struct channel_handler handler = {
        .on_frame = query_process_on_frame, .on_closed = query_process_on_closed, .owner = process};
    process->channel = channel_open(process->loop, launched->channel_fd, &handler, err);
    if (!process->channel)
        return false;
    return loop_watch_add(process->loop, &process->log, POLLIN, err) &&
           loop_watch_add(process->loop, &process->exit, POLLIN, err);
}

struct query_process *query_process_start(struct loop *loop, const struct query_process_options *options,
                                          const struct query_process_events *events, struct err *err)
{
    struct query_launched launched;
    if (!query_launch(options->program, options->name, &launched, err))
        return NULL;
    struct query_process *process = mem_new(struct query_process);
    process->loop = loop;
    process->events = *events;
    process->name = options->name;
    process->pid = launched.pid;
    process->timer.on_time = query_process_on_time;
    process->timer.owner = process;
    list_init(&process->tasks);
    if (!query_process_watch(process, &launched, err)) {
        query_process_free(&process);
        return NULL;
    }
    size_t blocks_max = (size_t)limits_get(LIMIT_RUNNING) * (size_t)limits_get(LIMIT_STREAM_BLOCKS) * 2;
    process->pool = channel_pool_new(process->channel, (size_t)limits_get(LIMIT_BLOCK), blocks_max);
    channel_encode_hello(channel_out(process->channel), options->hello);
    channel_flush(process->channel);
    loop_timer_set(loop, &process->timer, limits_get(LIMIT_WORKER_START) * CLOCK_SECOND);
    return process;
}

void query_process_free(struct query_process **process_ptr)
{
    struct query_process *process = *process_ptr;
    if (!process)
        return;
    *process_ptr = NULL;
    if (process->state != QUERY_PROCESS_GONE) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
        loop_watch_remove(process->loop, &process->exit);
    }
    loop_timer_cancel(process->loop, &process->timer);
    query_process_close_log(process);
    close(process->exit.fd);
    channel_pool_free(&process->pool);
    channel_close(&process->channel);
    buf_done(&process->log_line);
    mem_free(process);
}

void query_process_ask(struct query_process *process)
{
    if (process->state != QUERY_PROCESS_READY)
        return;
    channel_encode_empty(channel_out(process->channel), CHANNEL_ASK, 0);
    channel_flush(process->channel);
}

void query_process_add(struct query_process *process, struct query_task *task)
{
    assert(process->state == QUERY_PROCESS_READY && !task->process);
    task->process = process;
    task->id = ++process->next_task;
    list_append(&process->tasks, &task->node);
    process->task_count++;
}

void query_process_remove(struct query_process *process, struct query_task *task)
{
    assert(task->process == process);
    channel_pool_end(process->pool, task->id);
    list_remove(&task->node);
    process->task_count--;
    process->idle_since_us = clock_now_us();
    task->process = NULL;
}

void query_process_trim(struct query_process *process)
{
    channel_pool_trim(process->pool);
}
