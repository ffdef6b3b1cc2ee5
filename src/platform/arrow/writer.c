/* Building with nanoarrow; its calls fail for want of memory, or when our own shapes are wrong. */
#include "platform/arrow/writer.h"

#include <nanoarrow/nanoarrow_ipc.h>

#include "platform/arrow/message.h"

struct arrow_writer {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static void arrow_writer_check(ArrowErrorCode code)
{
    if (code != NANOARROW_OK)
        mem_panic("an Arrow table of our own could not be built");
}

static void arrow_column_schema(const struct arrow_column *column, struct ArrowSchema *schema)
{
    arrow_writer_check(ArrowSchemaSetFormat(schema, column->format));
    arrow_writer_check(ArrowSchemaSetName(schema, column->name));
    schema->flags = column->nullable ? ARROW_FLAG_NULLABLE : 0;
    if (column->child_count == 0)
        return;
    arrow_writer_check(ArrowSchemaAllocateChildren(schema, (int64_t)column->child_count));
    for (size_t i = 0; i < column->child_count; i++) {
        ArrowSchemaInit(schema->children[i]);
        arrow_column_schema(&column->children[i], schema->children[i]);
    }
}

static void arrow_shape_build(const struct arrow_shape *shape, struct ArrowSchema *schema)
{
    struct arrow_column root = {.name = "", .format = "+s", .children = shape->columns, .child_count = shape->count};
    ArrowSchemaInit(schema);
    arrow_column_schema(&root, schema);
}

void arrow_shape_schema(const struct arrow_shape *shape, struct buf *flatbuffer)
{
    struct ArrowSchema schema;
    struct err err;
    arrow_shape_build(shape, &schema);
    if (!arrow_message_schema(flatbuffer, &schema, &err))
        mem_panic(err.message);
    schema.release(&schema);
}

void arrow_shape_message(const struct arrow_shape *shape, struct buf *message)
{
    AUTO(buf) struct buf flatbuffer = {0};
    arrow_shape_schema(shape, &flatbuffer);
    size_t size = arrow_prefix_size(buf_len(&flatbuffer));
    arrow_prefix_write(buf_reserve(message, size), buf_str(&flatbuffer));
    buf_commit(message, size);
}

static void arrow_writer_start(struct arrow_writer *writer)
{
    arrow_writer_check(ArrowArrayInitFromSchema(&writer->array, &writer->schema, NULL));
    arrow_writer_check(ArrowArrayStartAppending(&writer->array));
}

struct arrow_writer *arrow_writer_new(const struct arrow_shape *shape)
{
    struct arrow_writer *writer = mem_new(struct arrow_writer);
    arrow_shape_build(shape, &writer->schema);
    arrow_writer_start(writer);
    return writer;
}

void arrow_writer_free(struct arrow_writer **writer)
{
    if (!*writer)
        return;
    (*writer)->array.release(&(*writer)->array);
    (*writer)->schema.release(&(*writer)->schema);
    mem_free(*writer);
    *writer = NULL;
}

struct ArrowArray *arrow_writer_cell(struct arrow_writer *writer, size_t column)
{
    return writer->array.children[column];
}

void arrow_put_text(struct ArrowArray *cell, struct str value)
{
    struct ArrowBufferView bytes = {.data.data = value.ptr, .size_bytes = (int64_t)value.len};
    arrow_writer_check(ArrowArrayAppendBytes(cell, bytes));
}

void arrow_put_i64(struct ArrowArray *cell, int64_t value)
{
    arrow_writer_check(ArrowArrayAppendInt(cell, value));
}

void arrow_put_null(struct ArrowArray *cell)
{
    arrow_writer_check(ArrowArrayAppendNull(cell, 1));
}

void arrow_put_end(struct ArrowArray *cell)
{
    arrow_writer_check(ArrowArrayFinishElement(cell));
}

void arrow_put_choice(struct ArrowArray *cell, int8_t type)
{
    arrow_writer_check(ArrowArrayFinishUnionElement(cell, type));
}

void arrow_writer_row(struct arrow_writer *writer)
{
    arrow_writer_check(ArrowArrayFinishElement(&writer->array));
}

size_t arrow_writer_rows(const struct arrow_writer *writer)
{
    return (size_t)writer->array.length;
}

void arrow_writer_batch(struct arrow_writer *writer, struct buf *header, struct buf *body)
{
    struct ArrowIpcEncoder encoder;
    struct ArrowArrayView view;
    struct ArrowBuffer bytes, flatbuffer;
    ArrowBufferInit(&bytes);
    ArrowBufferInit(&flatbuffer);
    arrow_writer_check(ArrowArrayFinishBuildingDefault(&writer->array, NULL));
    arrow_writer_check(ArrowArrayViewInitFromSchema(&view, &writer->schema, NULL));
    arrow_writer_check(ArrowArrayViewSetArray(&view, &writer->array, NULL));
    arrow_writer_check(ArrowIpcEncoderInit(&encoder));
    arrow_writer_check(ArrowIpcEncoderEncodeSimpleRecordBatch(&encoder, &view, &bytes, NULL));
    arrow_writer_check(ArrowIpcEncoderFinalizeBuffer(&encoder, 0, &flatbuffer));
    buf_append(header, flatbuffer.data, (size_t)flatbuffer.size_bytes);
    buf_append(body, bytes.data, (size_t)bytes.size_bytes);
    ArrowIpcEncoderReset(&encoder);
    ArrowArrayViewReset(&view);
    ArrowBufferReset(&bytes);
    ArrowBufferReset(&flatbuffer);
    writer->array.release(&writer->array);
    arrow_writer_start(writer);
}
