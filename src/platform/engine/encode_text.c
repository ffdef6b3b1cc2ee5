/* CSV (RFC 4180), JSON and JSON lines: rows are printed into a buffer that goes out when it is full. */
#include <string.h>

#include "base/csv.h"
#include "platform/engine/result.h"
#include "platform/engine/value.h"
#include "platform/json/json.h"

struct engine_text {
    struct engine_encoder base;
    struct arena *arena;
    struct engine_value_type *types; /* one per column */
    struct engine_value_view *views;
    struct str *keys; /* JSON lines: `"name":` */
    struct buf out;
    struct buf field; /* CSV: a value before it is quoted */
    uint64_t rows_sent;
    uint64_t rows;
};

static bool engine_text_send(struct engine_text *text, struct err *err)
{
    const struct engine_output *output = text->base.output;
    size_t target = text->base.request->batch_target;
    while (buf_len(&text->out) > 0) {
        size_t size = buf_len(&text->out) < target ? buf_len(&text->out) : target;
        uint8_t *place = output->reserve(output->owner, size, err);
        if (!place)
            return false;
        memcpy(place, buf_str(&text->out).ptr, size);
        if (!output->send(output->owner, S(""), size, text->rows - text->rows_sent, err))
            return false;
        text->rows_sent = text->rows;
        text->base.stats->bytes += size;
        buf_consume(&text->out, size);
    }
    return true;
}

/* --- CSV --- */

static void engine_csv_header(struct engine_text *text)
{
    for (size_t i = 0; i < text->base.result->column_count; i++) {
        if (i > 0)
            buf_append_char(&text->out, ',');
        csv_append(&text->out, str_from(text->base.result->names[i]));
    }
    buf_append_str(&text->out, S("\r\n"));
}

/* NULL is nothing between the commas; an empty text is "". */
static void engine_csv_row(struct engine_text *text, size_t row)
{
    for (size_t i = 0; i < text->base.result->column_count; i++) {
        if (i > 0)
            buf_append_char(&text->out, ',');
        if (text->types[i].id == DUCKDB_TYPE_SQLNULL || engine_value_is_null(&text->views[i], row))
            continue;
        buf_clear(&text->field);
        engine_value_text(&text->field, &text->types[i], &text->views[i], row);
        csv_append(&text->out, buf_str(&text->field));
    }
    buf_append_str(&text->out, S("\r\n"));
}

/* --- JSON --- */

static void engine_json_header(struct engine_text *text)
{
    struct json_writer json = {.buf = &text->out};
    json_begin_object(&json, NULL);
    json_write_text(&json, "statement", text->base.request->statement_id);
    json_begin_array(&json, "columns");
    for (size_t i = 0; i < text->base.result->column_count; i++) {
        json_begin_object(&json, NULL);
        json_write_text(&json, "name", str_from(text->base.result->names[i]));
        json_write_text(&json, "type", text->types[i].name);
        json_end_object(&json);
    }
    json_end_array(&json);
    buf_append_str(&text->out, S(",\"rows\":["));
}

static void engine_json_row(struct engine_text *text, size_t row)
{
    buf_append_str(&text->out, text->rows > 0 ? S(",\n[") : S("\n["));
    for (size_t i = 0; i < text->base.result->column_count; i++) {
        if (i > 0)
            buf_append_char(&text->out, ',');
        engine_value_json(&text->out, &text->types[i], &text->views[i], row);
    }
    buf_append_char(&text->out, ']');
}

static void engine_json_line(struct engine_text *text, size_t row)
{
    buf_append_char(&text->out, '{');
    for (size_t i = 0; i < text->base.result->column_count; i++) {
        if (i > 0)
            buf_append_char(&text->out, ',');
        buf_append_str(&text->out, text->keys[i]);
        engine_value_json(&text->out, &text->types[i], &text->views[i], row);
    }
    buf_append_str(&text->out, S("}\n"));
}

/* --- The encoder --- */

static bool engine_text_start(struct engine_encoder *encoder, struct err *err)
{
    struct engine_text *text = (struct engine_text *)encoder;
    size_t count = encoder->result->column_count;
    text->arena = arena_new();
    text->types = arena_array(text->arena, count + 1, sizeof(*text->types));
    text->views = arena_array(text->arena, count + 1, sizeof(*text->views));
    text->keys = arena_array(text->arena, count + 1, sizeof(*text->keys));
    for (size_t i = 0; i < count; i++) {
        const char *name = encoder->result->names[i];
        if (!engine_value_type_init(&text->types[i], encoder->result->types[i], name, text->arena, err))
            return false;
        text->views[i] = engine_value_view_new(&text->types[i], text->arena);
        buf_clear(&text->field);
        json_escape(&text->field, str_from(name));
        buf_append_char(&text->field, ':');
        text->keys[i] = str_copy(text->arena, buf_str(&text->field));
    }
    if (encoder->request->format == ENGINE_FORMAT_CSV)
        engine_csv_header(text);
    else if (encoder->request->format == ENGINE_FORMAT_JSON)
        engine_json_header(text);
    return true;
}

static bool engine_text_chunk(struct engine_encoder *encoder, duckdb_data_chunk chunk, struct err *err)
{
    struct engine_text *text = (struct engine_text *)encoder;
    size_t rows = engine_db.data_chunk_get_size(chunk);
    bool ok = true, first = text->rows == 0;
    for (size_t i = 0; i < encoder->result->column_count; i++)
        engine_value_view_set(&text->views[i], &text->types[i], engine_db.data_chunk_get_vector(chunk, i));
    for (size_t row = 0; ok && row < rows; row++) {
        if (encoder->request->format == ENGINE_FORMAT_CSV)
            engine_csv_row(text, row);
        else if (encoder->request->format == ENGINE_FORMAT_JSON)
            engine_json_row(text, row);
        else
            engine_json_line(text, row);
        text->rows++;
        if (buf_len(&text->out) >= encoder->request->batch_target)
            ok = engine_text_send(text, err);
    }
    engine_db.destroy_data_chunk(&chunk);
    encoder->stats->rows = text->rows;
    return ok && (!first || engine_text_send(text, err));
}

static bool engine_text_finish(struct engine_encoder *encoder, struct err *err)
{
    struct engine_text *text = (struct engine_text *)encoder;
    if (encoder->request->format == ENGINE_FORMAT_JSON)
        buf_printf(&text->out, "\n],\"row_count\":%llu}\n", (unsigned long long)text->rows);
    return engine_text_send(text, err);
}

static void engine_text_free(struct engine_encoder *encoder)
{
    struct engine_text *text = (struct engine_text *)encoder;
    buf_done(&text->out);
    buf_done(&text->field);
    arena_free(&text->arena);
}

const struct engine_encoder_kind engine_encoder_text = {
    .start = engine_text_start,
    .chunk = engine_text_chunk,
    .finish = engine_text_finish,
    .free = engine_text_free,
    .size = sizeof(struct engine_text),
};
