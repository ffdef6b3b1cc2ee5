/* Reading table metadata, the rules that every document follows, and what others ask of one. */
#include "domain/catalog/metadata.h"

#include <assert.h>
#include <stdlib.h>

#include "domain/catalog/model.h"

/* --- Reading --- */

static bool metadata_read_numbers(const struct json *json, struct metadata *metadata, struct err *err)
{
    int format = metadata->format;
    if (!model_optional_text(json, "table-uuid", &metadata->uuid, err) ||
        !model_get_text(json, "location", &metadata->location, err) ||
        !model_get_i64(json, "last-updated-ms", &metadata->last_updated_ms, err) ||
        !model_get_int(json, "last-column-id", &metadata->last_column, err) ||
        !model_optional_i64(json, "current-snapshot-id", -1, &metadata->current_snapshot, err))
        return false;
    metadata->location = model_location(metadata->location);
    if (format > 1 && !metadata->uuid.ptr)
        return err_set(err, ERR_INVALID, "'table-uuid' is missing");
    if (format > 1 && !model_get_i64(json, "last-sequence-number", &metadata->last_sequence, err))
        return false;
    return format < 3 || model_get_i64(json, "next-row-id", &metadata->next_row, err);
}

static bool metadata_read_schemas(struct arena *arena, const struct json *json, struct metadata *metadata,
                                  struct err *err)
{
    const struct json *schemas;
    if (!model_optional_array(json, "schemas", &schemas, err))
        return false;
    if (schemas)
        return model_get_int(json, "current-schema-id", &metadata->current_schema, err) &&
               model_schemas_parse(arena, schemas, &metadata->schemas, err);
    if (metadata->format > 1)
        return err_set(err, ERR_INVALID, "'schemas' is missing");
    const struct model_schema *only = model_schema_parse(arena, json_get(json, "schema"), 0, err);
    if (!only)
        return false;
    metadata->current_schema = only->id;
    model_add(arena, &metadata->schemas, only);
    return true;
}

/* Old metadata leaves out the ids of partition fields: they count from 1000. */
static const struct model_spec *metadata_number_spec(struct arena *arena, const struct model_spec *spec)
{
    size_t count = spec->fields.count;
    if (count == 0 || spec->fields.items[0].id >= 0)
        return spec;
    int *ids = arena_array(arena, count, sizeof(*ids));
    for (size_t i = 0; i < count; i++)
        ids[i] = MODEL_PARTITION_FIRST + (int)i;
    return model_spec_renumber(arena, spec, spec->id, ids, NULL);
}

static bool metadata_read_spec(struct arena *arena, const struct json *json, int missing_id, struct metadata *metadata,
                               struct err *err)
{
    const struct model_spec *spec = model_spec_parse(arena, json, missing_id, err);
    if (!spec)
        return false;
    if (model_specs_get(&metadata->specs, spec->id))
        return err_set(err, ERR_INVALID, "two partition specs have the id %d", spec->id);
    model_add(arena, &metadata->specs, metadata_number_spec(arena, spec));
    return true;
}

static bool metadata_read_specs(struct arena *arena, const struct json *json, struct metadata *metadata,
                                struct err *err)
{
    const struct json *specs;
    if (!model_optional_array(json, "partition-specs", &specs, err))
        return false;
    if (!specs && metadata->format > 1)
        return err_set(err, ERR_INVALID, "'partition-specs' is missing");
    if (!specs && !metadata_read_spec(arena, json_get(json, "partition-spec"), 0, metadata, err))
        return false;
    if (specs && !model_get_int(json, "default-spec-id", &metadata->default_spec, err))
        return false;
    for (size_t i = 0; i < json_count(specs); i++) {
        if (!metadata_read_spec(arena, json_at(specs, i), 0, metadata, err))
            return false;
    }
    int last = MODEL_PARTITION_FIRST - 1;
    for (size_t i = 0; i < metadata->specs.count; i++) {
        int highest = model_spec_last(metadata->specs.items[i]);
        last = highest > last ? highest : last;
    }
    if (metadata->format > 1)
        return model_get_int(json, "last-partition-id", &metadata->last_partition, err);
    return model_optional_int(json, "last-partition-id", last, &metadata->last_partition, err);
}

