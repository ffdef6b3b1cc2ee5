#include "domain/pipeline/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "platform/http/client.h"
#include "platform/net/loop.h"
#include "platform/net/work.h"

#define DELIVERY_BATCH 64 /* documents of one job */
#define DELIVERY_BYTES (64u << 20)
#define DELIVERY_TIMEOUT_US (10 * CLOCK_SECOND)
#define DELIVERY_LAST_US (3 * CLOCK_SECOND) /* for all that is left at the end */
#define DELIVERY_TRIES 10
#define DELIVERY_AGAIN_US CLOCK_SECOND /* doubles with each try */
#define DELIVERY_AGAIN_MAX_US (60 * CLOCK_SECOND)
#define DELIVERY_FILE_MAX (64 << 20) /* bytes */
#define DELIVERY_WARN_US (60 * CLOCK_SECOND)

struct delivery_item {
    struct list node;
    struct str text;
};

struct delivery {
    struct delivery_options options;
    struct arena *arena;       /* owns this */
    struct list queue;         /* struct delivery_item */
    size_t count, bytes;       /* of queue and batch */
    struct list batch;         /* the job's while is_busy */
    size_t delivered, refused; /* of the batch, from its front; the refused ones are among the delivered */
    struct err error;          /* why the next was not taken, or the last refused one */
    int64_t until_us;          /* of the batch: no request begins after it */
    bool is_busy;
    unsigned tries; /* of the first that waits */
    uint64_t dropped;
    int64_t warned_us; /* 0: never */
    struct work_job job;
    struct loop_timer timer;
};

static void delivery_run(struct work_job *job);
static void delivery_done(struct work_job *job);
static void delivery_begin(struct delivery *delivery);

static void delivery_on_time(struct loop_timer *timer)
{
    delivery_begin(timer->owner);
}

struct delivery *delivery_new(const struct delivery_options *options)
{
    struct arena *arena = arena_new_small();
    struct delivery *delivery = arena_new_object(arena, struct delivery);
    *delivery = (struct delivery){.options = *options, .arena = arena};
    delivery->options.url = str_copy(arena, options->url);
    delivery->options.path = str_copy(arena, options->path);
    delivery->job = (struct work_job){.run = delivery_run, .done = delivery_done};
    delivery->timer = (struct loop_timer){.on_time = delivery_on_time, .owner = delivery};
    list_init(&delivery->queue);
    list_init(&delivery->batch);
    return delivery;
}

/* --- The queue --- */

static void delivery_told(struct delivery *delivery, bool delivered, uint64_t count)
{
    if (delivery->options.on_gone && count > 0)
        delivery->options.on_gone(delivered, count);
}

/* Says so once a minute at most. */
static void delivery_dropped(struct delivery *delivery, uint64_t count, const struct err *why)
{
    int64_t now_us = clock_now_us();
    if (count == 0)
        return;
    delivery->dropped += count;
    delivery_told(delivery, false, count);
    if (delivery->warned_us && now_us - delivery->warned_us < DELIVERY_WARN_US)
        return;
    log_warn("delivery.dropped", LOG_STR("what", str_from(delivery->options.name)), LOG_I64("count", delivery->dropped),
             LOG_ERR(why));
    delivery->warned_us = now_us;
    delivery->dropped = 0;
}

void delivery_put(struct delivery *delivery, struct str document)
{
    struct err err;
    if (delivery->count >= (size_t)limits_get(LIMIT_PIPELINE_NOTICES)) {
        limits_err(LIMIT_PIPELINE_NOTICES, &err);
        delivery_dropped(delivery, 1, &err);
        return;
    }
    if (delivery->bytes + document.len > DELIVERY_BYTES) {
        (void)err_set(&err, ERR_RESOURCE, "more than %u bytes wait", DELIVERY_BYTES);
        delivery_dropped(delivery, 1, &err);
        return;
    }
    struct delivery_item *item = mem_alloc(sizeof(*item) + document.len + 1);
    char *text = (char *)(item + 1);
    memcpy(text, document.ptr, document.len);
    text[document.len] = '\n';
    item->text = str_bytes(text, document.len);
    list_append(&delivery->queue, &item->node);
    delivery->count++;
    delivery->bytes += document.len;
    delivery_begin(delivery);
}

