/* Reading and writing view metadata, and the requirements of a commit to a view. */
#include "domain/catalog/view.h"

#include "domain/catalog/view_priv.h"

/* --- Reading --- */

static bool view_check_representation(const struct json *json, struct err *err)
{
    struct str type, sql, dialect;
    if (!model_get_text(json, "type", &type, err))
        return false;
    /* Representations of other types are kept for whoever knows them. */
    if (!str_equal_nocase(type, S("sql")))
        return true;
    return model_get_text(json, "sql", &sql, err) && model_get_text(json, "dialect", &dialect, err);
}

bool view_version_parse(const struct json *json, struct view_version *version_out, struct err *err)
{
    struct view_version version = {.json = json};
    const struct json *summary, *representations, *levels;
    struct str catalog;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "a view version must be an object");
    if (!model_get_int(json, "version-id", &version.id, err) ||
        !model_get_int(json, "schema-id", &version.schema, err) ||
        !model_get_i64(json, "timestamp-ms", &version.timestamp_ms, err) ||
        !model_get_object(json, "summary", &summary, err) || !model_check_texts(summary, "'summary'", err) ||
        !model_get_array(json, "representations", &representations, err) ||
        !model_check_objects(representations, "'representations'", err) ||
        !model_optional_text(json, "default-catalog", &catalog, err) ||
        !model_get_array(json, "default-namespace", &levels, err))
        return err_wrap(err, "view version");
    for (size_t i = 0; i < json_count(levels); i++) {
        if (json_kind(json_at(levels, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "view version: 'default-namespace' must hold texts");
    }
    for (size_t i = 0; i < json_count(representations); i++) {
        if (!view_check_representation(json_at(representations, i), err))
            return err_wrap(err, "view version: representation %zu", i + 1);
    }
    *version_out = version;
    return true;
}

static bool view_read_versions(struct arena *arena, const struct json *json, struct view *view, struct err *err)
{
    const struct json *versions, *log;
    if (!model_get_array(json, "versions", &versions, err) || !model_get_array(json, "version-log", &log, err))
        return false;
    for (size_t i = 0; i < json_count(versions); i++) {
        struct view_version version;
        if (!view_version_parse(json_at(versions, i), &version, err))
            return false;
        if (view_find_version(view, version.id))
            return err_set(err, ERR_INVALID, "two versions have the id %d", version.id);
        model_add(arena, &view->versions, version);
    }
    for (size_t i = 0; i < json_count(log); i++) {
        struct view_entry entry;
        if (!model_get_i64(json_at(log, i), "timestamp-ms", &entry.timestamp_ms, err) ||
            !model_get_int(json_at(log, i), "version-id", &entry.version, err))
            return err_wrap(err, "version-log");
        model_add(arena, &view->log, entry);
    }
    return true;
}

static bool view_read(struct arena *arena, const struct json *json, struct view *view, struct err *err)
{
    const struct json *schemas;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "it must be an object");
    if (!model_get_int(json, "format-version", &view->format, err))
        return false;
    if (view->format < 1 || view->format > VIEW_FORMAT_MAX)
        return err_set(err, ERR_INVALID, "unsupported format version: %d", view->format);
    if (!model_get_text(json, "view-uuid", &view->uuid, err) ||
        !model_get_text(json, "location", &view->location, err) ||
        !model_get_int(json, "current-version-id", &view->current_version, err) ||
        !model_get_array(json, "schemas", &schemas, err) || !model_schemas_parse(arena, schemas, &view->schemas, err) ||
        !model_properties_parse(arena, json_get(json, "properties"), &view->properties, err))
        return false;
    view->location = model_location(view->location);
    return view_read_versions(arena, json, view, err) && view_check(view, err);
}

const struct view *view_parse(struct arena *arena, struct str text, struct err *err)
{
    struct view *view = arena_new_object(arena, struct view);
    view->document = json_parse(arena, text, err);
    if (view->document && view_read(arena, view->document, view, err))
        return view;
    err_wrap(err, "view metadata");
    return NULL;
}

const struct view_version *view_find_version(const struct view *view, int id)
{
    for (size_t i = view->versions.count; i > 0; i--) {
        if (view->versions.items[i - 1].id == id)
            return &view->versions.items[i - 1];
    }
    return NULL;
}

