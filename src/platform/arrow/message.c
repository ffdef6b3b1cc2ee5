/* Encoding of Arrow IPC headers. Schemas go through nanoarrow; headers of batches are built directly with flatcc,
 * because there is one for every block of a result. */
#include "platform/arrow/message.h"

#include <assert.h>
#include <string.h>

#include <nanoarrow/nanoarrow_ipc.h>
#include <nanoarrow/flatcc_generated.h>

#define ns(x) FLATBUFFERS_WRAP_NAMESPACE(org_apache_arrow_flatbuf, x)

const uint8_t arrow_end_of_stream[8] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};

bool arrow_message_schema(struct buf *flatbuffer, const struct ArrowSchema *schema, struct err *err)
{
    struct ArrowIpcEncoder encoder;
    struct ArrowError error = {0};
    struct ArrowBuffer out;
    if (ArrowIpcEncoderInit(&encoder) != NANOARROW_OK)
        mem_panic("no memory for an Arrow encoder");
    ArrowBufferInit(&out);
    bool ok = ArrowIpcEncoderEncodeSchema(&encoder, schema, &error) == NANOARROW_OK &&
              ArrowIpcEncoderFinalizeBuffer(&encoder, 0, &out) == NANOARROW_OK;
    if (ok)
        buf_append(flatbuffer, out.data, (size_t)out.size_bytes);
    else
        err_set(err, ERR_UNIMPLEMENTED, "the result has a type that Arrow IPC cannot carry: %s", error.message);
    ArrowBufferReset(&out);
    ArrowIpcEncoderReset(&encoder);
    return ok;
}

static size_t arrow_align(size_t size, size_t alignment)
{
    return (size + alignment - 1) & ~(alignment - 1);
}

void arrow_body_start(struct arrow_body *body, size_t alignment)
{
    assert(alignment == 8 || alignment == 64);
    vec_clear(&body->nodes);
    vec_clear(&body->regions);
    body->size = 0;
    body->alignment = alignment;
    body->base = NULL;
    body->next = 0;
}

void arrow_body_write(struct arrow_body *body, uint8_t *base)
{
    assert(!body->base && base);
    body->base = base;
    body->next = 0;
}

void arrow_body_node(struct arrow_body *body, int64_t length, int64_t nulls)
{
    struct arrow_node node = {.length = length, .nulls = nulls};
    if (!body->base)
        vec_push(&body->nodes, node);
}

/* Zeroes from the end of the region before this one, so that no earlier message's bytes leave with this one. */
static void arrow_body_zero_gap(struct arrow_body *body, size_t region, size_t until)
{
    size_t from = 0;
    if (region > 0)
        from = (size_t)(body->regions.items[region - 1].offset + body->regions.items[region - 1].size);
    memset(body->base + from, 0, until - from);
}

uint8_t *arrow_body_buffer(struct arrow_body *body, size_t size)
{
    if (!body->base) {
        size_t start = size > 0 ? arrow_align(body->size, body->alignment) : body->size;
        struct arrow_region region = {.offset = (int64_t)start, .size = (int64_t)size};
        vec_push(&body->regions, region);
        body->size = arrow_align(start + size, 8);
        return NULL;
    }
    assert(body->next < body->regions.count && (size_t)body->regions.items[body->next].size == size);
    return arrow_body_next(body);
}

uint8_t *arrow_body_next(struct arrow_body *body)
{
    assert(body->base && body->next < body->regions.count);
    const struct arrow_region *region = &body->regions.items[body->next];
    arrow_body_zero_gap(body, body->next, (size_t)region->offset);
    body->next++;
    return body->base + region->offset;
}

void arrow_body_finish(struct arrow_body *body)
{
    assert(body->base && body->next == body->regions.count);
    arrow_body_zero_gap(body, body->next, body->size);
}

void arrow_body_done(struct arrow_body *body)
{
    vec_done(&body->nodes);
    vec_done(&body->regions);
}

