/* New views, and applying a commit's updates to a view. */
#include "domain/catalog/view_priv.h"

#include <assert.h>
#include <stdlib.h>

struct view_updating {
    struct arena *arena;
    const struct view *base; /* NULL: a new view */
    const struct metadata_context *context;
    struct view next;
    bool changed;
    int added_schema, added_version; /* what -1 stands for */
    size_t first_added;              /* versions from here on are of this commit */
    bool moved;                      /* to another current version: `entry` joins the log */
    struct view_entry entry;
};
#define VIEW_NONE_ADDED (-2)

/* --- Versions --- */

/* The version under other ids. */
static struct view_version view_renumber(struct arena *arena, const struct view_version *version, int id, int schema)
{
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_begin_object(&writer, NULL);
    json_write_i64(&writer, "version-id", id);
    json_write_i64(&writer, "timestamp-ms", version->timestamp_ms);
    json_write_i64(&writer, "schema-id", schema);
    for (size_t i = 0; i < json_count(version->json); i++) {
        static const char *const known[] = {"version-id", "timestamp-ms", "schema-id"};
        struct str key = json_key_at(version->json, i);
        bool written = false;
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            written = written || str_equal(key, str_from(known[k]));
        if (!written)
            json_write_value(&writer, key.ptr, json_at(version->json, i));
    }
    json_end_object(&writer);
    struct view_version renumbered = {0};
    struct err err = {0};
    bool ok = view_version_parse(model_reread(arena, &buf), &renumbered, &err);
    assert(ok);
    return renumbered;
}

/* Would both behave the same? Ids and times do not count. */
static bool view_version_same(const struct view_version *a, const struct view_version *b)
{
    static const char *const keys[] = {"summary", "representations", "default-catalog", "default-namespace"};
    if (a->schema != b->schema)
        return false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!json_is_equal(json_get(a->json, keys[i]), json_get(b->json, keys[i])))
            return false;
    }
    return true;
}

/* The dialect of a representation, or empty. */
static struct str view_dialect(const struct view_version *version, size_t index)
{
    const struct json *representation = json_at(json_get(version->json, "representations"), index);
    return str_equal_nocase(json_text(json_get(representation, "type")), S("sql"))
               ? json_text(json_get(representation, "dialect"))
               : S("");
}

static size_t view_dialects(const struct view_version *version, struct str dialect)
{
    size_t count = 0;
    for (size_t i = 0; i < json_count(json_get(version->json, "representations")); i++)
        count += str_equal_nocase(view_dialect(version, i), dialect);
    return count;
}

static bool view_check_dialects(const struct view_version *version, struct err *err)
{
    size_t count = json_count(json_get(version->json, "representations"));
    if (count == 0)
        return err_set(err, ERR_INVALID, "cannot add a view version without a query");
    if ((int64_t)count > limits_get(LIMIT_MODEL_PARTITIONS))
        return limits_err(LIMIT_MODEL_PARTITIONS, err);
    for (size_t i = 0; i < count; i++) {
        struct str dialect = view_dialect(version, i);
        if (dialect.len && view_dialects(version, dialect) > 1)
            return err_set(err, ERR_INVALID, "Invalid view version: Cannot add multiple queries for dialect %.64s",
                           dialect.ptr);
    }
    return true;
}

static bool view_take_version(struct view_updating *to, struct view_version version, struct err *err)
{
    if (version.schema == VIEW_LAST_ADDED && to->added_schema == VIEW_NONE_ADDED)
        return err_set(err, ERR_INVALID, "cannot set last added schema: no schema has been added");
    if (version.schema == VIEW_LAST_ADDED)
        version.schema = to->added_schema;
    if (!model_schemas_get(&to->next.schemas, version.schema))
        return err_set(err, ERR_INVALID, "cannot add version with unknown schema: %d", version.schema);
    if (!view_check_dialects(&version, err))
        return false;
    int id = version.id < 1 ? 1 : version.id;
    for (size_t i = 0; i < to->next.versions.count; i++) {
        const struct view_version *other = &to->next.versions.items[i];
        if (view_version_same(other, &version)) {
            to->added_version = other->id;
            return true;
        }
        if (!model_pass_id(other->id, &id, err))
            return false;
    }
    if ((int64_t)to->next.versions.count >= limits_get(LIMIT_MODEL_VERSIONS))
        return limits_err(LIMIT_MODEL_VERSIONS, err);
    model_add(to->arena, &to->next.versions, view_renumber(to->arena, &version, id, version.schema));
    to->added_version = id;
    to->changed = true;
    return true;
}

