/* Decoding of schemas. */
#include "platform/arrow/schema.h"

#include <string.h>

#include "base/buf.h"
#include "base/writer.h"
#include "platform/arrow/flat.h"

/* Type union of Schema.fbs. */
enum {
    ARROW_TYPE_NULL = 1,
    ARROW_TYPE_INT,
    ARROW_TYPE_FLOAT,
    ARROW_TYPE_BINARY,
    ARROW_TYPE_UTF8,
    ARROW_TYPE_BOOL,
    ARROW_TYPE_DECIMAL,
    ARROW_TYPE_DATE,
    ARROW_TYPE_TIME,
    ARROW_TYPE_TIMESTAMP,
    ARROW_TYPE_INTERVAL,
    ARROW_TYPE_LIST,
    ARROW_TYPE_STRUCT,
    ARROW_TYPE_UNION,
    ARROW_TYPE_FIXED_BINARY,
    ARROW_TYPE_FIXED_LIST,
    ARROW_TYPE_MAP,
    ARROW_TYPE_DURATION,
    ARROW_TYPE_LARGE_BINARY,
    ARROW_TYPE_LARGE_UTF8,
    ARROW_TYPE_LARGE_LIST,
    ARROW_TYPE_RUNS,
    ARROW_TYPE_BINARY_VIEW,
    ARROW_TYPE_UTF8_VIEW,
    ARROW_TYPE_LIST_VIEW,
    ARROW_TYPE_LARGE_LIST_VIEW,
};

/* Field.fbs, DictionaryEncoding.fbs, Schema.fbs: numbers of fields. */
enum { FIELD_NAME, FIELD_NULLABLE, FIELD_TYPE_TYPE, FIELD_TYPE, FIELD_DICTIONARY, FIELD_CHILDREN, FIELD_METADATA };
enum { DICTIONARY_ID, DICTIONARY_INDEX_TYPE, DICTIONARY_ORDERED };
enum { SCHEMA_ENDIANNESS, SCHEMA_FIELDS };

enum {
    ARROW_FIXED_WIDTH_MAX = 1 << 20,
    ARROW_LIST_SIZE_MAX = 1 << 24,
    ARROW_UNION_MAX = 127,
    ARROW_NAME_MAX = 1024,
    ARROW_METADATA_MAX = 65536
};

struct arrow_schema_decoder {
    struct arena *arena;
    struct arrow_flat flat;
    size_t fields_left;
    struct err *err;
};

/* Extension types whose storage may hold anything without harm to DuckDB. Others keep their storage type. */
static const struct {
    const char *name;
    const char *format; /* of the storage */
} arrow_extensions[] = {
    {"arrow.uuid", "w:16"}, {"arrow.json", "u"}, {"arrow.json", "U"}, {"arrow.bool8", "c"}, {"geoarrow.wkb", "z"},
};

static bool arrow_refuse(struct arrow_schema_decoder *decoder, const struct arrow_field *field, const char *type)
{
    return err_set(decoder->err, ERR_UNIMPLEMENTED, "column %s: the Arrow type %s cannot be stored", field->path, type);
}

static bool arrow_plain(struct arrow_field *field, enum arrow_layout layout, size_t width, const char *format)
{
    field->layout = layout;
    field->width = width;
    field->c.format = format;
    return true;
}

static bool arrow_decode_int(struct arrow_schema_decoder *decoder, struct arrow_flat_table type,
                             struct arrow_field *field)
{
    int32_t bits = arrow_flat_i32(&decoder->flat, type, 0, 0);
    field->is_signed = arrow_flat_u8(&decoder->flat, type, 1, 0) != 0;
    switch (bits) {
    case 8:
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 1, field->is_signed ? "c" : "C");
    case 16:
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 2, field->is_signed ? "s" : "S");
    case 32:
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 4, field->is_signed ? "i" : "I");
    case 64:
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 8, field->is_signed ? "l" : "L");
    default:
        return arrow_refuse(decoder, field, "int of an odd width");
    }
}

