#include "worker/maintain_write.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "platform/object/object.h"

#define MAINTAIN_MANIFESTS_IN_ONE 50

enum { MAINTAIN_EXISTING, MAINTAIN_ADDED, MAINTAIN_DELETED };

/* data_file of a manifest's entry. */
static const struct {
    const char *name, *type; /* type NULL: the partition */
    int id, first, second;   /* of the field, of a map's key or a list's element, of a map's value */
    bool required;
    int64_t format; /* since this format version */
} maintain_fields[] = {
    {"content", "INTEGER", 134, 0, 0, true, 2},
    {"file_path", "VARCHAR", 100, 0, 0, true, 2},
    {"file_format", "VARCHAR", 101, 0, 0, true, 2},
    {"partition", NULL, 102, 0, 0, true, 2},
    {"record_count", "BIGINT", 103, 0, 0, true, 2},
    {"file_size_in_bytes", "BIGINT", 104, 0, 0, true, 2},
    {"column_sizes", "MAP(INTEGER, BIGINT)", 108, 117, 118, false, 2},
    {"value_counts", "MAP(INTEGER, BIGINT)", 109, 119, 120, false, 2},
    {"null_value_counts", "MAP(INTEGER, BIGINT)", 110, 121, 122, false, 2},
    {"nan_value_counts", "MAP(INTEGER, BIGINT)", 137, 138, 139, false, 2},
    {"lower_bounds", "MAP(INTEGER, BLOB)", 125, 126, 127, false, 2},
    {"upper_bounds", "MAP(INTEGER, BLOB)", 128, 129, 130, false, 2},
    {"key_metadata", "BLOB", 131, 0, 0, false, 2},
    {"split_offsets", "BIGINT[]", 132, 133, 0, false, 2},
    {"equality_ids", "INTEGER[]", 135, 136, 0, false, 2},
    {"sort_order_id", "INTEGER", 140, 0, 0, false, 2},
    {"referenced_data_file", "VARCHAR", 143, 0, 0, false, 2},
    {"first_row_id", "BIGINT", 142, 0, 0, false, 3},
    {"content_offset", "BIGINT", 144, 0, 0, false, 3},
    {"content_size_in_bytes", "BIGINT", 145, 0, 0, false, 3},
};
#define MAINTAIN_FIELDS (sizeof(maintain_fields) / sizeof(maintain_fields[0]))

/* A manifest list's entry. */
#define MAINTAIN_SUMMARY "STRUCT(contains_null BOOLEAN, contains_nan BOOLEAN, lower_bound BLOB, upper_bound BLOB)[]"
static const struct {
    const char *name, *type;
    int id;
    bool required;
    int64_t format;
} maintain_list_fields[] = {
    {"manifest_path", "VARCHAR", 500, true, 2},        {"manifest_length", "BIGINT", 501, true, 2},
    {"partition_spec_id", "INTEGER", 502, true, 2},    {"content", "INTEGER", 517, true, 2},
    {"sequence_number", "BIGINT", 515, true, 2},       {"min_sequence_number", "BIGINT", 516, true, 2},
    {"added_snapshot_id", "BIGINT", 503, true, 2},     {"added_files_count", "INTEGER", 504, true, 2},
    {"existing_files_count", "INTEGER", 505, true, 2}, {"deleted_files_count", "INTEGER", 506, true, 2},
    {"added_rows_count", "BIGINT", 512, true, 2},      {"existing_rows_count", "BIGINT", 513, true, 2},
    {"deleted_rows_count", "BIGINT", 514, true, 2},    {"partitions", MAINTAIN_SUMMARY, 507, false, 2},
    {"key_metadata", "BLOB", 519, false, 2},           {"first_row_id", "BIGINT", 520, false, 3},
};
#define MAINTAIN_LIST_FIELDS (sizeof(maintain_list_fields) / sizeof(maintain_list_fields[0]))

void maintain_change_done(struct maintain_change *change)
{
    vec_done(&change->manifests);
    vec_done(&change->locations);
}

