/* New tables (open-api CreateTableRequest), and new versions of mirrors. */
#include "domain/catalog/metadata.h"

#include "domain/catalog/metadata_priv.h"

/* What new tables get where the request does not say. */
#define METADATA_CODEC S("write.parquet.compression-codec")

struct metadata_making {
    struct metadata_updating to;
    const struct metadata_create *create;
    const struct model_schema *asked, *made; /* the request's schema, and the one with the table's own ids */
};

/* --- Properties --- */

static bool metadata_new_format(const struct json *properties, int *format_out, struct err *err)
{
    struct str text = json_text(json_get(properties, "format-version"));
    int64_t format = 2;
    if (text.len && !str_to_i64(text, &format))
        return err_set(err, ERR_INVALID, "'format-version' must be a number");
    if (format < 1 || format > METADATA_FORMAT_MAX) {
        err_set(err, ERR_INVALID, "unsupported format version: v%lld", (long long)format);
        return err_hint(err, "versions 1 to %d are known", METADATA_FORMAT_MAX);
    }
    *format_out = (int)format;
    return true;
}

/* Wrong values that no writer could follow are refused while the table is new. */
static bool metadata_new_check(const struct metadata_making *making, struct err *err)
{
    static const char *const numbers[] = {"commit.retry.num-retries", "commit.retry.min-wait-ms",
                                          "commit.retry.max-wait-ms", "commit.retry.total-timeout-ms"};
    const struct model_properties *properties = &making->to.next.properties;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t number;
        struct str text = model_property(properties, str_from(numbers[i]));
        if (text.ptr && (!str_to_i64(text, &number) || number < 0))
            return err_set(err, ERR_INVALID, "'%s' must be a number and not negative", numbers[i]);
    }
    if (model_property(properties, S("encryption.key-id")).ptr && making->to.next.format < 3)
        return err_set(err, ERR_INVALID, "'encryption.key-id' needs format version 3");
    struct str metrics = S("write.metadata.metrics.column.");
    for (size_t i = 0; i < properties->list.count; i++) {
        struct str key = properties->list.items[i].key;
        if (str_starts_with(key, metrics) && !model_schema_find(making->asked, str_from_index(key, metrics.len)))
            return err_set(err, ERR_INVALID, "invalid metrics config, could not find column of '%.128s'", key.ptr);
    }
    return true;
}

static bool metadata_new_properties(struct metadata_making *making, struct err *err)
{
    struct metadata_updating *to = &making->to;
    const struct json *properties = json_get(making->create->request, "properties");
    int format = 0;
    if (json_kind(properties) != JSON_NULL && !model_check_texts(properties, "'properties'", err))
        return false;
    if (!metadata_new_format(properties, &format, err))
        return false;
    to->next.format = format > to->next.format || !to->base ? format : to->next.format;
    struct model_property codec = {METADATA_CODEC, S("zstd")};
    if (!model_property(&to->next.properties, METADATA_CODEC).ptr)
        model_add(to->arena, &to->next.properties.list, codec);
    if (json_kind(properties) != JSON_NULL &&
        !model_properties_set(to->arena, &to->next.properties, properties, to->context, &to->changed, err))
        return false;
    return metadata_new_check(making, err);
}

/* --- Schema --- */

/* A type may become this one without losing values (spec "Schema Evolution"). */
static bool metadata_may_become(const struct model_type *from, const struct model_type *now)
{
    return model_type_equal(from, now) || (from->kind == MODEL_INT && now->kind == MODEL_LONG) ||
           (from->kind == MODEL_FLOAT && now->kind == MODEL_DOUBLE) ||
           (from->kind == MODEL_DECIMAL && now->kind == MODEL_DECIMAL && from->scale == now->scale &&
            from->precision <= now->precision);
}