static bool view_make_current(struct view_updating *to, int id, struct err *err)
{
    const struct view_version *version = view_find_version(&to->next, id);
    if (!version)
        return err_set(err, ERR_INVALID, "cannot set current version to unknown version: %d", id);
    if (id == to->next.current_version)
        return true;
    bool added = (size_t)(version - to->next.versions.items) >= to->first_added;
    to->entry = (struct view_entry){added ? version->timestamp_ms : to->context->now_ms, id};
    to->next.current_version = id;
    to->moved = to->changed = true;
    return true;
}

/* --- Updates --- */

static bool view_add_version(struct view_updating *to, const struct json *update, struct err *err)
{
    struct view_version version;
    return view_version_parse(json_get(update, "view-version"), &version, err) && view_take_version(to, version, err);
}

static bool view_set_current(struct view_updating *to, const struct json *update, struct err *err)
{
    int id;
    if (!model_get_int(update, "view-version-id", &id, err))
        return false;
    if (id == -1 && to->added_version == VIEW_NONE_ADDED)
        return err_set(err, ERR_INVALID, "cannot set last version id: no version has been added");
    return view_make_current(to, id == -1 ? to->added_version : id, err);
}

static bool view_take_schema(struct view_updating *to, const struct model_schema *schema, struct err *err)
{
    int id = 0;
    for (size_t i = 0; i < to->next.schemas.count; i++) {
        const struct model_schema *other = to->next.schemas.items[i];
        if (model_schema_same(other, schema)) {
            to->added_schema = other->id;
            return true;
        }
        if (!model_pass_id(other->id, &id, err))
            return false;
    }
    model_add(to->arena, &to->next.schemas, model_schema_renumber(to->arena, schema, id, NULL));
    to->added_schema = id;
    to->changed = true;
    return true;
}

static bool view_add_schema(struct view_updating *to, const struct json *update, struct err *err)
{
    const struct model_schema *schema = model_schema_parse(to->arena, json_get(update, "schema"), 0, err);
    return schema && view_take_schema(to, schema, err);
}

static bool view_assign_uuid(struct view_updating *to, const struct json *update, struct err *err)
{
    struct str uuid;
    if (!model_get_text(update, "uuid", &uuid, err))
        return false;
    if (to->next.uuid.ptr && !str_equal_nocase(uuid, to->next.uuid))
        return err_set(err, ERR_INVALID, "cannot reassign uuid");
    if (!model_is_uuid(uuid))
        return err_set(err, ERR_INVALID, "'%.64s' is no uuid", uuid.ptr);
    to->changed = to->changed || !to->next.uuid.ptr;
    to->next.uuid = to->next.uuid.ptr ? to->next.uuid : uuid;
    return true;
}

static bool view_upgrade(struct view_updating *to, const struct json *update, struct err *err)
{
    int format;
    if (!model_get_int(update, "format-version", &format, err))
        return false;
    if (format == to->next.format)
        return true;
    return err_set(err, ERR_INVALID, "cannot change v%d view to v%d", to->next.format, format);
}

static bool view_set_location(struct view_updating *to, const struct json *update, struct err *err)
{
    struct str location;
    if (!model_get_text(update, "location", &location, err) ||
        !model_check_location(to->context, "location", location, err))
        return false;
    location = model_location(location);
    to->changed = to->changed || !str_equal(location, to->next.location);
    to->next.location = location;
    return true;
}

