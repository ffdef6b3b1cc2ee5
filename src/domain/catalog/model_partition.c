/* Transforms and partition specs. iceberg format/spec.md "Partitioning". */
#include <assert.h>

#include "domain/catalog/model.h"

static const struct {
    const char *name;
    enum model_transform_kind kind;
} model_transforms[] = {{"identity", MODEL_IDENTITY}, {"year", MODEL_YEAR}, {"month", MODEL_MONTH},
                        {"day", MODEL_DAY},           {"hour", MODEL_HOUR}, {"void", MODEL_VOID}};

bool model_transform_parse(struct arena *arena, struct str text, struct model_transform *transform_out, struct err *err)
{
    struct model_transform transform = {.kind = MODEL_OTHER, .text = text};
    for (size_t i = 0; i < sizeof(model_transforms) / sizeof(model_transforms[0]); i++) {
        if (str_equal_nocase(text, str_from(model_transforms[i].name))) {
            transform.kind = model_transforms[i].kind;
            transform.text = str_from(model_transforms[i].name);
        }
    }
    ptrdiff_t open = str_find_char(text, '[');
    struct str name = str_slice(text, 0, open > 0 ? (size_t)open : 0);
    bool bucket = str_equal_nocase(name, S("bucket")), truncate = str_equal_nocase(name, S("truncate"));
    if (bucket || truncate) {
        struct str width = str_slice(text, name.len + 1, text.len - name.len - 2);
        if (!str_ends_with(text, S("]")) || !str_to_i64(width, &transform.width) || transform.width < 1 ||
            transform.width > INT32_MAX)
            return err_set(err, ERR_INVALID, "transform '%.*s' needs a positive number in its brackets",
                           (int)(text.len > 64 ? 64 : text.len), text.ptr);
        transform.kind = bucket ? MODEL_BUCKET : MODEL_TRUNCATE;
        transform.text = str_format(arena, "%s[%lld]", bucket ? "bucket" : "truncate", (long long)transform.width);
    }
    *transform_out = transform;
    return true;
}

static bool model_is_moment(enum model_kind kind)
{
    return kind == MODEL_TIMESTAMP || kind == MODEL_TIMESTAMPTZ || kind == MODEL_TIMESTAMP_NS ||
           kind == MODEL_TIMESTAMPTZ_NS;
}

bool model_transform_takes(const struct model_transform *transform, const struct model_type *type)
{
    enum model_kind kind = type->kind;
    switch (transform->kind) {
    case MODEL_IDENTITY:
        return model_type_is_primitive(type) && kind != MODEL_GEOMETRY && kind != MODEL_GEOGRAPHY;
    case MODEL_BUCKET:
        return model_is_moment(kind) || kind == MODEL_INT || kind == MODEL_LONG || kind == MODEL_DECIMAL ||
               kind == MODEL_DATE || kind == MODEL_TIME || kind == MODEL_STRING || kind == MODEL_UUID ||
               kind == MODEL_FIXED || kind == MODEL_BINARY;
    case MODEL_TRUNCATE:
        return kind == MODEL_INT || kind == MODEL_LONG || kind == MODEL_DECIMAL || kind == MODEL_STRING ||
               kind == MODEL_BINARY;
    case MODEL_YEAR:
    case MODEL_MONTH:
    case MODEL_DAY:
        return model_is_moment(kind) || kind == MODEL_DATE;
    case MODEL_HOUR:
        return model_is_moment(kind);
    case MODEL_VOID:
    case MODEL_OTHER:
        return true;
    }
    return false;
}

/* "source-id", or "source-ids" of a transform with several arguments (v3). */
static bool model_read_source(const struct json *json, int *source_out, struct err *err)
{
    const struct json *sources;
    if (json_get(json, "source-id"))
        return model_get_int(json, "source-id", source_out, err);
    if (!model_optional_array(json, "source-ids", &sources, err))
        return false;
    if (json_count(sources) == 0)
        return err_set(err, ERR_INVALID, "'source-id' is missing");
    for (size_t i = 0; i < json_count(sources); i++) {
        int64_t id = json_i64(json_at(sources, i));
        if (json_kind(json_at(sources, i)) != JSON_I64 || id < INT32_MIN || id > INT32_MAX)
            return err_set(err, ERR_INVALID, "'source-ids' must hold field ids");
    }
    *source_out = (int)json_i64(json_at(sources, 0));
    return true;
}

static bool model_spec_read(struct arena *arena, struct model_spec *spec, const struct json *fields, struct err *err)
{
    size_t numbered = 0;
    if (!model_check_objects(fields, "'fields'", err))
        return false;
    for (size_t i = 0; i < json_count(fields); i++) {
        struct model_spec_field field = {.json = json_at(fields, i)};
        struct str transform;
        if (!model_get_text(field.json, "name", &field.name, err) ||
            !model_get_text(field.json, "transform", &transform, err) ||
            !model_transform_parse(arena, transform, &field.transform, err) ||
            !model_read_source(field.json, &field.source, err) ||
            !model_optional_int(field.json, "field-id", -1, &field.id, err))
            return err_wrap(err, "field %zu", i + 1);
        if (field.name.len == 0)
            return err_set(err, ERR_INVALID, "cannot use an empty partition name");
        for (size_t k = 0; k < spec->fields.count; k++) {
            if (str_equal(spec->fields.items[k].name, field.name))
                return err_set(err, ERR_INVALID, "cannot use partition name more than once: %.64s", field.name.ptr);
        }
        numbered += field.id >= 0;
        model_add(arena, &spec->fields, field);
        if ((int64_t)spec->fields.count > limits_get(LIMIT_MODEL_PARTITIONS))
            return limits_err(LIMIT_MODEL_PARTITIONS, err);
    }
    if (numbered && numbered != spec->fields.count)
        return err_set(err, ERR_INVALID, "'field-id' is missing in %zu of %zu fields", spec->fields.count - numbered,
                       spec->fields.count);
    return true;
}

