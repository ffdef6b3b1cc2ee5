#include "platform/channel/pool.h"

#include <assert.h>
#include <sys/mman.h>

#include "base/vec.h"

enum channel_pool_state { CHANNEL_POOL_FREE, CHANNEL_POOL_GRANTED, CHANNEL_POOL_HELD };

struct channel_pool_block {
    struct channel_pool *pool;
    struct channel_block block;
    uint64_t statement; /* granted to, or held from; 0 = none, or it has ended */
    enum channel_pool_state state;
    bool touched; /* written to since the last trim */
};

struct channel_pool {
    struct channel *channel; /* NULL once the worker is gone */
    size_t block_size;
    size_t blocks_max;
    size_t held;
    VEC(struct channel_pool_block *) blocks; /* owned; ids are theirs alone, found by walking: there are few */
    VEC(uint64_t) hungry;                    /* statements without any block */
};

struct channel_pool *channel_pool_new(struct channel *channel, size_t block_size, size_t blocks_max)
{
    struct channel_pool *pool = mem_new(struct channel_pool);
    pool->channel = channel;
    pool->block_size = block_size;
    pool->blocks_max = blocks_max;
    return pool;
}

static void channel_pool_block_free(struct channel_pool_block *item)
{
    channel_block_done(&item->block);
    mem_free(item);
}

static void channel_pool_destroy(struct channel_pool *pool)
{
    vec_done(&pool->blocks);
    vec_done(&pool->hungry);
    mem_free(pool);
}

void channel_pool_free(struct channel_pool **pool_ptr)
{
    struct channel_pool *pool = *pool_ptr;
    if (!pool)
        return;
    *pool_ptr = NULL;
    pool->channel = NULL;
    for (size_t i = 0; i < pool->blocks.count; i++)
        if (pool->blocks.items[i]->state != CHANNEL_POOL_HELD)
            channel_pool_block_free(pool->blocks.items[i]);
    vec_clear(&pool->blocks); /* held ones are now known to their holders only */
    if (pool->held == 0)
        channel_pool_destroy(pool);
}

/* A free block, a new one, or NULL at the bound. */
static struct channel_pool_block *channel_pool_take(struct channel_pool *pool)
{
    for (size_t i = 0; i < pool->blocks.count; i++)
        if (pool->blocks.items[i]->state == CHANNEL_POOL_FREE)
            return pool->blocks.items[i];
    struct err error;
    struct channel_block block;
    if (pool->blocks.count >= pool->blocks_max || !channel_block_create(&block, pool->block_size, &error))
        return NULL;
    struct channel_pool_block *item = mem_new(struct channel_pool_block);
    item->pool = pool;
    item->block = block;
    channel_attach(pool->channel, &item->block);
    vec_push(&pool->blocks, item);
    return item;
}

uint32_t channel_pool_grant(struct channel_pool *pool, uint64_t statement, uint32_t count, uint32_t *blocks_out)
{
    uint32_t granted = 0;
    while (granted < count) {
        struct channel_pool_block *item = channel_pool_take(pool);
        if (!item)
            break;
        item->state = CHANNEL_POOL_GRANTED;
        item->statement = statement;
        blocks_out[granted++] = item->block.id;
    }
    return granted;
}

void channel_pool_want(struct channel_pool *pool, uint64_t statement)
{
    vec_push(&pool->hungry, statement);
}

static void channel_pool_forget_hungry(struct channel_pool *pool, uint64_t statement)
{
    for (size_t i = pool->hungry.count; i > 0; i--)
        if (pool->hungry.items[i - 1] == statement)
            vec_remove_unordered(&pool->hungry, i - 1);
}

/* A block is free: its statement, or one that waits for its first block, gets it. */
static void channel_pool_recycle(struct channel_pool *pool, struct channel_pool_block *item)
{
    if (item->statement == 0 && pool->hungry.count) {
        item->statement = pool->hungry.items[0];
        channel_pool_forget_hungry(pool, item->statement);
    }
    if (item->statement == 0) {
        item->state = CHANNEL_POOL_FREE;
        return;
    }
    item->state = CHANNEL_POOL_GRANTED;
    channel_encode_credit(channel_out(pool->channel), item->statement, item->block.id);
    channel_flush(pool->channel);
}

static void channel_pool_release(void *owner)
{
    struct channel_pool_block *item = owner;
    struct channel_pool *pool = item->pool;
    assert(item->state == CHANNEL_POOL_HELD && pool->held > 0);
    pool->held--;
    if (pool->channel) {
        channel_pool_recycle(pool, item);
        return;
    }
    channel_pool_block_free(item);
    if (pool->held == 0)
        channel_pool_destroy(pool);
}

bool channel_pool_hold(struct channel_pool *pool, uint64_t statement, uint32_t block, uint64_t len,
                       struct slice *slice_out, struct err *err)
{
    for (size_t i = 0; i < pool->blocks.count; i++) {
        struct channel_pool_block *item = pool->blocks.items[i];
        if (item->block.id != block)
            continue;
        if (item->state != CHANNEL_POOL_GRANTED || item->statement != statement)
            return err_set(err, ERR_INTERNAL, "the worker used block %u, which it does not hold", block);
        if (len > item->block.size)
            return err_set(err, ERR_INTERNAL, "the worker sent %llu bytes in a block of %zu", (unsigned long long)len,
                           item->block.size);
        item->state = CHANNEL_POOL_HELD;
        item->touched = true;
        pool->held++;
        *slice_out =
            (struct slice){.ptr = item->block.ptr, .len = (size_t)len, .release = channel_pool_release, .owner = item};
        return true;
    }
    return err_set(err, ERR_INTERNAL, "the worker used block %u, which does not exist", block);
}

void channel_pool_end(struct channel_pool *pool, uint64_t statement)
{
    channel_pool_forget_hungry(pool, statement);
    for (size_t i = 0; i < pool->blocks.count; i++) {
        struct channel_pool_block *item = pool->blocks.items[i];
        if (item->statement != statement)
            continue;
        item->statement = 0;
        if (item->state == CHANNEL_POOL_GRANTED) {
            item->touched = true; /* the worker may have written without sending */
            channel_pool_recycle(pool, item);
        }
    }
}

void channel_pool_trim(struct channel_pool *pool)
{
    for (size_t i = 0; i < pool->blocks.count; i++) {
        struct channel_pool_block *item = pool->blocks.items[i];
        if (item->state != CHANNEL_POOL_FREE || !item->touched)
            continue;
        madvise(item->block.ptr, item->block.size, MADV_REMOVE);
        item->touched = false;
    }
}
