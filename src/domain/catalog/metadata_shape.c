/* Updates of a table's shape: schemas, partition specs, sort orders. */
#include "domain/catalog/metadata_priv.h"

static const struct model_schema *metadata_current(const struct metadata_updating *to)
{
    return model_schemas_get(&to->next.schemas, to->next.current_schema);
}

/* `set-…`: -1 is what this commit added last. */
static bool metadata_which(const struct json *update, const char *member, int added, const char *what, int *id_out,
                           struct err *err)
{
    if (!model_get_int(update, member, id_out, err))
        return false;
    if (*id_out == -1 && added == METADATA_NONE_ADDED)
        return err_set(err, ERR_INVALID, "cannot set last added %s: no %s has been added", what, what);
    if (*id_out == -1)
        *id_out = added;
    return true;
}

/* --- Schemas --- */

bool metadata_take_schema(struct metadata_updating *to, const struct model_schema *schema, int *id_out, struct err *err)
{
    struct metadata *next = &to->next;
    if (!model_schema_fits(schema, next->format, err))
        return false;
    int id = next->current_schema;
    const struct model_schema *same = NULL;
    for (size_t i = 0; i < next->schemas.count && !same; i++) {
        const struct model_schema *other = next->schemas.items[i];
        if (model_schema_same(other, schema))
            same = other;
        else if (!model_pass_id(other->id, &id, err))
            return false;
    }
    id = same ? same->id : id;
    if (!same) {
        model_add(to->arena, &next->schemas, model_schema_renumber(to->arena, schema, id, NULL));
        to->changed = true;
    }
    if (schema->highest > next->last_column) {
        next->last_column = schema->highest;
        to->changed = true;
    }
    *id_out = to->added_schema = id;
    return true;
}

bool metadata_add_schema(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *json;
    int id;
    if (!model_get_object(update, "schema", &json, err))
        return false;
    const struct model_schema *schema = model_schema_parse(to->arena, json, 0, err);
    return schema && metadata_take_schema(to, schema, &id, err);
}

bool metadata_set_current_schema(struct metadata_updating *to, const struct json *update, struct err *err)
{
    int id;
    if (!metadata_which(update, "schema-id", to->added_schema, "schema", &id, err))
        return false;
    if (!model_schemas_get(&to->next.schemas, id))
        return err_set(err, ERR_INVALID, "cannot set current schema to unknown schema: %d", id);
    to->changed = to->changed || to->next.current_schema != id;
    to->next.current_schema = id;
    return true;
}

/* Whether the number stands in an array of whole numbers. */
static bool metadata_names(const struct json *ids, int id)
{
    for (size_t i = 0; i < json_count(ids); i++) {
        if (json_i64(json_at(ids, i)) == id)
            return true;
    }
    return false;
}

static bool metadata_get_ids(const struct json *update, const char *member, const struct json **ids_out,
                             struct err *err)
{
    if (!model_get_array(update, member, ids_out, err))
        return false;
    if ((int64_t)json_count(*ids_out) > limits_get(LIMIT_MODEL_UPDATES))
        return limits_err(LIMIT_MODEL_UPDATES, err);
    for (size_t i = 0; i < json_count(*ids_out); i++) {
        if (json_kind(json_at(*ids_out, i)) != JSON_I64)
            return err_set(err, ERR_INVALID, "'%s' must hold whole numbers", member);
    }
    return true;
}

bool metadata_remove_schemas(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *ids;
    if (!metadata_get_ids(update, "schema-ids", &ids, err))
        return false;
    if (metadata_names(ids, to->next.current_schema))
        return err_set(err, ERR_INVALID, "cannot remove the current schema");
    model_schemas left = {0};
    for (size_t i = 0; i < to->next.schemas.count; i++) {
        if (!metadata_names(ids, to->next.schemas.items[i]->id))
            model_add(to->arena, &left, to->next.schemas.items[i]);
    }
    to->changed = to->changed || left.count != to->next.schemas.count;
    to->next.schemas = left;
    return true;
}

/* --- Partition specs --- */

/* The id that a field of an earlier spec has with the same source and transform, or -1. */
static int metadata_known_field(const struct metadata *metadata, const struct model_spec_field *wanted)
{
    for (size_t i = 0; i < metadata->specs.count; i++) {
        const struct model_spec *spec = metadata->specs.items[i];
        for (size_t k = 0; k < spec->fields.count; k++) {
            const struct model_spec_field *field = &spec->fields.items[k];
            if (field->source == wanted->source && str_equal(field->transform.text, wanted->transform.text))
                return field->id;
        }
    }
    return -1;
}