static bool metadata_read_sorts(struct arena *arena, const struct json *json, struct metadata *metadata,
                                struct err *err)
{
    const struct json *sorts;
    if (!model_optional_array(json, "sort-orders", &sorts, err))
        return false;
    if (!sorts && metadata->format > 1)
        return err_set(err, ERR_INVALID, "'sort-orders' is missing");
    if (!sorts) {
        model_add(arena, &metadata->sorts, model_sort_none(arena));
        return true;
    }
    if (!model_get_int(json, "default-sort-order-id", &metadata->default_sort, err))
        return false;
    for (size_t i = 0; i < json_count(sorts); i++) {
        const struct model_sort *sort = model_sort_parse(arena, json_at(sorts, i), 0, err);
        if (!sort)
            return false;
        if (model_sorts_get(&metadata->sorts, sort->id))
            return err_set(err, ERR_INVALID, "two sort orders have the id %d", sort->id);
        model_add(arena, &metadata->sorts, sort);
    }
    return true;
}

static bool metadata_read_snapshots(struct arena *arena, const struct json *json, struct metadata *metadata,
                                    struct err *err)
{
    const struct json *snapshots;
    if (!model_optional_array(json, "snapshots", &snapshots, err))
        return false;
    metadata->snapshots.count = metadata->snapshots.capacity = json_count(snapshots);
    metadata->snapshots.items = arena_array(arena, json_count(snapshots) + 1, sizeof(*metadata->snapshots.items));
    for (size_t i = 0; i < json_count(snapshots); i++) {
        if (!model_snapshot_parse(json_at(snapshots, i), &metadata->snapshots.items[i], err))
            return false;
    }
    return metadata_index_snapshots(arena, metadata, err);
}

static bool metadata_read_refs(struct arena *arena, const struct json *json, struct metadata *metadata, struct err *err)
{
    const struct json *refs = json_get(json, "refs");
    if (json_kind(refs) == JSON_NULL) {
        struct model_ref main = {.is = {MODEL_MAIN, false, metadata->current_snapshot, -1, -1, -1}};
        if (metadata->current_snapshot != -1)
            model_add(arena, &metadata->refs, main);
        return true;
    }
    if (json_kind(refs) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "'refs' must be an object");
    for (size_t i = 0; i < json_count(refs); i++) {
        struct model_ref ref;
        if (!model_ref_parse(json_key_at(refs, i), json_at(refs, i), &ref, err))
            return false;
        model_add(arena, &metadata->refs, ref);
    }
    return true;
}

static bool metadata_read_logs(struct arena *arena, const struct json *json, struct metadata *metadata, struct err *err)
{
    const struct json *log;
    if (!model_optional_array(json, "snapshot-log", &log, err))
        return false;
    for (size_t i = 0; i < json_count(log); i++) {
        struct model_snapshot_entry entry;
        if (!model_get_i64(json_at(log, i), "timestamp-ms", &entry.timestamp_ms, err) ||
            !model_get_i64(json_at(log, i), "snapshot-id", &entry.snapshot, err))
            return err_wrap(err, "snapshot-log");
        model_add(arena, &metadata->snapshot_log, entry);
    }
    if (!model_optional_array(json, "metadata-log", &log, err))
        return false;
    for (size_t i = 0; i < json_count(log); i++) {
        struct model_file_entry entry;
        if (!model_get_i64(json_at(log, i), "timestamp-ms", &entry.timestamp_ms, err) ||
            !model_get_text(json_at(log, i), "metadata-file", &entry.file, err))
            return err_wrap(err, "metadata-log");
        model_add(arena, &metadata->metadata_log, entry);
    }
    return true;
}

static bool metadata_read_files(struct arena *arena, const struct json *json, struct metadata *metadata,
                                struct err *err)
{
    const struct json *statistics, *partition_statistics, *keys;
    if (!model_optional_array(json, "statistics", &statistics, err) ||
        !model_optional_array(json, "partition-statistics", &partition_statistics, err) ||
        !model_optional_array(json, "encryption-keys", &keys, err))
        return false;
    struct model_file file;
    for (size_t i = 0; i < json_count(statistics); i++) {
        if (!model_statistics_parse(json_at(statistics, i), &file, err))
            return false;
        model_add(arena, &metadata->statistics, file);
    }
    for (size_t i = 0; i < json_count(partition_statistics); i++) {
        if (!model_partition_statistics_parse(json_at(partition_statistics, i), &file, err))
            return false;
        model_add(arena, &metadata->partition_statistics, file);
    }
    for (size_t i = 0; i < json_count(keys); i++) {
        struct model_key key;
        if (!model_key_parse(json_at(keys, i), &key, err))
            return false;
        model_add(arena, &metadata->keys, key);
    }
    return true;
}

