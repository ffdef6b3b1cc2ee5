/* The metadata of a mirror's next generation, made of what a writer that knows nothing of mirrors commits: a new table.
 * Pure but for reading a file; on threads of the pool. */
#include "domain/catalog/mirror.h"
#include "platform/json/json.h"

/* The object with another number in one place. */
static void mirror_write_changed(struct json_writer *writer, const char *key, const struct json *object,
                                 const char *changed, int64_t number)
{
    AUTO(arena) struct arena *arena = arena_new();
    json_begin_object(writer, key);
    for (size_t i = 0; i < json_count(object); i++)
        if (!str_equal(json_key_at(object, i), str_from(changed)))
            json_write_value(writer, str_cstr(arena, json_key_at(object, i)), json_at(object, i));
    json_write_i64(writer, changed, number);
    json_end_object(writer);
}

/* A copy without rows is a table without a snapshot. */
static void mirror_write_empty(struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "action", S("remove-snapshot-ref"));
    json_write_text(writer, "ref-name", S("main"));
    json_end_object(writer);
}

/* The files of snapshots before the current one go with the generations that they belong to. */
static void mirror_write_removals(struct json_writer *writer, const struct metadata *base)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "action", S("remove-snapshots"));
    json_begin_array(writer, "snapshot-ids");
    for (size_t i = 0; i < metadata_snapshot_count(base); i++) {
        int64_t id = metadata_snapshot_at(base, i).id;
        if (id != metadata_current_snapshot(base))
            json_write_i64(writer, NULL, id);
    }
    json_end_array(writer);
    json_end_object(writer);
}

/* What the writer is shown of the generation before: a new table, but with its uuid, its field ids and its sequence
 * number. DuckDB takes the first schema for the table's, and an earlier snapshot for one to go on from. */
bool mirror_staged(struct arena *arena, struct str text, struct buf *shown, struct err *err)
{
    static const char *const emptied[] = {"snapshots",  "snapshot-log",         "metadata-log",
                                          "statistics", "partition-statistics", NULL};
    struct json_writer writer = {.buf = shown};
    const struct json *metadata = json_parse(arena, text, err);
    if (!metadata)
        return false;
    int64_t current = json_i64(json_get(metadata, "current-schema-id"));
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < json_count(metadata); i++) {
        const char *key = str_cstr(arena, json_key_at(metadata, i));
        const struct json *value = json_at(metadata, i);
        bool empty = false;
        for (size_t j = 0; emptied[j]; j++)
            empty = empty || strcmp(key, emptied[j]) == 0;
        if (empty || strcmp(key, "schemas") == 0) {
            json_begin_array(&writer, key);
            for (size_t j = 0; !empty && j < json_count(value); j++)
                if (json_i64(json_get(json_at(value, j), "schema-id")) == current)
                    mirror_write_changed(&writer, NULL, json_at(value, j), "schema-id", 0);
            json_end_array(&writer);
        } else if (strcmp(key, "current-schema-id") == 0) {
            json_write_i64(&writer, key, 0);
        } else {
            json_write_value(&writer, key, value);
        }
    }
    json_end_object(&writer);
    return true;
}

/* The updates of one kind: those that make the schema, or the others, whose snapshots have that schema. */
static const struct json *mirror_updates(struct arena *arena, const struct json *updates, bool of_schema, int schema,
                                         const struct metadata *base, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    bool empty = true;
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < json_count(updates); i++) {
        const struct json *update = json_at(updates, i);
        struct str action = json_text(json_get(update, "action"));
        bool sets = str_equal(action, S("set-current-schema"));
        if ((sets || str_equal(action, S("add-schema"))) != of_schema)
            continue;
        if (sets) {
            mirror_write_changed(&writer, NULL, update, "schema-id", -1); /* the one added */
        } else if (str_equal(action, S("add-snapshot"))) {
            empty = false;
            json_begin_object(&writer, NULL);
            json_write_text(&writer, "action", action);
            mirror_write_changed(&writer, "snapshot", json_get(update, "snapshot"), "schema-id", schema);
            json_end_object(&writer);
        } else {
            json_write_value(&writer, NULL, update);
        }
    }
    if (!of_schema && empty)
        mirror_write_empty(&writer);
    if (!of_schema)
        mirror_write_removals(&writer, base);
    json_end_array(&writer);
    return json_parse(arena, str_copy(arena, buf_str(&text)), err);
}

const struct json *mirror_dated(struct arena *arena, const struct json *updates, int64_t date_ms, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < json_count(updates); i++) {
        const struct json *update = json_at(updates, i), *snapshot = json_get(update, "snapshot");
        if (!snapshot) {
            json_write_value(&writer, NULL, update);
            continue;
        }
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "action", json_text(json_get(update, "action")));
        mirror_write_changed(&writer, "snapshot", snapshot, "timestamp-ms", date_ms);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    return json_parse(arena, str_copy(arena, buf_str(&text)), err);
}

bool mirror_base(struct catalog *catalog, struct arena *arena, struct str earlier,
                 const struct metadata_context *context, struct document *base_out, const struct json **updates,
                 struct err *err)
{
    struct document before, base = {0};
    struct str ignored;
    if (!file_read(catalog, arena, CATALOG_TABLE, earlier, &ignored, &before, err))
        return false;
    const struct json *schema = mirror_updates(arena, *updates, true, 0, before.table, err);
    if (!schema || !metadata_update(arena, before.table, schema, context, &base.table, err))
        return false;
    *updates = mirror_updates(arena, *updates, false, metadata_current_schema(base.table), before.table, err);
    *base_out = base;
    return *updates != NULL;
}
