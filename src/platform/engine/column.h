/* Kernels from DuckDB's vectors to Arrow buffers, for the flat types. They write what DuckDB's own Arrow export would.
 */
#pragma once
#include "platform/arrow/message.h"
#include "platform/engine/engine_priv.h"

enum engine_kernel {
    ENGINE_KERNEL_RARE, /* through DuckDB's export: nested and rare types */
    ENGINE_KERNEL_COPY, /* the same bytes on both sides */
    ENGINE_KERNEL_BOOL,
    ENGINE_KERNEL_DECIMAL16, /* DECIMAL kept in 2, 4, 8 bytes to decimal128 */
    ENGINE_KERNEL_DECIMAL32,
    ENGINE_KERNEL_DECIMAL64,
    ENGINE_KERNEL_INTERVAL,
    ENGINE_KERNEL_UUID,
    ENGINE_KERNEL_TEXT,
};

struct engine_column {
    enum engine_kernel kernel;
    size_t width;                     /* bytes of a value in the body; TEXT: of an offset */
    const struct ArrowSchema *schema; /* borrowed */
};

/* Chooses the kernel from both sides' types; RARE when they do not fit together. */
struct engine_column engine_column_for(duckdb_logical_type type, const struct ArrowSchema *schema);

/* Rows of one column of one chunk. */
struct engine_vector {
    const void *data;
    const uint64_t *valid; /* NULL: all are */
    size_t from, count;
    size_t text_size; /* TEXT: engine_column_text_size of these rows, set before encoding */
};

/* Bytes of text in these rows; NULLs count nothing. */
size_t engine_column_text_size(const struct engine_vector *vector);

/* Node and buffers of the column; runs twice, for planning and for writing. Not for RARE. */
bool engine_column_encode(const struct engine_column *column, const struct engine_vector *vectors, size_t count,
                          struct arrow_body *body, struct err *err) MUST_USE;

/* 36 characters from DuckDB's 128-bit number with its flipped top bit. */
void engine_uuid_text(const void *uuid, char *text_out);