static const struct metadata *metadata_read(struct arena *arena, struct str text, struct err *err)
{
    const struct json *json = json_parse(arena, text, err);
    if (!json)
        return NULL;
    struct metadata *metadata = arena_new_object(arena, struct metadata);
    metadata->document = json;
    if (json_kind(json) != JSON_OBJECT) {
        err_set(err, ERR_INVALID, "it must be an object");
        return NULL;
    }
    if (!model_get_int(json, "format-version", &metadata->format, err))
        return NULL;
    if (metadata->format < 1 || metadata->format > METADATA_FORMAT_MAX) {
        err_set(err, ERR_INVALID, "cannot read unsupported version %d", metadata->format);
        err_hint(err, "versions 1 to %d are known", METADATA_FORMAT_MAX);
        return NULL;
    }
    bool ok = metadata_read_numbers(json, metadata, err) && metadata_read_schemas(arena, json, metadata, err) &&
              metadata_read_specs(arena, json, metadata, err) && metadata_read_sorts(arena, json, metadata, err) &&
              model_properties_parse(arena, json_get(json, "properties"), &metadata->properties, err) &&
              metadata_read_snapshots(arena, json, metadata, err) && metadata_read_refs(arena, json, metadata, err) &&
              metadata_read_logs(arena, json, metadata, err) && metadata_read_files(arena, json, metadata, err) &&
              metadata_check(metadata, err);
    return ok ? metadata : NULL;
}

const struct metadata *metadata_parse(struct arena *arena, struct str text, struct err *err)
{
    const struct metadata *metadata = metadata_read(arena, text, err);
    if (!metadata)
        err_wrap(err, "table metadata");
    return metadata;
}

/* --- Rules --- */

static int metadata_order_ids(const void *a, const void *b, void *context)
{
    const struct model_snapshot *snapshots = context;
    int64_t left = snapshots[*(const uint32_t *)a].is.id, right = snapshots[*(const uint32_t *)b].is.id;
    return (left > right) - (left < right);
}

bool metadata_index_snapshots(struct arena *arena, struct metadata *metadata, struct err *err)
{
    size_t count = metadata->snapshots.count;
    uint32_t *order = arena_array(arena, count + 1, sizeof(*order));
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    if (count)
        qsort_r(order, count, sizeof(*order), metadata_order_ids, metadata->snapshots.items);
    for (size_t i = 1; i < count; i++) {
        int64_t id = metadata->snapshots.items[order[i]].is.id;
        if (id == metadata->snapshots.items[order[i - 1]].is.id)
            return err_set(err, ERR_INVALID, "two snapshots have the id %lld", (long long)id);
    }
    metadata->by_id = order;
    return true;
}

