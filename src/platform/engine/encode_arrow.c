/* Arrow results: chunks are held until they make a batch of about the wanted size, then laid out and written straight
 * into the memory that travels. Flat columns go through our kernels, the others through DuckDB's own export. */
#include "platform/engine/result.h"

#include <string.h>

#include "platform/arrow/gather.h"
#include "platform/arrow/message.h"
#include "platform/engine/column.h"
#include "platform/engine/failure.h"

enum {
    ENGINE_BATCH_MAX = 7 << 19, /* 3.5 MiB: with its header a message stays under 4 MiB, gRPC's usual limit */
    ENGINE_BATCH_CHUNKS = 256,  /* narrow results: 524,288 rows */
    ENGINE_ALIGNED_ROWS = 512,  /* batches of fewer rows pack their buffers at 8 bytes instead of 64 */
};

struct engine_held {
    duckdb_data_chunk chunk;
    size_t from, count;
    struct engine_vector *vectors; /* one per column; owned */
    struct ArrowArray rare;        /* struct of the rare columns; release is NULL without any */
};

struct engine_arrow {
    struct engine_encoder base;
    struct ArrowSchema schema;
    struct engine_column *columns; /* one per column */
    size_t *rare;                  /* indexes of the rare columns */
    size_t rare_count;
    bool dictionaries_wanted; /* some column has one, and they were not sent yet */
    duckdb_arrow_options options;
    struct arrow_header_builder *headers;
    struct arrow_body body;
    struct arena *scratch; /* lives as long as a batch */
    struct engine_held held[ENGINE_BATCH_CHUNKS];
    size_t held_count;
    size_t held_size;
};

static void engine_held_done(struct engine_held *held)
{
    engine_db.destroy_data_chunk(&held->chunk);
    if (held->rare.release)
        held->rare.release(&held->rare);
    mem_free(held->vectors);
    *held = (struct engine_held){0};
}

static bool engine_schema_has_dictionary(const struct ArrowSchema *schema)
{
    if (schema->dictionary)
        return true;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (engine_schema_has_dictionary(schema->children[i]))
            return true;
    return false;
}

/* Sends a message whose body is planned; fill writes it. */
static bool engine_arrow_send(struct engine_arrow *arrow, struct str header, uint8_t *place, uint64_t rows,
                              struct err *err)
{
    struct engine_encoder *encoder = &arrow->base;
    bool stream = encoder->request->format == ENGINE_FORMAT_ARROW;
    size_t prefix = stream ? arrow_prefix_size(header.len) : 0;
    if (stream)
        arrow_prefix_write(place, header);
    encoder->stats->rows += rows;
    encoder->stats->bytes += prefix + arrow->body.size;
    return encoder->output->send(encoder->output->owner, stream ? S("") : header, prefix + arrow->body.size, rows, err);
}

/* Memory for a planned body; with the prefix in front of it for a stream. */
static uint8_t *engine_arrow_reserve(struct engine_arrow *arrow, struct str header, struct err *err)
{
    const struct engine_output *output = arrow->base.output;
    size_t prefix = arrow->base.request->format == ENGINE_FORMAT_ARROW ? arrow_prefix_size(header.len) : 0;
    uint8_t *place = output->reserve(output->owner, prefix + arrow->body.size + ARROW_BODY_SLACK, err);
    if (place)
        arrow_body_write(&arrow->body, place + prefix);
    return place;
}

static bool engine_arrow_start(struct engine_encoder *encoder, struct err *err)
{
    struct engine_arrow *arrow = (struct engine_arrow *)encoder;
    struct engine_result *result = encoder->result;
    if (!engine_result_schema(result->session, result->types, result->names, result->column_count, &arrow->schema, err))
        return false;
    arrow->scratch = arena_new();
    arrow->headers = arrow_header_builder_new();
    arrow->columns = mem_array(result->column_count + 1, sizeof(*arrow->columns));
    arrow->rare = mem_array(result->column_count + 1, sizeof(*arrow->rare));
    engine_db.connection_get_arrow_options(result->session->connection, &arrow->options);
    for (size_t i = 0; i < result->column_count; i++) {
        arrow->columns[i] = engine_column_for(result->types[i], arrow->schema.children[i]);
        if (arrow->columns[i].kernel == ENGINE_KERNEL_RARE)
            arrow->rare[arrow->rare_count++] = i;
    }
    arrow->dictionaries_wanted = engine_schema_has_dictionary(&arrow->schema);
    struct buf header = {0};
    arrow_body_start(&arrow->body, 8);
    bool ok = arrow_message_schema(&header, &arrow->schema, err);
    if (ok) {
        uint8_t *place = engine_arrow_reserve(arrow, buf_str(&header), err);
        ok = place && engine_arrow_send(arrow, buf_str(&header), place, 0, err);
    }
    buf_done(&header);
    return ok;
}