static struct str maintain_directory(struct arena *arena, const struct maintain_table *table, const char *kind)
{
    struct str property = str_format(arena, "write.%s.path", kind);
    struct str base = json_text(json_get(json_get(table->metadata, "properties"), property.ptr));
    while (str_ends_with(base, S("/")))
        base.len--;
    if (base.len == 0)
        base = str_format(arena, "%.*s/%s", STR_ARG(table->location), kind);
    return base;
}

bool maintain_make_directories(struct maintain *maintain, const struct maintain_table *table, struct err *err)
{
    return object_make_directory(maintain->store, maintain_directory(table->arena, table, "data"), err) &&
           object_make_directory(maintain->store, maintain_directory(table->arena, table, "metadata"), err);
}

struct str maintain_new_location(struct arena *arena, const struct maintain_table *table, const char *kind,
                                 const char *suffix)
{
    struct str base = maintain_directory(arena, table, kind);
    struct str hex = random_hex(arena, 16);
    return str_format(arena, "%.*s/%.8s-%.4s-%.4s-%.4s-%.12s%s", STR_ARG(base), hex.ptr, hex.ptr + 8, hex.ptr + 12,
                      hex.ptr + 16, hex.ptr + 20, suffix);
}

/* --- Names and ids of fields --- */

static const struct json *maintain_spec_fields(const struct maintain_table *table, int64_t spec)
{
    return json_get(maintain_by_id(json_get(table->metadata, "partition-specs"), "spec-id", spec), "fields");
}

/* Avro knows letters, digits and '_' in names only; others are written as Iceberg's Java library does. Readers go by
 * the ids. */
static void maintain_append_avro_name(struct buf *sql, struct str name)
{
    buf_append_char(sql, '\'');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_', digit = c >= '0' && c <= '9';
        if (letter || (digit && i > 0))
            buf_append_char(sql, c);
        else if (digit)
            buf_printf(sql, "_%c", c);
        else
            buf_printf(sql, "_x%X", (unsigned)(uint8_t)c);
    }
    buf_append_char(sql, '\'');
}

static void maintain_append_id(struct buf *sql, int id, bool required)
{
    buf_printf(sql, "{'__duckdb_field_id': %d, '__duckdb_nullable': %s", id, required ? "false" : "true");
}

static void maintain_append_partition_ids(struct buf *sql, const struct maintain_change *change, int64_t spec)
{
    const struct json *fields = maintain_spec_fields(change->table, spec);
    for (size_t i = 0; i < json_count(fields); i++) {
        buf_append_str(sql, S(", "));
        maintain_append_avro_name(sql, json_text(json_get(json_at(fields, i), "name")));
        buf_append_str(sql, S(": "));
        maintain_append_id(sql, (int)json_i64(json_get(json_at(fields, i), "field-id")), false);
        buf_append_char(sql, '}');
    }
}

static void maintain_append_entry_ids(struct buf *sql, const struct maintain_change *change, int64_t spec)
{
    buf_append_str(sql, S("{'status': {'__duckdb_field_id': 0, '__duckdb_nullable': false}, 'snapshot_id': 1, "
                          "'sequence_number': 3, 'file_sequence_number': 4, 'data_file': "));
    maintain_append_id(sql, 2, true);
    for (size_t i = 0; i < MAINTAIN_FIELDS; i++) {
        if (maintain_fields[i].format > change->table->format)
            continue;
        buf_printf(sql, ", '%s': ", maintain_fields[i].name);
        maintain_append_id(sql, maintain_fields[i].id, maintain_fields[i].required);
        const char *first = maintain_fields[i].second ? "key" : "list";
        if (maintain_fields[i].first)
            buf_printf(sql, ", '%s': {'__duckdb_field_id': %d, '__duckdb_nullable': false}", first,
                       maintain_fields[i].first);
        if (maintain_fields[i].second)
            buf_printf(sql, ", 'value': {'__duckdb_field_id': %d, '__duckdb_nullable': false}",
                       maintain_fields[i].second);
        if (!maintain_fields[i].type)
            maintain_append_partition_ids(sql, change, spec);
        buf_append_char(sql, '}');
    }
    buf_append_str(sql, S("}}"));
}

/* --- Entries --- */