static void delivery_forget(struct delivery *delivery, struct list *items, size_t count)
{
    for (; count > 0; count--) {
        struct delivery_item *item = list_object(list_first(items), struct delivery_item, node);
        delivery->count--;
        delivery->bytes -= item->text.len;
        list_remove(&item->node);
        mem_free(item);
    }
}

/* Fills the batch up. */
static void delivery_take(struct delivery *delivery)
{
    size_t count = 0;
    list_each(&delivery->batch, node) count++;
    for (; count < DELIVERY_BATCH && !list_is_empty(&delivery->queue); count++) {
        struct list *node = list_first(&delivery->queue);
        list_remove(node);
        list_append(&delivery->batch, node);
    }
}

static void delivery_begin(struct delivery *delivery)
{
    if (delivery->is_busy || delivery->timer.index)
        return;
    delivery_take(delivery);
    if (list_is_empty(&delivery->batch))
        return;
    delivery->is_busy = true;
    delivery->delivered = delivery->refused = 0;
    delivery->until_us = CLOCK_NEVER;
    work_submit(delivery->options.pool, &delivery->job);
}

/* What the batch has come to. */
static void delivery_settle(struct delivery *delivery)
{
    delivery_dropped(delivery, delivery->refused, &delivery->error);
    delivery_told(delivery, true, delivery->delivered - delivery->refused);
    delivery_forget(delivery, &delivery->batch, delivery->delivered);
}

static void delivery_done(struct work_job *job)
{
    struct delivery *delivery = list_object(job, struct delivery, job);
    size_t delivered = delivery->delivered;
    delivery_settle(delivery);
    delivery->is_busy = false;
    if (list_is_empty(&delivery->batch)) {
        delivery->tries = 0;
        delivery_begin(delivery);
        return;
    }
    delivery->tries = delivered > 0 ? 1 : delivery->tries + 1;
    if (delivery->tries >= DELIVERY_TRIES) {
        delivery_forget(delivery, &delivery->batch, 1);
        delivery_dropped(delivery, 1, &delivery->error);
        delivery->tries = DELIVERY_TRIES - 1; /* the others have waited as long */
    }
    int64_t again_us = DELIVERY_AGAIN_US << (delivery->tries - 1);
    loop_timer_set(delivery->options.loop, &delivery->timer,
                   again_us < DELIVERY_AGAIN_MAX_US ? again_us : DELIVERY_AGAIN_MAX_US);
}

void delivery_free(struct delivery **delivery_ptr)
{
    struct delivery *delivery = *delivery_ptr;
    struct err err;
    if (!delivery)
        return;
    loop_timer_cancel(delivery->options.loop, &delivery->timer);
    if (delivery->is_busy) /* its job has ended, or never began; either is known by what it delivered */
        delivery_settle(delivery);
    delivery->until_us = clock_now_us() + DELIVERY_LAST_US;
    size_t delivered = 1;
    while (delivered > 0 && delivery->count > 0) {
        delivery_take(delivery);
        delivery_run(&delivery->job);
        delivered = delivery->delivered;
        delivery_settle(delivery);
    }
    size_t left = delivery->count;
    (void)err_set(&err, ERR_UNAVAILABLE, "the server ends before they were taken");
    delivery->warned_us = 0;
    delivery_dropped(delivery, left, &err);
    list_each(&delivery->queue, node)
    {
        list_remove(node);
        list_append(&delivery->batch, node);
    }
    delivery_forget(delivery, &delivery->batch, left);
    struct arena *arena = delivery->arena;
    arena_free(&arena);
    *delivery_ptr = NULL;
}

/* --- On a thread of the work pool --- */

