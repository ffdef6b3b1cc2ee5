/* Leader and followers: one thread reads the channel; when it has read a statement it passes the reading role on and
 * runs the statement itself, so a small query never waits for another thread to wake up. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/output.h"
#include "worker/worker_priv.h"

/* How long small frames of a young statement wait for the next ones. */
#define WORKER_HOLD_MS 10
/* DuckDB forgets an interrupt that comes before execution starts. */
#define WORKER_INTERRUPT_MS 10
/* How often running statements are looked at, for memory and progress. */
#define WORKER_LOOK_MS 250
#define WORKER_STACK_BYTES (8u << 20)

static struct worker_statement *worker_find(struct worker *worker, uint64_t id)
{
    list_each(&worker->statements, node)
    {
        struct worker_statement *statement = list_object(node, struct worker_statement, node);
        if (statement->id == id)
            return statement;
    }
    return NULL;
}

void worker_forget(struct worker *worker, struct worker_statement *statement)
{
    pthread_mutex_lock(&worker->lock);
    if (statement->small)
        vec_push(&worker->scratch, statement->small);
    statement->small = NULL;
    list_remove(&statement->node);
    worker->statement_count--;
    pthread_mutex_unlock(&worker->lock);
}

static _Noreturn void worker_broken(const char *why)
{
    fprintf(stderr, "channel: %s\n", why);
    _exit(71);
}

/* --- Blocks: only the reading thread touches the map --- */

static void worker_attach(struct worker *worker, struct str payload, struct err *err)
{
    struct channel_attach attach;
    struct channel_block mapped;
    int fd = channel_port_take_fd(&worker->port);
    if (!channel_decode_attach(payload, &attach, err) || fd < 0 ||
        !channel_block_map(&mapped, attach.block, fd, attach.size, err))
        worker_broken(fd < 0 ? "ATTACH without a descriptor" : err->message);
    struct channel_block *block = mem_new(struct channel_block);
    *block = mapped;
    uint64_t key = attach.block;
    map_put(&worker->blocks, map_key_u64(&key), block);
}

static void worker_detach(struct worker *worker, struct str payload, struct err *err)
{
    uint32_t id;
    if (!channel_decode_detach(payload, &id, err))
        worker_broken(err->message);
    uint64_t key = id;
    struct channel_block *block = map_remove(&worker->blocks, map_key_u64(&key));
    if (!block)
        return;
    channel_block_done(block);
    mem_free(block);
}

static struct channel_block *worker_block(struct worker *worker, uint32_t id)
{
    uint64_t key = id;
    struct channel_block *block = map_get(&worker->blocks, map_key_u64(&key));
    if (!block)
        worker_broken("a block that was never attached");
    return block;
}

static void worker_grant(struct worker *worker, struct worker_statement *statement, uint32_t id)
{
    worker_statement_grant(statement, (struct worker_grant){.block = id, .ptr = worker_block(worker, id)->ptr});
}

/* --- Frames about one statement; it is on the list, and the worker's lock is held, so it cannot go away --- */

static void worker_on_put(struct worker *worker, struct worker_statement *statement, struct str payload,
                          struct err *err)
{
    struct channel_put message;
    if (!channel_decode_put(payload, &message, err))
        worker_broken(err->message);
    struct worker_put *put = mem_new(struct worker_put);
    put->worker = worker;
    put->statement = statement->id;
    put->block = message.block;
    put->len = message.len;
    buf_append_str(&put->header, message.header);
    if (message.block) {
        struct channel_block *block = worker_block(worker, message.block);
        if (message.len > block->size)
            worker_broken("PUT longer than its block");
        put->body = block->ptr;
    } else { /* malloc aligns it */
        put->body = buf_reserve(&put->memory, message.body.len);
        buf_append_str(&put->memory, message.body);
    }
    worker_statement_put(statement, put);
}

static void worker_on_statement_frame(struct worker *worker, struct worker_statement *statement,
                                      const struct channel_frame *frame, struct err *err)
{
    switch ((unsigned)frame->type) {
    case CHANNEL_CREDIT: {
        uint32_t block;
        if (!channel_decode_credit(frame->payload, &block, err))
            worker_broken(err->message);
        worker_grant(worker, statement, block);
        return;
    }
    case CHANNEL_CANCEL:
        worker_statement_cancel(statement);
        return;
    case CHANNEL_PUT:
        worker_on_put(worker, statement, frame->payload, err);
        return;
    case CHANNEL_FINISH:
        worker_statement_finish(statement);
        return;
    default:
        worker_broken("a frame of unknown type");
    }
}