/* The partition under the names that the new manifest has; DuckDB knows no struct without fields but this one. */
static void maintain_append_partition(struct buf *sql, const struct maintain_change *change, int64_t spec)
{
    const struct json *fields = maintain_spec_fields(change->table, spec);
    if (json_count(fields) == 0) {
        buf_append_str(sql, S("{'__duckdb_empty_struct_marker': NULL::INTEGER}"));
        return;
    }
    for (size_t i = 0; i < json_count(fields); i++) {
        buf_append_str(sql, i ? S(", ") : S("{"));
        maintain_append_avro_name(sql, json_text(json_get(json_at(fields, i), "name")));
        buf_printf(sql, ": struct_extract_at(data_file.partition, %zu)", i + 1);
    }
    buf_append_char(sql, '}');
}

/* Whose first row id is left out gets one by its place among the others of the manifest. */
static void maintain_append_first_row(struct buf *sql, const struct maintain_manifest *manifest)
{
    bool known = maintain_has_key(manifest->file_keys, "first_row_id");
    if (manifest->content != 0) {
        buf_append_str(sql, S("NULL::BIGINT"));
        return;
    }
    if (manifest->first_row < 0) {
        buf_append_str(sql, known ? S("data_file.first_row_id") : S("NULL::BIGINT"));
        return;
    }
    buf_printf(sql,
               "coalesce(%s, %lld + coalesce(sum(data_file.record_count) FILTER (%s) OVER (ROWS BETWEEN UNBOUNDED "
               "PRECEDING AND 1 PRECEDING), 0)::BIGINT)",
               known ? "data_file.first_row_id" : "NULL::BIGINT", (long long)manifest->first_row,
               known ? "data_file.first_row_id IS NULL" : "true");
}

static void maintain_append_file(struct buf *sql, const struct maintain_change *change,
                                 const struct maintain_manifest *manifest)
{
    for (size_t i = 0; i < MAINTAIN_FIELDS; i++) {
        const char *name = maintain_fields[i].name, *type = maintain_fields[i].type;
        if (maintain_fields[i].format > change->table->format)
            continue;
        buf_printf(sql, "%s'%s': ", i ? ", " : "{", name);
        if (!type)
            maintain_append_partition(sql, change, manifest->spec);
        else if (strcmp(name, "first_row_id") == 0)
            maintain_append_first_row(sql, manifest);
        else if (!maintain_has_key(manifest->file_keys, name))
            buf_printf(sql, "%s::%s", strcmp(name, "content") == 0 ? "0" : "NULL", type);
        else if (strcmp(name, "referenced_data_file") == 0) /* some writers say "" for none */
            buf_append_str(sql, S("nullif(data_file.referenced_data_file, '')"));
        else
            buf_printf(sql, "data_file.%s::%s", name, type);
    }
    buf_append_char(sql, '}');
}

/* The status of the manifest's files: EXISTING, or DELETED for those that go. */
static void maintain_append_status(struct buf *sql, const struct maintain_change *change, size_t manifest)
{
    size_t removed = 0;
    buf_append_str(sql, S("CASE WHEN data_file.file_path IN ("));
    for (size_t i = 0; i < change->files->files.count; i++) {
        const struct maintain_file *file = &change->files->files.items[i];
        if (file->manifest != manifest || !file->removed)
            continue;
        buf_append_str(sql, removed++ ? S(", ") : S(""));
        sql_append_text(sql, file->path);
    }
    buf_printf(sql, "%s) THEN 2 ELSE 0 END", removed ? "" : "NULL");
}

