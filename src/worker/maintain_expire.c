/* Expiry of snapshots: first the commit that forgets them, then the files that nothing else needs. */
#include "base/failpoint.h"
#include "platform/object/object.h"
#include "worker/maintain_choose.h"
#include "worker/maintain_files.h"

#define MAINTAIN_DAY_MS INT64_C(86400000)

typedef VEC(struct maintain_snapshot) maintain_snapshots;
typedef VEC(struct maintain_ref) maintain_refs;

/* When another snapshot took the place of each: its first child, or what the log says came behind it. A rollback may
 * have brought it back: the last time counts. */
static void maintain_find_replaced(const struct maintain_table *table, maintain_snapshots *snapshots)
{
    const struct json *log = json_get(table->metadata, "snapshot-log");
    struct map by_id = {0};
    for (size_t i = 0; i < snapshots->count; i++)
        map_put(&by_id, map_key_u64((const uint64_t *)&snapshots->items[i].id), &snapshots->items[i]);
    for (size_t i = 0; i < snapshots->count; i++) {
        const struct maintain_snapshot *child = &snapshots->items[i];
        struct maintain_snapshot *parent = map_get(&by_id, map_key_u64((const uint64_t *)&child->parent));
        if (parent && (parent->replaced_ms == 0 || child->timestamp_ms < parent->replaced_ms))
            parent->replaced_ms = child->timestamp_ms;
    }
    for (size_t i = 0; i + 1 < json_count(log); i++) {
        int64_t id = json_i64(json_get(json_at(log, i), "snapshot-id"));
        int64_t time = json_i64(json_get(json_at(log, i + 1), "timestamp-ms"));
        struct maintain_snapshot *snapshot = map_get(&by_id, map_key_u64((const uint64_t *)&id));
        if (snapshot && time > snapshot->replaced_ms)
            snapshot->replaced_ms = time;
    }
    struct maintain_snapshot *current = map_get(&by_id, map_key_u64((const uint64_t *)&table->snapshot));
    if (current)
        current->replaced_ms = INT64_MAX;
    map_done(&by_id);
}

static int64_t maintain_optional(const struct json *value)
{
    return json_kind(value) == JSON_I64 ? json_i64(value) : -1;
}

static void maintain_read_history(const struct maintain_table *table, maintain_snapshots *snapshots,
                                  maintain_refs *refs)
{
    const struct json *list = json_get(table->metadata, "snapshots"), *named = json_get(table->metadata, "refs");
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *json = json_at(list, i);
        struct maintain_snapshot snapshot = {.id = json_i64(json_get(json, "snapshot-id")),
                                             .parent = maintain_optional(json_get(json, "parent-snapshot-id")),
                                             .timestamp_ms = json_i64(json_get(json, "timestamp-ms"))};
        vec_push(snapshots, snapshot);
    }
    maintain_find_replaced(table, snapshots);
    for (size_t i = 0; i < json_count(named); i++) {
        const struct json *json = json_at(named, i);
        struct maintain_ref ref = {.snapshot = json_i64(json_get(json, "snapshot-id")),
                                   .is_tag = str_equal(json_text(json_get(json, "type")), S("tag")),
                                   .is_main = str_equal(json_key_at(named, i), S("main")),
                                   .min_snapshots = maintain_optional(json_get(json, "min-snapshots-to-keep")),
                                   .max_snapshot_age_ms = maintain_optional(json_get(json, "max-snapshot-age-ms")),
                                   .max_age_ms = maintain_optional(json_get(json, "max-ref-age-ms"))};
        vec_push(refs, ref);
    }
}

static size_t maintain_choose_history(const struct maintain *maintain, const struct maintain_table *table,
                                      maintain_snapshots *snapshots, maintain_refs *refs)
{
    const struct maintain_wish *wish = &maintain->wish;
    struct maintain_retention retention = {
        .now_ms = maintain->now_ms,
        .min_snapshots =
            wish->keep >= 0 ? wish->keep : maintain_property(table, "history.expire.min-snapshots-to-keep", 1),
        .max_snapshot_age_ms = wish->older_than_ms >= 0 ? wish->older_than_ms
                                                        : maintain_property(table, "history.expire.max-snapshot-age-ms",
                                                                            5 * MAINTAIN_DAY_MS),
        .max_ref_age_ms = maintain_property(table, "history.expire.max-ref-age-ms", INT64_MAX),
        .grace_ms = wish->grace_ms,
    };
    return maintain_choose_expired(snapshots->items, snapshots->count, refs->items, refs->count, &retention);
}

/* remove-snapshot-ref and remove-snapshots; how many references go. */
static size_t maintain_expiry_updates(const struct maintain_table *table, const maintain_snapshots *snapshots,
                                      const maintain_refs *refs, struct buf *updates)
{
    struct json_writer writer = {.buf = updates};
    const struct json *named = json_get(table->metadata, "refs");
    size_t gone = 0;
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < refs->count; i++) {
        if (!refs->items[i].expired)
            continue;
        gone++;
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "action", S("remove-snapshot-ref"));
        json_write_text(&writer, "ref-name", json_key_at(named, i));
        json_end_object(&writer);
    }
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "action", S("remove-snapshots"));
    json_begin_array(&writer, "snapshot-ids");
    for (size_t i = 0; i < snapshots->count; i++)
        if (snapshots->items[i].expired)
            json_write_i64(&writer, NULL, snapshots->items[i].id);
    json_end_array(&writer);
    json_end_object(&writer);
    json_end_array(&writer);
    return gone;
}

