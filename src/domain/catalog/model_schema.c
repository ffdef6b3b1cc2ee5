/* Schemas: reading with all checks, looking columns up, and writing them with other ids. */
#include "domain/catalog/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Reading --- */

struct model_reading {
    struct arena *arena;
    struct model_schema *schema;
};

static bool model_read_type(const struct model_reading *reading, const struct json *json, int index,
                            struct model_type *type_out, struct err *err);

/* A field of a struct, a list or a map; what it nests is read later. */
static void model_read_field(const struct model_reading *reading, struct model_field *field)
{
    const struct model_schema *schema = reading->schema;
    struct str above = field->parent < 0 ? S("") : schema->fields.items[field->parent].path;
    field->path =
        above.len ? str_format(reading->arena, "%.*s.%.*s", STR_ARG(above), STR_ARG(field->name)) : field->name;
    model_add(reading->arena, &reading->schema->fields, *field);
}

static bool model_read_struct(const struct model_reading *reading, const struct json *json, int index,
                              struct model_type *type, struct err *err)
{
    const struct json *fields;
    if (!model_get_array(json, "fields", &fields, err) || !model_check_objects(fields, "'fields'", err))
        return false;
    type->kind = MODEL_STRUCT;
    type->text = S("struct");
    type->first = reading->schema->fields.count;
    type->count = json_count(fields);
    for (size_t i = 0; i < type->count; i++) {
        struct model_field field = {.parent = index, .json = json_at(fields, i)};
        if (!model_get_int(field.json, "id", &field.id, err) || !model_get_text(field.json, "name", &field.name, err) ||
            !model_get_bool(field.json, "required", &field.required, err))
            return err_wrap(err, "field %zu", i + 1);
        if (field.name.len == 0)
            return err_set(err, ERR_INVALID, "field %d has an empty name", field.id);
        model_read_field(reading, &field);
    }
    for (size_t i = 0; i < type->count; i++) {
        int at = (int)(type->first + i);
        struct model_type nested;
        if (!model_read_type(reading, json_get(json_at(fields, i), "type"), at, &nested, err))
            return err_wrap(err, "column '%.64s'", reading->schema->fields.items[at].path.ptr);
        reading->schema->fields.items[at].type = nested;
    }
    return true;
}

/* The members of a list or a map that make one field: "element", "element-id", "element-required". */
static bool model_read_part(const struct model_reading *reading, const struct json *json, int index, const char *name,
                            bool always, struct err *err)
{
    struct model_field field = {.parent = index, .name = str_from(name), .required = true};
    char key[32];
    snprintf(key, sizeof(key), "%s-id", name);
    if (!model_get_int(json, key, &field.id, err))
        return false;
    snprintf(key, sizeof(key), "%s-required", name);
    if (!always && !model_get_bool(json, key, &field.required, err))
        return false;
    model_read_field(reading, &field);
    return true;
}

static bool model_read_parts(const struct model_reading *reading, const struct json *json, int index,
                             struct model_type *type, struct err *err)
{
    static const char *const list[] = {"element"}, *const map[] = {"key", "value"};
    bool is_map = type->kind == MODEL_MAP;
    const char *const *names = is_map ? map : list;
    type->first = reading->schema->fields.count;
    type->count = is_map ? 2 : 1;
    for (size_t i = 0; i < type->count; i++) {
        if (!model_read_part(reading, json, index, names[i], is_map && i == 0, err))
            return false;
    }
    for (size_t i = 0; i < type->count; i++) {
        struct model_type nested;
        if (!model_read_type(reading, json_get(json, names[i]), (int)(type->first + i), &nested, err))
            return err_wrap(err, "%s", names[i]);
        reading->schema->fields.items[type->first + i].type = nested;
    }
    return true;
}

/* index: of the field that has the type, -1 for the schema itself. */
static bool model_read_type(const struct model_reading *reading, const struct json *json, int index,
                            struct model_type *type_out, struct err *err)
{
    struct model_type type = {0};
    struct str word = json_text(json);
    if (json_kind(json) == JSON_TEXT) {
        if (!model_type_parse(reading->arena, word, &type, err))
            return false;
    } else {
        word = json_text(json_get(json, "type"));
        if (str_equal(word, S("struct"))) {
            if (!model_read_struct(reading, json, index, &type, err))
                return false;
        } else if (str_equal(word, S("list")) || str_equal(word, S("map"))) {
            type.kind = word.len == 3 ? MODEL_MAP : MODEL_LIST_TYPE;
            type.text = word.len == 3 ? S("map") : S("list");
            if (!model_read_parts(reading, json, index, &type, err))
                return false;
        } else {
            return err_set(err, ERR_INVALID, "'type' must be a type of Iceberg");
        }
    }
    *type_out = type;
    return true;
}