static void maintain_append_old_entries(struct buf *sql, const struct maintain_change *change, size_t index)
{
    const struct maintain_manifest *manifest = &change->files->manifests.items[index];
    bool sequenced = maintain_has_key(manifest->entry_keys, "sequence_number");
    bool file_sequenced = maintain_has_key(manifest->entry_keys, "file_sequence_number");
    long long sequence = sequenced ? (long long)manifest->sequence : 0; /* version 1 had none: 0 */
    buf_append_str(sql, S("SELECT status, CASE status WHEN 2 THEN "));
    buf_printf(sql, "%lld ELSE snapshot_id END AS snapshot_id, sequence_number, file_sequence_number, data_file FROM (",
               (long long)change->snapshot);
    buf_append_str(sql, S("SELECT "));
    maintain_append_status(sql, change, index);
    buf_printf(sql, " AS status, coalesce(snapshot_id, %lld)::BIGINT AS snapshot_id, ",
               (long long)manifest->added_snapshot);
    buf_printf(sql, "coalesce(%s, %lld)::BIGINT AS sequence_number, ", sequenced ? "sequence_number" : "NULL",
               sequence);
    buf_printf(sql, "coalesce(%s, %lld)::BIGINT AS file_sequence_number, ",
               file_sequenced ? "file_sequence_number" : "NULL", sequence);
    maintain_append_file(sql, change, manifest);
    buf_append_str(sql, S(" AS data_file FROM read_avro("));
    sql_append_text(sql, manifest->path);
    buf_append_str(sql, S(") WHERE status <> 2)"));
}

static void maintain_append_new_entry(struct buf *sql, const struct maintain_change *change,
                                      const struct maintain_added *added)
{
    const struct maintain_manifest *source = &change->files->manifests.items[added->manifest];
    buf_printf(sql, "SELECT 1 AS status, %lld AS snapshot_id, %lld AS sequence_number, NULL AS file_sequence_number, {",
               (long long)change->snapshot, (long long)added->sequence);
    buf_append_str(sql, S("'content': 0, 'file_path': "));
    sql_append_text(sql, added->path);
    buf_append_str(sql, S(", 'file_format': 'PARQUET', 'partition': "));
    maintain_append_partition(sql, change, added->spec);
    buf_printf(sql, ", 'record_count': %lld::BIGINT, 'file_size_in_bytes': %lld::BIGINT, ", (long long)added->rows,
               (long long)added->bytes);
    buf_append_str(sql, added->figures);
    buf_printf(sql,
               ", 'key_metadata': NULL::BLOB, 'split_offsets': [4::BIGINT], 'equality_ids': NULL::INTEGER[], "
               "'sort_order_id': %lld::INTEGER, 'referenced_data_file': NULL::VARCHAR",
               (long long)added->sort_order);
    if (change->table->format >= 3)
        buf_append_str(sql, S(", 'first_row_id': NULL::BIGINT, 'content_offset': NULL::BIGINT, "
                              "'content_size_in_bytes': NULL::BIGINT"));
    buf_append_str(sql, S("} AS data_file FROM read_avro("));
    sql_append_text(sql, source->path);
    buf_append_str(sql, S(") WHERE data_file.file_path = "));
    sql_append_text(sql, added->source);
}

/* --- Manifests --- */

static void maintain_append_pair(struct buf *sql, const char *key, struct str value)
{
    buf_printf(sql, "'%s': ", key);
    sql_append_text(sql, value);
    buf_append_str(sql, S(", "));
}

static struct str maintain_json_text(struct arena *arena, const struct json *value)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_write_value(&writer, NULL, value);
    return str_copy(arena, buf_str(&text));
}

static void maintain_append_metadata(struct buf *sql, const struct maintain_change *change,
                                     const struct maintain_written_manifest *manifest)
{
    const struct json *metadata = change->table->metadata;
    int64_t id = json_i64(json_get(metadata, "current-schema-id"));
    const struct json *schema = maintain_by_id(json_get(metadata, "schemas"), "schema-id", id);
    struct arena *arena = change->arena;
    buf_append_str(sql, S(", METADATA {"));
    maintain_append_pair(sql, "schema", maintain_json_text(arena, schema));
    maintain_append_pair(sql, "schema-id", str_format(arena, "%lld", (long long)id));
    maintain_append_pair(sql, "partition-spec",
                         maintain_json_text(arena, maintain_spec_fields(change->table, manifest->spec)));
    maintain_append_pair(sql, "partition-spec-id", str_format(arena, "%lld", (long long)manifest->spec));
    maintain_append_pair(sql, "format-version", str_format(arena, "%lld", (long long)change->table->format));
    buf_printf(sql, "'content': '%s'})", manifest->content ? "deletes" : "data");
}

