/* Small tables of our own making (what a catalog holds, what the server can do): rows go in value by value, a schema
 * and record batches come out as messages. Results of queries do not come this way.
 *
 * A writer belongs to one thread. Values are copied. Nothing here fails: the shapes are our own. */
#pragma once
#include "base/buf.h"
#include "platform/arrow/c_data.h"

/* A column, or a child of one. */
struct arrow_column {
    const char *name;
    const char *format; /* of the C data interface: "u", "i", "+l" */
    bool nullable;
    const struct arrow_column *children;
    size_t child_count;
};

struct arrow_shape {
    const struct arrow_column *columns;
    size_t count;
};

/* Appends the flatbuffer of the Schema message. */
void arrow_shape_schema(const struct arrow_shape *shape, struct buf *flatbuffer);
/* The same as encapsulated message, as Flight wants it outside of streams. */
void arrow_shape_message(const struct arrow_shape *shape, struct buf *message);

struct arrow_writer;
/* shape is borrowed. */
struct arrow_writer *arrow_writer_new(const struct arrow_shape *shape);
/* Accepts NULL inside. */
void arrow_writer_free(struct arrow_writer **writer);

/* Where the next value of a column goes; its children are cell->children[i]. */
struct ArrowArray *arrow_writer_cell(struct arrow_writer *writer, size_t column);
/* One value of a cell. */
void arrow_put_text(struct ArrowArray *cell, struct str value);
void arrow_put_i64(struct ArrowArray *cell, int64_t value); /* integers of any width and BOOL; it has to fit */
void arrow_put_null(struct ArrowArray *cell);
/* Ends a value of a list, map or struct whose children have got theirs. */
void arrow_put_end(struct ArrowArray *cell);
/* Ends a value of a dense union: child `type` has got it. */
void arrow_put_choice(struct ArrowArray *cell, int8_t type);
/* Ends the row: every column has got its value. */
void arrow_writer_row(struct arrow_writer *writer);

size_t arrow_writer_rows(const struct arrow_writer *writer);
/* The rows so far as a RecordBatch message: flatbuffer and body. The writer is empty afterwards. */
void arrow_writer_batch(struct arrow_writer *writer, struct buf *header, struct buf *body);
