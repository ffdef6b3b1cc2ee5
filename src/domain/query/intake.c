#include "domain/query/intake.h"

#include <assert.h>

#include "base/limits.h"
#include "base/vec.h"
#include "domain/query/process.h"

/* Before the task runs nobody takes blocks, and each is a descriptor. */
#define QUERY_INTAKE_WAITING_MAX 64
/* Larger bodies get a block of their own size instead of a power of two. */
#define QUERY_INTAKE_ROUND_MAX (64u << 20)
#define QUERY_INTAKE_ALIGNMENT 64

enum query_intake_place { QUERY_INTAKE_FREE, QUERY_INTAKE_FILLING, QUERY_INTAKE_OUT };

struct query_intake_block {
    struct channel_block block; /* id 0 until attached */
    enum query_intake_place place;
    uint64_t len; /* of the body in it */
};

/* A message from before the task's start. */
struct query_intake_waiting {
    struct buf header;
    struct buf body;                  /* inline ones */
    struct query_intake_block *block; /* or NULL */
};

struct query_intake {
    VEC(struct query_intake_block *) blocks; /* owned */
    VEC(struct query_intake_waiting) waiting;
    struct query_intake_block *filling; /* body asked for last, or NULL: inline */
    uint8_t *small;                     /* inline body; owned, not aligned itself */
    uint64_t len;                       /* of the body asked for last */
    uint64_t out_bytes;                 /* passed on and not yet back */
    uint64_t out_inline;                /* part of out_bytes that went in frames */
    uint64_t total_bytes;
    bool was_full;
};

struct query_intake *query_intake_new(void)
{
    return mem_new(struct query_intake);
}

static void query_intake_waiting_done(struct query_intake_waiting *waiting)
{
    buf_done(&waiting->header);
    buf_done(&waiting->body);
}

/* Frees a block; the worker forgets it as well. */
static void query_intake_drop(struct query_intake_block *block, struct query_process *process)
{
    if (process && block->block.id)
        channel_encode_detach(channel_out(process->channel), block->block.id);
    channel_block_done(&block->block);
    mem_free(block);
}

void query_intake_free(struct query_intake **intake_ptr, struct query_process *process)
{
    struct query_intake *intake = *intake_ptr;
    if (!intake)
        return;
    *intake_ptr = NULL;
    for (size_t i = 0; i < intake->waiting.count; i++)
        query_intake_waiting_done(&intake->waiting.items[i]);
    for (size_t i = 0; i < intake->blocks.count; i++)
        query_intake_drop(intake->blocks.items[i], process);
    if (process)
        channel_flush(process->channel);
    vec_done(&intake->waiting);
    vec_done(&intake->blocks);
    mem_free(intake->small);
    mem_free(intake);
}

/* --- Bodies --- */

static size_t query_intake_round(size_t size)
{
    size_t rounded = 65536;
    if (size > QUERY_INTAKE_ROUND_MAX)
        return size;
    while (rounded < size)
        rounded *= 2;
    return rounded;
}

/* The smallest free block that is large enough. */
static struct query_intake_block *query_intake_find(struct query_intake *intake, size_t size)
{
    struct query_intake_block *best = NULL;
    for (size_t i = 0; i < intake->blocks.count; i++) {
        struct query_intake_block *block = intake->blocks.items[i];
        bool fits = block->place == QUERY_INTAKE_FREE && block->block.size >= size;
        if (fits && (!best || block->block.size < best->block.size))
            best = block;
    }
    return best;
}

/* A free block that was too small for what comes now is not kept: else a growing upload would keep every size. */
static void query_intake_drop_one(struct query_intake *intake, struct query_process *process)
{
    for (size_t i = 0; i < intake->blocks.count; i++) {
        if (intake->blocks.items[i]->place != QUERY_INTAKE_FREE)
            continue;
        query_intake_drop(intake->blocks.items[i], process);
        vec_remove_unordered(&intake->blocks, i);
        return;
    }
}

static struct query_intake_block *query_intake_add(struct query_intake *intake, size_t size,
                                                   struct query_process *process, struct err *err)
{
    struct channel_block block;
    query_intake_drop_one(intake, process);
    if (!channel_block_create(&block, query_intake_round(size), err))
        return NULL;
    struct query_intake_block *added = mem_new(struct query_intake_block);
    added->block = block;
    vec_push(&intake->blocks, added);
    return added;
}