static bool maintain_size(struct maintain_change *change, struct str path, int64_t *bytes_out, struct err *err)
{
    struct object_info info;
    if (!object_head(change->maintain->store, path, &info, err))
        return false;
    *bytes_out = (int64_t)info.size;
    return true;
}

/* The manifest of these SELECTs. */
static bool maintain_write_manifest(struct maintain_change *change, struct buf *selects,
                                    struct maintain_written_manifest *manifest, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    manifest->path = maintain_new_location(change->arena, change->table, "metadata", "-m0.avro");
    vec_push(&change->locations, manifest->path);
    buf_append_str(&sql, S("COPY (SELECT status::INTEGER AS status, snapshot_id::BIGINT AS snapshot_id, "
                           "sequence_number::BIGINT AS sequence_number, file_sequence_number::BIGINT AS "
                           "file_sequence_number, data_file FROM ("));
    buf_append_str(&sql, buf_str(selects));
    buf_append_str(&sql, S(")) TO "));
    sql_append_text(&sql, manifest->path);
    buf_append_str(&sql, S(" (FORMAT avro, ROOT_NAME 'manifest_entry', FIELD_IDS "));
    maintain_append_entry_ids(&sql, change, manifest->spec);
    maintain_append_metadata(&sql, change, manifest);
    if (!sql_run(change->maintain->statement, buf_str(&sql), err) ||
        !maintain_size(change, manifest->path, &manifest->bytes, err))
        return err_wrap(err, "write a manifest");
    if (change->table->format >= 3 && manifest->content == 0) {
        manifest->first_row = change->next_row;
        change->next_row += manifest->rows[MAINTAIN_ADDED] + manifest->rows[MAINTAIN_EXISTING];
    }
    vec_push(&change->manifests, *manifest);
    buf_clear(selects);
    return true;
}

static void maintain_count_entry(struct maintain_written_manifest *manifest, int status, int64_t rows, int64_t sequence)
{
    manifest->files[status]++;
    manifest->rows[status] += rows;
    if (status != MAINTAIN_DELETED && sequence < manifest->sequence)
        manifest->sequence = sequence;
}

static void maintain_count_old(const struct maintain_change *change, size_t index,
                               struct maintain_written_manifest *manifest)
{
    for (size_t i = 0; i < change->files->files.count; i++) {
        const struct maintain_file *file = &change->files->files.items[i];
        if (file->manifest == index)
            maintain_count_entry(manifest, file->removed ? MAINTAIN_DELETED : MAINTAIN_EXISTING, file->rows,
                                 file->sequence);
    }
}

/* The manifests of one spec and content: all that were touched, and the new files. */
static bool maintain_write_kind(struct maintain_change *change, int64_t spec, int64_t content, struct err *err)
{
    AUTO(buf) struct buf selects = {0};
    const struct maintain_written_manifest fresh = {
        .spec = spec, .content = content, .sequence = change->sequence, .first_row = -1};
    struct maintain_written_manifest manifest = fresh;
    size_t gathered = 0;
    for (size_t i = 0; i < change->added_count && content == 0; i++) {
        if (change->added[i].spec != spec)
            continue;
        buf_append_str(&selects, buf_len(&selects) ? S(" UNION ALL ") : S(""));
        maintain_append_new_entry(&selects, change, &change->added[i]);
        maintain_count_entry(&manifest, MAINTAIN_ADDED, change->added[i].rows, change->added[i].sequence);
    }
    for (size_t i = 0; i < change->files->manifests.count; i++) {
        const struct maintain_manifest *old = &change->files->manifests.items[i];
        if (!old->touched || old->spec != spec || old->content != content || !old->file_keys)
            continue;
        buf_append_str(&selects, buf_len(&selects) ? S(" UNION ALL ") : S(""));
        maintain_append_old_entries(&selects, change, i);
        maintain_count_old(change, i, &manifest);
        if (++gathered % MAINTAIN_MANIFESTS_IN_ONE == 0) {
            if (!maintain_write_manifest(change, &selects, &manifest, err))
                return false;
            manifest = fresh;
        }
    }
    return buf_len(&selects) == 0 || maintain_write_manifest(change, &selects, &manifest, err);
}

