/* Decoding of record and dictionary batches: takes nodes and buffers in the order of the fields. */
#include "platform/arrow/batch.h"

#include <string.h>

#include "base/limits.h"
#include "base/vec.h"
#include "platform/arrow/batch_priv.h"
#include "platform/arrow/bits.h"
#include "platform/arrow/compression.h"
#include "platform/arrow/flat.h"
#include "platform/arrow/gather.h"

enum { BATCH_LENGTH, BATCH_NODES, BATCH_BUFFERS, BATCH_COMPRESSION, BATCH_VARIADIC };
enum { DICTIONARY_ID, DICTIONARY_DATA, DICTIONARY_DELTA };

/* DuckDB reads up to a word behind a bitmap. */
enum { ARROW_BITMAP_SLACK = 16, ARROW_ROWS_MAX = 1 << 30 };

struct arrow_dictionary {
    int64_t id;
    const struct arrow_field *field;
    struct arena *arena;     /* owns array, and the body in `bytes` */
    struct ArrowArray array; /* current value */
    uint8_t *bytes;
    size_t size; /* bytes that it holds */
    bool arrived;
};

struct arrow_decoder {
    const struct arrow_field *schema;
    VEC(struct arrow_dictionary) dictionaries; /* one per id */
    VEC(struct arrow_dictionary) replaced;     /* still used by batches */
    size_t dictionary_size;
};

struct arrow_source {
    struct arrow_decoder *decoder;
    struct arena *arena;
    struct arrow_list {
        const uint8_t *items;
        size_t count;
    } nodes, buffers, variadic;
    size_t node, buffer, view; /* the next ones */
    const uint8_t *body;
    size_t body_len;
    enum arrow_codec codec;
    bool trusted; /* the values were checked before */
    size_t size;  /* bytes of values so far */
    struct err *err;
};

struct arrow_bytes {
    const uint8_t *ptr;
    int64_t size;
};

static bool arrow_batch_broken(struct arrow_source *source, const struct arrow_field *field, const char *what)
{
    return err_set(source->err, ERR_INVALID, "column %s: %s", field->path, what);
}

static bool arrow_decompress(struct arrow_source *source, struct arrow_bytes *bytes)
{
    int64_t size;
    if (bytes->size == 0)
        return true;
    size_t limit = (size_t)limits_get(LIMIT_MESSAGE) - source->size;
    if (!arrow_compression_size(bytes->ptr, (size_t)bytes->size, limit, &size, source->err))
        return false;
    bytes->ptr += 8;
    bytes->size -= 8;
    if (size < 0)
        return true;
    uint8_t *out = arena_alloc(source->arena, (size_t)size + ARROW_BITMAP_SLACK);
    if (!arrow_compression_read(source->codec, bytes->ptr, (size_t)bytes->size, out, (size_t)size, source->err))
        return false;
    *bytes = (struct arrow_bytes){.ptr = out, .size = size};
    return true;
}

/* The next buffer of a field, at least `wanted` bytes long. */
static bool arrow_take_buffer(struct arrow_source *source, const struct arrow_field *field, int64_t wanted,
                              struct arrow_bytes *bytes_out)
{
    struct arrow_region region;
    if (source->buffer >= source->buffers.count)
        return arrow_batch_broken(source, field, "the batch has too few buffers");
    memcpy(&region, source->buffers.items + sizeof(region) * source->buffer++, sizeof(region));
    if (region.offset < 0 || region.size < 0 || (uint64_t)region.offset > source->body_len ||
        (uint64_t)region.size > source->body_len - (uint64_t)region.offset)
        return arrow_batch_broken(source, field, "a buffer lies outside of the message");
    if (region.size > 0 && region.offset % 8 != 0)
        return arrow_batch_broken(source, field, "a buffer is not aligned to 8 bytes");
    struct arrow_bytes bytes = {.ptr = source->body + region.offset, .size = region.size};
    if (source->codec != ARROW_CODEC_NONE && !arrow_decompress(source, &bytes))
        return err_wrap(source->err, "column %s", field->path);
    if (bytes.size < wanted)
        return arrow_batch_broken(source, field, "a buffer is shorter than its column");
    source->size += (size_t)bytes.size;
    if (source->size > (size_t)limits_get(LIMIT_MESSAGE))
        return limits_err(LIMIT_MESSAGE, source->err);
    *bytes_out = bytes;
    return true;
}

