/* Properties of tables and views, and the locations that stand in them. */
#include <assert.h>

#include "domain/catalog/model.h"

/* Names that stand for fields of the metadata and are never stored. */
static const char *const model_reserved[] = {"format-version",           "uuid",
                                             "snapshot-count",           "current-snapshot-id",
                                             "current-snapshot-summary", "current-snapshot-timestamp-ms",
                                             "current-schema",           "default-partition-spec",
                                             "default-sort-order"};
/* Properties that say where a writer puts files. */
static const char *const model_paths[] = {"write.data.path", "write.metadata.path", "write.object-storage.path",
                                          "write.folder-storage.path"};
#define MODEL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool model_is_reserved(struct str key)
{
    for (size_t i = 0; i < MODEL_COUNT(model_reserved); i++) {
        if (str_equal(key, str_from(model_reserved[i])))
            return true;
    }
    return false;
}

struct str model_location(struct str location)
{
    while (location.len > 1 && str_ends_with(location, S("/")) && !str_ends_with(location, S("://")))
        location.len--;
    return location;
}

struct str model_metadata_file(struct arena *arena, struct str location, const struct model_properties *properties,
                               struct str codec, int64_t version, struct str uuid)
{
    struct str path = model_location(model_property(properties, S("write.metadata.path")));
    struct str set = model_property(properties, S("write.metadata.compression-codec"));
    bool gzip = str_equal_nocase(set.ptr ? set : codec, S("gzip"));
    return str_format(arena, "%.*s%s/%05lld-%.*s%s.metadata.json", STR_ARG(path.len ? path : location),
                      path.len ? "" : "/metadata", (long long)version, STR_ARG(uuid), gzip ? ".gz" : "");
}

bool model_check_location(const struct metadata_context *context, const char *what, struct str location,
                          struct err *err)
{
    if (!context->check_location || context->check_location(context->owner, location, err))
        return true;
    return err_wrap(err, "%s", what);
}

static bool model_property_fits(struct str key, struct str value, const struct metadata_context *context,
                                struct err *err)
{
    for (size_t i = 0; i < MODEL_COUNT(model_paths); i++) {
        if (str_equal(key, str_from(model_paths[i])))
            return model_check_location(context, model_paths[i], value, err);
    }
    return true;
}

static ptrdiff_t model_property_find(const struct model_properties *properties, struct str key)
{
    for (size_t i = 0; i < properties->list.count; i++) {
        if (str_equal(properties->list.items[i].key, key))
            return (ptrdiff_t)i;
    }
    return -1;
}

bool model_properties_parse(struct arena *arena, const struct json *object, struct model_properties *properties_out,
                            struct err *err)
{
    *properties_out = (struct model_properties){0};
    if (json_kind(object) == JSON_NULL)
        return true;
    if (!model_check_texts(object, "properties", err))
        return false;
    for (size_t i = 0; i < json_count(object); i++) {
        struct model_property property = {json_key_at(object, i), json_text(json_at(object, i))};
        model_add(arena, &properties_out->list, property);
    }
    return true;
}

struct str model_property(const struct model_properties *properties, struct str key)
{
    ptrdiff_t at = model_property_find(properties, key);
    return at < 0 ? (struct str){0} : properties->list.items[at].value;
}

int64_t model_property_number(const struct model_properties *properties, struct str key, int64_t missing)
{
    int64_t number;
    return str_to_i64(str_trim(model_property(properties, key)), &number) ? number : missing;
}

bool model_property_is_true(const struct model_properties *properties, struct str key)
{
    return str_equal_nocase(model_property(properties, key), S("true"));
}

bool model_properties_set(struct arena *arena, struct model_properties *properties, const struct json *updates,
                          const struct metadata_context *context, bool *changed, struct err *err)
{
    if (!model_check_texts(updates, "'updates'", err))
        return false;
    for (size_t i = 0; i < json_count(updates); i++) {
        struct model_property property = {json_key_at(updates, i), json_text(json_at(updates, i))};
        if (model_is_reserved(property.key))
            continue;
        if (!model_property_fits(property.key, property.value, context, err))
            return false;
        ptrdiff_t at = model_property_find(properties, property.key);
        if (at >= 0 && str_equal(properties->list.items[at].value, property.value))
            continue;
        *changed = true;
        if (at < 0) {
            if ((int64_t)properties->list.count >= limits_get(LIMIT_MODEL_PROPERTIES))
                return limits_err(LIMIT_MODEL_PROPERTIES, err);
            model_add(arena, &properties->list, property);
            continue;
        }
        if (properties->list.count == properties->list.capacity)
            model_copy(arena, &properties->list);
        properties->list.items[at].value = property.value;
    }
    return true;
}

bool model_properties_remove(struct arena *arena, struct model_properties *properties, const struct json *removals,
                             bool *changed, struct err *err)
{
    if (json_kind(removals) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "'removals' must be an array");
    for (size_t i = 0; i < json_count(removals); i++) {
        if (json_kind(json_at(removals, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "'removals' must hold texts");
        ptrdiff_t at = model_property_find(properties, json_text(json_at(removals, i)));
        if (at < 0)
            continue;
        if (properties->list.count == properties->list.capacity)
            model_copy(arena, &properties->list);
        struct model_property *gone = &properties->list.items[at];
        memmove(gone, gone + 1, (--properties->list.count - (size_t)at) * sizeof(*gone));
        *changed = true;
    }
    return true;
}

void model_properties_write(struct json_writer *writer, const struct model_properties *properties)
{
    json_begin_object(writer, "properties");
    for (size_t i = 0; i < properties->list.count; i++)
        json_write_text(writer, properties->list.items[i].key.ptr, properties->list.items[i].value);
    json_end_object(writer);
}