static bool maintain_write_manifests(struct maintain_change *change, struct err *err)
{
    const struct json *specs = json_get(change->table->metadata, "partition-specs");
    for (size_t i = 0; i < json_count(specs); i++) {
        int64_t spec = json_i64(json_get(json_at(specs, i), "spec-id"));
        if (!maintain_write_kind(change, spec, 0, err) || !maintain_write_kind(change, spec, 1, err))
            return false;
    }
    return true;
}

/* --- The manifest list --- */

static void maintain_append_list_ids(struct buf *sql, int64_t format)
{
    for (size_t i = 0; i < MAINTAIN_LIST_FIELDS; i++) {
        if (maintain_list_fields[i].format > format)
            continue;
        buf_printf(sql, "%s'%s': ", i ? ", " : "{", maintain_list_fields[i].name);
        maintain_append_id(sql, maintain_list_fields[i].id, maintain_list_fields[i].required);
        if (maintain_list_fields[i].id == 507)
            buf_append_str(sql, S(", 'list': {'__duckdb_field_id': 508, '__duckdb_nullable': false, "
                                  "'contains_null': {'__duckdb_field_id': 509, '__duckdb_nullable': false}, "
                                  "'contains_nan': 518, 'lower_bound': 510, 'upper_bound': 511}"));
        buf_append_char(sql, '}');
    }
    buf_append_char(sql, '}');
}

/* Row ids for the data files of a manifest that is taken over and never got any: from an earlier format version. */
static void maintain_append_kept_rows(struct buf *sql, struct maintain_change *change, bool known)
{
    buf_append_str(sql, S("CASE manifest_path"));
    for (size_t i = 0; i < change->files->manifests.count; i++) {
        const struct maintain_manifest *manifest = &change->files->manifests.items[i];
        if (manifest->touched || manifest->content != 0 || manifest->first_row >= 0)
            continue;
        buf_append_str(sql, S(" WHEN "));
        sql_append_text(sql, manifest->path);
        buf_printf(sql, " THEN %lld", (long long)change->next_row);
        change->next_row += manifest->rows;
    }
    buf_printf(sql, " WHEN '' THEN 0 ELSE %s END::BIGINT", known ? "first_row_id" : "NULL");
}

/* The manifests that stay, out of the list of the snapshot before; keys: the columns that it has. */
static size_t maintain_append_kept(struct buf *sql, struct maintain_change *change, struct str list,
                                   const struct json *keys)
{
    size_t kept = 0;
    buf_append_str(sql, S("SELECT "));
    for (size_t i = 0; i < MAINTAIN_LIST_FIELDS; i++) {
        const char *name = maintain_list_fields[i].name;
        if (maintain_list_fields[i].format > change->table->format)
            continue;
        bool known = maintain_has_key(keys, name);
        buf_append_str(sql, i ? S(", ") : S(""));
        if (strcmp(name, "first_row_id") == 0)
            maintain_append_kept_rows(sql, change, known);
        else
            buf_printf(sql, "%s::%s",
                       known                              ? name
                       : maintain_list_fields[i].required ? "0"
                                                          : "NULL",
                       maintain_list_fields[i].type);
        buf_printf(sql, " AS %s", name);
    }
    buf_append_str(sql, S(" FROM read_avro("));
    sql_append_text(sql, list);
    buf_append_str(sql, S(") WHERE manifest_path IN ("));
    for (size_t i = 0; i < change->files->manifests.count; i++) {
        const struct maintain_manifest *manifest = &change->files->manifests.items[i];
        if (manifest->touched)
            continue;
        buf_append_str(sql, kept++ ? S(", ") : S(""));
        sql_append_text(sql, manifest->path);
    }
    buf_append_char(sql, ')');
    return kept;
}