/* A bitmap, with readable bytes behind it. */
static bool arrow_take_bitmap(struct arrow_source *source, const struct arrow_field *field, int64_t bits,
                              const void **out)
{
    struct arrow_bytes bytes = {0};
    int64_t wanted = (bits + 7) / 8;
    if (!arrow_take_buffer(source, field, wanted, &bytes))
        return false;
    const uint8_t *end = source->body + source->body_len;
    bool inside = bytes.ptr >= source->body && bytes.ptr <= end; /* else it was decompressed, and has the slack */
    if (inside && end - bytes.ptr < wanted + ARROW_BITMAP_SLACK) {
        uint8_t *copy = arena_alloc(source->arena, (size_t)wanted + ARROW_BITMAP_SLACK);
        if (wanted > 0)
            memcpy(copy, bytes.ptr, (size_t)wanted);
        bytes.ptr = copy;
    }
    *out = bytes.ptr;
    return true;
}

static void arrow_array_no_release(struct ArrowArray *array)
{
    array->release = NULL;
}

static void arrow_array_init(struct arrow_source *source, struct ArrowArray *array, int64_t length, int64_t buffers,
                             size_t children)
{
    *array = (struct ArrowArray){.length = length, .n_buffers = buffers, .n_children = (int64_t)children};
    array->buffers = arena_array(source->arena, (size_t)buffers + 1, sizeof(void *));
    array->release = arrow_array_no_release;
    if (children == 0)
        return;
    struct ArrowArray *storage = arena_array(source->arena, children, sizeof(*storage));
    array->children = arena_array(source->arena, children, sizeof(*array->children));
    for (size_t i = 0; i < children; i++)
        array->children[i] = &storage[i];
}

static int64_t arrow_layout_buffers(enum arrow_layout layout)
{
    switch (layout) {
    case ARROW_LAYOUT_NULL:
    case ARROW_LAYOUT_RUNS:
        return 0;
    case ARROW_LAYOUT_STRUCT:
    case ARROW_LAYOUT_FIXED_LIST:
    case ARROW_LAYOUT_UNION:
        return 1;
    case ARROW_LAYOUT_BITS:
    case ARROW_LAYOUT_FIXED:
    case ARROW_LAYOUT_LIST:
    case ARROW_LAYOUT_VIEW: /* and its data */
        return 2;
    case ARROW_LAYOUT_TEXT:
    case ARROW_LAYOUT_LIST_VIEW:
        return 3;
    }
    mem_panic("an Arrow layout outside of the list");
}

/* Length from the node, and the validity bitmap where the layout has one. */
static bool arrow_take_node(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    struct arrow_node node;
    if (source->node >= source->nodes.count)
        return arrow_batch_broken(source, field, "the batch has too few fields");
    memcpy(&node, source->nodes.items + sizeof(node) * source->node++, sizeof(node));
    if (node.length < 0 || node.length > ARROW_ROWS_MAX || node.nulls < 0 || node.nulls > node.length)
        return arrow_batch_broken(source, field, "an impossible number of rows or NULLs");
    arrow_array_init(source, array, node.length, arrow_layout_buffers(field->layout), field->child_count);
    switch (field->layout) {
    case ARROW_LAYOUT_NULL:
        array->null_count = node.length;
        return true;
    case ARROW_LAYOUT_RUNS:
    case ARROW_LAYOUT_UNION:
        return true;
    case ARROW_LAYOUT_BITS:
    case ARROW_LAYOUT_FIXED:
    case ARROW_LAYOUT_TEXT:
    case ARROW_LAYOUT_VIEW:
    case ARROW_LAYOUT_LIST:
    case ARROW_LAYOUT_LIST_VIEW:
    case ARROW_LAYOUT_FIXED_LIST:
    case ARROW_LAYOUT_STRUCT:
        break;
    }
    const void *bitmap;
    if (!arrow_take_bitmap(source, field, node.nulls ? node.length : 0, &bitmap))
        return false;
    if (node.nulls == 0)
        return true;
    array->buffers[0] = bitmap;
    array->null_count = node.length - (int64_t)arrow_bits_count(bitmap, 0, (size_t)node.length);
    return array->null_count == node.nulls || arrow_batch_broken(source, field, "a wrong number of NULLs");
}

