/* Snapshots, references, statistics files and encryption keys, as they stand in documents and in updates. */
#include "domain/catalog/model.h"

bool model_snapshot_parse(const struct json *json, struct model_snapshot *snapshot_out, struct err *err)
{
    struct model_snapshot snapshot = {.json = json};
    struct metadata_snapshot *is = &snapshot.is;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "a snapshot must be an object");
    if (!model_get_i64(json, "snapshot-id", &is->id, err))
        return err_wrap(err, "snapshot");
    if (!model_optional_i64(json, "parent-snapshot-id", -1, &is->parent, err) ||
        !model_optional_i64(json, "sequence-number", 0, &is->sequence, err) ||
        !model_get_i64(json, "timestamp-ms", &is->timestamp_ms, err) ||
        !model_optional_text(json, "manifest-list", &is->manifest_list, err) ||
        !model_optional_i64(json, "first-row-id", -1, &snapshot.first_row, err) ||
        !model_optional_i64(json, "added-rows", -1, &snapshot.added_rows, err))
        return err_wrap(err, "snapshot %lld", (long long)is->id);
    is->summary = json_get(json, "summary");
    is->operation = json_text(json_get(is->summary, "operation"));
    if (is->summary && !model_check_texts(is->summary, "'summary'", err))
        return err_wrap(err, "snapshot %lld", (long long)is->id);
    if (!is->manifest_list.ptr && json_kind(json_get(json, "manifests")) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "snapshot %lld: 'manifest-list' is missing", (long long)is->id);
    bool negative = (json_get(json, "first-row-id") && json_i64(json_get(json, "first-row-id")) < 0) ||
                    (json_get(json, "added-rows") && json_i64(json_get(json, "added-rows")) < 0);
    if (negative)
        return err_set(err, ERR_INVALID, "snapshot %lld: 'first-row-id' and 'added-rows' cannot be negative",
                       (long long)is->id);
    if (snapshot.first_row >= 0 && snapshot.added_rows < 0)
        return err_set(err, ERR_INVALID, "snapshot %lld: 'added-rows' is missing beside 'first-row-id'",
                       (long long)is->id);
    *snapshot_out = snapshot;
    return true;
}

static bool model_ref_age(const struct json *json, const char *key, int64_t *number_out, struct err *err)
{
    if (!model_optional_i64(json, key, -1, number_out, err))
        return false;
    if (json_kind(json_get(json, key)) == JSON_I64 && *number_out < 1)
        return err_set(err, ERR_INVALID, "'%s' must be greater than 0", key);
    return true;
}

bool model_ref_parse(struct str name, const struct json *json, struct model_ref *ref_out, struct err *err)
{
    struct model_ref ref = {.is.name = name, .json = json};
    struct str type;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "reference '%.64s' must be an object", name.ptr);
    if (!model_get_i64(json, "snapshot-id", &ref.is.snapshot, err) || !model_get_text(json, "type", &type, err) ||
        !model_ref_age(json, "min-snapshots-to-keep", &ref.is.min_snapshots, err) ||
        !model_ref_age(json, "max-snapshot-age-ms", &ref.is.max_snapshot_age_ms, err) ||
        !model_ref_age(json, "max-ref-age-ms", &ref.is.max_age_ms, err))
        return err_wrap(err, "reference '%.64s'", name.ptr);
    ref.is.is_tag = str_equal_nocase(type, S("tag"));
    if (!ref.is.is_tag && !str_equal_nocase(type, S("branch")))
        return err_set(err, ERR_INVALID, "reference '%.64s': 'type' must be branch or tag", name.ptr);
    if (ref.is.is_tag && (ref.is.min_snapshots >= 0 || ref.is.max_snapshot_age_ms >= 0))
        return err_set(err, ERR_INVALID, "tag '%.64s' cannot have 'min-snapshots-to-keep' or 'max-snapshot-age-ms'",
                       name.ptr);
    *ref_out = ref;
    return true;
}

bool model_ref_equal(const struct model_ref *a, const struct model_ref *b)
{
    return a->is.snapshot == b->is.snapshot && a->is.is_tag == b->is.is_tag &&
           a->is.min_snapshots == b->is.min_snapshots && a->is.max_snapshot_age_ms == b->is.max_snapshot_age_ms &&
           a->is.max_age_ms == b->is.max_age_ms;
}

void model_ref_write(struct json_writer *writer, const struct model_ref *ref)
{
    if (ref->json) {
        json_write_value(writer, ref->is.name.ptr, ref->json);
        return;
    }
    json_begin_object(writer, ref->is.name.ptr);
    json_write_i64(writer, "snapshot-id", ref->is.snapshot);
    json_write_text(writer, "type", ref->is.is_tag ? S("tag") : S("branch"));
    if (ref->is.min_snapshots >= 0)
        json_write_i64(writer, "min-snapshots-to-keep", ref->is.min_snapshots);
    if (ref->is.max_snapshot_age_ms >= 0)
        json_write_i64(writer, "max-snapshot-age-ms", ref->is.max_snapshot_age_ms);
    if (ref->is.max_age_ms >= 0)
        json_write_i64(writer, "max-ref-age-ms", ref->is.max_age_ms);
    json_end_object(writer);
}

static bool model_file_parse(const struct json *json, const char *what, struct model_file *file_out, struct err *err)
{
    struct model_file file = {.json = json};
    int64_t size;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "%s must be an object", what);
    if (!model_get_i64(json, "snapshot-id", &file.snapshot, err) ||
        !model_get_text(json, "statistics-path", &file.path, err) ||
        !model_get_i64(json, "file-size-in-bytes", &size, err))
        return err_wrap(err, "%s", what);
    *file_out = file;
    return true;
}

bool model_partition_statistics_parse(const struct json *json, struct model_file *file_out, struct err *err)
{
    return model_file_parse(json, "partition statistics", file_out, err);
}

bool model_statistics_parse(const struct json *json, struct model_file *file_out, struct err *err)
{
    const struct json *blobs;
    int64_t number;
    if (!model_file_parse(json, "statistics", file_out, err))
        return false;
    if (!model_get_i64(json, "file-footer-size-in-bytes", &number, err) ||
        !model_get_array(json, "blob-metadata", &blobs, err) || !model_check_objects(blobs, "'blob-metadata'", err))
        return err_wrap(err, "statistics");
    for (size_t i = 0; i < json_count(blobs); i++) {
        const struct json *blob = json_at(blobs, i), *fields;
        struct str type;
        if (!model_get_text(blob, "type", &type, err) || !model_get_i64(blob, "snapshot-id", &number, err) ||
            !model_get_i64(blob, "sequence-number", &number, err) || !model_get_array(blob, "fields", &fields, err))
            return err_wrap(err, "statistics, blob %zu", i + 1);
    }
    return true;
}

bool model_key_parse(const struct json *json, struct model_key *key_out, struct err *err)
{
    struct model_key key = {.json = json};
    struct str text;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "an encryption key must be an object");
    if (!model_get_text(json, "key-id", &key.id, err) || !model_get_text(json, "encrypted-key-metadata", &text, err) ||
        !model_optional_text(json, "encrypted-by-id", &text, err))
        return err_wrap(err, "encryption key");
    *key_out = key;
    return true;
}