/* Ids for the fields of a new spec: the client's, else those of equal fields, else new ones. */
static bool metadata_number_fields(struct metadata_updating *to, const struct model_spec *spec, int *ids,
                                   struct err *err)
{
    int last = to->next.last_partition;
    for (size_t i = 0; i < spec->fields.count; i++) {
        const struct model_spec_field *field = &spec->fields.items[i];
        ids[i] = field->id;
        if (ids[i] < 0 && to->next.format > 1)
            ids[i] = metadata_known_field(&to->next, field);
        else if (ids[i] < 0)
            ids[i] = MODEL_PARTITION_FIRST + (int)i;
        if (ids[i] < 0 && !model_pass_id(last, &last, err))
            return false;
        ids[i] = ids[i] < 0 ? last : ids[i];
        for (size_t k = 0; k < i; k++) {
            if (ids[k] == ids[i])
                return err_set(err, ERR_INVALID, "two partition fields have the id %d", ids[i]);
        }
        if (to->next.format == 1 && ids[i] != MODEL_PARTITION_FIRST + (int)i)
            return err_set(err, ERR_INVALID, "spec does not use sequential ids that are required in v1");
    }
    return true;
}

bool metadata_take_spec(struct metadata_updating *to, const struct model_spec *spec, int *id_out, struct err *err)
{
    struct metadata *next = &to->next;
    const struct model_schema *schema = metadata_current(to);
    if (!schema)
        return err_set(err, ERR_INVALID, "cannot add a partition spec before a schema");
    if (!model_spec_fits(spec, schema, err) || !model_spec_check_names(spec, schema, err))
        return false;
    int id = 0;
    for (size_t i = 0; i < next->specs.count; i++) {
        const struct model_spec *other = next->specs.items[i];
        if (model_spec_same(spec, other)) {
            *id_out = to->added_spec = other->id;
            return true;
        }
        if (!model_pass_id(other->id, &id, err))
            return false;
    }
    int *ids = arena_array(to->arena, spec->fields.count + 1, sizeof(*ids));
    if (!metadata_number_fields(to, spec, ids, err))
        return false;
    spec = model_spec_renumber(to->arena, spec, id, ids, NULL);
    int last = model_spec_last(spec);
    next->last_partition = last > next->last_partition ? last : next->last_partition;
    model_add(to->arena, &next->specs, spec);
    to->changed = true;
    *id_out = to->added_spec = id;
    return true;
}

bool metadata_add_spec(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *json;
    int id;
    if (!model_get_object(update, "spec", &json, err))
        return false;
    const struct model_spec *spec = model_spec_parse(to->arena, json, 0, err);
    return spec && metadata_take_spec(to, spec, &id, err);
}

bool metadata_set_default_spec(struct metadata_updating *to, const struct json *update, struct err *err)
{
    int id;
    if (!metadata_which(update, "spec-id", to->added_spec, "spec", &id, err))
        return false;
    if (!model_specs_get(&to->next.specs, id))
        return err_set(err, ERR_INVALID, "cannot set default partition spec to unknown spec: %d", id);
    to->changed = to->changed || to->next.default_spec != id;
    to->next.default_spec = id;
    return true;
}

bool metadata_remove_specs(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *ids;
    if (!metadata_get_ids(update, "spec-ids", &ids, err))
        return false;
    if (metadata_names(ids, to->next.default_spec))
        return err_set(err, ERR_INVALID, "cannot remove the default partition spec");
    model_specs left = {0};
    for (size_t i = 0; i < to->next.specs.count; i++) {
        if (!metadata_names(ids, to->next.specs.items[i]->id))
            model_add(to->arena, &left, to->next.specs.items[i]);
    }
    to->changed = to->changed || left.count != to->next.specs.count;
    to->next.specs = left;
    return true;
}

/* --- Sort orders --- */

bool metadata_take_sort(struct metadata_updating *to, const struct model_sort *sort, int *id_out, struct err *err)
{
    struct metadata *next = &to->next;
    const struct model_schema *schema = metadata_current(to);
    if (!schema)
        return err_set(err, ERR_INVALID, "cannot add a sort order before a schema");
    if (!model_sort_fits(sort, schema, err))
        return false;
    int id = sort->fields.count ? 1 : 0; /* 0 is the unsorted order, always */
    for (size_t i = 0; i < next->sorts.count; i++) {
        const struct model_sort *other = next->sorts.items[i];
        if (model_sort_same(sort, other)) {
            *id_out = to->added_sort = other->id;
            return true;
        }
        if (sort->fields.count && !model_pass_id(other->id, &id, err))
            return false;
    }
    model_add(to->arena, &next->sorts, model_sort_renumber(to->arena, sort, id, NULL));
    to->changed = true;
    *id_out = to->added_sort = id;
    return true;
}

bool metadata_add_sort(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *json;
    int id;
    if (!model_get_object(update, "sort-order", &json, err))
        return false;
    const struct model_sort *sort =
        model_sort_parse(to->arena, json, json_count(json_get(json, "fields")) ? 1 : 0, err);
    return sort && metadata_take_sort(to, sort, &id, err);
}

bool metadata_set_default_sort(struct metadata_updating *to, const struct json *update, struct err *err)
{
    int id;
    if (!metadata_which(update, "sort-order-id", to->added_sort, "sort order", &id, err))
        return false;
    if (!model_sorts_get(&to->next.sorts, id))
        return err_set(err, ERR_INVALID, "cannot set default sort order to unknown order: %d", id);
    to->changed = to->changed || to->next.default_sort != id;
    to->next.default_sort = id;
    return true;
}
