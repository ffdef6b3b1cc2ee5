/* The batches of an upload that wait for their INSERT, as a stream that DuckDB scans. Small batches are joined and
 * large ones cut to pieces of about a row group each: DuckDB's threads take one piece at a time, and many small pieces
 * cost it half as much time and memory again. */
#pragma once
#include <pthread.h>

#include "base/vec.h"
#include "platform/arrow/batch.h"

struct engine_body {
    void (*release)(void *owner);
    void *owner;
};

struct engine_segment {
    struct arrow_field *schema;
    struct arrow_decoder *decoder;
    bool joins;                     /* the schema allows joining */
    struct ArrowArrayStream stream; /* what a view reads; the structure must not move */
    struct arena *arena;            /* structures and decompressed buffers */
    VEC(struct engine_body) bodies; /* of all batches that are not copied */
    VEC(struct arrow_batch) group;  /* small ones, to be joined; their bodies are the last ones in bodies */
    uint64_t group_rows;
    size_t group_size;
    VEC(uint8_t *) blocks; /* of joined batches */
    uint64_t rows;
    size_t size; /* bytes of values */
    pthread_mutex_t lock;
    VEC(struct ArrowArray) pieces; /* guarded by lock: */
    size_t piece_next;             /* the next one that DuckDB gets */
    bool open;                     /* the scan may take pieces */
};

/* Caller's memory, which must not move. Schema and decoder are borrowed. */
void engine_segment_init(struct engine_segment *segment, struct arrow_field *schema, struct arrow_decoder *decoder);
void engine_segment_done(struct engine_segment *segment);

/* Takes the body, also on error. Dictionaries go to the decoder at once. */
bool engine_segment_add(struct engine_segment *segment, struct str header, const uint8_t *body, size_t body_len,
                        struct engine_body owner, struct err *err) MUST_USE;

/* Full: worth an INSERT. */
bool engine_segment_is_full(const struct engine_segment *segment);

/* Enough for a relay: two row groups, or as many bytes. */
bool engine_segment_is_ripe(const struct engine_segment *segment);
/* What was gathered so far, joined: item 0 … *count_out - 1, valid until clear. NULL with *err. */
const struct ArrowArray *engine_segment_pieces(struct engine_segment *segment, size_t *count_out, struct err *err);

/* Before and after a scan; without these the stream is empty. */
bool engine_segment_start(struct engine_segment *segment, struct err *err) MUST_USE;
/* Releases everything. */
void engine_segment_clear(struct engine_segment *segment);
