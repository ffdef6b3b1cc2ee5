/* Gathering of batches. */
#include "platform/engine/segment.h"

#include "base/limits.h"
#include "platform/arrow/gather.h"

enum {
    ENGINE_PIECE_ROWS = 122880,    /* DuckDB's row group */
    ENGINE_PIECE_BYTES = 32 << 20, /* wide rows: not more than this is joined */
    ENGINE_SEGMENT_ROWS = 8 * ENGINE_PIECE_ROWS,
    ENGINE_SEGMENT_BYTES = 160 << 20,
    ENGINE_RIPE_ROWS = 2 * ENGINE_PIECE_ROWS,
    ENGINE_RIPE_BYTES = 32 << 20,
};

static int engine_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct engine_segment *segment = stream->private_data;
    *out = segment->schema->c;
    return 0;
}

static int engine_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct engine_segment *segment = stream->private_data;
    *out = (struct ArrowArray){0}; /* release NULL: the end */
    pthread_mutex_lock(&segment->lock);
    if (segment->open && segment->piece_next < segment->pieces.count)
        *out = segment->pieces.items[segment->piece_next++];
    pthread_mutex_unlock(&segment->lock);
    return 0;
}

static const char *engine_stream_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "no error";
}

static void engine_stream_release(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

void engine_segment_init(struct engine_segment *segment, struct arrow_field *schema, struct arrow_decoder *decoder)
{
    *segment = (struct engine_segment){.schema = schema, .decoder = decoder, .arena = arena_new()};
    segment->joins = arrow_gather_knows(&schema->c);
    segment->stream = (struct ArrowArrayStream){.get_schema = engine_stream_schema,
                                                .get_next = engine_stream_next,
                                                .get_last_error = engine_stream_error,
                                                .release = engine_stream_release,
                                                .private_data = segment};
    pthread_mutex_init(&segment->lock, NULL);
}

void engine_segment_clear(struct engine_segment *segment)
{
    pthread_mutex_lock(&segment->lock);
    vec_clear(&segment->pieces);
    segment->piece_next = 0;
    segment->open = false;
    pthread_mutex_unlock(&segment->lock);
    for (size_t i = 0; i < segment->bodies.count; i++)
        segment->bodies.items[i].release(segment->bodies.items[i].owner);
    for (size_t i = 0; i < segment->blocks.count; i++)
        mem_free(segment->blocks.items[i]);
    vec_clear(&segment->bodies);
    vec_clear(&segment->blocks);
    vec_clear(&segment->group);
    segment->group_rows = 0;
    segment->group_size = 0;
    segment->rows = 0;
    segment->size = 0;
    arena_reset(segment->arena);
    arrow_decoder_forget(segment->decoder);
}

void engine_segment_done(struct engine_segment *segment)
{
    if (!segment->arena)
        return;
    engine_segment_clear(segment);
    vec_done(&segment->bodies);
    vec_done(&segment->group);
    vec_done(&segment->blocks);
    vec_done(&segment->pieces);
    pthread_mutex_destroy(&segment->lock);
    arena_free(&segment->arena);
}

/* Pieces are only read between start and clear, so they are added without the lock. */
static void engine_segment_cut(struct engine_segment *segment, const struct ArrowArray *array)
{
    for (int64_t from = 0; from < array->length;) {
        int64_t left = array->length - from;
        int64_t count = left >= 2 * ENGINE_PIECE_ROWS ? ENGINE_PIECE_ROWS : left;
        struct ArrowArray piece =
            count == array->length ? *array : arrow_batch_slice(array, from, count, segment->arena);
        vec_push(&segment->pieces, piece);
        from += count;
    }
}

/* The small batches become one piece, and their bodies are free. */
static bool engine_segment_join(struct engine_segment *segment, struct err *err)
{
    struct arrow_batch joined = {0};
    uint8_t *block = NULL;
    size_t count = segment->group.count;
    if (count == 0)
        return true;
    if (count == 1) {
        engine_segment_cut(segment, &segment->group.items[0].array);
    } else {
        if (!arrow_decoder_join(segment->decoder, segment->group.items, count, segment->arena, &block, &joined, err))
            return false;
        vec_push(&segment->blocks, block);
        engine_segment_cut(segment, &joined.array);
        for (; count > 0; count--) {
            struct engine_body *body = &segment->bodies.items[--segment->bodies.count];
            body->release(body->owner);
        }
    }
    vec_clear(&segment->group);
    segment->group_rows = 0;
    segment->group_size = 0;
    return true;
}

/* Batches keep their order, so a large one closes the group before it. */
static bool engine_segment_batch(struct engine_segment *segment, const struct arrow_batch *batch, size_t body_len,
                                 struct engine_body owner, struct err *err)
{
    uint64_t rows = (uint64_t)batch->array.length;
    bool small = segment->joins && rows < ENGINE_PIECE_ROWS / 2 && batch->size < ENGINE_PIECE_BYTES / 2;
    if (!small && !engine_segment_join(segment, err)) {
        owner.release(owner.owner);
        return false;
    }
    vec_push(&segment->bodies, owner);
    segment->rows += rows;
    segment->size += batch->size > body_len ? batch->size : body_len;
    if (!small) {
        engine_segment_cut(segment, &batch->array);
        return true;
    }
    vec_push(&segment->group, *batch);
    segment->group_rows += rows;
    segment->group_size += batch->size;
    if (segment->group_rows < ENGINE_PIECE_ROWS && segment->group_size < ENGINE_PIECE_BYTES)
        return true;
    return engine_segment_join(segment, err);
}

bool engine_segment_add(struct engine_segment *segment, struct str header, const uint8_t *body, size_t body_len,
                        struct engine_body owner, struct err *err)
{
    struct arrow_batch batch = {0};
    bool is_batch = false;
    bool ok = arrow_decoder_message(segment->decoder, header, body, body_len, segment->arena, &batch, &is_batch, err);
    /* A body that is larger than its values is held as well, and counts, or the sender would wait for it for ever. */
    if (batch.size < body_len)
        batch.size = body_len;
    if (ok && is_batch && batch.array.length > 0)
        return engine_segment_batch(segment, &batch, body_len, owner, err);
    owner.release(owner.owner); /* of a dictionary the decoder has its own copy */
    return ok;
}

/* Half of what the sender may have under way: it never waits for bodies that wait here for more. */
bool engine_segment_is_full(const struct engine_segment *segment)
{
    size_t share = (size_t)limits_get(LIMIT_UPLOAD_BUFFER) / 2;
    size_t most = share < ENGINE_SEGMENT_BYTES ? share : ENGINE_SEGMENT_BYTES;
    return segment->rows >= ENGINE_SEGMENT_ROWS || segment->size >= most;
}

bool engine_segment_is_ripe(const struct engine_segment *segment)
{
    return segment->rows >= ENGINE_RIPE_ROWS || segment->size >= ENGINE_RIPE_BYTES || engine_segment_is_full(segment);
}

const struct ArrowArray *engine_segment_pieces(struct engine_segment *segment, size_t *count_out, struct err *err)
{
    static const struct ArrowArray none;
    if (!engine_segment_join(segment, err))
        return NULL;
    *count_out = segment->pieces.count;
    return segment->pieces.count ? segment->pieces.items : &none;
}

bool engine_segment_start(struct engine_segment *segment, struct err *err)
{
    if (!engine_segment_join(segment, err))
        return false;
    pthread_mutex_lock(&segment->lock);
    segment->open = true;
    pthread_mutex_unlock(&segment->lock);
    return true;
}