static uint8_t *query_intake_small(struct query_intake *intake)
{
    if (!intake->small)
        intake->small = mem_alloc(CHANNEL_INLINE_MAX + QUERY_INTAKE_ALIGNMENT);
    uintptr_t start = (uintptr_t)intake->small;
    return intake->small + (QUERY_INTAKE_ALIGNMENT - start % QUERY_INTAKE_ALIGNMENT) % QUERY_INTAKE_ALIGNMENT;
}

uint8_t *query_intake_body(struct query_intake *intake, size_t size, struct query_process *process, struct err *err)
{
    if (size > (uint64_t)limits_get(LIMIT_MESSAGE)) {
        limits_err(LIMIT_MESSAGE, err);
        return NULL;
    }
    if (intake->filling) /* asked again without a message in between */
        intake->filling->place = QUERY_INTAKE_FREE;
    intake->filling = NULL;
    intake->len = size;
    if (size <= CHANNEL_INLINE_MAX)
        return query_intake_small(intake);
    struct query_intake_block *block = query_intake_find(intake, size);
    if (!block)
        block = query_intake_add(intake, size, process, err);
    if (!block)
        return NULL;
    block->place = QUERY_INTAKE_FILLING;
    intake->filling = block;
    return block->block.ptr;
}

/* --- Messages --- */

static void query_intake_send(struct query_task *task, struct str header, struct query_intake_block *block,
                              struct str body)
{
    struct channel *channel = task->process->channel;
    struct channel_put put = {.header = header, .body = body, .len = body.len};
    if (block) {
        if (block->block.id == 0)
            channel_attach(channel, &block->block);
        put.block = block->block.id;
        put.len = block->len;
    }
    channel_encode_put(channel_out(channel), task->id, &put);
    channel_flush(channel);
}

static void query_intake_wait(struct query_intake *intake, struct str header, struct query_intake_block *block,
                              struct str body)
{
    struct query_intake_waiting waiting = {.block = block};
    buf_append_str(&waiting.header, header);
    buf_append_str(&waiting.body, body);
    vec_push(&intake->waiting, waiting);
}

void query_intake_message(struct query_intake *intake, struct str header, struct query_task *task)
{
    struct query_intake_block *block = intake->filling;
    struct str body = block || !intake->len ? S("") : str_bytes(query_intake_small(intake), (size_t)intake->len);
    intake->filling = NULL;
    if (block) {
        block->place = QUERY_INTAKE_OUT;
        block->len = intake->len;
    } else {
        intake->out_inline += body.len;
    }
    intake->out_bytes += intake->len;
    intake->total_bytes += intake->len;
    intake->len = 0;
    if (task->process)
        query_intake_send(task, header, block, body);
    else
        query_intake_wait(intake, header, block, body);
    if (query_intake_is_full(intake))
        intake->was_full = true;
}

void query_intake_start(struct query_intake *intake, struct query_task *task)
{
    for (size_t i = 0; i < intake->waiting.count; i++) {
        struct query_intake_waiting *waiting = &intake->waiting.items[i];
        query_intake_send(task, buf_str(&waiting->header), waiting->block, buf_str(&waiting->body));
        query_intake_waiting_done(waiting);
    }
    vec_clear(&intake->waiting);
}

bool query_intake_done(struct query_intake *intake, const struct channel_put_done *done, struct err *err)
{
    if (done->block == 0) {
        if (done->len > intake->out_inline)
            return err_set(err, ERR_INTERNAL, "the worker confirmed more of an upload than it got");
        intake->out_inline -= done->len;
        intake->out_bytes -= done->len;
        return true;
    }
    for (size_t i = 0; i < intake->blocks.count; i++) {
        struct query_intake_block *block = intake->blocks.items[i];
        if (block->block.id != done->block || block->place != QUERY_INTAKE_OUT)
            continue;
        block->place = QUERY_INTAKE_FREE;
        intake->out_bytes -= block->len;
        return true;
    }
    return err_set(err, ERR_INTERNAL, "the worker confirmed block %u, which it does not have", done->block);
}

bool query_intake_is_full(const struct query_intake *intake)
{
    return intake->out_bytes >= (uint64_t)limits_get(LIMIT_UPLOAD_BUFFER) ||
           intake->waiting.count >= QUERY_INTAKE_WAITING_MAX;
}

bool query_intake_has_room_again(struct query_intake *intake)
{
    uint64_t buffer = (uint64_t)limits_get(LIMIT_UPLOAD_BUFFER);
    if (!intake->was_full || query_intake_is_full(intake) || intake->out_bytes > buffer - buffer / 4)
        return false;
    intake->was_full = false;
    return true;
}

uint64_t query_intake_bytes(const struct query_intake *intake)
{
    return intake->total_bytes;
}