static bool arrow_decode_decimal(struct arrow_schema_decoder *decoder, struct arrow_flat_table type,
                                 struct arrow_field *field)
{
    int32_t precision = arrow_flat_i32(&decoder->flat, type, 0, 0), scale = arrow_flat_i32(&decoder->flat, type, 1, 0);
    int32_t bits = arrow_flat_i32(&decoder->flat, type, 2, 128);
    if (bits != 32 && bits != 64 && bits != 128)
        return arrow_refuse(decoder, field, bits == 256 ? "decimal256" : "decimal of an odd width");
    int32_t widest = bits == 32 ? 9 : bits == 64 ? 18 : 38;
    if (precision < 1 || precision > widest || scale < 0 || scale > precision)
        return arrow_refuse(decoder, field, "decimal with this precision and scale");
    const char *format = bits == 128 ? str_format(decoder->arena, "d:%d,%d", precision, scale).ptr
                                     : str_format(decoder->arena, "d:%d,%d,%d", precision, scale, bits).ptr;
    field->decimal_digits = precision;
    return arrow_plain(field, ARROW_LAYOUT_FIXED, (size_t)bits / 8, format);
}

static bool arrow_decode_time(struct arrow_schema_decoder *decoder, struct arrow_flat_table type,
                              struct arrow_field *field)
{
    static const char *const formats[] = {"tts", "ttm", "ttu", "ttn"};
    int16_t unit = arrow_flat_i16(&decoder->flat, type, 0, 1);
    int32_t bits = arrow_flat_i32(&decoder->flat, type, 1, 32);
    if (unit < 0 || unit > 3 || bits != (unit < 2 ? 32 : 64))
        return arrow_refuse(decoder, field, "time of an odd width");
    return arrow_plain(field, ARROW_LAYOUT_FIXED, (size_t)bits / 8, formats[unit]);
}

static bool arrow_decode_timestamp(struct arrow_schema_decoder *decoder, struct arrow_flat_table type,
                                   struct arrow_field *field)
{
    int16_t unit = arrow_flat_i16(&decoder->flat, type, 0, 0);
    struct str zone = arrow_flat_text(&decoder->flat, type, 1);
    if (unit < 0 || unit > 3 || zone.len > 64 || !str_is_utf8(zone.ptr, zone.len))
        return arrow_refuse(decoder, field, "timestamp");
    const char *format = str_format(decoder->arena, "ts%c:%.*s", "smun"[unit], STR_ARG(zone)).ptr;
    return arrow_plain(field, ARROW_LAYOUT_FIXED, 8, format);
}

static bool arrow_decode_units(struct arrow_schema_decoder *decoder, struct arrow_flat_table type, uint8_t kind,
                               struct arrow_field *field)
{
    static const char *const durations[] = {"tDs", "tDm", "tDu", "tDn"};
    static const char *const intervals[] = {"tiM", "tiD", "tin"};
    static const size_t interval_widths[] = {4, 8, 16};
    int16_t unit = arrow_flat_i16(&decoder->flat, type, 0, kind == ARROW_TYPE_INTERVAL ? 0 : 1);
    if (kind == ARROW_TYPE_DATE && (unit == 0 || unit == 1))
        return arrow_plain(field, ARROW_LAYOUT_FIXED, unit == 0 ? 4 : 8, unit == 0 ? "tdD" : "tdm");
    if (kind == ARROW_TYPE_DURATION && unit >= 0 && unit <= 3)
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 8, durations[unit]);
    if (kind == ARROW_TYPE_INTERVAL && unit >= 0 && unit <= 2)
        return arrow_plain(field, ARROW_LAYOUT_FIXED, interval_widths[unit], intervals[unit]);
    return arrow_refuse(decoder, field, "date or time of an unknown unit");
}

static bool arrow_decode_float(struct arrow_schema_decoder *decoder, struct arrow_flat_table type,
                               struct arrow_field *field)
{
    int16_t precision = arrow_flat_i16(&decoder->flat, type, 0, 0);
    if (precision == 1)
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 4, "f");
    if (precision == 2)
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 8, "g");
    return arrow_refuse(decoder, field, "halffloat");
}