/* DuckDB's export of some columns of a chunk, as a struct array. */
static bool engine_arrow_export(struct engine_arrow *arrow, duckdb_data_chunk chunk, const size_t *columns,
                                size_t count, struct ArrowArray *array_out, struct err *err)
{
    struct engine_result *result = arrow->base.result;
    duckdb_logical_type *types = mem_array(count, sizeof(*types));
    for (size_t i = 0; i < count; i++)
        types[i] = result->types[columns[i]];
    duckdb_data_chunk part = engine_db.create_data_chunk(types, count);
    mem_free(types);
    if (!part)
        return err_set(err, ERR_UNIMPLEMENTED, "the result has a type that cannot be exported");
    for (size_t i = 0; i < count; i++)
        engine_db.vector_reference_vector(engine_db.data_chunk_get_vector(part, i),
                                          engine_db.data_chunk_get_vector(chunk, columns[i]));
    engine_db.data_chunk_set_size(part, engine_db.data_chunk_get_size(chunk));
    duckdb_error_data error = engine_db.data_chunk_to_arrow(arrow->options, part, array_out);
    engine_db.destroy_data_chunk(&part);
    return engine_failure_data(result->session->engine, error, err);
}

static bool engine_arrow_dictionary(struct engine_arrow *arrow, const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, int64_t *id, struct err *err);

/* Dictionaries lie in the order of the fields, outer before inner, as the schema message numbers them. */
static bool engine_arrow_dictionary_tree(struct engine_arrow *arrow, const struct ArrowSchema *schema,
                                         const struct ArrowArray *array, int64_t *id, struct err *err)
{
    if (schema->dictionary && !engine_arrow_dictionary(arrow, schema->dictionary, array->dictionary, id, err))
        return false;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!engine_arrow_dictionary_tree(arrow, schema->children[i], array->children[i], id, err))
            return false;
    return true;
}

static bool engine_arrow_dictionary(struct engine_arrow *arrow, const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, int64_t *id, struct err *err)
{
    struct arrow_piece piece = {.array = array, .count = array->length};
    arrow_body_start(&arrow->body, 8);
    if (!arrow_gather(&arrow->body, schema, &piece, 1, arrow->scratch, err))
        return false;
    struct str header = arrow_header_build(arrow->headers, &arrow->body, array->length, (*id)++);
    uint8_t *place = engine_arrow_reserve(arrow, header, err);
    if (!place || !arrow_gather(&arrow->body, schema, &piece, 1, arrow->scratch, err))
        return false;
    arrow_body_finish(&arrow->body);
    return engine_arrow_send(arrow, header, place, 0, err);
}

/* An enum's dictionary is a part of its type, so what the first chunk says holds for all. */
static bool engine_arrow_dictionaries(struct engine_arrow *arrow, duckdb_data_chunk chunk, struct err *err)
{
    size_t count = arrow->base.result->column_count, wanted = 0;
    size_t *columns = mem_array(count, sizeof(*columns));
    for (size_t i = 0; i < count; i++)
        if (engine_schema_has_dictionary(arrow->schema.children[i]))
            columns[wanted++] = i;
    struct ArrowArray array = {0};
    bool ok = engine_arrow_export(arrow, chunk, columns, wanted, &array, err);
    int64_t id = 0;
    for (size_t i = 0; ok && i < wanted; i++)
        ok = engine_arrow_dictionary_tree(arrow, arrow->schema.children[columns[i]], array.children[i], &id, err);
    if (array.release)
        array.release(&array);
    mem_free(columns);
    arrow->dictionaries_wanted = false;
    return ok;
}