static bool view_set_properties(struct view_updating *to, const struct json *update, struct err *err)
{
    return model_properties_set(to->arena, &to->next.properties, json_get(update, "updates"), to->context, &to->changed,
                                err);
}

static bool view_remove_properties(struct view_updating *to, const struct json *update, struct err *err)
{
    return model_properties_remove(to->arena, &to->next.properties, json_get(update, "removals"), &to->changed, err);
}

static bool view_apply(struct view_updating *to, const struct json *update, struct err *err)
{
    static const struct {
        const char *name;
        bool (*apply)(struct view_updating *to, const struct json *update, struct err *err);
    } actions[] = {
        {"add-view-version", view_add_version},   {"set-current-view-version", view_set_current},
        {"add-schema", view_add_schema},          {"assign-uuid", view_assign_uuid},
        {"upgrade-format-version", view_upgrade}, {"set-location", view_set_location},
        {"set-properties", view_set_properties},  {"remove-properties", view_remove_properties},
    };
    struct str name;
    if (!model_get_text(update, "action", &name, err))
        return err_wrap(err, "update");
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (str_equal_nocase(name, str_from(actions[i].name)))
            return actions[i].apply(to, update, err) || err_wrap(err, "%s", actions[i].name);
    }
    return err_set(err, ERR_INVALID, "unknown update '%.64s' of a view", name.ptr);
}

/* --- Begin and end --- */

static void view_begin(struct view_updating *to, struct arena *arena, const struct view *base,
                       const struct metadata_context *context)
{
    *to = (struct view_updating){.arena = arena,
                                 .base = base,
                                 .context = context,
                                 .added_schema = VIEW_NONE_ADDED,
                                 .added_version = VIEW_NONE_ADDED};
    if (base)
        to->next = *base;
    else
        to->next = (struct view){.format = VIEW_FORMAT_MAX};
    to->next.schemas.capacity = to->next.schemas.count;
    to->next.versions.capacity = to->next.versions.count;
    to->next.log.capacity = to->next.log.count;
    to->next.properties.list.capacity = to->next.properties.list.count;
    to->first_added = to->next.versions.count;
}

/* Who reads a dialect that is dropped would lose the view; the owner has to allow it. */
static bool view_check_dropped(const struct view_updating *to, struct err *err)
{
    struct str allowed = S("replace.drop-dialect.allowed");
    if (!to->base || model_property_is_true(&to->next.properties, allowed))
        return true;
    const struct view_version *before = view_find_version(to->base, to->base->current_version);
    const struct view_version *now = view_find_version(&to->next, to->next.current_version);
    for (size_t i = 0; now && i < json_count(json_get(before->json, "representations")); i++) {
        struct str dialect = view_dialect(before, i);
        if (dialect.len && view_dialects(now, dialect) == 0) {
            err_set(err, ERR_INVALID, "cannot replace view due to loss of view dialect %.64s", dialect.ptr);
            return err_hint(err, "set the property %s to true", allowed.ptr);
        }
    }
    return true;
}