static bool arrow_take_column(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array);

static bool arrow_take_fixed(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    struct arrow_bytes values;
    if (!arrow_take_buffer(source, field, array->length * (int64_t)field->width, &values))
        return false;
    array->buffers[1] = values.ptr;
    return source->trusted || field->decimal_digits == 0 || arrow_check_decimals(field, array, source->err);
}

/* Offsets; a column without rows may leave them out. */
static bool arrow_take_offsets(struct arrow_source *source, const struct arrow_field *field, int64_t count,
                               const void **out)
{
    static const int64_t none[1] = {0};
    struct arrow_bytes offsets;
    if (!arrow_take_buffer(source, field, count ? (count + 1) * (int64_t)field->width : 0, &offsets))
        return false;
    *out = count ? (const void *)offsets.ptr : none;
    return true;
}

static bool arrow_take_text(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    struct arrow_bytes data;
    if (!arrow_take_offsets(source, field, array->length, &array->buffers[1]) ||
        !arrow_take_buffer(source, field, 0, &data) ||
        !arrow_check_offsets(field, array->buffers[1], array->length, data.size, source->err))
        return false;
    array->buffers[2] = data.ptr;
    return source->trusted || !field->utf8 || arrow_check_texts(field, array, source->err);
}

static bool arrow_take_views(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    struct arrow_bytes views;
    int64_t count;
    if (!arrow_take_buffer(source, field, array->length * 16, &views))
        return false;
    if (source->view >= source->variadic.count)
        return arrow_batch_broken(source, field, "the batch does not say how many buffers its views have");
    memcpy(&count, source->variadic.items + sizeof(count) * source->view++, sizeof(count));
    if (count < 0 || (uint64_t)count > source->buffers.count - source->buffer)
        return arrow_batch_broken(source, field, "the batch has too few buffers");
    const void **buffers = arena_array(source->arena, (size_t)count + 3, sizeof(*buffers));
    int64_t *sizes = arena_array(source->arena, (size_t)count + 1, sizeof(*sizes));
    buffers[0] = array->buffers[0];
    buffers[1] = views.ptr;
    for (int64_t i = 0; i < count; i++) {
        struct arrow_bytes data;
        if (!arrow_take_buffer(source, field, 0, &data))
            return false;
        buffers[2 + i] = data.ptr;
        sizes[i] = data.size;
    }
    buffers[2 + count] = sizes; /* C data interface: the last buffer holds the sizes of the others */
    array->buffers = buffers;
    array->n_buffers = count + 3;
    return arrow_check_views(field, array, buffers + 2, sizes, count, source->err);
}

static bool arrow_take_children(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    for (size_t i = 0; i < field->child_count; i++)
        if (!arrow_take_column(source, &field->children[i], array->children[i]))
            return false;
    return true;
}

/* Children that have at least a row for each of `rows`. */
static bool arrow_check_child_rows(struct arrow_source *source, const struct arrow_field *field,
                                   const struct ArrowArray *array, int64_t rows)
{
    for (size_t i = 0; i < field->child_count; i++)
        if (array->children[i]->length < rows)
            return arrow_batch_broken(source, field, "a nested column has too few values");
    return true;
}

static bool arrow_take_list(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    if (!arrow_take_offsets(source, field, array->length, &array->buffers[1]) ||
        !arrow_take_children(source, field, array))
        return false;
    const struct ArrowArray *child = array->children[0];
    if (field->map && (child->null_count > 0 || child->children[0]->null_count > 0))
        return arrow_batch_broken(source, field, "a map has a NULL as key or entry");
    return arrow_check_offsets(field, array->buffers[1], array->length, child->length, source->err);
}

static bool arrow_take_list_view(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    struct arrow_bytes offsets, sizes;
    int64_t wanted = array->length * (int64_t)field->width;
    if (!arrow_take_buffer(source, field, wanted, &offsets) || !arrow_take_buffer(source, field, wanted, &sizes))
        return false;
    array->buffers[1] = offsets.ptr;
    array->buffers[2] = sizes.ptr;
    return arrow_take_children(source, field, array) &&
           arrow_check_list_views(field, array, array->children[0]->length, source->err);
}