/* --- Checks --- */

static int model_order_ids(const void *a, const void *b, void *context)
{
    const struct model_field *fields = context;
    int left = fields[*(const int *)a].id, right = fields[*(const int *)b].id;
    return (left > right) - (left < right);
}

static int model_order_paths(const void *a, const void *b, void *context)
{
    const struct model_field *fields = context;
    return str_compare(fields[*(const int *)a].path, fields[*(const int *)b].path);
}

static bool model_check_unique(struct arena *arena, struct model_schema *schema, struct err *err)
{
    size_t count = schema->fields.count;
    const struct model_field *fields = schema->fields.items;
    int *order = arena_array(arena, count + 1, sizeof(*order));
    for (size_t i = 0; i < count; i++)
        order[i] = (int)i;
    if (count)
        qsort_r(order, count, sizeof(*order), model_order_paths, schema->fields.items);
    for (size_t i = 1; i < count; i++) {
        if (str_equal(fields[order[i]].path, fields[order[i - 1]].path))
            return err_set(err, ERR_INVALID, "two columns have the name '%.64s'", fields[order[i]].path.ptr);
    }
    if (count)
        qsort_r(order, count, sizeof(*order), model_order_ids, schema->fields.items);
    for (size_t i = 1; i < count; i++) {
        if (fields[order[i]].id == fields[order[i - 1]].id)
            return err_set(err, ERR_INVALID, "columns '%.64s' and '%.64s' have one id, %d",
                           fields[order[i - 1]].path.ptr, fields[order[i]].path.ptr, fields[order[i]].id);
    }
    schema->by_id = order;
    schema->highest = count ? fields[order[count - 1]].id : 0;
    return true;
}

static bool model_check_defaults(const struct model_schema *schema, struct err *err)
{
    static const char *const keys[] = {"initial-default", "write-default"};
    for (size_t i = 0; i < schema->fields.count; i++) {
        const struct model_field *field = &schema->fields.items[i];
        if (field->type.kind == MODEL_UNKNOWN && field->required)
            return err_set(err, ERR_INVALID, "column '%.64s' is of type unknown and cannot be required",
                           field->path.ptr);
        for (size_t k = 0; k < 2; k++) {
            if (!model_type_check_value(&field->type, json_get(field->json, keys[k]), err))
                return err_wrap(err, "'%s' of column '%.64s'", keys[k], field->path.ptr);
        }
    }
    return true;
}

static bool model_check_identifier(const struct model_schema *schema, int id, struct err *err)
{
    const struct model_field *field = model_schema_field(schema, id);
    if (!field)
        return err_set(err, ERR_INVALID, "cannot add field %d as an identifier field: it does not exist", id);
    const char *name = field->path.ptr, *wrong = NULL;
    if (!model_type_is_primitive(&field->type))
        wrong = "not a primitive type field";
    else if (!field->required)
        wrong = "not a required field";
    else if (field->type.kind == MODEL_FLOAT || field->type.kind == MODEL_DOUBLE)
        wrong = "must not be float or double field";
    for (int at = field->parent; !wrong && at >= 0; at = schema->fields.items[at].parent) {
        const struct model_field *parent = &schema->fields.items[at];
        if (parent->type.kind != MODEL_STRUCT)
            wrong = "must not be nested in a list or a map";
        else if (!parent->required)
            wrong = "must not be nested in an optional field";
    }
    return wrong ? err_set(err, ERR_INVALID, "cannot add field '%.64s' as an identifier field: %s", name, wrong) : true;
}

static bool model_check_identifiers(const struct model_schema *schema, struct err *err)
{
    const struct json *ids;
    if (!model_optional_array(schema->json, "identifier-field-ids", &ids, err))
        return false;
    for (size_t i = 0; i < json_count(ids); i++) {
        int64_t id = json_i64(json_at(ids, i));
        if (json_kind(json_at(ids, i)) != JSON_I64 || id < INT32_MIN || id > INT32_MAX)
            return err_set(err, ERR_INVALID, "'identifier-field-ids' must hold field ids");
        if (!model_check_identifier(schema, (int)id, err))
            return false;
    }
    return true;
}