static bool engine_arrow_columns(struct engine_arrow *arrow, struct engine_held *held, size_t held_count,
                                 struct err *err)
{
    size_t rare = 0;
    struct engine_vector *vectors = arena_array(arrow->scratch, held_count, sizeof(*vectors));
    struct arrow_piece *pieces = arena_array(arrow->scratch, held_count, sizeof(*pieces));
    for (size_t column = 0; column < arrow->base.result->column_count; column++) {
        bool ok;
        if (arrow->columns[column].kernel == ENGINE_KERNEL_RARE) {
            for (size_t i = 0; i < held_count; i++)
                pieces[i] = (struct arrow_piece){.array = held[i].rare.children[rare],
                                                 .from = (int64_t)held[i].from,
                                                 .count = (int64_t)held[i].count};
            rare++;
            ok = arrow_gather(&arrow->body, arrow->schema.children[column], pieces, held_count, arrow->scratch, err);
        } else {
            for (size_t i = 0; i < held_count; i++)
                vectors[i] = held[i].vectors[column];
            ok = engine_column_encode(&arrow->columns[column], vectors, held_count, &arrow->body, err);
        }
        if (!ok)
            return false;
    }
    return true;
}

static bool engine_arrow_batch(struct engine_arrow *arrow, struct engine_held *held, size_t held_count, struct err *err)
{
    size_t rows = 0;
    for (size_t i = 0; i < held_count; i++)
        rows += held[i].count;
    arrow_body_start(&arrow->body, rows < ENGINE_ALIGNED_ROWS ? 8 : 64);
    bool ok = engine_arrow_columns(arrow, held, held_count, err);
    if (ok) {
        struct str header = arrow_header_build(arrow->headers, &arrow->body, (int64_t)rows, -1);
        uint8_t *place = engine_arrow_reserve(arrow, header, err);
        ok = place && engine_arrow_columns(arrow, held, held_count, err);
        if (ok) {
            arrow_body_finish(&arrow->body);
            ok = engine_arrow_send(arrow, header, place, rows, err);
        }
    }
    arena_reset(arrow->scratch);
    return ok;
}

static bool engine_arrow_flush(struct engine_arrow *arrow, struct err *err)
{
    bool ok = arrow->held_count == 0 || engine_arrow_batch(arrow, arrow->held, arrow->held_count, err);
    for (size_t i = 0; i < arrow->held_count; i++)
        engine_held_done(&arrow->held[i]);
    arrow->held_count = 0;
    arrow->held_size = 0;
    return ok;
}

/* About how many bytes these rows take in a body; sizes of texts are kept for the encoding. */
static bool engine_arrow_measure(struct engine_arrow *arrow, struct engine_held *held, size_t *size_out,
                                 struct err *err)
{
    size_t size = 0, rare = 0;
    arrow_body_start(&arrow->body, 8);
    for (size_t column = 0; column < arrow->base.result->column_count; column++) {
        const struct engine_column *type = &arrow->columns[column];
        if (type->kernel == ENGINE_KERNEL_RARE) {
            struct arrow_piece piece = {
                .array = held->rare.children[rare++], .from = (int64_t)held->from, .count = (int64_t)held->count};
            if (!arrow_gather(&arrow->body, type->schema, &piece, 1, arrow->scratch, err))
                return false;
            continue;
        }
        size += type->width * held->count;
        if (type->kernel == ENGINE_KERNEL_TEXT)
            size += held->vectors[column].text_size = engine_column_text_size(&held->vectors[column]);
    }
    *size_out = size + arrow->body.size;
    return true;
}

static void engine_held_rows(struct engine_held *held, size_t column_count, size_t from, size_t count)
{
    held->from = from;
    held->count = count;
    for (size_t i = 0; i < column_count; i++) {
        held->vectors[i].from = from;
        held->vectors[i].count = count;
    }
}

/* A chunk of large rows goes out in several batches, at the least one row each. */
static bool engine_arrow_split(struct engine_arrow *arrow, struct engine_held *held, struct err *err)
{
    size_t columns = arrow->base.result->column_count, rows = held->count, from = 0;
    while (from < rows) {
        size_t count = rows - from, size;
        for (;; count = (count + 1) / 2) {
            engine_held_rows(held, columns, from, count);
            if (!engine_arrow_measure(arrow, held, &size, err))
                return false;
            if (size <= ENGINE_BATCH_MAX || count == 1)
                break;
        }
        if (!engine_arrow_batch(arrow, held, 1, err))
            return false;
        from += count;
    }
    return true;
}