/* Whether it was taken; *refused_out: for good. */
static bool delivery_post(struct delivery *delivery, struct http_client *client, struct str document,
                          int64_t timeout_us, bool *refused_out)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct http_client_request request = {.method = S("POST"),
                                                .url = delivery->options.url,
                                                .content_type = S("application/json"),
                                                .body = document,
                                                .body_max = 64 << 10,
                                                .timeout_us = timeout_us,
                                                .outgoing = delivery->options.outgoing};
    struct http_client_answer answer;
    *refused_out = false;
    if (!http_client_run(client, arena, &request, &answer, &delivery->error)) {
        enum err_code code = delivery->error.code;
        *refused_out = code != ERR_UNAVAILABLE && code != ERR_DEADLINE;
        return *refused_out;
    }
    if (answer.status >= 200 && answer.status < 300)
        return true;
    (void)err_set(&delivery->error, ERR_UNAVAILABLE, "%.*s answers %d",
                  STR_ARG(str_slice(delivery->options.url, 0, 200)), answer.status);
    *refused_out = answer.status < 500 && answer.status != 408 && answer.status != 429;
    return *refused_out;
}

static void delivery_post_batch(struct delivery *delivery)
{
    struct http_client *client = http_client_open(&delivery->error);
    bool refused, taken = client != NULL;
    for (struct list *node = delivery->batch.next; taken && node != &delivery->batch; node = node->next) {
        int64_t left_us = delivery->until_us == CLOCK_NEVER ? DELIVERY_TIMEOUT_US : delivery->until_us - clock_now_us();
        if (left_us <= 0)
            break;
        taken = delivery_post(delivery, client, list_object(node, struct delivery_item, node)->text, left_us, &refused);
        delivery->delivered += taken;
        delivery->refused += taken && refused;
    }
    http_client_close(&client);
}

/* Opens the file for lines at its end, which is *size_out; a large one is put aside first. */
static int delivery_open(struct delivery *delivery, struct arena *arena, int64_t *size_out)
{
    struct str path = delivery->options.path;
    struct stat status;
    for (int turn = 0; turn < 3; turn++) {
        int fd = open(path.ptr, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0 && errno == ENOENT && turn == 0) {
            const char *slash = strrchr(path.ptr, '/');
            (void)mkdir(str_format(arena, "%.*s", (int)(slash - path.ptr), path.ptr).ptr, 0750);
            continue;
        }
        if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < DELIVERY_FILE_MAX) {
            *size_out = fd < 0 ? 0 : status.st_size;
            return fd;
        }
        close(fd);
        if (rename(path.ptr, str_format(arena, "%.*s.1", STR_ARG(path)).ptr) != 0)
            return -1;
    }
    return -1;
}

static void delivery_append_batch(struct delivery *delivery)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    int64_t size;
    int fd = delivery_open(delivery, arena, &size);
    if (fd < 0) {
        err_errno(&delivery->error, "open '%.*s'", STR_ARG(delivery->options.path));
        return;
    }
    for (struct list *node = delivery->batch.next; node != &delivery->batch; node = node->next) {
        const struct delivery_item *item = list_object(node, struct delivery_item, node);
        size_t len = item->text.len + 1; /* with its LF */
        ssize_t written = write(fd, item->text.ptr, len);
        if (written != (ssize_t)len) {
            err_errno(&delivery->error, "write '%.*s'", STR_ARG(delivery->options.path));
            if (written > 0 && ftruncate(fd, size) != 0) /* no half lines */
                log_warn("delivery.torn", LOG_STR("path", delivery->options.path));
            break;
        }
        size += (int64_t)len;
        delivery->delivered++;
    }
    close(fd);
}

static void delivery_run(struct work_job *job)
{
    struct delivery *delivery = list_object(job, struct delivery, job);
    delivery->delivered = delivery->refused = 0;
    if (delivery->options.url.len > 0)
        delivery_post_batch(delivery);
    else
        delivery_append_batch(delivery);
}
