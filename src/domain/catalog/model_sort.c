/* Sort orders. iceberg format/spec.md "Sorting". */
#include <assert.h>

#include "domain/catalog/model.h"

/* One of two words. */
static bool model_sort_word(const struct json *json, const char *key, struct str no, struct str yes, bool *is_yes_out,
                            struct err *err)
{
    struct str word;
    if (!model_get_text(json, key, &word, err))
        return false;
    *is_yes_out = str_equal_nocase(word, yes);
    if (!*is_yes_out && !str_equal_nocase(word, no))
        return err_set(err, ERR_INVALID, "'%s' must be %.*s or %.*s", key, STR_ARG(no), STR_ARG(yes));
    return true;
}

static bool model_sort_source(const struct json *json, int *source_out, struct err *err)
{
    const struct json *sources = json_get(json, "source-ids");
    if (json_get(json, "source-id") || json_kind(sources) != JSON_ARRAY || json_count(sources) == 0)
        return model_get_int(json, "source-id", source_out, err);
    int64_t id = json_i64(json_at(sources, 0));
    if (json_kind(json_at(sources, 0)) != JSON_I64 || id < INT32_MIN || id > INT32_MAX)
        return err_set(err, ERR_INVALID, "'source-ids' must hold field ids");
    *source_out = (int)id;
    return true;
}

static bool model_sort_read(struct arena *arena, struct model_sort *sort, const struct json *fields, struct err *err)
{
    if (!model_check_objects(fields, "'fields'", err))
        return false;
    for (size_t i = 0; i < json_count(fields); i++) {
        struct model_sort_field field = {.json = json_at(fields, i)};
        struct str transform;
        if (!model_get_text(field.json, "transform", &transform, err) ||
            !model_transform_parse(arena, transform, &field.transform, err) ||
            !model_sort_source(field.json, &field.source, err) ||
            !model_sort_word(field.json, "direction", S("asc"), S("desc"), &field.descending, err) ||
            !model_sort_word(field.json, "null-order", S("nulls-first"), S("nulls-last"), &field.nulls_last, err))
            return err_wrap(err, "field %zu", i + 1);
        model_add(arena, &sort->fields, field);
    }
    if (sort->fields.count == 0 && sort->id != 0)
        return err_set(err, ERR_INVALID, "the id of the unsorted order must be 0");
    if (sort->fields.count != 0 && sort->id == 0)
        return err_set(err, ERR_INVALID, "the id 0 is reserved for the unsorted order");
    return true;
}

const struct model_sort *model_sort_parse(struct arena *arena, const struct json *json, int missing_id, struct err *err)
{
    struct model_sort *sort = arena_new_object(arena, struct model_sort);
    const struct json *fields;
    sort->json = json;
    if (!model_optional_int(json, "order-id", missing_id, &sort->id, err) ||
        !model_get_array(json, "fields", &fields, err) || !model_sort_read(arena, sort, fields, err)) {
        err_wrap(err, "sort order");
        return NULL;
    }
    return sort;
}

const struct model_sort *model_sort_none(struct arena *arena)
{
    static const int none[] = {0};
    struct model_sort unsorted = {0};
    return model_sort_renumber(arena, &unsorted, 0, none);
}

bool model_sort_fits(const struct model_sort *sort, const struct model_schema *schema, struct err *err)
{
    for (size_t i = 0; i < sort->fields.count; i++) {
        const struct model_sort_field *field = &sort->fields.items[i];
        const struct model_field *source = model_schema_field(schema, field->source);
        if (!source)
            return err_set(err, ERR_INVALID, "cannot find source column %d for sort field %zu", field->source, i + 1);
        if (!model_type_is_primitive(&source->type))
            return err_set(err, ERR_INVALID, "cannot sort by non-primitive source field '%.64s'", source->path.ptr);
        if (!model_transform_takes(&field->transform, &source->type))
            return err_set(err, ERR_INVALID, "invalid source type %.64s for transform: %.64s", source->type.text.ptr,
                           field->transform.text.ptr);
    }
    return true;
}

bool model_sort_same(const struct model_sort *a, const struct model_sort *b)
{
    if (a->fields.count != b->fields.count)
        return false;
    for (size_t i = 0; i < a->fields.count; i++) {
        const struct model_sort_field *left = &a->fields.items[i], *right = &b->fields.items[i];
        if (left->source != right->source || left->descending != right->descending ||
            left->nulls_last != right->nulls_last || !str_equal(left->transform.text, right->transform.text))
            return false;
    }
    return true;
}

const struct model_sort *model_sort_renumber(struct arena *arena, const struct model_sort *sort, int id,
                                             const int *sources)
{
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_begin_object(&writer, NULL);
    json_write_i64(&writer, "order-id", id);
    json_begin_array(&writer, "fields");
    for (size_t i = 0; i < sort->fields.count; i++) {
        const struct model_sort_field *field = &sort->fields.items[i];
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "transform", field->transform.text);
        if (sources || json_get(field->json, "source-id"))
            json_write_i64(&writer, "source-id", sources ? sources[i] : field->source);
        else
            json_write_value(&writer, "source-ids", json_get(field->json, "source-ids"));
        json_write_text(&writer, "direction", field->descending ? S("desc") : S("asc"));
        json_write_text(&writer, "null-order", field->nulls_last ? S("nulls-last") : S("nulls-first"));
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    struct err err = {0};
    const struct model_sort *renumbered = model_sort_parse(arena, model_reread(arena, &buf), id, &err);
    assert(renumbered);
    return renumbered;
}

const struct model_sort *model_sorts_get(const model_sorts *sorts, int id)
{
    for (size_t i = sorts->count; i > 0; i--) {
        if (sorts->items[i - 1]->id == id)
            return sorts->items[i - 1];
    }
    return NULL;
}