const struct model_schema *model_schema_parse(struct arena *arena, const struct json *json, int missing_id,
                                              struct err *err)
{
    struct model_schema *schema = arena_new_object(arena, struct model_schema);
    struct model_reading reading = {arena, schema};
    schema->json = json;
    if (json_kind(json) != JSON_OBJECT) {
        err_set(err, ERR_INVALID, "a schema must be an object");
        return NULL;
    }
    if (!model_optional_int(json, "schema-id", missing_id, &schema->id, err))
        return NULL;
    /* "type" is missing in metadata of early writers. */
    struct str type = json_text(json_get(json, "type"));
    bool ok = type.len == 0 || str_equal(type, S("struct")) || err_set(err, ERR_INVALID, "'type' must be 'struct'");
    if (!ok || !model_read_struct(&reading, json, -1, &schema->root, err) || !model_check_unique(arena, schema, err) ||
        !model_check_defaults(schema, err) || !model_check_identifiers(schema, err)) {
        err_wrap(err, "schema");
        return NULL;
    }
    return schema;
}

bool model_schema_fits(const struct model_schema *schema, int format, struct err *err)
{
    for (size_t i = 0; i < schema->fields.count; i++) {
        const struct model_field *field = &schema->fields.items[i];
        int wanted = model_type_format(&field->type);
        if (format < wanted)
            return err_set(err, ERR_INVALID, "invalid type for %.64s: %.64s is not supported until v%d",
                           field->path.ptr, field->type.text.ptr, wanted);
        if (format < 3 && json_kind(json_get(field->json, "initial-default")) != JSON_NULL)
            return err_set(err, ERR_INVALID, "invalid initial default for %.64s: not supported until v3",
                           field->path.ptr);
    }
    return true;
}

/* --- Looking up --- */

const struct model_field *model_schema_field(const struct model_schema *schema, int id)
{
    size_t low = 0, high = schema->fields.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct model_field *field = &schema->fields.items[schema->by_id[middle]];
        if (field->id == id)
            return field;
        if (field->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Does the path lead to the field when the parts that lists and maps add are left out? */
static bool model_short_path_is(const struct model_schema *schema, const struct model_field *field, struct str path)
{
    if (field->parent < 0)
        return str_equal(field->name, path);
    const struct model_field *parent = &schema->fields.items[field->parent];
    bool left_out = !field->json && field->type.kind == MODEL_STRUCT && !str_equal(field->name, S("key"));
    if (left_out)
        return model_short_path_is(schema, parent, path);
    if (!str_ends_with(path, field->name) || path.len <= field->name.len ||
        path.ptr[path.len - field->name.len - 1] != '.')
        return false;
    return model_short_path_is(schema, parent, str_slice(path, 0, path.len - field->name.len - 1));
}

const struct model_field *model_schema_at(const struct model_schema *schema, struct str path)
{
    for (size_t i = 0; i < schema->fields.count; i++) {
        if (str_equal(schema->fields.items[i].path, path))
            return &schema->fields.items[i];
    }
    return NULL;
}

const struct model_field *model_schema_find(const struct model_schema *schema, struct str path)
{
    const struct model_field *found = model_schema_at(schema, path);
    for (size_t i = 0; i < schema->fields.count && !found; i++) {
        const struct model_field *field = &schema->fields.items[i];
        if (field->json && model_short_path_is(schema, field, path))
            found = field;
    }
    return found;
}

static bool model_field_same(const struct model_field *a, const struct model_field *b)
{
    static const char *const keys[] = {"doc", "initial-default", "write-default"};
    if (a->id != b->id || a->required != b->required || a->parent != b->parent || !str_equal(a->name, b->name) ||
        !model_type_equal(&a->type, &b->type) || a->type.count != b->type.count)
        return false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!json_is_equal(json_get(a->json, keys[i]), json_get(b->json, keys[i])))
            return false;
    }
    return true;
}

static bool model_identifiers_within(const struct json *a, const struct json *b)
{
    for (size_t i = 0; i < json_count(a); i++) {
        bool found = false;
        for (size_t k = 0; k < json_count(b) && !found; k++)
            found = json_i64(json_at(a, i)) == json_i64(json_at(b, k));
        if (!found)
            return false;
    }
    return true;
}

bool model_schema_same(const struct model_schema *a, const struct model_schema *b)
{
    if (a->fields.count != b->fields.count || a->root.count != b->root.count)
        return false;
    for (size_t i = 0; i < a->fields.count; i++) {
        if (!model_field_same(&a->fields.items[i], &b->fields.items[i]))
            return false;
    }
    const struct json *left = json_get(a->json, "identifier-field-ids"),
                      *right = json_get(b->json, "identifier-field-ids");
    return model_identifiers_within(left, right) && model_identifiers_within(right, left);
}

bool model_schemas_parse(struct arena *arena, const struct json *array, model_schemas *schemas_out, struct err *err)
{
    for (size_t i = 0; i < json_count(array); i++) {
        const struct model_schema *schema = model_schema_parse(arena, json_at(array, i), 0, err);
        if (!schema)
            return false;
        if (model_schemas_get(schemas_out, schema->id))
            return err_set(err, ERR_INVALID, "two schemas have the id %d", schema->id);
        model_add(arena, schemas_out, schema);
    }
    return true;
}