/* The ids of the new schema: those that the earlier one has for the same paths, else the next ones. */
static bool metadata_new_schema(struct metadata_making *making, struct err *err)
{
    struct metadata_updating *to = &making->to;
    const struct model_schema *asked = making->asked;
    const struct model_schema *earlier =
        to->base ? model_schemas_get(&to->next.schemas, to->next.current_schema) : NULL;
    int *ids = arena_array(to->arena, asked->fields.count + 1, sizeof(*ids));
    int last = to->next.last_column, id;
    for (size_t i = 0; i < to->next.schemas.count; i++)
        last = to->next.schemas.items[i]->highest > last ? to->next.schemas.items[i]->highest : last;
    for (size_t i = 0; i < asked->fields.count; i++) {
        const struct model_field *field = &asked->fields.items[i];
        const struct model_field *known = earlier ? model_schema_at(earlier, field->path) : NULL;
        known = known && metadata_may_become(&known->type, &field->type) ? known : NULL;
        if (!known && !model_pass_id(last, &last, err))
            return false;
        ids[i] = known ? known->id : last;
    }
    making->made = model_schema_renumber(to->arena, asked, 0, ids);
    if (!metadata_take_schema(to, making->made, &id, err))
        return false;
    to->next.current_schema = id;
    return true;
}

/* The table's own id for a field id of the request. */
static bool metadata_new_source(const struct metadata_making *making, int asked, int *id_out, struct err *err)
{
    const struct model_field *field = model_schema_field(making->asked, asked);
    if (!field)
        return err_set(err, ERR_INVALID, "cannot find source column %d", asked);
    *id_out = making->made->fields.items[field - making->asked->fields.items].id;
    return true;
}

/* --- Partition spec and sort order --- */

static bool metadata_new_spec(struct metadata_making *making, struct err *err)
{
    struct metadata_updating *to = &making->to;
    const struct json *json = json_get(making->create->request, "partition-spec");
    struct model_spec none = {0};
    const struct model_spec *spec = &none;
    if (json_kind(json) != JSON_NULL) {
        spec = model_spec_parse(to->arena, json, 0, err);
        if (!spec)
            return false;
    }
    size_t count = spec->fields.count;
    int *ids = arena_array(to->arena, count + 1, sizeof(*ids)),
        *sources = arena_array(to->arena, count + 1, sizeof(*ids));
    for (size_t i = 0; i < count; i++) {
        ids[i] = -1;
        if (!metadata_new_source(making, spec->fields.items[i].source, &sources[i], err))
            return err_wrap(err, "partition spec");
    }
    int id;
    if (!metadata_take_spec(to, model_spec_renumber(to->arena, spec, 0, ids, sources), &id, err))
        return false;
    to->next.default_spec = id;
    return true;
}

static bool metadata_new_sort(struct metadata_making *making, struct err *err)
{
    struct metadata_updating *to = &making->to;
    const struct json *json = json_get(making->create->request, "write-order");
    const struct model_sort *sort = model_sort_none(to->arena);
    if (json_kind(json) != JSON_NULL) {
        sort = model_sort_parse(to->arena, json, json_count(json_get(json, "fields")) ? 1 : 0, err);
        if (!sort)
            return false;
    }
    size_t count = sort->fields.count;
    int *sources = arena_array(to->arena, count + 1, sizeof(*sources)), id;
    for (size_t i = 0; i < count; i++) {
        if (!metadata_new_source(making, sort->fields.items[i].source, &sources[i], err))
            return err_wrap(err, "sort order");
    }
    if (!metadata_take_sort(to, model_sort_renumber(to->arena, sort, sort->id, sources), &id, err))
        return false;
    to->next.default_sort = id;
    return true;
}

const struct metadata *metadata_new(struct arena *arena, const struct metadata_create *create,
                                    const struct metadata_context *context, struct err *err)
{
    struct metadata_making making = {.create = create};
    const struct json *schema;
    metadata_begin(&making.to, arena, create->names, context);
    making.to.next.location = model_location(str_copy(arena, create->location));
    if (create->names)
        metadata_drop_ref(&making.to, MODEL_MAIN);
    else
        making.to.next.uuid = str_copy(arena, create->uuid);
    if (!model_get_object(create->request, "schema", &schema, err))
        return NULL;
    making.asked = model_schema_parse(arena, schema, 0, err);
    if (!making.asked || !metadata_new_properties(&making, err) || !metadata_new_schema(&making, err) ||
        !metadata_new_spec(&making, err) || !metadata_new_sort(&making, err))
        return NULL;
    return metadata_finish(&making.to, err);
}
