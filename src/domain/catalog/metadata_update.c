/* Applying a commit's updates (open-api TableUpdate) in order. */
#include "domain/catalog/metadata.h"

#include "domain/catalog/metadata_priv.h"

static bool metadata_assign_uuid(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct str uuid;
    if (!model_get_text(update, "uuid", &uuid, err))
        return false;
    if (to->next.uuid.ptr && str_equal_nocase(uuid, to->next.uuid))
        return true;
    if (to->next.uuid.ptr)
        return err_set(err, ERR_INVALID, "cannot reassign uuid");
    if (!model_is_uuid(uuid))
        return err_set(err, ERR_INVALID, "'%.64s' is no uuid", uuid.ptr);
    to->next.uuid = uuid;
    to->changed = true;
    return true;
}

static bool metadata_upgrade(struct metadata_updating *to, const struct json *update, struct err *err)
{
    int format;
    if (!model_get_int(update, "format-version", &format, err))
        return false;
    if (format > METADATA_FORMAT_MAX) {
        err_set(err, ERR_INVALID, "cannot upgrade table to unsupported format version: v%d", format);
        return err_hint(err, "versions up to %d are known", METADATA_FORMAT_MAX);
    }
    if (format < to->next.format)
        return err_set(err, ERR_INVALID, "cannot downgrade v%d table to v%d", to->next.format, format);
    to->changed = to->changed || format != to->next.format;
    to->next.format = format;
    return true;
}

static bool metadata_set_location(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct str location;
    if (!model_get_text(update, "location", &location, err) ||
        !model_check_location(to->context, "location", location, err))
        return false;
    location = model_location(location);
    if (location.len == 0)
        return err_set(err, ERR_INVALID, "'location' is empty");
    to->changed = to->changed || !str_equal(location, to->next.location);
    to->next.location = location;
    return true;
}

/* Early clients say "updated" and "removed". */
static bool metadata_set_properties(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *updates = json_get(update, "updates");
    return model_properties_set(to->arena, &to->next.properties, updates ? updates : json_get(update, "updated"),
                                to->context, &to->changed, err);
}

static bool metadata_remove_properties(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *removals = json_get(update, "removals");
    return model_properties_remove(to->arena, &to->next.properties, removals ? removals : json_get(update, "removed"),
                                   &to->changed, err);
}

static const struct metadata_action {
    const char *name;
    bool (*apply)(struct metadata_updating *to, const struct json *update, struct err *err);
    bool adds; /* data, and nothing that was there is lost */
} metadata_actions[] = {
    {"add-snapshot", metadata_add_snapshot, true},
    {"set-snapshot-ref", metadata_set_ref, true},
    {"assign-uuid", metadata_assign_uuid, false},
    {"upgrade-format-version", metadata_upgrade, false},
    {"add-schema", metadata_add_schema, false},
    {"set-current-schema", metadata_set_current_schema, false},
    {"add-spec", metadata_add_spec, false},
    {"set-default-spec", metadata_set_default_spec, false},
    {"add-sort-order", metadata_add_sort, false},
    {"set-default-sort-order", metadata_set_default_sort, false},
    {"remove-snapshots", metadata_remove_snapshots, false},
    {"remove-snapshot-ref", metadata_remove_ref, false},
    {"set-location", metadata_set_location, false},
    {"set-properties", metadata_set_properties, false},
    {"remove-properties", metadata_remove_properties, false},
    {"set-statistics", metadata_set_statistics, true},
    {"remove-statistics", metadata_remove_statistics, false},
    {"set-partition-statistics", metadata_set_partition_statistics, true},
    {"remove-partition-statistics", metadata_remove_partition_statistics, false},
    {"remove-partition-specs", metadata_remove_specs, false},
    {"remove-schemas", metadata_remove_schemas, false},
    {"add-encryption-key", metadata_add_key, true},
    {"remove-encryption-key", metadata_remove_key, false},
};