/* --- Frames about the worker --- */

/* proc(5): the second field of statm counts resident pages. */
static uint64_t worker_rss_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    struct str rest = str_bytes(text, len > 0 ? (size_t)len : 0), field;
    uint64_t pages = 0;
    bool known = str_split_next(&rest, ' ', &field) && str_split_next(&rest, ' ', &field) && str_to_u64(field, &pages);
    return known ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void worker_answer_usage(struct worker *worker)
{
    struct engine_usage engine = {0};
    engine_usage(worker->engine, &engine);
    struct channel_usage usage = {.rss_bytes = worker_rss_bytes(),
                                  .memory_bytes = (uint64_t)engine.memory_bytes,
                                  .spill_bytes = (uint64_t)engine.spill_bytes};
    AUTO(buf) struct buf frame = {0};
    channel_encode_usage(&frame, &usage);
    channel_port_write(&worker->port, buf_str(&frame)); /* a front that has gone is seen by the next read */
}

static void worker_on_close(struct worker *worker, struct str payload, struct err *err)
{
    uint64_t connection;
    if (!channel_decode_close(payload, &connection, err))
        worker_broken(err->message);
    worker_connection_close(worker, connection);
}

static void worker_on_forget(struct worker *worker, struct str payload, struct err *err)
{
    uint64_t connection, prepared;
    if (!channel_decode_forget(payload, &connection, &prepared, err))
        worker_broken(err->message);
    worker_connection_forget(worker, connection, prepared);
}

/* A clean end: everything is in the file when the process is gone. */
static _Noreturn void worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool idle = worker->statement_count == 0;
    pthread_mutex_unlock(&worker->lock);
    if (idle) { /* else the front gave up on what runs */
        worker_connection_close_all(worker);
        engine_close(&worker->engine);
    }
    _exit(0);
}

static struct worker_statement *worker_start(struct worker *worker, const struct channel_frame *frame, struct err *err)
{
    struct worker_statement *statement = worker_statement_new(worker, frame, err);
    if (!statement)
        worker_broken(err->message);
    const uint32_t *blocks = statement->type == CHANNEL_METADATA ? statement->metadata.blocks : statement->run.blocks;
    uint32_t count = statement->run.block_count + statement->metadata.block_count; /* one of them is 0 */
    for (uint32_t i = 0; i < count; i++)
        worker_grant(worker, statement, blocks[i]);
    pthread_mutex_lock(&worker->lock);
    if (worker->scratch.count)
        statement->small = worker->scratch.items[--worker->scratch.count];
    statement->look_us = clock_now_us() + WORKER_LOOK_MS * CLOCK_MILLISECOND;
    list_append(&worker->statements, &statement->node);
    worker->statement_count++;
    pthread_mutex_unlock(&worker->lock);
    return statement;
}