bool view_check(const struct view *view, struct err *err)
{
    const struct view_version *current = view_find_version(view, view->current_version);
    if (!current)
        return err_set(err, ERR_INVALID, "the current version %d is not there", view->current_version);
    if (!model_schemas_get(&view->schemas, current->schema))
        return err_set(err, ERR_INVALID, "schema %d of the current version is not there", current->schema);
    return true;
}

/* --- Writing --- */

static const char *const view_known[] = {"view-uuid", "format-version",     "location", "properties",
                                         "schemas",   "current-version-id", "versions", "version-log"};

static bool view_is_known(struct str key)
{
    for (size_t i = 0; i < sizeof(view_known) / sizeof(view_known[0]); i++) {
        if (str_equal(key, str_from(view_known[i])))
            return true;
    }
    return false;
}

void view_write(const struct view *view, struct buf *buf)
{
    struct json_writer writer = {.buf = buf};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "view-uuid", view->uuid);
    json_write_i64(&writer, "format-version", view->format);
    json_write_text(&writer, "location", view->location);
    model_properties_write(&writer, &view->properties);
    json_begin_array(&writer, "schemas");
    for (size_t i = 0; i < view->schemas.count; i++)
        json_write_value(&writer, NULL, view->schemas.items[i]->json);
    json_end_array(&writer);
    json_write_i64(&writer, "current-version-id", view->current_version);
    json_begin_array(&writer, "versions");
    for (size_t i = 0; i < view->versions.count; i++)
        json_write_value(&writer, NULL, view->versions.items[i].json);
    json_end_array(&writer);
    json_begin_array(&writer, "version-log");
    for (size_t i = 0; i < view->log.count; i++) {
        json_begin_object(&writer, NULL);
        json_write_i64(&writer, "timestamp-ms", view->log.items[i].timestamp_ms);
        json_write_i64(&writer, "version-id", view->log.items[i].version);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    for (size_t i = 0; i < json_count(view->document); i++) {
        struct str key = json_key_at(view->document, i);
        if (!view_is_known(key))
            json_write_value(&writer, key.ptr, json_at(view->document, i));
    }
    json_end_object(&writer);
}

/* --- Requirements --- */

static bool view_require_one(const struct view *base, const struct json *requirement, struct err *err)
{
    struct str type, uuid;
    if (!model_get_text(requirement, "type", &type, err))
        return err_wrap(err, "requirement");
    if (str_equal(type, S("assert-create")))
        return base ? err_set(err, ERR_CONFLICT, "Requirement failed: view already exists") : true;
    if (!str_equal(type, S("assert-view-uuid")))
        return err_set(err, ERR_INVALID, "unknown requirement '%.64s' of a view", type.ptr);
    if (!model_get_text(requirement, "uuid", &uuid, err))
        return err_wrap(err, "assert-view-uuid");
    if (!base)
        return err_set(err, ERR_CONFLICT, "Requirement failed: view does not exist");
    if (str_equal_nocase(uuid, base->uuid))
        return true;
    return err_set(err, ERR_CONFLICT, "Requirement failed: view UUID does not match: expected %.64s != %.64s",
                   base->uuid.ptr, uuid.ptr);
}

bool view_require(const struct view *base, const struct json *requirements, struct err *err)
{
    if (!model_check_objects(requirements, "'requirements'", err))
        return false;
    if ((int64_t)json_count(requirements) > limits_get(LIMIT_MODEL_UPDATES))
        return limits_err(LIMIT_MODEL_UPDATES, err);
    for (size_t i = 0; i < json_count(requirements); i++) {
        if (!view_require_one(base, json_at(requirements, i), err))
            return false;
    }
    return true;
}

/* --- What others ask --- */

struct str view_uuid(const struct view *view)
{
    return view->uuid;
}

struct str view_location(const struct view *view)
{
    return view->location;
}

struct str view_file(struct arena *arena, const struct view *view, int64_t version, struct str uuid)
{
    return model_metadata_file(arena, view->location, &view->properties, S("gzip"), version, uuid);
}