typedef VEC(struct str) maintain_locations;

/* What the expired snapshots alone need: data first, then what names it. */
static bool maintain_unneeded(struct maintain *maintain, const struct maintain_table *table,
                              const maintain_snapshots *snapshots, maintain_locations *gone, struct err *err)
{
    struct maintain_reach old = {.arena = table->arena}, kept = {.arena = table->arena};
    const struct json *list = json_get(table->metadata, "snapshots");
    size_t position = 0;
    bool ok = true;
    for (size_t i = 0; i < snapshots->count && ok; i++)
        ok = maintain_reach_manifests(maintain, json_at(list, i), snapshots->items[i].expired ? &old : &kept, err);
    ok = ok && maintain_reach_files(maintain, &old, &kept, false, err) &&
         maintain_reach_files(maintain, &kept, NULL, true, err);
    for (struct map_entry *entry; ok && (entry = map_next(&old.files, &position));)
        if (!map_get(&kept.files, entry->key))
            vec_push(gone, str_from(entry->value));
    position = 0;
    for (struct map_entry *entry; ok && (entry = map_next(&old.manifests, &position));)
        if (!map_get(&kept.manifests, entry->key))
            vec_push(gone, str_from(entry->value));
    for (size_t i = 0; i < snapshots->count && ok; i++) {
        struct str lists = json_text(json_get(json_at(list, i), "manifest-list"));
        if (snapshots->items[i].expired && lists.len)
            vec_push(gone, lists);
    }
    maintain_reach_done(&old);
    maintain_reach_done(&kept);
    return ok;
}

/* Files elsewhere are not ours to delete: a table may have been registered with them. */
static void maintain_only_ours(const struct maintain *maintain, maintain_locations *locations)
{
    struct str root = str_format(maintain->arena, "%.*s/", STR_ARG(maintain_key(maintain->root)));
    const char *scheme = maintain_is_s3(maintain) ? "s3://" : "file:///";
    size_t kept = 0;
    for (size_t i = 0; i < locations->count; i++) {
        struct str key = maintain_key(locations->items[i]);
        if (str_starts_with(key, root))
            locations->items[kept++] = str_format(maintain->arena, "%s%.*s", scheme, STR_ARG(key));
    }
    locations->count = kept;
}

static int64_t maintain_bytes_of(struct maintain *maintain, const maintain_locations *locations)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < locations->count; i++) {
        struct object_info info;
        struct err absent; /* counts nothing */
        if (object_head(maintain->store, locations->items[i], &info, &absent))
            bytes += (int64_t)info.size;
    }
    return bytes;
}

static bool maintain_expire_now(struct maintain *maintain, const struct maintain_table *table,
                                maintain_snapshots *snapshots, maintain_refs *refs, struct err *err)
{
    AUTO(buf) struct buf updates = {0};
    maintain_locations gone = {0};
    size_t expired = maintain_choose_history(maintain, table, snapshots, refs);
    size_t refs_gone = maintain_expiry_updates(table, snapshots, refs, &updates);
    struct maintain_done done = {.table = table->name, .action = "expire"};
    done.detail =
        str_format(maintain->arena, "%zu of %zu snapshots, %zu references", expired, snapshots->count, refs_gone);
    bool ok = true, left = false;
    if (expired > 0) {
        ok = maintain_unneeded(maintain, table, snapshots, &gone, err);
        maintain_only_ours(maintain, &gone);
        done.files = (int64_t)gone.count;
        done.bytes = ok ? maintain_bytes_of(maintain, &gone) : 0;
    }
    if (ok && !maintain->wish.dry_run && expired + refs_gone > 0) {
        ok = maintain_commit(maintain, table, buf_str(&updates), err);
        FAILPOINT("maintain.expire.committed");
        ok = ok && maintain_delete(maintain, gone.items, gone.count, &left, err);
    }
    if (left) {
        done.files = done.bytes = 0;
        done.detail = str_format(maintain->arena, "%.*s" MAINTAIN_LEFT, STR_ARG(done.detail));
    }
    vec_done(&gone);
    if (ok)
        maintain_report(maintain, &done);
    return ok;
}

bool maintain_expire(struct maintain *maintain, const struct json *identifier, struct err *err)
{
    AUTO(maintain_table) struct maintain_table table = {0};
    maintain_snapshots snapshots = {0};
    maintain_refs refs = {0};
    if (!maintain_load(maintain, identifier, &table, err))
        return false;
    maintain_read_history(&table, &snapshots, &refs);
    bool ok = maintain_expire_now(maintain, &table, &snapshots, &refs, err);
    vec_done(&snapshots);
    vec_done(&refs);
    return ok;
}