static bool arrow_take_union(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    struct arrow_bytes ids;
    if (!arrow_take_buffer(source, field, array->length, &ids))
        return false;
    array->buffers[0] = ids.ptr;
    return arrow_take_children(source, field, array) && arrow_check_child_rows(source, field, array, array->length) &&
           arrow_check_union(field, array, source->err);
}

static bool arrow_take_runs(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    if (!arrow_take_children(source, field, array))
        return false;
    if (array->children[0]->null_count > 0)
        return arrow_batch_broken(source, field, "an end of a run is NULL");
    return arrow_check_runs(field, array, source->err);
}

static bool arrow_take_layout(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    switch (field->layout) {
    case ARROW_LAYOUT_NULL:
        return true;
    case ARROW_LAYOUT_BITS:
        return arrow_take_bitmap(source, field, array->length, &array->buffers[1]);
    case ARROW_LAYOUT_FIXED:
        return arrow_take_fixed(source, field, array);
    case ARROW_LAYOUT_TEXT:
        return arrow_take_text(source, field, array);
    case ARROW_LAYOUT_VIEW:
        return arrow_take_views(source, field, array);
    case ARROW_LAYOUT_LIST:
        return arrow_take_list(source, field, array);
    case ARROW_LAYOUT_LIST_VIEW:
        return arrow_take_list_view(source, field, array);
    case ARROW_LAYOUT_FIXED_LIST:
        return arrow_take_children(source, field, array) &&
               arrow_check_child_rows(source, field, array, array->length * field->list_size);
    case ARROW_LAYOUT_STRUCT:
        return arrow_take_children(source, field, array) && arrow_check_child_rows(source, field, array, array->length);
    case ARROW_LAYOUT_UNION:
        return arrow_take_union(source, field, array);
    case ARROW_LAYOUT_RUNS:
        return arrow_take_runs(source, field, array);
    }
    mem_panic("an Arrow layout outside of the list");
}

static struct arrow_dictionary *arrow_dictionary_find(struct arrow_decoder *decoder, int64_t id)
{
    for (size_t i = 0; i < decoder->dictionaries.count; i++)
        if (decoder->dictionaries.items[i].id == id)
            return &decoder->dictionaries.items[i];
    return NULL;
}

static bool arrow_take_column(struct arrow_source *source, const struct arrow_field *field, struct ArrowArray *array)
{
    if (!arrow_take_node(source, field, array) || !arrow_take_layout(source, field, array))
        return false;
    if (!field->dictionary)
        return true;
    const struct arrow_dictionary *dictionary = arrow_dictionary_find(source->decoder, field->dictionary_id);
    if (!dictionary->arrived)
        return arrow_batch_broken(source, field, "its dictionary did not arrive");
    array->dictionary = arena_copy(source->arena, &dictionary->array, sizeof(dictionary->array));
    return arrow_check_indexes(field, array, dictionary->array.length, source->err);
}

static struct arrow_list arrow_list_from(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field,
                                         size_t item_size)
{
    struct arrow_flat_vector vector = arrow_flat_vector_at(flat, table, field, item_size);
    return (struct arrow_list){.items = arrow_flat_bytes(flat, vector, 0, item_size), .count = vector.count};
}

/* The table of a RecordBatch: its vectors and compression. */
static bool arrow_source_open(struct arrow_source *source, struct arrow_flat *flat, struct arrow_flat_table batch)
{
    source->nodes = arrow_list_from(flat, batch, BATCH_NODES, sizeof(struct arrow_node));
    source->buffers = arrow_list_from(flat, batch, BATCH_BUFFERS, sizeof(struct arrow_region));
    source->variadic = arrow_list_from(flat, batch, BATCH_VARIADIC, sizeof(int64_t));
    struct arrow_flat_table compression = arrow_flat_child(flat, batch, BATCH_COMPRESSION);
    source->codec = ARROW_CODEC_NONE;
    if (compression.at != 0) {
        uint8_t codec = arrow_flat_u8(flat, compression, 0, ARROW_CODEC_LZ4);
        if ((codec != ARROW_CODEC_LZ4 && codec != ARROW_CODEC_ZSTD) || arrow_flat_u8(flat, compression, 1, 0) != 0)
            return err_set(source->err, ERR_UNIMPLEMENTED, "the batch has an unknown compression");
        source->codec = (enum arrow_codec)codec;
    }
    if (flat->failed || batch.at == 0)
        return err_set(source->err, ERR_INVALID, "the Arrow message is broken");
    return true;
}

