/* Writing table metadata, in the order in which Iceberg's own writer does. */
#include "domain/catalog/metadata.h"

#include "domain/catalog/model.h"

/* Members that are written from the fields of struct metadata; all others are copied. */
static const char *const metadata_known[] = {"format-version",
                                             "table-uuid",
                                             "location",
                                             "last-sequence-number",
                                             "last-updated-ms",
                                             "last-column-id",
                                             "schema",
                                             "current-schema-id",
                                             "schemas",
                                             "partition-spec",
                                             "default-spec-id",
                                             "partition-specs",
                                             "last-partition-id",
                                             "default-sort-order-id",
                                             "sort-orders",
                                             "properties",
                                             "current-snapshot-id",
                                             "next-row-id",
                                             "encryption-keys",
                                             "refs",
                                             "snapshots",
                                             "statistics",
                                             "partition-statistics",
                                             "snapshot-log",
                                             "metadata-log"};

static bool metadata_is_known(struct str key)
{
    for (size_t i = 0; i < sizeof(metadata_known) / sizeof(metadata_known[0]); i++) {
        if (str_equal(key, str_from(metadata_known[i])))
            return true;
    }
    return false;
}

static void metadata_write_schemas(struct json_writer *writer, const struct metadata *metadata)
{
    /* Readers of v1 look for "schema" and "partition-spec". */
    if (metadata->format == 1)
        json_write_value(writer, "schema", model_schemas_get(&metadata->schemas, metadata->current_schema)->json);
    json_write_i64(writer, "current-schema-id", metadata->current_schema);
    json_begin_array(writer, "schemas");
    for (size_t i = 0; i < metadata->schemas.count; i++)
        json_write_value(writer, NULL, metadata->schemas.items[i]->json);
    json_end_array(writer);
}

static void metadata_write_specs(struct json_writer *writer, const struct metadata *metadata)
{
    if (metadata->format == 1) {
        const struct json *json = model_specs_get(&metadata->specs, metadata->default_spec)->json;
        json_write_value(writer, "partition-spec", json_kind(json) == JSON_ARRAY ? json : json_get(json, "fields"));
    }
    json_write_i64(writer, "default-spec-id", metadata->default_spec);
    json_begin_array(writer, "partition-specs");
    for (size_t i = 0; i < metadata->specs.count; i++) {
        const struct model_spec *spec = metadata->specs.items[i];
        if (json_kind(spec->json) == JSON_OBJECT) {
            json_write_value(writer, NULL, spec->json);
            continue;
        }
        json_begin_object(writer, NULL);
        json_write_i64(writer, "spec-id", spec->id);
        json_write_value(writer, "fields", spec->json);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_write_i64(writer, "last-partition-id", metadata->last_partition);
    json_write_i64(writer, "default-sort-order-id", metadata->default_sort);
    json_begin_array(writer, "sort-orders");
    for (size_t i = 0; i < metadata->sorts.count; i++)
        json_write_value(writer, NULL, metadata->sorts.items[i]->json);
    json_end_array(writer);
}

static bool metadata_has_ref_to(const struct metadata *metadata, int64_t snapshot)
{
    for (size_t i = 0; i < metadata->refs.count; i++) {
        if (metadata->refs.items[i].is.snapshot == snapshot)
            return true;
    }
    return false;
}

static void metadata_write_snapshots(struct json_writer *writer, const struct metadata *metadata, bool refs_only)
{
    json_begin_object(writer, "refs");
    for (size_t i = 0; i < metadata->refs.count; i++)
        model_ref_write(writer, &metadata->refs.items[i]);
    json_end_object(writer);
    json_begin_array(writer, "snapshots");
    for (size_t i = 0; i < metadata->snapshots.count; i++) {
        if (!refs_only || metadata_has_ref_to(metadata, metadata->snapshots.items[i].is.id))
            json_write_value(writer, NULL, metadata->snapshots.items[i].json);
    }
    json_end_array(writer);
    json_begin_array(writer, "statistics");
    for (size_t i = 0; i < metadata->statistics.count; i++) {
        if (!refs_only || metadata_has_ref_to(metadata, metadata->statistics.items[i].snapshot))
            json_write_value(writer, NULL, metadata->statistics.items[i].json);
    }
    json_end_array(writer);
    json_begin_array(writer, "partition-statistics");
    for (size_t i = 0; i < metadata->partition_statistics.count; i++) {
        if (!refs_only || metadata_has_ref_to(metadata, metadata->partition_statistics.items[i].snapshot))
            json_write_value(writer, NULL, metadata->partition_statistics.items[i].json);
    }
    json_end_array(writer);
}

static void metadata_write_logs(struct json_writer *writer, const struct metadata *metadata)
{
    json_begin_array(writer, "snapshot-log");
    for (size_t i = 0; i < metadata->snapshot_log.count; i++) {
        json_begin_object(writer, NULL);
        json_write_i64(writer, "timestamp-ms", metadata->snapshot_log.items[i].timestamp_ms);
        json_write_i64(writer, "snapshot-id", metadata->snapshot_log.items[i].snapshot);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_begin_array(writer, "metadata-log");
    for (size_t i = 0; i < metadata->metadata_log.count; i++) {
        json_begin_object(writer, NULL);
        json_write_i64(writer, "timestamp-ms", metadata->metadata_log.items[i].timestamp_ms);
        json_write_text(writer, "metadata-file", metadata->metadata_log.items[i].file);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void metadata_write_all(const struct metadata *metadata, struct buf *buf, bool refs_only)
{
    struct json_writer writer = {.buf = buf};
    json_begin_object(&writer, NULL);
    json_write_i64(&writer, "format-version", metadata->format);
    if (metadata->uuid.ptr)
        json_write_text(&writer, "table-uuid", metadata->uuid);
    json_write_text(&writer, "location", metadata->location);
    if (metadata->format > 1)
        json_write_i64(&writer, "last-sequence-number", metadata->last_sequence);
    json_write_i64(&writer, "last-updated-ms", metadata->last_updated_ms);
    json_write_i64(&writer, "last-column-id", metadata->last_column);
    metadata_write_schemas(&writer, metadata);
    metadata_write_specs(&writer, metadata);
    model_properties_write(&writer, &metadata->properties);
    /* Early readers want -1 for a table without a snapshot; null is known since v3. */
    if (metadata->current_snapshot == -1 && metadata->format >= 3)
        json_write_null(&writer, "current-snapshot-id");
    else
        json_write_i64(&writer, "current-snapshot-id", metadata->current_snapshot);
    if (metadata->format >= 3)
        json_write_i64(&writer, "next-row-id", metadata->next_row);
    if (metadata->keys.count) {
        json_begin_array(&writer, "encryption-keys");
        for (size_t i = 0; i < metadata->keys.count; i++)
            json_write_value(&writer, NULL, metadata->keys.items[i].json);
        json_end_array(&writer);
    }
    metadata_write_snapshots(&writer, metadata, refs_only);
    metadata_write_logs(&writer, metadata);
    for (size_t i = 0; i < json_count(metadata->document); i++) {
        struct str key = json_key_at(metadata->document, i);
        if (!metadata_is_known(key))
            json_write_value(&writer, key.ptr, json_at(metadata->document, i));
    }
    json_end_object(&writer);
}

void metadata_write(const struct metadata *metadata, struct buf *buf)
{
    metadata_write_all(metadata, buf, false);
}

void metadata_write_refs(const struct metadata *metadata, struct buf *buf)
{
    metadata_write_all(metadata, buf, true);
}