ptrdiff_t metadata_find_snapshot(const struct metadata *metadata, int64_t id)
{
    size_t low = 0, high = metadata->snapshots.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t here = metadata->snapshots.items[metadata->by_id[middle]].is.id;
        if (here == id)
            return (ptrdiff_t)metadata->by_id[middle];
        if (here < id)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

const struct model_ref *metadata_find_ref(const struct metadata *metadata, struct str name)
{
    for (size_t i = 0; i < metadata->refs.count; i++) {
        if (str_equal(metadata->refs.items[i].is.name, name))
            return &metadata->refs.items[i];
    }
    return NULL;
}

static bool metadata_check_refs(const struct metadata *metadata, struct err *err)
{
    int64_t current = metadata->current_snapshot;
    const struct model_ref *main = metadata_find_ref(metadata, MODEL_MAIN);
    if (current != -1 && metadata_find_snapshot(metadata, current) < 0)
        return err_set(err, ERR_INVALID, "the current snapshot %lld is not there", (long long)current);
    if (current == -1 && main)
        return err_set(err, ERR_INVALID, "there is no current snapshot, but a branch main");
    if (main && main->is.snapshot != current)
        return err_set(err, ERR_INVALID, "the current snapshot is not that of the branch main (%lld != %lld)",
                       (long long)current, (long long)main->is.snapshot);
    for (size_t i = 0; i < metadata->refs.count; i++) {
        const struct metadata_ref *ref = &metadata->refs.items[i].is;
        if (metadata_find_snapshot(metadata, ref->snapshot) < 0)
            return err_set(err, ERR_INVALID, "snapshot %lld of reference '%.64s' is not there",
                           (long long)ref->snapshot, ref->name.ptr);
    }
    return true;
}

static bool metadata_check_order(const struct metadata *metadata, struct err *err)
{
    for (size_t i = 1; i < metadata->snapshot_log.count; i++) {
        const struct model_snapshot_entry *entry = &metadata->snapshot_log.items[i];
        if (entry->timestamp_ms < entry[-1].timestamp_ms - MODEL_SKEW_MS)
            return err_set(err, ERR_INVALID, "the snapshot-log is not in order of time at snapshot %lld",
                           (long long)entry->snapshot);
    }
    for (size_t i = 1; i < metadata->metadata_log.count; i++) {
        const struct model_file_entry *entry = &metadata->metadata_log.items[i];
        if (entry->timestamp_ms < entry[-1].timestamp_ms - MODEL_SKEW_MS)
            return err_set(err, ERR_INVALID, "the metadata-log is not in order of time");
    }
    return true;
}

bool metadata_check(const struct metadata *metadata, struct err *err)
{
    if (metadata->format == 1 && metadata->last_sequence != 0)
        return err_set(err, ERR_INVALID, "the sequence number must be 0 in v1");
    if (!model_schemas_get(&metadata->schemas, metadata->current_schema))
        return err_set(err, ERR_INVALID, "the current schema %d is not there", metadata->current_schema);
    if (!model_specs_get(&metadata->specs, metadata->default_spec))
        return err_set(err, ERR_INVALID, "the default partition spec %d is not there", metadata->default_spec);
    if (!model_sorts_get(&metadata->sorts, metadata->default_sort))
        return err_set(err, ERR_INVALID, "the default sort order %d is not there", metadata->default_sort);
    for (size_t i = 0; i < metadata->snapshots.count; i++) {
        const struct metadata_snapshot *snapshot = &metadata->snapshots.items[i].is;
        if (snapshot->sequence > metadata->last_sequence)
            return err_set(err, ERR_INVALID,
                           "snapshot %lld has sequence number %lld, which is greater than the last one, %lld",
                           (long long)snapshot->id, (long long)snapshot->sequence, (long long)metadata->last_sequence);
    }
    return metadata_check_refs(metadata, err) && metadata_check_order(metadata, err);
}

/* --- What others ask --- */

struct str metadata_uuid(const struct metadata *metadata)
{
    return metadata->uuid.ptr ? metadata->uuid : S("");
}

struct str metadata_location(const struct metadata *metadata)
{
    return metadata->location;
}

int metadata_format(const struct metadata *metadata)
{
    return metadata->format;
}

int metadata_current_schema(const struct metadata *metadata)
{
    return metadata->current_schema;
}

int64_t metadata_current_snapshot(const struct metadata *metadata)
{
    return metadata->current_snapshot;
}

int64_t metadata_last_updated_ms(const struct metadata *metadata)
{
    return metadata->last_updated_ms;
}

struct str metadata_property(const struct metadata *metadata, struct str name)
{
    return model_property(&metadata->properties, name);
}

size_t metadata_snapshot_count(const struct metadata *metadata)
{
    return metadata->snapshots.count;
}

struct metadata_snapshot metadata_snapshot_at(const struct metadata *metadata, size_t index)
{
    assert(index < metadata->snapshots.count);
    return metadata->snapshots.items[index].is;
}

size_t metadata_ref_count(const struct metadata *metadata)
{
    return metadata->refs.count;
}

struct metadata_ref metadata_ref_at(const struct metadata *metadata, size_t index)
{
    assert(index < metadata->refs.count);
    return metadata->refs.items[index].is;
}