const struct model_schema *model_schemas_get(const model_schemas *schemas, int id)
{
    for (size_t i = schemas->count; i > 0; i--) {
        if (schemas->items[i - 1]->id == id)
            return schemas->items[i - 1];
    }
    return NULL;
}

/* --- Writing with other ids --- */

struct model_renumbering {
    const struct model_schema *schema;
    const int *ids; /* NULL: as they are */
    struct json_writer *writer;
};

static int model_renumbered(const struct model_renumbering *to, size_t index)
{
    return to->ids ? to->ids[index] : to->schema->fields.items[index].id;
}

static void model_write_type(const struct model_renumbering *to, const char *key, const struct model_type *type,
                             const struct json *json);

static void model_write_fields(const struct model_renumbering *to, const struct model_type *type)
{
    json_begin_array(to->writer, "fields");
    for (size_t i = type->first; i < type->first + type->count; i++) {
        const struct model_field *field = &to->schema->fields.items[i];
        json_begin_object(to->writer, NULL);
        for (size_t m = 0; m < json_count(field->json); m++) {
            struct str key = json_key_at(field->json, m);
            if (str_equal(key, S("id")))
                json_write_i64(to->writer, "id", model_renumbered(to, i));
            else if (str_equal(key, S("type")))
                model_write_type(to, "type", &field->type, json_at(field->json, m));
            else if (json_kind(json_at(field->json, m)) != JSON_NULL)
                json_write_value(to->writer, key.ptr, json_at(field->json, m));
        }
        json_end_object(to->writer);
    }
    json_end_array(to->writer);
}

/* A member of a list or a map; key "element", "element-id" and so on. */
static void model_write_part(const struct model_renumbering *to, const struct model_type *type, struct str key,
                             const struct json *value)
{
    for (size_t i = type->first; i < type->first + type->count; i++) {
        const struct model_field *field = &to->schema->fields.items[i];
        if (str_equal(key, field->name)) {
            model_write_type(to, key.ptr, &field->type, value);
            return;
        }
        if (str_starts_with(key, field->name) && str_equal(str_from_index(key, field->name.len), S("-id"))) {
            json_write_i64(to->writer, key.ptr, model_renumbered(to, i));
            return;
        }
    }
    json_write_value(to->writer, key.ptr, value);
}

static void model_write_type(const struct model_renumbering *to, const char *key, const struct model_type *type,
                             const struct json *json)
{
    if (json_kind(json) == JSON_TEXT) {
        json_write_text(to->writer, key, type->text);
        return;
    }
    json_begin_object(to->writer, key);
    for (size_t m = 0; m < json_count(json); m++) {
        struct str member = json_key_at(json, m);
        if (type->kind == MODEL_STRUCT && str_equal(member, S("fields")))
            model_write_fields(to, type);
        else if (type->kind == MODEL_STRUCT)
            json_write_value(to->writer, member.ptr, json_at(json, m));
        else
            model_write_part(to, type, member, json_at(json, m));
    }
    json_end_object(to->writer);
}

static void model_write_identifiers(const struct model_renumbering *to, const struct json *ids)
{
    if (json_count(ids) == 0)
        return;
    json_begin_array(to->writer, "identifier-field-ids");
    for (size_t i = 0; i < json_count(ids); i++) {
        const struct model_field *field = model_schema_field(to->schema, (int)json_i64(json_at(ids, i)));
        json_write_i64(to->writer, NULL, model_renumbered(to, (size_t)(field - to->schema->fields.items)));
    }
    json_end_array(to->writer);
}

const struct model_schema *model_schema_renumber(struct arena *arena, const struct model_schema *schema, int id,
                                                 const int *ids)
{
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    struct model_renumbering to = {schema, ids, &writer};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", S("struct"));
    json_write_i64(&writer, "schema-id", id);
    model_write_identifiers(&to, json_get(schema->json, "identifier-field-ids"));
    model_write_fields(&to, &schema->root);
    for (size_t m = 0; m < json_count(schema->json); m++) {
        static const char *const known[] = {"type", "schema-id", "identifier-field-ids", "fields"};
        struct str key = json_key_at(schema->json, m);
        bool written = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            written = written || str_equal(key, str_from(known[i]));
        if (!written)
            json_write_value(&writer, key.ptr, json_at(schema->json, m));
    }
    json_end_object(&writer);
    struct err err = {0};
    const struct model_schema *renumbered = model_schema_parse(arena, model_reread(arena, &buf), id, &err);
    assert(renumbered);
    return renumbered;
}