static int view_order_ids(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

/* The lowest id that is kept beside the current version. */
static int view_oldest_kept(struct view_updating *to, size_t keep)
{
    size_t count = 0;
    int *ids = arena_array(to->arena, to->next.versions.count, sizeof(*ids));
    for (size_t i = 0; i < to->next.versions.count; i++) {
        if (to->next.versions.items[i].id != to->next.current_version)
            ids[count++] = to->next.versions.items[i].id;
    }
    qsort(ids, count, sizeof(*ids), view_order_ids);
    return keep <= 1 ? INT32_MAX : ids[count - (keep - 1)];
}

/* Expires versions beyond version.history.num-entries, never the current one or those of this commit. A hole in the
 * log ends the history before it. */
static bool view_expire(struct view_updating *to, struct err *err)
{
    int64_t most = model_property_number(&to->next.properties, S("version.history.num-entries"), 10);
    if (most < 1)
        return err_set(err, ERR_INVALID, "version.history.num-entries must be positive but was %lld", (long long)most);
    const struct view_version *current = view_find_version(&to->next, to->next.current_version);
    size_t count = to->next.versions.count, made = count - to->first_added;
    if (current && (size_t)(current - to->next.versions.items) < to->first_added)
        made++;
    size_t keep = made > (size_t)most ? made : (size_t)most;
    if (!current || count <= keep)
        return true;
    int oldest = view_oldest_kept(to, keep);
    typeof(to->next.versions) versions = {0};
    for (size_t i = 0; i < count; i++) {
        int id = to->next.versions.items[i].id;
        if (id == to->next.current_version || id >= oldest)
            model_add(to->arena, &versions, to->next.versions.items[i]);
    }
    to->next.versions.items = versions.items;
    to->next.versions.count = versions.count;
    to->next.versions.capacity = versions.capacity;
    typeof(to->next.log) log = {0};
    for (size_t i = 0; i < to->next.log.count; i++) {
        if (!view_find_version(&to->next, to->next.log.items[i].version))
            log.count = 0;
        else
            model_add(to->arena, &log, to->next.log.items[i]);
    }
    to->next.log.items = log.items;
    to->next.log.count = log.count;
    to->next.log.capacity = log.capacity;
    return true;
}

static const struct view *view_finish(struct view_updating *to, struct err *err)
{
    if (to->next.location.len == 0) {
        err_set(err, ERR_INVALID, "the view has no location");
        return NULL;
    }
    if (!to->next.uuid.ptr) {
        err_set(err, ERR_INVALID, "the view has no uuid");
        return NULL;
    }
    if (to->moved)
        model_add(to->arena, &to->next.log, to->entry);
    if (!view_check_dropped(to, err) || !view_expire(to, err) || !view_check(&to->next, err))
        return NULL;
    struct view *view = arena_new_object(to->arena, struct view);
    *view = to->next;
    return view;
}

bool view_update(struct arena *arena, const struct view *base, const struct json *updates,
                 const struct metadata_context *context, const struct view **view_out, struct err *err)
{
    struct view_updating to;
    if (!model_check_objects(updates, "'updates'", err))
        return false;
    if ((int64_t)json_count(updates) > limits_get(LIMIT_MODEL_UPDATES))
        return limits_err(LIMIT_MODEL_UPDATES, err);
    view_begin(&to, arena, base, context);
    for (size_t i = 0; i < json_count(updates); i++) {
        if (!view_apply(&to, json_at(updates, i), err))
            return false;
    }
    const struct view *next = base && !to.changed ? base : view_finish(&to, err);
    if (!next)
        return false;
    *view_out = next;
    return true;
}

const struct view *view_new(struct arena *arena, const struct json *request, struct str uuid, struct str location,
                            const struct metadata_context *context, struct err *err)
{
    struct view_updating to;
    struct view_version version;
    const struct json *properties = json_get(request, "properties");
    view_begin(&to, arena, NULL, context);
    to.next.uuid = str_copy(arena, uuid);
    to.next.location = model_location(str_copy(arena, location));
    const struct model_schema *schema = model_schema_parse(arena, json_get(request, "schema"), 0, err);
    if (!schema || !view_version_parse(json_get(request, "view-version"), &version, err))
        return NULL;
    for (size_t i = 0; i < json_count(json_get(version.json, "representations")); i++) {
        if (view_dialect(&version, i).len == 0) {
            err_set(err, ERR_INVALID, "found unsupported view representations: only sql is known");
            return NULL;
        }
    }
    if (json_kind(properties) != JSON_NULL &&
        !model_properties_set(arena, &to.next.properties, properties, context, &to.changed, err))
        return NULL;
    version.id = 1;
    version.schema = VIEW_LAST_ADDED;
    if (!view_take_schema(&to, schema, err) || !view_take_version(&to, version, err) ||
        !view_make_current(&to, to.added_version, err))
        return NULL;
    return view_finish(&to, err);
}