static void maintain_append_written(struct buf *sql, const struct maintain_change *change,
                                    const struct maintain_written_manifest *manifest)
{
    buf_append_str(sql, S("SELECT "));
    sql_append_text(sql, manifest->path);
    buf_printf(sql, ", %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, NULL::%s, NULL::BLOB",
               (long long)manifest->bytes, (long long)manifest->spec, (long long)manifest->content,
               (long long)change->sequence, (long long)manifest->sequence, (long long)change->snapshot,
               (long long)manifest->files[MAINTAIN_ADDED], (long long)manifest->files[MAINTAIN_EXISTING],
               (long long)manifest->files[MAINTAIN_DELETED], (long long)manifest->rows[MAINTAIN_ADDED],
               (long long)manifest->rows[MAINTAIN_EXISTING], (long long)manifest->rows[MAINTAIN_DELETED],
               MAINTAIN_SUMMARY);
    if (change->table->format >= 3 && manifest->first_row < 0)
        buf_append_str(sql, S(", NULL::BIGINT"));
    else if (change->table->format >= 3)
        buf_printf(sql, ", %lld", (long long)manifest->first_row);
}

/* SELECTs of all manifests of the new snapshot. */
static bool maintain_list_selects(struct maintain_change *change, struct str before, struct buf *selects,
                                  struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    buf_append_str(&sql, S("SELECT struct_keys(t) AS k FROM read_avro("));
    sql_append_text(&sql, before);
    buf_append_str(&sql, S(") t LIMIT 1"));
    if (!sql_rows(change->maintain->statement, change->arena, buf_str(&sql), &rows, err))
        return false;
    AUTO(buf) struct buf kept = {0};
    if (maintain_append_kept(&kept, change, before, json_get(json_at(rows, 0), "k")) > 0)
        buf_append_str(selects, buf_str(&kept));
    for (size_t i = 0; i < change->manifests.count; i++) {
        buf_append_str(selects, buf_len(selects) ? S(" UNION ALL ") : S(""));
        maintain_append_written(selects, change, &change->manifests.items[i]);
    }
    return true;
}

static bool maintain_write_list(struct maintain_change *change, struct str *list_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf selects = {0};
    const struct json *parent = maintain_snapshot_of(change->table, change->table->snapshot);
    if (!maintain_list_selects(change, json_text(json_get(parent, "manifest-list")), &selects, err))
        return false;
    *list_out = maintain_new_location(change->arena, change->table, "metadata", "-snap.avro");
    vec_push(&change->locations, *list_out);
    buf_append_str(&sql, S("COPY (SELECT "));
    for (size_t i = 0; i < MAINTAIN_LIST_FIELDS; i++)
        if (maintain_list_fields[i].format <= change->table->format)
            buf_printf(&sql, "%s%s::%s AS %s", i ? ", " : "", maintain_list_fields[i].name,
                       maintain_list_fields[i].type, maintain_list_fields[i].name);
    buf_append_str(&sql, S(" FROM ("));
    buf_append_str(&sql, buf_str(&selects));
    buf_append_str(&sql, S(") t("));
    for (size_t i = 0; i < MAINTAIN_LIST_FIELDS; i++)
        if (maintain_list_fields[i].format <= change->table->format)
            buf_printf(&sql, "%s%s", i ? ", " : "", maintain_list_fields[i].name);
    buf_append_str(&sql, S(")) TO "));
    sql_append_text(&sql, *list_out);
    buf_append_str(&sql, S(" (FORMAT avro, ROOT_NAME 'manifest_file', FIELD_IDS "));
    maintain_append_list_ids(&sql, change->table->format);
    buf_printf(&sql,
               ", METADATA {'snapshot-id': '%lld', 'parent-snapshot-id': '%lld', 'sequence-number': '%lld', "
               "'format-version': '%lld'})",
               (long long)change->snapshot, (long long)change->table->snapshot, (long long)change->sequence,
               (long long)change->table->format);
    return sql_run(change->maintain->statement, buf_str(&sql), err) || err_wrap(err, "write a manifest list");
}

/* --- The snapshot --- */

static void maintain_write_figure(struct json_writer *writer, const char *key, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    json_write_text(writer, key, str_from(text));
}

