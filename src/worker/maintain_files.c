#include "worker/maintain_files.h"

/* Manifests that one SQL statement reads. */
#define MAINTAIN_BATCH 50

void maintain_files_done(struct maintain_files *files)
{
    vec_done(&files->manifests);
    vec_done(&files->files);
}

bool maintain_has_key(const struct json *keys, const char *name)
{
    for (size_t i = 0; i < json_count(keys); i++)
        if (str_equal(json_text(json_at(keys, i)), str_from(name)))
            return true;
    return false;
}

/* "expression AS name, ", or a default where the file does not have the column. */
static void maintain_append_column(struct buf *sql, const struct json *keys, const char *column, const char *fallback,
                                   const char *name)
{
    buf_printf(sql, "%s AS %s, ", maintain_has_key(keys, column) ? column : fallback, name);
}

static void maintain_append_source(struct buf *sql, struct str path)
{
    buf_append_str(sql, S(" FROM read_avro("));
    sql_append_text(sql, path);
    buf_append_str(sql, S(")"));
}

static bool maintain_read_list(struct maintain *maintain, struct str list, struct maintain_files *files,
                               struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    buf_append_str(&sql, S("SELECT struct_keys(t) AS k"));
    maintain_append_source(&sql, list);
    buf_append_str(&sql, S(" t LIMIT 1"));
    if (!sql_rows(maintain->statement, files->arena, buf_str(&sql), &rows, err))
        return false;
    const struct json *keys = json_get(json_at(rows, 0), "k");
    if (!keys)
        return true; /* a list without manifests */
    buf_clear(&sql);
    buf_append_str(&sql, S("SELECT manifest_path AS path, partition_spec_id AS spec, "));
    maintain_append_column(&sql, keys, "content", "0", "content");
    maintain_append_column(&sql, keys, "sequence_number", "0", "sequence");
    maintain_append_column(&sql, keys, "first_row_id", "NULL", "first_row");
    maintain_append_column(&sql, keys, "added_rows_count", "NULL", "added");
    maintain_append_column(&sql, keys, "existing_rows_count", "NULL", "existing");
    buf_append_str(&sql, S("added_snapshot_id AS snapshot"));
    maintain_append_source(&sql, list);
    if (!sql_rows(maintain->statement, files->arena, buf_str(&sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i);
        int64_t added = sql_number(json_get(row, "added"), -1), existing = sql_number(json_get(row, "existing"), -1);
        struct maintain_manifest manifest = {.path = json_text(json_get(row, "path")),
                                             .spec = sql_number(json_get(row, "spec"), 0),
                                             .content = sql_number(json_get(row, "content"), 0),
                                             .sequence = sql_number(json_get(row, "sequence"), 0),
                                             .added_snapshot = sql_number(json_get(row, "snapshot"), -1),
                                             .first_row = sql_number(json_get(row, "first_row"), -1),
                                             .rows = added < 0 || existing < 0 ? -1 : added + existing};
        vec_push(&files->manifests, manifest);
    }
    return true;
}

/* Which columns the entries of these manifests have: writers leave out what they do not know. */
static bool maintain_read_keys(struct maintain *maintain, struct maintain_files *files, size_t from, size_t to,
                               struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    for (size_t i = from; i < to; i++) {
        buf_printf(&sql, "%s(SELECT %zu AS i, struct_keys(t) AS entry, struct_keys(data_file) AS file",
                   i > from ? " UNION ALL " : "", i);
        maintain_append_source(&sql, files->manifests.items[i].path);
        buf_append_str(&sql, S(" t LIMIT 1)"));
    }
    if (!sql_rows(maintain->statement, files->arena, buf_str(&sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i);
        struct maintain_manifest *manifest = &files->manifests.items[sql_number(json_get(row, "i"), (int64_t)from)];
        manifest->entry_keys = json_get(row, "entry");
        manifest->file_keys = json_get(row, "file");
    }
    return true;
}

static void maintain_append_entries(struct buf *sql, const struct maintain_manifest *manifest, size_t index)
{
    buf_printf(sql,
               "SELECT %zu AS m, data_file.file_path AS path, data_file.record_count AS rows, "
               "data_file.file_size_in_bytes AS bytes, data_file.file_format AS format, "
               "data_file.partition::VARCHAR AS partition, ",
               index);
    if (maintain_has_key(manifest->entry_keys, "sequence_number"))
        buf_printf(sql, "coalesce(sequence_number, %lld) AS sequence, ", (long long)manifest->sequence);
    else
        buf_append_str(sql, S("0 AS sequence, "));
    buf_append_str(sql, maintain_has_key(manifest->file_keys, "content") ? S("data_file.content AS content, ")
                                                                         : S("0 AS content, "));
    buf_append_str(sql, maintain_has_key(manifest->file_keys, "referenced_data_file")
                            ? S("data_file.referenced_data_file AS referenced")
                            : S("NULL::VARCHAR AS referenced"));
    maintain_append_source(sql, manifest->path);
    buf_append_str(sql, S(" WHERE status <> 2"));
}

static bool maintain_read_entries(struct maintain *maintain, struct maintain_files *files, size_t from, size_t to,
                                  struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    for (size_t i = from; i < to; i++) {
        if (!files->manifests.items[i].file_keys)
            continue;
        buf_append_str(&sql, buf_len(&sql) ? S(" UNION ALL ") : S(""));
        maintain_append_entries(&sql, &files->manifests.items[i], i);
    }
    if (buf_len(&sql) == 0)
        return true;
    if (!sql_rows(maintain->statement, files->arena, buf_str(&sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i);
        struct maintain_file file = {.path = json_text(json_get(row, "path")),
                                     .manifest = (size_t)sql_number(json_get(row, "m"), (int64_t)from),
                                     .content = sql_number(json_get(row, "content"), 0),
                                     .rows = sql_number(json_get(row, "rows"), 0),
                                     .bytes = sql_number(json_get(row, "bytes"), 0),
                                     .sequence = sql_number(json_get(row, "sequence"), 0),
                                     .partition = json_text(json_get(row, "partition")),
                                     .referenced = json_text(json_get(row, "referenced")),
                                     .format = json_text(json_get(row, "format"))};
        vec_push(&files->files, file);
    }
    return true;
}

bool maintain_files_read(struct maintain *maintain, const struct json *snapshot, struct maintain_files *files,
                         struct err *err)
{
    struct str list = json_text(json_get(snapshot, "manifest-list"));
    if (list.len == 0)
        return err_set(err, ERR_UNIMPLEMENTED, "a snapshot without a manifest list (format version 1) is not handled");
    if (!maintain_read_list(maintain, list, files, err))
        return false;
    for (size_t from = 0; from < files->manifests.count; from += MAINTAIN_BATCH) {
        size_t to = from + MAINTAIN_BATCH < files->manifests.count ? from + MAINTAIN_BATCH : files->manifests.count;
        if (!maintain_read_keys(maintain, files, from, to, err) ||
            !maintain_read_entries(maintain, files, from, to, err))
            return false;
    }
    return true;
}

void maintain_reach_done(struct maintain_reach *reach)
{
    map_done(&reach->manifests);
    map_done(&reach->files);
}

static void maintain_reach_add(struct maintain_reach *reach, struct map *map, struct str location)
{
    struct str key = maintain_key(location);
    if (!map_get(map, key))
        map_put(map, key, str_cstr(reach->arena, location));
}

bool maintain_reach_manifests(struct maintain *maintain, const struct json *snapshot, struct maintain_reach *reach,
                              struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *rows, *manifests = json_get(snapshot, "manifests");
    struct str list = json_text(json_get(snapshot, "manifest-list"));
    for (size_t i = 0; i < json_count(manifests); i++) /* format version 1 may have them here */
        maintain_reach_add(reach, &reach->manifests, json_text(json_at(manifests, i)));
    if (list.len == 0)
        return true;
    buf_append_str(&sql, S("SELECT manifest_path AS path"));
    maintain_append_source(&sql, list);
    if (!sql_rows(maintain->statement, arena, buf_str(&sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(rows); i++)
        maintain_reach_add(reach, &reach->manifests, json_text(json_get(json_at(rows, i), "path")));
    return true;
}

static bool maintain_reach_take(struct maintain *maintain, struct maintain_reach *reach, struct buf *sql,
                                struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *rows;
    if (buf_len(sql) == 0)
        return true;
    if (!sql_rows(maintain->statement, arena, buf_str(sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(rows); i++)
        maintain_reach_add(reach, &reach->files, json_text(json_get(json_at(rows, i), "path")));
    buf_clear(sql);
    return true;
}

bool maintain_reach_files(struct maintain *maintain, struct maintain_reach *reach, const struct maintain_reach *others,
                          bool live, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    size_t position = 0, batch = 0;
    for (struct map_entry *entry; (entry = map_next(&reach->manifests, &position));) {
        if (others && map_get(&others->manifests, entry->key))
            continue;
        buf_append_str(&sql, buf_len(&sql) ? S(" UNION ALL ") : S(""));
        buf_append_str(&sql, S("SELECT data_file.file_path AS path"));
        maintain_append_source(&sql, str_from(entry->value));
        buf_append_str(&sql, live ? S(" WHERE status <> 2") : S(""));
        if (++batch % MAINTAIN_BATCH == 0 && !maintain_reach_take(maintain, reach, &sql, err))
            return false;
    }
    return maintain_reach_take(maintain, reach, &sql, err);
}