static const struct metadata_action *metadata_action(const struct json *update)
{
    struct str name = json_text(json_get(update, "action"));
    for (size_t i = 0; i < sizeof(metadata_actions) / sizeof(metadata_actions[0]); i++) {
        if (str_equal_nocase(name, str_from(metadata_actions[i].name)))
            return &metadata_actions[i];
    }
    return NULL;
}

static bool metadata_apply(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct str name;
    if (!model_get_text(update, "action", &name, err))
        return err_wrap(err, "update");
    const struct metadata_action *action = metadata_action(update);
    if (!action)
        return err_set(err, ERR_INVALID, "unknown update '%.64s'", name.ptr);
    return action->apply(to, update, err) || err_wrap(err, "%s", action->name);
}

/* --- Begin and end --- */

#define METADATA_SHARED(list) ((list).capacity = (list).count)

void metadata_begin(struct metadata_updating *to, struct arena *arena, const struct metadata *base,
                    const struct metadata_context *context)
{
    *to = (struct metadata_updating){.arena = arena,
                                     .base = base,
                                     .context = context,
                                     .added_schema = METADATA_NONE_ADDED,
                                     .added_spec = METADATA_NONE_ADDED,
                                     .added_sort = METADATA_NONE_ADDED};
    if (base)
        to->next = *base;
    else
        to->next = (struct metadata){.format = 2, .current_snapshot = -1, .last_partition = MODEL_PARTITION_FIRST - 1};
    METADATA_SHARED(to->next.schemas);
    METADATA_SHARED(to->next.specs);
    METADATA_SHARED(to->next.sorts);
    METADATA_SHARED(to->next.properties.list);
    METADATA_SHARED(to->next.refs);
    METADATA_SHARED(to->next.snapshot_log);
    METADATA_SHARED(to->next.metadata_log);
    METADATA_SHARED(to->next.statistics);
    METADATA_SHARED(to->next.partition_statistics);
    METADATA_SHARED(to->next.keys);
    to->next.last_updated_ms = context->now_ms;
    if (base && context->now_ms < base->last_updated_ms - MODEL_SKEW_MS)
        to->next.last_updated_ms = base->last_updated_ms;
}

/* Version 4 UUID from the context's random number, for clients that assign none. */
static struct str metadata_make_uuid(struct arena *arena, uint64_t random)
{
    uint64_t more = random * 0x9E3779B97F4A7C15u;
    more = (more ^ (more >> 31)) * 0xBF58476D1CE4E5B9u;
    return str_format(arena, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(random >> 32),
                      (unsigned)(random >> 16) & 0xFFFF, (unsigned)random & 0xFFF,
                      0x8000u | ((unsigned)(more >> 48) & 0x3FFF), (unsigned long long)more & 0xFFFFFFFFFFFFu);
}

static void metadata_log_previous(struct metadata_updating *to)
{
    if (!to->base || to->context->previous.len == 0)
        return;
    int64_t most = model_property_number(&to->next.properties, S("write.metadata.previous-versions-max"), 100);
    size_t keep = most < 1 ? 0 : (size_t)most - 1; /* beside the one that is added */
    size_t count = to->next.metadata_log.count;
    if (count > keep) {
        to->next.metadata_log.items += count - keep;
        to->next.metadata_log.count = to->next.metadata_log.capacity = keep;
    }
    struct model_file_entry entry = {to->base->last_updated_ms, str_copy(to->arena, to->context->previous)};
    model_add(to->arena, &to->next.metadata_log, entry);
}

