/* Record batches that come in: every length, offset, index and text is checked here, so that DuckDB can follow each
 * pointer without looking. Nothing is copied but compressed buffers and dictionaries. */
#pragma once
#include "platform/arrow/schema.h"

/* One batch, ready for the C data interface. The structures live in the arena that was passed in, the values mostly in
 * the message's body: keep both as long as the array is used. Its release does nothing. */
struct arrow_batch {
    struct ArrowArray array; /* a struct of the columns */
    size_t size;             /* bytes of values, decompressed */
};

/* The state of a stream: its schema and the dictionaries that came so far. */
struct arrow_decoder;

/* The schema lives as long as the decoder. ERR_UNIMPLEMENTED for a dictionary inside a dictionary. */
struct arrow_decoder *arrow_decoder_new(const struct arrow_field *schema, struct err *err);
void arrow_decoder_free(struct arrow_decoder **decoder);

/* Decodes a RecordBatch message into *batch_out (*is_batch_out true), or takes a dictionary in, a new one, a
 * replacement or a delta (false). The body is 8-byte aligned. Column names are in the messages. */
bool arrow_decoder_message(struct arrow_decoder *decoder, struct str header, const uint8_t *body, size_t body_len,
                           struct arena *arena, struct arrow_batch *batch_out, bool *is_batch_out,
                           struct err *err) MUST_USE;

/* Copies several batches of a schema that arrow_gather_knows into one; free *bytes_out, its memory, with mem_free. */
bool arrow_decoder_join(struct arrow_decoder *decoder, const struct arrow_batch *batches, size_t count,
                        struct arena *arena, uint8_t **bytes_out, struct arrow_batch *batch_out,
                        struct err *err) MUST_USE;

/* Rows [from, from + count) of a batch, without copying. The structures live in the arena. */
struct ArrowArray arrow_batch_slice(const struct ArrowArray *array, int64_t from, int64_t count, struct arena *arena);

/* No batch decoded so far is used any more: gives the memory of replaced dictionaries back. */
void arrow_decoder_forget(struct arrow_decoder *decoder);

/* Bytes of a message's body as its header says, or -1 for a broken header. */
int64_t arrow_message_body_length(struct str header);