static bool arrow_decode_sized(struct arrow_schema_decoder *decoder, struct arrow_flat_table type, uint8_t kind,
                               struct arrow_field *field)
{
    int32_t size = arrow_flat_i32(&decoder->flat, type, 0, 0);
    if (kind == ARROW_TYPE_FIXED_BINARY) {
        if (size < 1 || size > ARROW_FIXED_WIDTH_MAX)
            return arrow_refuse(decoder, field, "fixed_size_binary of this width");
        return arrow_plain(field, ARROW_LAYOUT_FIXED, (size_t)size, str_format(decoder->arena, "w:%d", size).ptr);
    }
    if (size < 1 || size > ARROW_LIST_SIZE_MAX)
        return arrow_refuse(decoder, field, "fixed_size_list of this size");
    field->list_size = size;
    return arrow_plain(field, ARROW_LAYOUT_FIXED_LIST, 0, str_format(decoder->arena, "+w:%d", size).ptr);
}

static bool arrow_decode_union(struct arrow_schema_decoder *decoder, struct arrow_flat_table type, size_t children,
                               struct arrow_field *field)
{
    if (arrow_flat_i16(&decoder->flat, type, 0, 0) != 0)
        return arrow_refuse(decoder, field, "dense_union");
    struct arrow_flat_vector ids = arrow_flat_vector_at(&decoder->flat, type, 1, sizeof(int32_t));
    int8_t *type_ids = arena_array(decoder->arena, children + 1, 1);
    struct str format = S("+us:");
    bool seen[ARROW_UNION_MAX + 1] = {0};
    if (children < 1 || children > ARROW_UNION_MAX || (ids.count > 0 && ids.count != children))
        return arrow_refuse(decoder, field, "union");
    for (size_t i = 0; i < children; i++) {
        int32_t id = (int32_t)i;
        if (ids.count > 0)
            memcpy(&id, arrow_flat_bytes(&decoder->flat, ids, i, sizeof(id)), sizeof(id));
        if (id < 0 || id > ARROW_UNION_MAX || seen[id])
            return arrow_refuse(decoder, field, "union with such type ids");
        seen[id] = true;
        type_ids[i] = (int8_t)id;
        format = str_format(decoder->arena, "%.*s%s%d", STR_ARG(format), i ? "," : "", id);
    }
    field->type_ids = type_ids;
    return arrow_plain(field, ARROW_LAYOUT_UNION, 0, format.ptr);
}

/* Layout and format of a type; children are looked at by the caller. */
static bool arrow_decode_type(struct arrow_schema_decoder *decoder, uint8_t kind, struct arrow_flat_table type,
                              size_t children, struct arrow_field *field)
{
    field->utf8 = kind == ARROW_TYPE_UTF8 || kind == ARROW_TYPE_LARGE_UTF8 || kind == ARROW_TYPE_UTF8_VIEW;
    field->map = kind == ARROW_TYPE_MAP;
    switch (kind) {
    case ARROW_TYPE_NULL:
        return arrow_plain(field, ARROW_LAYOUT_NULL, 0, "n");
    case ARROW_TYPE_INT:
        return arrow_decode_int(decoder, type, field);
    case ARROW_TYPE_FLOAT:
        return arrow_decode_float(decoder, type, field);
    case ARROW_TYPE_BINARY:
        return arrow_plain(field, ARROW_LAYOUT_TEXT, 4, "z");
    case ARROW_TYPE_UTF8:
        return arrow_plain(field, ARROW_LAYOUT_TEXT, 4, "u");
    case ARROW_TYPE_BOOL:
        return arrow_plain(field, ARROW_LAYOUT_BITS, 0, "b");
    case ARROW_TYPE_DECIMAL:
        return arrow_decode_decimal(decoder, type, field);
    case ARROW_TYPE_TIME:
        return arrow_decode_time(decoder, type, field);
    case ARROW_TYPE_TIMESTAMP:
        return arrow_decode_timestamp(decoder, type, field);
    case ARROW_TYPE_DATE:
    case ARROW_TYPE_INTERVAL:
    case ARROW_TYPE_DURATION:
        return arrow_decode_units(decoder, type, kind, field);
    case ARROW_TYPE_LIST:
        return arrow_plain(field, ARROW_LAYOUT_LIST, 4, "+l");
    case ARROW_TYPE_STRUCT:
        return arrow_plain(field, ARROW_LAYOUT_STRUCT, 0, "+s");
    case ARROW_TYPE_UNION:
        return arrow_decode_union(decoder, type, children, field);
    case ARROW_TYPE_FIXED_BINARY:
    case ARROW_TYPE_FIXED_LIST:
        return arrow_decode_sized(decoder, type, kind, field);
    case ARROW_TYPE_MAP:
        return arrow_plain(field, ARROW_LAYOUT_LIST, 4, "+m");
    case ARROW_TYPE_LARGE_BINARY:
        return arrow_plain(field, ARROW_LAYOUT_TEXT, 8, "Z");
    case ARROW_TYPE_LARGE_UTF8:
        return arrow_plain(field, ARROW_LAYOUT_TEXT, 8, "U");
    case ARROW_TYPE_LARGE_LIST:
        return arrow_plain(field, ARROW_LAYOUT_LIST, 8, "+L");
    case ARROW_TYPE_RUNS:
        return arrow_plain(field, ARROW_LAYOUT_RUNS, 0, "+r");
    case ARROW_TYPE_BINARY_VIEW:
        return arrow_plain(field, ARROW_LAYOUT_VIEW, 16, "vz");
    case ARROW_TYPE_UTF8_VIEW:
        return arrow_plain(field, ARROW_LAYOUT_VIEW, 16, "vu");
    case ARROW_TYPE_LIST_VIEW:
        return arrow_plain(field, ARROW_LAYOUT_LIST_VIEW, 4, "+vl");
    case ARROW_TYPE_LARGE_LIST_VIEW:
        return arrow_plain(field, ARROW_LAYOUT_LIST_VIEW, 8, "+vL");
    default:
        return arrow_refuse(decoder, field, "of this number");
    }
}