/* Does what the frame says; a statement to run is returned. */
static struct worker_statement *worker_on_frame(struct worker *worker, const struct channel_frame *frame,
                                                struct err *err)
{
    switch ((unsigned)frame->type) {
    case CHANNEL_RUN:
    case CHANNEL_DESCRIBE:
    case CHANNEL_UPLOAD:
    case CHANNEL_METADATA:
        return worker_start(worker, frame, err);
    case CHANNEL_ATTACH:
        worker_attach(worker, frame->payload, err);
        return NULL;
    case CHANNEL_DETACH:
        worker_detach(worker, frame->payload, err);
        return NULL;
    case CHANNEL_CLOSE:
        worker_on_close(worker, frame->payload, err);
        return NULL;
    case CHANNEL_FORGET:
        worker_on_forget(worker, frame->payload, err);
        return NULL;
    case CHANNEL_ASK:
        worker_answer_usage(worker);
        return NULL;
    case CHANNEL_STOP:
        worker_stop(worker);
    default:
        break;
    }
    pthread_mutex_lock(&worker->lock);
    struct worker_statement *statement = worker_find(worker, frame->statement);
    if (statement) /* else it has ended meanwhile */
        worker_on_statement_frame(worker, statement, frame, err);
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* --- The reading role --- */

/* True when some statement runs that long. */
static bool worker_is_due(struct worker *worker, int64_t now_us)
{
    bool due = false;
    pthread_mutex_lock(&worker->lock);
    list_each(&worker->statements, node)
    {
        due = due || now_us >= list_object(node, struct worker_statement, node)->look_us;
    }
    pthread_mutex_unlock(&worker->lock);
    return due;
}

/* Looks at the statements for which it is time. */
static void worker_look(struct worker *worker)
{
    int64_t now_us = clock_now_us();
    struct engine_usage usage = {0};
    if (!worker_is_due(worker, now_us))
        return;
    engine_usage(worker->engine, &usage); /* asks DuckDB: nobody should wait for that */
    pthread_mutex_lock(&worker->lock);
    list_each(&worker->statements, node)
    {
        struct worker_statement *statement = list_object(node, struct worker_statement, node);
        if (now_us < statement->look_us)
            continue;
        statement->look_us = now_us + WORKER_LOOK_MS * CLOCK_MILLISECOND;
        worker_statement_look(statement, (uint64_t)usage.memory_bytes);
    }
    pthread_mutex_unlock(&worker->lock);
}

/* Sends what young statements hold back, repeats interrupts, looks how far they are; how long the next read may wait
 * for a frame. */
static int worker_tick(struct worker *worker, bool flush)
{
    int timeout_ms = -1;
    worker_look(worker);
    pthread_mutex_lock(&worker->lock);
    list_each(&worker->statements, node)
    {
        struct worker_statement *statement = list_object(node, struct worker_statement, node);
        int wanted_ms = WORKER_LOOK_MS;
        if (flush)
            worker_output_flush(statement);
        else if (!worker_output_is_flushed(statement))
            wanted_ms = WORKER_HOLD_MS;
        if (worker_statement_interrupt(statement) && wanted_ms > WORKER_INTERRUPT_MS)
            wanted_ms = WORKER_INTERRUPT_MS;
        if (timeout_ms < 0 || wanted_ms < timeout_ms)
            timeout_ms = wanted_ms;
    }
    pthread_mutex_unlock(&worker->lock);
    return timeout_ms;
}

/* Reads until there is a statement to run. */
static struct worker_statement *worker_read(struct worker *worker)
{
    struct err error;
    int timeout_ms = worker_tick(worker, false);
    for (;;) {
        struct channel_frame frame;
        enum channel_port_result result = channel_port_read(&worker->port, timeout_ms, &frame, &error);
        if (result == CHANNEL_PORT_CLOSED)
            _exit(0);
        struct worker_statement *statement = NULL;
        if (result == CHANNEL_PORT_FRAME)
            statement = worker_on_frame(worker, &frame, &error);
        if (statement)
            return statement;
        timeout_ms = worker_tick(worker, result == CHANNEL_PORT_TIMEOUT);
    }
}

static void *worker_thread(void *owner);

/* One more thread; without it, whoever ends a statement first reads on. */
static void worker_add_thread(struct worker *worker)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool failed = pthread_create(&thread, &attributes, worker_thread, worker) != 0;
    pthread_attr_destroy(&attributes);
    if (!failed)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->threads--;
    pthread_mutex_unlock(&worker->lock);
}

/* Somebody must read while this thread runs a statement. */
static void worker_pass_role(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->reading = false;
    bool waiting = worker->waiting > 0;
    bool add = !waiting && worker->threads <= worker->hello.max_running;
    if (add)
        worker->threads++;
    pthread_mutex_unlock(&worker->lock);
    if (waiting) /* after the unlock, so that it does not wake up only to wait for it */
        pthread_cond_signal(&worker->role_free);
    else if (add)
        worker_add_thread(worker);
}

static struct worker_statement *worker_next(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->waiting++;
    while (worker->reading)
        pthread_cond_wait(&worker->role_free, &worker->lock);
    worker->waiting--;
    worker->reading = true;
    pthread_mutex_unlock(&worker->lock);

    struct worker_statement *statement = worker_read(worker);
    worker_pass_role(worker);
    return statement;
}

static void *worker_thread(void *owner)
{
    struct worker *worker = owner;
    for (;;)
        worker_statement_execute(worker_next(worker));
    return NULL;
}

_Noreturn void worker_serve(struct worker *worker)
{
    worker->threads = 1;
    worker_thread(worker);
    abort();
}