static void maintain_write_summary(struct json_writer *writer, const struct maintain_change *change)
{
    int64_t removed[3] = {0}, live[3] = {0}, live_rows[3] = {0}, removed_rows[3] = {0};
    int64_t bytes = 0, removed_bytes = 0, added_rows = 0, added_bytes = 0;
    for (size_t i = 0; i < change->files->files.count; i++) {
        const struct maintain_file *file = &change->files->files.items[i];
        int64_t kind = file->content >= 0 && file->content <= MAINTAIN_EQUALITY_DELETES ? file->content : 0;
        (file->removed ? removed : live)[kind]++;
        (file->removed ? removed_rows : live_rows)[kind] += file->rows;
        *(file->removed ? &removed_bytes : &bytes) += file->bytes;
    }
    for (size_t i = 0; i < change->added_count; i++) {
        added_rows += change->added[i].rows;
        added_bytes += change->added[i].bytes;
    }
    json_begin_object(writer, "summary");
    json_write_text(writer, "operation", S("replace"));
    maintain_write_figure(writer, "added-data-files", (int64_t)change->added_count);
    maintain_write_figure(writer, "deleted-data-files", removed[MAINTAIN_DATA]);
    maintain_write_figure(writer, "removed-delete-files",
                          removed[MAINTAIN_POSITION_DELETES] + removed[MAINTAIN_EQUALITY_DELETES]);
    maintain_write_figure(writer, "added-records", added_rows);
    maintain_write_figure(writer, "deleted-records", removed_rows[MAINTAIN_DATA]);
    maintain_write_figure(writer, "added-files-size", added_bytes);
    maintain_write_figure(writer, "removed-files-size", removed_bytes);
    maintain_write_figure(writer, "total-records", live_rows[MAINTAIN_DATA] + added_rows);
    maintain_write_figure(writer, "total-files-size", bytes + added_bytes);
    maintain_write_figure(writer, "total-data-files", live[MAINTAIN_DATA] + (int64_t)change->added_count);
    maintain_write_figure(writer, "total-delete-files",
                          live[MAINTAIN_POSITION_DELETES] + live[MAINTAIN_EQUALITY_DELETES]);
    maintain_write_figure(writer, "total-position-deletes", live_rows[MAINTAIN_POSITION_DELETES]);
    maintain_write_figure(writer, "total-equality-deletes", live_rows[MAINTAIN_EQUALITY_DELETES]);
    json_end_object(writer);
}

static struct str maintain_updates(const struct maintain_change *change, struct str list)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    const struct json *metadata = change->table->metadata;
    json_begin_array(&writer, NULL);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "action", S("add-snapshot"));
    json_begin_object(&writer, "snapshot");
    json_write_i64(&writer, "snapshot-id", change->snapshot);
    json_write_i64(&writer, "parent-snapshot-id", change->table->snapshot);
    json_write_i64(&writer, "sequence-number", change->sequence);
    json_write_i64(&writer, "timestamp-ms", clock_wall_us() / CLOCK_MILLISECOND);
    json_write_text(&writer, "manifest-list", list);
    maintain_write_summary(&writer, change);
    json_write_i64(&writer, "schema-id", json_i64(json_get(metadata, "current-schema-id")));
    if (change->table->format >= 3) {
        json_write_i64(&writer, "first-row-id", change->first_row);
        json_write_i64(&writer, "added-rows", change->next_row - change->first_row);
    }
    json_end_object(&writer);
    json_end_object(&writer);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "action", S("set-snapshot-ref"));
    json_write_text(&writer, "ref-name", S("main"));
    json_write_text(&writer, "type", S("branch"));
    json_write_i64(&writer, "snapshot-id", change->snapshot);
    json_end_object(&writer);
    json_end_array(&writer);
    return str_copy(change->arena, buf_str(&text));
}

bool maintain_change_write(struct maintain_change *change, struct str *updates_out, struct err *err)
{
    const struct json *metadata = change->table->metadata;
    struct str list;
    random_bytes(&change->snapshot, sizeof(change->snapshot));
    change->snapshot &= INT64_MAX;
    change->sequence = json_i64(json_get(metadata, "last-sequence-number")) + 1;
    change->first_row = change->next_row = json_i64(json_get(metadata, "next-row-id"));
    if (!maintain_write_manifests(change, err) || !maintain_write_list(change, &list, err))
        return false;
    *updates_out = maintain_updates(change, list);
    return true;
}
