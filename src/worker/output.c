#include "worker/output.h"

#include <sys/mman.h>

#include "worker/worker_priv.h"

static bool worker_output_cancelled(struct err *err)
{
    return err_set(err, ERR_CANCELLED, "the statement was cancelled");
}

/* Takes a granted block, waiting for the client to release one. */
static bool worker_output_take_block(struct worker_statement *statement, struct err *err)
{
    if (statement->block.block)
        return true;
    pthread_mutex_lock(&statement->lock);
    while (statement->grants.count == 0 && !statement->cancelled)
        pthread_cond_wait(&statement->changed, &statement->lock);
    bool cancelled = statement->cancelled;
    if (!cancelled)
        statement->block = statement->grants.items[--statement->grants.count];
    pthread_mutex_unlock(&statement->lock);
    return cancelled ? worker_output_cancelled(err) : true;
}

/* Anonymous pages: aligned, they grow with what is touched, and go back to the system at once. */
static uint8_t *worker_output_map(size_t size, struct err *err)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    err_set(err, ERR_RESOURCE, "no memory for a message of %zu bytes", size);
    return NULL;
}

/* Memory of the statement's own for a message larger than a block. */
static uint8_t *worker_output_memory(struct worker_statement *statement, size_t size, struct err *err)
{
    if (size <= statement->memory_size)
        return statement->memory;
    if (size > (uint64_t)limits_get(LIMIT_MESSAGE)) {
        limits_err(LIMIT_MESSAGE, err);
        return NULL;
    }
    if (statement->memory)
        munmap(statement->memory, statement->memory_size);
    statement->memory = worker_output_map(size, err);
    statement->memory_size = statement->memory ? size : 0;
    return statement->memory;
}

static uint8_t *worker_output_small(struct worker_statement *statement, struct err *err)
{
    if (!statement->small)
        statement->small = worker_output_map(CHANNEL_INLINE_MAX, err);
    return statement->small;
}

static bool worker_output_fits_frame(const struct worker_statement *statement, size_t header_len, size_t len)
{
    if (len > CHANNEL_INLINE_MAX)
        return false;
    return !statement->started || statement->inline_used + header_len + len <= CHANNEL_INLINE_TOTAL;
}

static uint8_t *worker_output_reserve(void *owner, size_t size, struct err *err)
{
    struct worker_statement *statement = owner;
    if (worker_statement_is_cancelled(statement)) {
        worker_output_cancelled(err);
        return NULL;
    }
    if (size > CHANNEL_INLINE_MAX && size <= statement->worker->hello.block_size) {
        if (!worker_output_take_block(statement, err))
            return NULL;
        return statement->reserved = statement->block.ptr;
    }
    if (size <= CHANNEL_INLINE_MAX)
        return statement->reserved = worker_output_small(statement, err);
    return statement->reserved = worker_output_memory(statement, size, err);
}

/* Writes what is held. Called with the statement's lock, which keeps the frames of one statement in order. */
static bool worker_output_write(struct worker_statement *statement)
{
    if (buf_len(&statement->held) == 0)
        return true;
    bool ok = channel_port_write(&statement->worker->port, buf_str(&statement->held));
    buf_clear(&statement->held);
    return ok;
}

/* Queues one DATA frame. keep: it may wait for the next frames. */
static bool worker_output_data(struct worker_statement *statement, const struct channel_data *data, bool keep,
                               struct err *err)
{
    statement->started = true;
    pthread_mutex_lock(&statement->lock);
    statement->rows += data->rows;
    channel_encode_data(&statement->held, statement->id, data);
    bool ok = (keep && !statement->slow) || worker_output_write(statement);
    pthread_mutex_unlock(&statement->lock);
    return ok ? true : worker_output_cancelled(err);
}

/* A message through blocks: one piece when it was built in the block, else a copy piece by piece. */
static bool worker_output_blocks(struct worker_statement *statement, struct str header, size_t len, uint64_t rows,
                                 struct err *err)
{
    size_t sent = 0;
    do {
        size_t piece = len - sent;
        bool in_place = statement->block.block && statement->reserved == statement->block.ptr;
        if (!worker_output_take_block(statement, err))
            return false;
        if (!in_place) {
            if (piece > statement->worker->hello.block_size)
                piece = statement->worker->hello.block_size;
            memcpy(statement->block.ptr, statement->reserved + sent, piece);
        }
        struct channel_data data = {.first = sent == 0, .block = statement->block.block, .len = piece};
        if (data.first) {
            data.header = header;
            data.body_total = len;
            data.rows = rows;
        }
        statement->block = (struct worker_grant){0};
        if (!worker_output_data(statement, &data, false, err))
            return false;
        sent += piece;
    } while (sent < len);
    return true;
}

static bool worker_output_send(void *owner, struct str header, size_t len, uint64_t rows, struct err *err)
{
    struct worker_statement *statement = owner;
    if (header.len > (uint64_t)limits_get(LIMIT_IPC_HEADER))
        return limits_err(LIMIT_IPC_HEADER, err);
    if (!worker_output_fits_frame(statement, header.len, len))
        return worker_output_blocks(statement, header, len, rows, err);
    struct channel_data data = {.first = true, .len = len, .body_total = len, .rows = rows, .header = header};
    if (len)
        data.body = str_bytes(statement->reserved, len);
    statement->inline_used += header.len + len;
    return worker_output_data(statement, &data, true, err);
}

struct engine_output worker_output(struct worker_statement *statement)
{
    return (struct engine_output){.owner = statement, .reserve = worker_output_reserve, .send = worker_output_send};
}

void worker_output_schema(struct worker_statement *statement, enum channel_data_role role, struct str schema)
{
    struct err ignored; /* the front has gone: END finds out */
    struct channel_data data = {.role = (uint8_t)role, .first = true, .header = schema};
    bool ok = worker_output_data(statement, &data, true, &ignored);
    (void)ok;
}

void worker_output_flush(struct worker_statement *statement)
{
    pthread_mutex_lock(&statement->lock);
    statement->slow = true;
    worker_output_write(statement); /* a front that has gone ends the process elsewhere */
    pthread_mutex_unlock(&statement->lock);
}

bool worker_output_is_flushed(struct worker_statement *statement)
{
    pthread_mutex_lock(&statement->lock);
    bool flushed = statement->slow;
    pthread_mutex_unlock(&statement->lock);
    return flushed;
}

void worker_output_end(struct worker_statement *statement, const struct channel_end *end)
{
    pthread_mutex_lock(&statement->lock);
    channel_encode_end(&statement->held, statement->id, end);
    worker_output_write(statement);
    pthread_mutex_unlock(&statement->lock);
}