/* Children that a layout must have; -1 = any number. */
static int arrow_layout_children(enum arrow_layout layout)
{
    switch (layout) {
    case ARROW_LAYOUT_LIST:
    case ARROW_LAYOUT_LIST_VIEW:
    case ARROW_LAYOUT_FIXED_LIST:
        return 1;
    case ARROW_LAYOUT_RUNS:
        return 2;
    case ARROW_LAYOUT_STRUCT:
    case ARROW_LAYOUT_UNION:
        return -1;
    case ARROW_LAYOUT_NULL:
    case ARROW_LAYOUT_BITS:
    case ARROW_LAYOUT_FIXED:
    case ARROW_LAYOUT_TEXT:
    case ARROW_LAYOUT_VIEW:
        return 0;
    }
    mem_panic("an Arrow layout outside of the list");
}

static bool arrow_decode_field(struct arrow_schema_decoder *decoder, struct arrow_flat_table table, const char *parent,
                               int depth, struct arrow_field *field);

static bool arrow_decode_children(struct arrow_schema_decoder *decoder, struct arrow_flat_vector children,
                                  const char *parent, int depth, struct arrow_field *field)
{
    if (children.count > decoder->fields_left)
        return err_set(decoder->err, ERR_RESOURCE, "the schema has more than %d fields", ARROW_FIELDS_MAX);
    decoder->fields_left -= children.count;
    field->child_count = children.count;
    field->children = arena_array(decoder->arena, children.count + 1, sizeof(*field->children));
    field->c.n_children = (int64_t)children.count;
    field->c.children = arena_array(decoder->arena, children.count + 1, sizeof(*field->c.children));
    for (size_t i = 0; i < children.count; i++) {
        struct arrow_flat_table child = arrow_flat_item(&decoder->flat, children, i);
        if (!arrow_decode_field(decoder, child, parent, depth, &field->children[i]))
            return false;
        field->c.children[i] = &field->children[i].c;
    }
    return true;
}

