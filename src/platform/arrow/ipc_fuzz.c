/* A stream of messages: u32 length and flatbuffer of the schema, then again and again u32 length and header, u32 length
 * and body. What the decoder lets through is read in every place where its structures point to, so that a sanitizer
 * sees a check that is missing. */
#include <string.h>

#include "base/limits.h"
#include "base/reader.h"
#include "platform/arrow/batch.h"
#include "platform/arrow/bits.h"
#include "platform/arrow/gather.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t ipc_sink;

static void ipc_touch(const void *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ipc_sink += ((const uint8_t *)ptr)[i];
}

static int64_t ipc_offset(const void *offsets, size_t width, int64_t index)
{
    int32_t narrow;
    int64_t wide;
    if (width == 8) {
        memcpy(&wide, (const uint8_t *)offsets + 8 * index, 8);
        return wide;
    }
    memcpy(&narrow, (const uint8_t *)offsets + 4 * index, 4);
    return narrow;
}

static void ipc_walk(const struct arrow_field *field, const struct ArrowArray *array);

static void ipc_walk_values(const struct arrow_field *field, const struct ArrowArray *array)
{
    size_t rows = (size_t)array->length;
    switch (field->layout) {
    case ARROW_LAYOUT_BITS:
        ipc_touch(array->buffers[1], rows / 8 + 2);
        break;
    case ARROW_LAYOUT_FIXED:
        ipc_touch(array->buffers[1], rows * field->width);
        break;
    case ARROW_LAYOUT_TEXT:
        for (int64_t row = 0; row < array->length; row++) {
            int64_t from = ipc_offset(array->buffers[1], field->width, row);
            int64_t to = ipc_offset(array->buffers[1], field->width, row + 1);
            ipc_touch((const uint8_t *)array->buffers[2] + from, (size_t)(to - from));
        }
        break;
    case ARROW_LAYOUT_VIEW:
        for (int64_t row = 0; row < array->length; row++) {
            int32_t view[4];
            memcpy(view, (const uint8_t *)array->buffers[1] + 16 * row, 16);
            if (view[0] > 12)
                ipc_touch((const uint8_t *)array->buffers[2 + view[2]] + view[3], (size_t)view[0]);
        }
        break;
    case ARROW_LAYOUT_UNION:
        ipc_touch(array->buffers[0], rows);
        break;
    case ARROW_LAYOUT_NULL:
    case ARROW_LAYOUT_LIST:
    case ARROW_LAYOUT_LIST_VIEW:
    case ARROW_LAYOUT_FIXED_LIST:
    case ARROW_LAYOUT_STRUCT:
    case ARROW_LAYOUT_RUNS:
        break;
    }
}

static void ipc_must(bool fact)
{
    if (!fact)
        __builtin_trap();
}

static void ipc_walk(const struct arrow_field *field, const struct ArrowArray *array)
{
    if (array->null_count > 0 && array->n_buffers > 0 && field->layout != ARROW_LAYOUT_UNION)
        ipc_touch(array->buffers[0], (size_t)array->length / 8 + 2);
    ipc_walk_values(field, array);
    for (size_t i = 0; i < field->child_count; i++)
        ipc_walk(&field->children[i], array->children[i]);
    if (field->layout == ARROW_LAYOUT_LIST && array->length > 0)
        ipc_must(ipc_offset(array->buffers[1], field->width, array->length) <= array->children[0]->length);
    if (field->layout == ARROW_LAYOUT_FIXED_LIST)
        ipc_must(array->children[0]->length >= array->length * field->list_size);
    if (field->dictionary)
        ipc_walk(field->dictionary, array->dictionary);
}

/* Joining must take whatever decoding let through. */
static void ipc_join(struct arrow_decoder *decoder, const struct arrow_field *schema, const struct arrow_batch *batch,
                     struct arena *arena)
{
    struct arrow_batch twice[2] = {*batch, *batch}, joined = {0};
    struct err err = {0};
    uint8_t *bytes = NULL;
    if (!arrow_gather_knows(&schema->c) || batch->array.length > 1 << 16)
        return;
    if (arrow_decoder_join(decoder, twice, 2, arena, &bytes, &joined, &err)) {
        ipc_must(joined.array.length == 2 * batch->array.length);
        ipc_walk(schema, &joined.array);
        mem_free(bytes);
    }
}

static void ipc_messages(struct arrow_decoder *decoder, const struct arrow_field *schema, struct reader *reader)
{
    while (!reader->failed && reader_left(reader) > 0) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str header = reader_text(reader), body = reader_text(reader);
        struct arrow_batch batch = {0};
        struct err err = {0};
        bool is_batch = false;
        uint8_t *copy = mem_alloc(body.len ? body.len : 1); /* of its own size, so that its end is guarded */
        if (body.len > 0)
            memcpy(copy, body.ptr, body.len);
        bool ok =
            !reader->failed && arrow_decoder_message(decoder, header, copy, body.len, arena, &batch, &is_batch, &err);
        if (ok && is_batch && batch.array.length <= 1 << 20) {
            ipc_walk(schema, &batch.array);
            ipc_join(decoder, schema, &batch, arena);
        }
        if (!ok && !reader->failed)
            ipc_must(err.message[0] != '\0');
        arrow_decoder_forget(decoder);
        mem_free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    struct reader reader = reader_from(str_bytes(data, size));
    struct arrow_field *schema = arrow_schema_decode(arena, reader_text(&reader), &err);
    struct arrow_decoder *decoder = schema ? arrow_decoder_new(schema, &err) : NULL;
    if (!limits_set(S("flight.max_message"), 1 << 24, &err)) /* bombs of more are refused */
        __builtin_trap();
    if (decoder)
        ipc_messages(decoder, schema, &reader);
    arrow_decoder_free(&decoder);
    return 0;
}