/* Holds the chunk, or sends it at once when it is large. Takes `held`. */
static bool engine_arrow_keep(struct engine_arrow *arrow, struct engine_held *held, struct err *err)
{
    size_t target = arrow->base.request->batch_target, size;
    bool ok = engine_arrow_measure(arrow, held, &size, err);
    arena_reset(arrow->scratch);
    bool full = ok && (arrow->held_count == ENGINE_BATCH_CHUNKS || arrow->held_size + size > target + target / 4 ||
                       arrow->held_size + size > ENGINE_BATCH_MAX);
    if (full && arrow->held_count > 0)
        ok = engine_arrow_flush(arrow, err);
    if (!ok || size > ENGINE_BATCH_MAX) {
        ok = ok && engine_arrow_split(arrow, held, err);
        engine_held_done(held);
        return ok;
    }
    arrow->held[arrow->held_count++] = *held;
    arrow->held_size += size;
    bool first = arrow->base.stats->rows == 0;
    return first || arrow->held_size >= target ? engine_arrow_flush(arrow, err) : true;
}

static bool engine_arrow_chunk(struct engine_encoder *encoder, duckdb_data_chunk chunk, struct err *err)
{
    struct engine_arrow *arrow = (struct engine_arrow *)encoder;
    size_t columns = encoder->result->column_count;
    struct engine_held held = {.chunk = chunk, .count = engine_db.data_chunk_get_size(chunk)};
    held.vectors = mem_array(columns + 1, sizeof(*held.vectors));
    bool ok = !arrow->dictionaries_wanted || engine_arrow_dictionaries(arrow, chunk, err);
    if (ok && arrow->rare_count > 0)
        ok = engine_arrow_export(arrow, chunk, arrow->rare, arrow->rare_count, &held.rare, err);
    if (!ok) {
        engine_held_done(&held);
        return false;
    }
    for (size_t i = 0; i < columns; i++) {
        duckdb_vector vector = engine_db.data_chunk_get_vector(chunk, i);
        held.vectors[i].data = engine_db.vector_get_data(vector);
        held.vectors[i].valid = engine_db.vector_get_validity(vector);
    }
    engine_held_rows(&held, columns, 0, held.count);
    return engine_arrow_keep(arrow, &held, err);
}

static bool engine_arrow_finish(struct engine_encoder *encoder, struct err *err)
{
    struct engine_arrow *arrow = (struct engine_arrow *)encoder;
    if (!engine_arrow_flush(arrow, err))
        return false;
    if (encoder->request->format != ENGINE_FORMAT_ARROW)
        return true;
    uint8_t *place = encoder->output->reserve(encoder->output->owner, sizeof(arrow_end_of_stream), err);
    if (!place)
        return false;
    memcpy(place, arrow_end_of_stream, sizeof(arrow_end_of_stream));
    encoder->stats->bytes += sizeof(arrow_end_of_stream);
    return encoder->output->send(encoder->output->owner, S(""), sizeof(arrow_end_of_stream), 0, err);
}

static void engine_arrow_free(struct engine_encoder *encoder)
{
    struct engine_arrow *arrow = (struct engine_arrow *)encoder;
    for (size_t i = 0; i < arrow->held_count; i++)
        engine_held_done(&arrow->held[i]);
    if (arrow->schema.release)
        arrow->schema.release(&arrow->schema);
    if (arrow->options)
        engine_db.destroy_arrow_options(&arrow->options);
    arrow_header_builder_free(&arrow->headers);
    arrow_body_done(&arrow->body);
    arena_free(&arrow->scratch);
    mem_free(arrow->columns);
    mem_free(arrow->rare);
}

const struct engine_encoder_kind engine_encoder_arrow = {
    .start = engine_arrow_start,
    .chunk = engine_arrow_chunk,
    .finish = engine_arrow_finish,
    .free = engine_arrow_free,
    .size = sizeof(struct engine_arrow),
};