const struct model_spec *model_spec_parse(struct arena *arena, const struct json *json, int missing_id, struct err *err)
{
    struct model_spec *spec = arena_new_object(arena, struct model_spec);
    const struct json *fields = json;
    spec->json = json;
    spec->id = missing_id;
    bool ok = json_kind(json) == JSON_ARRAY || (model_optional_int(json, "spec-id", missing_id, &spec->id, err) &&
                                                model_get_array(json, "fields", &fields, err));
    if (!ok || !model_spec_read(arena, spec, fields, err)) {
        err_wrap(err, "partition spec");
        return NULL;
    }
    return spec;
}

bool model_spec_fits(const struct model_spec *spec, const struct model_schema *schema, struct err *err)
{
    for (size_t i = 0; i < spec->fields.count; i++) {
        const struct model_spec_field *field = &spec->fields.items[i];
        if (field->transform.kind == MODEL_VOID)
            continue;
        const struct model_field *source = model_schema_field(schema, field->source);
        if (!source)
            return err_set(err, ERR_INVALID, "cannot find source column %d for partition field '%.64s'", field->source,
                           field->name.ptr);
        if (!model_type_is_primitive(&source->type))
            return err_set(err, ERR_INVALID, "cannot partition by non-primitive source field '%.64s'",
                           source->path.ptr);
        if (!model_transform_takes(&field->transform, &source->type))
            return err_set(err, ERR_INVALID, "invalid source type %.64s for transform: %.64s", source->type.text.ptr,
                           field->transform.text.ptr);
        for (int at = source->parent; at >= 0; at = schema->fields.items[at].parent) {
            if (schema->fields.items[at].type.kind != MODEL_STRUCT)
                return err_set(err, ERR_INVALID, "cannot partition by '%.64s': it lies in a list or a map",
                               source->path.ptr);
        }
    }
    return true;
}

bool model_spec_check_names(const struct model_spec *spec, const struct model_schema *schema, struct err *err)
{
    for (size_t i = 0; i < spec->fields.count; i++) {
        const struct model_spec_field *field = &spec->fields.items[i];
        const struct model_field *column = model_schema_find(schema, field->name);
        if (column && column->id != field->source && model_schema_field(schema, field->source))
            return err_set(err, ERR_INVALID, "partition field '%.64s' has the name of another column", field->name.ptr);
    }
    return true;
}

bool model_spec_same(const struct model_spec *a, const struct model_spec *b)
{
    if (a->fields.count != b->fields.count)
        return false;
    for (size_t i = 0; i < a->fields.count; i++) {
        const struct model_spec_field *left = &a->fields.items[i], *right = &b->fields.items[i];
        if (left->source != right->source || !str_equal(left->name, right->name) ||
            !str_equal(left->transform.text, right->transform.text) ||
            !json_is_equal(json_get(left->json, "source-ids"), json_get(right->json, "source-ids")))
            return false;
    }
    return true;
}

int model_spec_last(const struct model_spec *spec)
{
    int last = MODEL_PARTITION_FIRST - 1;
    for (size_t i = 0; i < spec->fields.count; i++)
        last = spec->fields.items[i].id > last ? spec->fields.items[i].id : last;
    return last;
}

static void model_spec_write_field(struct json_writer *writer, const struct model_spec_field *field, int id,
                                   const int *source)
{
    static const char *const known[] = {"name", "transform", "field-id", "source-id"};
    json_begin_object(writer, NULL);
    if (source || json_get(field->json, "source-id"))
        json_write_i64(writer, "source-id", source ? *source : field->source);
    json_write_i64(writer, "field-id", id);
    json_write_text(writer, "name", field->name);
    json_write_text(writer, "transform", field->transform.text);
    for (size_t m = 0; m < json_count(field->json); m++) {
        struct str key = json_key_at(field->json, m);
        bool written = source && str_equal(key, S("source-ids"));
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            written = written || str_equal(key, str_from(known[i]));
        if (!written)
            json_write_value(writer, key.ptr, json_at(field->json, m));
    }
    json_end_object(writer);
}

const struct model_spec *model_spec_renumber(struct arena *arena, const struct model_spec *spec, int id,
                                             const int *field_ids, const int *sources)
{
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_begin_object(&writer, NULL);
    json_write_i64(&writer, "spec-id", id);
    json_begin_array(&writer, "fields");
    for (size_t i = 0; i < spec->fields.count; i++)
        model_spec_write_field(&writer, &spec->fields.items[i], field_ids[i], sources ? &sources[i] : NULL);
    json_end_array(&writer);
    json_end_object(&writer);
    struct err err = {0};
    const struct model_spec *renumbered = model_spec_parse(arena, model_reread(arena, &buf), id, &err);
    assert(renumbered);
    return renumbered;
}

const struct model_spec *model_specs_get(const model_specs *specs, int id)
{
    for (size_t i = specs->count; i > 0; i--) {
        if (specs->items[i - 1]->id == id)
            return specs->items[i - 1];
    }
    return NULL;
}