const struct metadata *metadata_finish(struct metadata_updating *to, struct err *err)
{
    struct metadata *next = arena_new_object(to->arena, struct metadata);
    const struct model_schema *schema = model_schemas_get(&to->next.schemas, to->next.current_schema);
    const struct model_spec *spec = model_specs_get(&to->next.specs, to->next.default_spec);
    const struct model_sort *sort = model_sorts_get(&to->next.sorts, to->next.default_sort);
    if (to->next.location.len == 0) {
        err_set(err, ERR_INVALID, "the table has no location");
        return NULL;
    }
    if (!metadata_finish_history(to, err) || (schema && spec && !model_spec_fits(spec, schema, err)) ||
        (schema && sort && !model_sort_fits(sort, schema, err)))
        return NULL;
    if (!to->next.uuid.ptr && to->next.format > 1)
        to->next.uuid = metadata_make_uuid(to->arena, (uint64_t)to->context->random);
    /* A client whose clock is ahead must not make the table unreadable: nothing in the log lies after the update. */
    size_t logged = to->next.snapshot_log.count;
    if (logged && to->next.last_updated_ms < to->next.snapshot_log.items[logged - 1].timestamp_ms - MODEL_SKEW_MS)
        to->next.last_updated_ms = to->next.snapshot_log.items[logged - 1].timestamp_ms;
    metadata_log_previous(to);
    *next = to->next;
    return metadata_check(next, err) ? next : NULL;
}

/* A new table begins in the format that its updates ask for. */
static int metadata_first_format(const struct json *updates)
{
    for (size_t i = 0; i < json_count(updates); i++) {
        const struct json *update = json_at(updates, i);
        int64_t format = json_i64(json_get(update, "format-version"));
        if (str_equal_nocase(json_text(json_get(update, "action")), S("upgrade-format-version")) && format >= 1 &&
            format <= METADATA_FORMAT_MAX)
            return (int)format;
    }
    return 2;
}

bool metadata_update(struct arena *arena, const struct metadata *base, const struct json *updates,
                     const struct metadata_context *context, const struct metadata **metadata_out, struct err *err)
{
    struct metadata_updating to;
    if (!model_check_objects(updates, "'updates'", err))
        return false;
    if ((int64_t)json_count(updates) > limits_get(LIMIT_MODEL_UPDATES))
        return limits_err(LIMIT_MODEL_UPDATES, err);
    metadata_begin(&to, arena, base, context);
    if (!base)
        to.next.format = metadata_first_format(updates);
    for (size_t i = 0; i < json_count(updates); i++) {
        if (!metadata_apply(&to, json_at(updates, i), err))
            return false;
    }
    const struct metadata *next = base && !to.changed ? base : metadata_finish(&to, err);
    if (!next)
        return false;
    *metadata_out = next;
    return true;
}

/* --- What a commit is --- */

bool metadata_is_write(const struct json *updates)
{
    for (size_t i = 0; i < json_count(updates); i++) {
        const struct metadata_action *action = metadata_action(json_at(updates, i));
        if (!action || !action->adds)
            return false;
    }
    return true;
}

/* Is `snapshot` the one, or one of its ancestors? */
static bool metadata_descends(const struct metadata *metadata, int64_t from, int64_t snapshot)
{
    for (size_t steps = 0; steps <= metadata->snapshots.count; steps++) {
        ptrdiff_t at = metadata_find_snapshot(metadata, from);
        if (from == snapshot || at < 0)
            return at >= 0;
        from = metadata->snapshots.items[at].is.parent;
    }
    return false;
}

bool metadata_is_replay(const struct metadata *base, const struct json *updates)
{
    bool adds = false;
    for (size_t i = 0; i < json_count(updates); i++) {
        const struct json *update = json_at(updates, i);
        const struct metadata_action *action = metadata_action(update);
        if (action && action->apply == metadata_add_snapshot) {
            adds = true;
            if (metadata_find_snapshot(base, json_i64(json_get(json_get(update, "snapshot"), "snapshot-id"))) < 0)
                return false;
        } else if (action && action->apply == metadata_set_ref) {
            const struct model_ref *ref = metadata_find_ref(base, json_text(json_get(update, "ref-name")));
            if (!ref || !metadata_descends(base, ref->is.snapshot, json_i64(json_get(update, "snapshot-id"))))
                return false;
        }
    }
    return adds;
}