static bool arrow_source_closed(const struct arrow_source *source)
{
    if (source->node != source->nodes.count || source->buffer != source->buffers.count)
        return err_set(source->err, ERR_INVALID, "the batch has more fields or buffers than the schema");
    return true;
}

static bool arrow_take_batch(struct arrow_source *source, struct arrow_flat *flat, struct arrow_flat_table table,
                             struct arrow_batch *batch)
{
    if (!arrow_source_open(source, flat, table))
        return false;
    const struct arrow_field *root = source->decoder->schema;
    int64_t rows = arrow_flat_i64(flat, table, BATCH_LENGTH, 0);
    if (rows < 0 || rows > ARROW_ROWS_MAX)
        return err_set(source->err, ERR_INVALID, "the batch has an impossible number of rows");
    arrow_array_init(source, &batch->array, rows, 1, root->child_count);
    for (size_t i = 0; i < root->child_count; i++) {
        if (!arrow_take_column(source, &root->children[i], batch->array.children[i]))
            return false;
        if (batch->array.children[i]->length != rows)
            return arrow_batch_broken(source, &root->children[i], "it has another number of rows than the batch");
    }
    batch->size = source->size;
    return arrow_source_closed(source);
}

static void arrow_dictionary_done(struct arrow_dictionary *dictionary)
{
    arena_free(&dictionary->arena);
    mem_free(dictionary->bytes);
    dictionary->bytes = NULL;
}

/* A delta: old and new values as one, laid out like a message body and decoded like one. */
static bool arrow_dictionary_join(struct arrow_source *source, const struct arrow_dictionary *old,
                                  struct arrow_dictionary *value)
{
    const struct arrow_field *field = value->field->dictionary;
    struct arrow_piece pieces[2] = {{.array = &old->array, .count = old->array.length},
                                    {.array = &value->array, .count = value->array.length}};
    struct arrow_body body = {0};
    uint8_t *joined = NULL;
    arrow_body_start(&body, 8);
    bool ok = arrow_gather(&body, &field->c, pieces, 2, value->arena, source->err);
    if (ok && !(joined = mem_try_alloc(body.size + ARROW_BODY_SLACK)))
        ok = limits_err(LIMIT_UPLOAD_BUFFER, source->err);
    if (ok) {
        arrow_body_write(&body, joined);
        ok = arrow_gather(&body, &field->c, pieces, 2, value->arena, source->err);
    }
    if (ok) {
        arrow_body_finish(&body);
        *source = (struct arrow_source){.decoder = source->decoder,
                                        .arena = value->arena,
                                        .body = joined,
                                        .body_len = body.size,
                                        .codec = ARROW_CODEC_NONE,
                                        .err = source->err,
                                        .nodes = {(const uint8_t *)body.nodes.items, body.nodes.count},
                                        .buffers = {(const uint8_t *)body.regions.items, body.regions.count}};
        ok = arrow_take_column(source, field, &value->array);
    }
    arrow_body_done(&body);
    mem_free(value->bytes);
    value->bytes = joined;
    return ok;
}

