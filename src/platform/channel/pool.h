/* Front: the blocks through which one worker's results travel. A block is free, granted to a statement (the worker may
 * write), or held by whoever sends its bytes to a client. The pool outlives its channel until the last held block is
 * released. */
#pragma once
#include "platform/channel/channel.h"
#include "platform/net/slice.h"

struct channel_pool;

/* blocks_max: most blocks at any time. */
struct channel_pool *channel_pool_new(struct channel *channel, size_t block_size, size_t blocks_max);
/* The worker is gone: held blocks live on until they are released. Accepts NULL inside. */
void channel_pool_free(struct channel_pool **pool);

/* Grants the statement up to count blocks (ATTACH frames are queued where new ones are made); returns how many. */
uint32_t channel_pool_grant(struct channel_pool *pool, uint64_t statement, uint32_t count, uint32_t *blocks_out);
/* The worker says that the first len bytes of a block are a result of the statement: checks all of it and gives the
 * bytes as a slice. Its release returns the block to the statement (CREDIT) or to the pool. */
bool channel_pool_hold(struct channel_pool *pool, uint64_t statement, uint32_t block, uint64_t len,
                       struct slice *slice_out, struct err *err) MUST_USE;
/* The statement has ended: its granted blocks are free; no CREDIT for those still held. */
void channel_pool_end(struct channel_pool *pool, uint64_t statement);
/* A statement that got no block at its start waits for one. */
void channel_pool_want(struct channel_pool *pool, uint64_t statement);
/* While no statement runs: gives the memory of free blocks back to the system, keeping the mappings. */
void channel_pool_trim(struct channel_pool *pool);
