/* The envelope of Arrow IPC (Arrow format, "Encapsulated message format"): flatbuffer headers of schema, dictionary and
 * record batch messages, and the plan of a body. Pure. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "platform/arrow/c_data.h"

/* Appends the flatbuffer of a Schema message. Dictionary ids are given in depth-first order of the fields, from 0. */
bool arrow_message_schema(struct buf *flatbuffer, const struct ArrowSchema *schema, struct err *err) MUST_USE;

/* A body is planned first (nodes, buffers, sizes), then written by the same code: arrow_body_buffer gives NULL while
 * planning and the place to write to afterwards. Buffers are written in the order in which they were planned. */
struct arrow_body {
    VEC(struct arrow_node {
        int64_t length;
        int64_t nulls;
    })
    nodes;
    VEC(struct arrow_region {
        int64_t offset;
        int64_t size;
    })
    regions;
    size_t size;      /* whole body so far, a multiple of 8 */
    size_t alignment; /* of each buffer: 8 for small batches, else 64 */
    uint8_t *base;    /* NULL while planning */
    size_t next;      /* writing: the region that the next call gives out */
};

/* Kernels may write this much beyond a buffer's end; the memory behind a body must have room for it. */
enum { ARROW_BODY_SLACK = 16 };

void arrow_body_start(struct arrow_body *body, size_t alignment);
/* From here on buffers have memory: size + ARROW_BODY_SLACK bytes at base. */
void arrow_body_write(struct arrow_body *body, uint8_t *base);
void arrow_body_node(struct arrow_body *body, int64_t length, int64_t nulls);
/* Planning: adds a buffer and returns NULL. Writing: the next buffer; size must be the planned one. */
uint8_t *arrow_body_buffer(struct arrow_body *body, size_t size);
/* Writing: the next buffer, of the planned size. */
uint8_t *arrow_body_next(struct arrow_body *body);
/* Writing: zeroes what lies between the last buffer and the end. */
void arrow_body_finish(struct arrow_body *body);
void arrow_body_done(struct arrow_body *body);

/* Builds headers; keeps its memory between messages. */
struct arrow_header_builder;
struct arrow_header_builder *arrow_header_builder_new(void);
void arrow_header_builder_free(struct arrow_header_builder **builder);

/* The flatbuffer of a RecordBatch message, or, with dictionary_id >= 0, of a DictionaryBatch. Valid until the next
 * call. */
struct str arrow_header_build(struct arrow_header_builder *builder, const struct arrow_body *body, int64_t rows,
                              int64_t dictionary_id);

/* Bytes that a header takes in a stream: continuation, length, flatbuffer, padding to 8. */
size_t arrow_prefix_size(size_t flatbuffer_len);
/* Writes those bytes. */
void arrow_prefix_write(uint8_t *out, struct str flatbuffer);
/* End of stream: 8 bytes. */
extern const uint8_t arrow_end_of_stream[8];