struct arrow_header_builder {
    flatcc_builder_t flatcc;
    struct buf out;
};

struct arrow_header_builder *arrow_header_builder_new(void)
{
    struct arrow_header_builder *builder = mem_new(struct arrow_header_builder);
    if (flatcc_builder_init(&builder->flatcc) != 0)
        mem_panic("no memory for a flatbuffer builder");
    return builder;
}

void arrow_header_builder_free(struct arrow_header_builder **builder)
{
    if (!*builder)
        return;
    flatcc_builder_clear(&(*builder)->flatcc);
    buf_done(&(*builder)->out);
    mem_free(*builder);
    *builder = NULL;
}

static bool arrow_header_batch(flatcc_builder_t *flatcc, const struct arrow_body *body, int64_t rows)
{
    static_assert(sizeof(struct arrow_node) == sizeof(ns(FieldNode_t)), "nodes are copied as they are");
    static_assert(sizeof(struct arrow_region) == sizeof(ns(Buffer_t)), "buffers are copied as they are");
    return ns(RecordBatch_length_add(flatcc, rows)) == 0 &&
           ns(RecordBatch_nodes_create(flatcc, (const ns(FieldNode_t) *)(const void *)body->nodes.items,
                                       body->nodes.count)) == 0 &&
           ns(RecordBatch_buffers_create(flatcc, (const ns(Buffer_t) *)(const void *)body->regions.items,
                                         body->regions.count)) == 0;
}

static bool arrow_header_content(flatcc_builder_t *flatcc, const struct arrow_body *body, int64_t rows,
                                 int64_t dictionary_id)
{
    if (dictionary_id < 0)
        return ns(Message_header_RecordBatch_start(flatcc)) == 0 && arrow_header_batch(flatcc, body, rows) &&
               ns(Message_header_RecordBatch_end(flatcc)) == 0;
    return ns(Message_header_DictionaryBatch_start(flatcc)) == 0 &&
           ns(DictionaryBatch_id_add(flatcc, dictionary_id)) == 0 && ns(DictionaryBatch_data_start(flatcc)) == 0 &&
           arrow_header_batch(flatcc, body, rows) && ns(DictionaryBatch_data_end(flatcc)) == 0 &&
           ns(Message_header_DictionaryBatch_end(flatcc)) == 0;
}

struct str arrow_header_build(struct arrow_header_builder *builder, const struct arrow_body *body, int64_t rows,
                              int64_t dictionary_id)
{
    flatcc_builder_t *flatcc = &builder->flatcc;
    flatcc_builder_reset(flatcc);
    bool ok = ns(Message_start_as_root(flatcc)) == 0 && ns(Message_version_add(flatcc, ns(MetadataVersion_V5))) == 0 &&
              arrow_header_content(flatcc, body, rows, dictionary_id) &&
              ns(Message_bodyLength_add(flatcc, (int64_t)body->size)) == 0 && ns(Message_end_as_root(flatcc)) != 0;
    if (!ok)
        mem_panic("no memory for a flatbuffer");
    size_t size = flatcc_builder_get_buffer_size(flatcc);
    buf_clear(&builder->out);
    flatcc_builder_copy_buffer(flatcc, buf_reserve(&builder->out, size), size);
    buf_commit(&builder->out, size);
    return buf_str(&builder->out);
}

size_t arrow_prefix_size(size_t flatbuffer_len)
{
    return 8 + arrow_align(flatbuffer_len, 8);
}

void arrow_prefix_write(uint8_t *out, struct str flatbuffer)
{
    size_t padded = arrow_align(flatbuffer.len, 8);
    uint32_t length = (uint32_t)padded;
    memset(out, 0xff, 4);
    memcpy(out + 4, &length, 4);
    memcpy(out + 8, flatbuffer.ptr, flatbuffer.len);
    memset(out + 8 + flatbuffer.len, 0, padded - flatbuffer.len);
}