/* Decodes into *value, which owns a copy of the body. */
static bool arrow_dictionary_read(struct arrow_source *source, struct arrow_flat *flat, struct arrow_flat_table table,
                                  const struct arrow_dictionary *old, struct arrow_dictionary *value)
{
    bool delta = arrow_flat_u8(flat, table, DICTIONARY_DELTA, 0) != 0;
    if (!(value->bytes = mem_try_alloc(source->body_len + ARROW_BITMAP_SLACK)))
        return limits_err(LIMIT_UPLOAD_BUFFER, source->err);
    if (source->body_len > 0)
        memcpy(value->bytes, source->body, source->body_len);
    value->arena = arena_new();
    source->body = value->bytes;
    source->arena = value->arena;
    if (!arrow_source_open(source, flat, arrow_flat_child(flat, table, DICTIONARY_DATA)) ||
        !arrow_take_column(source, value->field->dictionary, &value->array) || !arrow_source_closed(source))
        return false;
    value->size = source->size;
    if (!delta || !old->arrived)
        return true;
    value->size += old->size;
    if (old->size + source->decoder->dictionary_size > (size_t)limits_get(LIMIT_UPLOAD_BUFFER))
        return limits_err(LIMIT_UPLOAD_BUFFER, source->err);
    return arrow_dictionary_join(source, old, value);
}

static bool arrow_take_dictionary(struct arrow_source *source, struct arrow_flat *flat, struct arrow_flat_table table)
{
    struct arrow_decoder *decoder = source->decoder;
    struct arrow_dictionary *old = arrow_dictionary_find(decoder, arrow_flat_i64(flat, table, DICTIONARY_ID, 0));
    if (flat->failed || !old)
        return err_set(source->err, ERR_INVALID, "a dictionary arrived that no column has");
    struct arrow_dictionary value = {.id = old->id, .field = old->field, .arrived = true};
    bool ok = arrow_dictionary_read(source, flat, table, old, &value);
    if (ok && decoder->dictionary_size + value.size > (size_t)limits_get(LIMIT_UPLOAD_BUFFER))
        ok = limits_err(LIMIT_UPLOAD_BUFFER, source->err);
    if (!ok) {
        arrow_dictionary_done(&value);
        return err_wrap(source->err, "dictionary of column %s", old->field->path);
    }
    if (old->arrived)
        vec_push(&decoder->replaced, *old);
    decoder->dictionary_size += value.size;
    *old = value;
    return true;
}

bool arrow_decoder_join(struct arrow_decoder *decoder, const struct arrow_batch *batches, size_t count,
                        struct arena *arena, uint8_t **bytes_out, struct arrow_batch *batch_out, struct err *err)
{
    struct arrow_piece *pieces = arena_array(arena, count, sizeof(*pieces));
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct arrow_piece){.array = &batches[i].array, .count = batches[i].array.length};
    struct arrow_body body = {0};
    arrow_body_start(&body, 64);
    bool ok = arrow_gather(&body, &decoder->schema->c, pieces, count, arena, err);
    uint8_t *bytes = ok ? mem_try_alloc(body.size + ARROW_BODY_SLACK) : NULL;
    if (ok && !bytes)
        ok = limits_err(LIMIT_UPLOAD_BUFFER, err);
    if (ok) {
        arrow_body_write(&body, bytes);
        ok = arrow_gather(&body, &decoder->schema->c, pieces, count, arena, err);
    }
    if (ok) {
        arrow_body_finish(&body);
        struct arrow_source source = {.decoder = decoder,
                                      .arena = arena,
                                      .body = bytes,
                                      .body_len = body.size,
                                      .codec = ARROW_CODEC_NONE,
                                      .trusted = true,
                                      .err = err,
                                      .nodes = {(const uint8_t *)body.nodes.items, body.nodes.count},
                                      .buffers = {(const uint8_t *)body.regions.items, body.regions.count}};
        ok = arrow_take_column(&source, decoder->schema, &batch_out->array);
        batch_out->size = body.size;
    }
    arrow_body_done(&body);
    if (ok)
        *bytes_out = bytes;
    else
        mem_free(bytes);
    return ok;
}