static bool arrow_check_children(struct arrow_schema_decoder *decoder, const struct arrow_field *field)
{
    int wanted = arrow_layout_children(field->layout);
    if (wanted >= 0 && (size_t)wanted != field->child_count)
        return arrow_refuse(decoder, field, "with this number of children");
    if (field->layout == ARROW_LAYOUT_STRUCT && field->child_count == 0)
        return arrow_refuse(decoder, field, "struct without fields");
    const struct arrow_field *first = field->children;
    if (field->map && (first->layout != ARROW_LAYOUT_STRUCT || first->child_count != 2 || first->dictionary))
        return arrow_refuse(decoder, field, "map without key and value");
    if (field->layout == ARROW_LAYOUT_RUNS &&
        (first->layout != ARROW_LAYOUT_FIXED || !first->is_signed || first->width < 2 || first->dictionary))
        return arrow_refuse(decoder, field, "run_end_encoded with such run ends");
    return true;
}

/* The field so far is the type of the values; it becomes the type of the indexes, with the values behind it. */
static bool arrow_decode_dictionary(struct arrow_schema_decoder *decoder, struct arrow_flat_table encoding,
                                    struct arrow_field *field)
{
    struct arrow_field *values = arena_new_object(decoder->arena, struct arrow_field);
    struct arrow_flat_table index = arrow_flat_child(&decoder->flat, encoding, DICTIONARY_INDEX_TYPE);
    *values = *field;
    values->c.name = "";
    values->c.metadata = NULL;
    *field = (struct arrow_field){.path = values->path, .dictionary = values};
    field->c.name = values->path;
    field->c.dictionary = &values->c;
    field->dictionary_id = arrow_flat_i64(&decoder->flat, encoding, DICTIONARY_ID, 0);
    if (index.at == 0) { /* absent means int32 */
        field->is_signed = true;
        return arrow_plain(field, ARROW_LAYOUT_FIXED, 4, "i");
    }
    return arrow_decode_int(decoder, index, field);
}

/* Metadata of the C data interface: count, then length and bytes of each key and value. */
static const char *arrow_encode_metadata(struct arena *arena, struct str name, struct str metadata)
{
    struct buf buf = {0};
    writer_u32le(&buf, 2);
    writer_text(&buf, S("ARROW:extension:name"));
    writer_text(&buf, name);
    writer_text(&buf, S("ARROW:extension:metadata"));
    writer_text(&buf, metadata);
    const char *copy = arena_copy(arena, buf_str(&buf).ptr, buf_len(&buf));
    buf_done(&buf);
    return copy;
}

static void arrow_decode_metadata(struct arrow_schema_decoder *decoder, struct arrow_flat_table table,
                                  struct arrow_field *field)
{
    struct str name = S(""), metadata = S("");
    struct arrow_flat_vector pairs = arrow_flat_vector_at(&decoder->flat, table, FIELD_METADATA, sizeof(uint32_t));
    for (size_t i = 0; i < pairs.count && !decoder->flat.failed; i++) {
        struct arrow_flat_table pair = arrow_flat_item(&decoder->flat, pairs, i);
        struct str key = arrow_flat_text(&decoder->flat, pair, 0), value = arrow_flat_text(&decoder->flat, pair, 1);
        if (str_equal(key, S("ARROW:extension:name")))
            name = value;
        else if (str_equal(key, S("ARROW:extension:metadata")))
            metadata = value;
    }
    for (size_t i = 0; i < sizeof(arrow_extensions) / sizeof(arrow_extensions[0]); i++)
        if (str_equal(name, str_from(arrow_extensions[i].name)) &&
            strcmp(field->c.format, arrow_extensions[i].format) == 0 && metadata.len <= ARROW_METADATA_MAX &&
            str_is_utf8(metadata.ptr, metadata.len))
            field->c.metadata = arrow_encode_metadata(decoder->arena, name, metadata);
}

static void arrow_schema_no_release(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

/* The name, and the path that messages use. */
static bool arrow_decode_name(struct arrow_schema_decoder *decoder, struct arrow_flat_table table, const char *parent,
                              struct arrow_field *field, const char **name_out)
{
    struct str name = arrow_flat_text(&decoder->flat, table, FIELD_NAME);
    if (name.len > ARROW_NAME_MAX)
        return err_set(decoder->err, ERR_RESOURCE, "a column's name is longer than %d bytes", ARROW_NAME_MAX);
    if (!str_is_utf8(name.ptr, name.len) || memchr(name.ptr, 0, name.len))
        return err_set(decoder->err, ERR_INVALID, "a column's name is not valid UTF-8 text");
    *name_out = str_copy(decoder->arena, name).ptr;
    field->path = *parent ? str_format(decoder->arena, "%s.%.*s", parent, STR_ARG(name)).ptr : *name_out;
    if (strlen(field->path) > 4 * ARROW_NAME_MAX)
        return err_set(decoder->err, ERR_RESOURCE, "the names of nested columns are too long together");
    return true;
}

static bool arrow_decode_field(struct arrow_schema_decoder *decoder, struct arrow_flat_table table, const char *parent,
                               int depth, struct arrow_field *field)
{
    const char *name = "";
    if (!arrow_decode_name(decoder, table, parent, field, &name))
        return false;
    if (depth > ARROW_DEPTH_MAX)
        return err_set(decoder->err, ERR_RESOURCE, "column %s is nested more than %d levels deep", field->path,
                       ARROW_DEPTH_MAX);
    uint8_t kind = arrow_flat_u8(&decoder->flat, table, FIELD_TYPE_TYPE, 0);
    struct arrow_flat_table type = arrow_flat_child(&decoder->flat, table, FIELD_TYPE);
    struct arrow_flat_vector children = arrow_flat_vector_at(&decoder->flat, table, FIELD_CHILDREN, sizeof(uint32_t));
    struct arrow_flat_table encoding = arrow_flat_child(&decoder->flat, table, FIELD_DICTIONARY);
    if (decoder->flat.failed)
        return err_set(decoder->err, ERR_INVALID, "the Arrow schema is broken");
    if (!arrow_decode_type(decoder, kind, type, children.count, field) ||
        !arrow_decode_children(decoder, children, field->path, depth + 1, field) ||
        !arrow_check_children(decoder, field))
        return false;
    arrow_decode_metadata(decoder, table, field);
    field->c.release = arrow_schema_no_release;
    if (encoding.at != 0 && !arrow_decode_dictionary(decoder, encoding, field))
        return false;
    field->c.name = name;
    field->c.release = arrow_schema_no_release;
    field->c.flags = arrow_flat_u8(&decoder->flat, table, FIELD_NULLABLE, 0) ? ARROW_FLAG_NULLABLE : 0;
    if (decoder->flat.failed)
        return err_set(decoder->err, ERR_INVALID, "the Arrow schema is broken");
    return true;
}

struct arrow_field *arrow_schema_decode(struct arena *arena, struct str flatbuffer, struct err *err)
{
    struct arrow_schema_decoder decoder = {.arena = arena, .fields_left = ARROW_FIELDS_MAX, .err = err};
    decoder.flat = arrow_flat_from(flatbuffer, 8 * ARROW_FIELDS_MAX);
    struct arrow_flat_table message = arrow_flat_root(&decoder.flat);
    if (arrow_flat_u8(&decoder.flat, message, ARROW_MESSAGE_HEADER_TYPE, 0) != ARROW_HEADER_SCHEMA) {
        err_set(err, ERR_INVALID, "the first Arrow message is not a schema");
        return NULL;
    }
    struct arrow_flat_table schema = arrow_flat_child(&decoder.flat, message, ARROW_MESSAGE_HEADER);
    struct arrow_flat_vector fields = arrow_flat_vector_at(&decoder.flat, schema, SCHEMA_FIELDS, sizeof(uint32_t));
    if (decoder.flat.failed || schema.at == 0) {
        err_set(err, ERR_INVALID, "the Arrow schema is broken");
        return NULL;
    }
    if (arrow_flat_i16(&decoder.flat, schema, SCHEMA_ENDIANNESS, 0) != 0) {
        err_set(err, ERR_UNIMPLEMENTED, "the Arrow data is big-endian");
        return NULL;
    }
    struct arrow_field *root = arena_new_object(arena, struct arrow_field);
    root->layout = ARROW_LAYOUT_STRUCT;
    root->path = "";
    root->c = (struct ArrowSchema){.format = "+s", .name = "", .release = arrow_schema_no_release};
    return arrow_decode_children(&decoder, fields, "", 1, root) ? root : NULL;
}