bool arrow_decoder_message(struct arrow_decoder *decoder, struct str header, const uint8_t *body, size_t body_len,
                           struct arena *arena, struct arrow_batch *batch_out, bool *is_batch_out, struct err *err)
{
    struct arrow_flat flat = arrow_flat_from(header, ARROW_FIELDS_MAX);
    struct arrow_flat_table message = arrow_flat_root(&flat);
    uint8_t kind = arrow_flat_u8(&flat, message, ARROW_MESSAGE_HEADER_TYPE, 0);
    struct arrow_flat_table table = arrow_flat_child(&flat, message, ARROW_MESSAGE_HEADER);
    struct arrow_source source = {.decoder = decoder, .arena = arena, .body = body, .body_len = body_len, .err = err};
    if (flat.failed || (kind != ARROW_HEADER_DICTIONARY && kind != ARROW_HEADER_BATCH))
        return err_set(err, ERR_INVALID, "an Arrow message is neither a record batch nor a dictionary");
    if ((uintptr_t)body % 8 != 0)
        return err_set(err, ERR_INVALID, "the Arrow message's body is not aligned to 8 bytes");
    *is_batch_out = kind == ARROW_HEADER_BATCH;
    return *is_batch_out ? arrow_take_batch(&source, &flat, table, batch_out)
                         : arrow_take_dictionary(&source, &flat, table);
}

struct ArrowArray arrow_batch_slice(const struct ArrowArray *array, int64_t from, int64_t count, struct arena *arena)
{
    struct ArrowArray slice = *array;
    slice.length = count;
    slice.children = arena_array(arena, (size_t)array->n_children, sizeof(*slice.children));
    for (int64_t i = 0; i < array->n_children; i++) {
        slice.children[i] = arena_copy(arena, array->children[i], sizeof(*array));
        slice.children[i]->offset += from;
        slice.children[i]->length = count;
    }
    return slice;
}

int64_t arrow_message_body_length(struct str header)
{
    struct arrow_flat flat = arrow_flat_from(header, 1);
    int64_t length = arrow_flat_i64(&flat, arrow_flat_root(&flat), ARROW_MESSAGE_BODY_LENGTH, 0);
    return flat.failed || length < 0 ? -1 : length;
}

/* --- Life of the decoder --- */

static bool arrow_same_type(const struct arrow_field *a, const struct arrow_field *b)
{
    if (strcmp(a->c.format, b->c.format) != 0 || a->child_count != b->child_count)
        return false;
    for (size_t i = 0; i < a->child_count; i++)
        if (!arrow_same_type(&a->children[i], &b->children[i]))
            return false;
    return true;
}

static bool arrow_decoder_collect(struct arrow_decoder *decoder, const struct arrow_field *field, bool inside,
                                  struct err *err)
{
    if (field->dictionary) {
        const struct arrow_dictionary *known = arrow_dictionary_find(decoder, field->dictionary_id);
        if (inside)
            return err_set(err, ERR_UNIMPLEMENTED, "column %s: a dictionary inside a dictionary", field->path);
        if (known && !arrow_same_type(known->field->dictionary, field->dictionary))
            return err_set(err, ERR_INVALID, "column %s shares a dictionary of another type", field->path);
        struct arrow_dictionary dictionary = {.id = field->dictionary_id, .field = field};
        if (!known)
            vec_push(&decoder->dictionaries, dictionary);
        return arrow_decoder_collect(decoder, field->dictionary, true, err);
    }
    for (size_t i = 0; i < field->child_count; i++)
        if (!arrow_decoder_collect(decoder, &field->children[i], inside, err))
            return false;
    return true;
}

struct arrow_decoder *arrow_decoder_new(const struct arrow_field *schema, struct err *err)
{
    struct arrow_decoder *decoder = mem_new(struct arrow_decoder);
    decoder->schema = schema;
    if (!arrow_decoder_collect(decoder, schema, false, err))
        arrow_decoder_free(&decoder);
    return decoder;
}

void arrow_decoder_forget(struct arrow_decoder *decoder)
{
    for (size_t i = 0; i < decoder->replaced.count; i++) {
        decoder->dictionary_size -= decoder->replaced.items[i].size;
        arrow_dictionary_done(&decoder->replaced.items[i]);
    }
    vec_clear(&decoder->replaced);
}

void arrow_decoder_free(struct arrow_decoder **decoder)
{
    if (!*decoder)
        return;
    arrow_decoder_forget(*decoder);
    for (size_t i = 0; i < (*decoder)->dictionaries.count; i++)
        arrow_dictionary_done(&(*decoder)->dictionaries.items[i]);
    vec_done(&(*decoder)->dictionaries);
    vec_done(&(*decoder)->replaced);
    mem_free(*decoder);
    *decoder = NULL;
}
