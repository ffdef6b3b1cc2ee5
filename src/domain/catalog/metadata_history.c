/* Updates of a table's history: snapshots, branches and tags, statistics files, encryption keys. */
#include "domain/catalog/metadata_priv.h"

/* --- Snapshots --- */

/* A snapshot that is there now; *is_added_out: by this commit. */
static const struct metadata_snapshot *metadata_snapshot_now(const struct metadata_updating *to, int64_t id,
                                                             bool *is_added_out)
{
    for (size_t i = to->added.count; i > 0; i--) {
        if (to->added.items[i - 1].is.id == id) {
            *is_added_out = true;
            return &to->added.items[i - 1].is;
        }
    }
    *is_added_out = false;
    ptrdiff_t at = to->base ? metadata_find_snapshot(to->base, id) : -1;
    return at < 0 || (to->gone && to->gone[at]) ? NULL : &to->base->snapshots.items[at].is;
}

static bool metadata_check_lineage(struct metadata_updating *to, const struct model_snapshot *snapshot, struct err *err)
{
    if (to->next.format < 3)
        return true;
    if (snapshot->first_row < 0)
        return err_set(err, ERR_INVALID, "cannot add a snapshot: first-row-id is null");
    if (snapshot->first_row < to->next.next_row)
        return err_set(err, ERR_CONFLICT,
                       "cannot add a snapshot, first-row-id is behind table next-row-id: %lld < %lld",
                       (long long)snapshot->first_row, (long long)to->next.next_row);
    if (__builtin_add_overflow(snapshot->first_row, snapshot->added_rows, &to->next.next_row))
        return err_set(err, ERR_INVALID, "cannot add a snapshot: its rows have no numbers left");
    return true;
}

bool metadata_add_snapshot(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct model_snapshot snapshot;
    const struct metadata_snapshot *is = &snapshot.is;
    bool added;
    if (!model_snapshot_parse(json_get(update, "snapshot"), &snapshot, err))
        return false;
    const char *missing = !to->next.schemas.count ? "a schema"
                          : !to->next.specs.count ? "a partition spec"
                          : !to->next.sorts.count ? "a sort order"
                                                  : NULL;
    if (missing)
        return err_set(err, ERR_INVALID, "attempting to add a snapshot before %s is added", missing);
    if (metadata_snapshot_now(to, is->id, &added))
        return err_set(err, ERR_INVALID, "snapshot already exists for id: %lld", (long long)is->id);
    if (to->next.format > 1 && !is->manifest_list.ptr)
        return err_set(err, ERR_INVALID, "snapshot %lld: 'manifest-list' is missing", (long long)is->id);
    bool has_parent = json_kind(json_get(snapshot.json, "parent-snapshot-id")) != JSON_NULL;
    if (to->next.format > 1 && is->sequence <= to->next.last_sequence && has_parent)
        return err_set(err, ERR_CONFLICT,
                       "cannot add snapshot with sequence number %lld older than last sequence number %lld",
                       (long long)is->sequence, (long long)to->next.last_sequence);
    if (is->manifest_list.ptr && !model_check_location(to->context, "manifest-list", is->manifest_list, err))
        return false;
    if (!metadata_check_lineage(to, &snapshot, err))
        return false;
    if (is->sequence > to->next.last_sequence)
        to->next.last_sequence = is->sequence;
    model_add(to->arena, &to->added, snapshot);
    to->changed = true;
    return true;
}

static void metadata_mark_gone(struct metadata_updating *to, int64_t id)
{
    ptrdiff_t at = to->base ? metadata_find_snapshot(to->base, id) : -1;
    if (at >= 0 && !to->gone)
        to->gone = arena_array(to->arena, to->base->snapshots.count, sizeof(*to->gone));
    if (at >= 0 && !to->gone[at])
        to->gone[at] = to->removed = true;
    for (size_t i = 0; i < to->added.count; i++) {
        if (to->added.items[i].is.id != id)
            continue;
        to->added.count--;
        memmove(&to->added.items[i], &to->added.items[i + 1], (to->added.count - i) * sizeof(*to->added.items));
        to->removed = true;
        return;
    }
}

bool metadata_remove_snapshots(struct metadata_updating *to, const struct json *update, struct err *err)
{
    const struct json *ids;
    if (!model_get_array(update, "snapshot-ids", &ids, err))
        return false;
    for (size_t i = 0; i < json_count(ids); i++) {
        if (json_kind(json_at(ids, i)) != JSON_I64)
            return err_set(err, ERR_INVALID, "'snapshot-ids' must hold whole numbers");
        metadata_mark_gone(to, json_i64(json_at(ids, i)));
    }
    to->changed = to->changed || to->removed;
    return true;
}

/* --- Branches and tags --- */

void metadata_drop_ref(struct metadata_updating *to, struct str name)
{
    const struct model_ref *ref = metadata_find_ref(&to->next, name);
    if (str_equal(name, MODEL_MAIN))
        to->next.current_snapshot = -1;
    if (!ref)
        return;
    size_t at = (size_t)(ref - to->next.refs.items);
    metadata_own(to, &to->next.refs);
    to->next.refs.count--;
    memmove(&to->next.refs.items[at], &to->next.refs.items[at + 1],
            (to->next.refs.count - at) * sizeof(*to->next.refs.items));
    to->changed = true;
}

bool metadata_remove_ref(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct str name;
    if (!model_get_text(update, "ref-name", &name, err))
        return false;
    metadata_drop_ref(to, name);
    return true;
}

/* main moves: the current snapshot, and an entry of the log. A rollback happens now, an added snapshot when it says.
 * Readers refuse logs that go back in time, which a client's clock must not cause. */
static void metadata_move_main(struct metadata_updating *to, const struct metadata_snapshot *snapshot, bool added)
{
    struct model_snapshot_entry entry = {added ? snapshot->timestamp_ms : to->next.last_updated_ms, snapshot->id};
    size_t count = to->next.snapshot_log.count;
    if (count && entry.timestamp_ms < to->next.snapshot_log.items[count - 1].timestamp_ms - MODEL_SKEW_MS)
        entry.timestamp_ms = to->next.snapshot_log.items[count - 1].timestamp_ms;
    to->next.current_snapshot = snapshot->id;
    model_add(to->arena, &to->next.snapshot_log, entry);
    if (added)
        model_add(to->arena, &to->were_main, snapshot->id);
}

bool metadata_set_ref(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct str name;
    struct model_ref ref;
    bool added;
    if (!model_get_text(update, "ref-name", &name, err) || !model_ref_parse(name, update, &ref, err))
        return false;
    ref.json = NULL;
    const struct model_ref *old = metadata_find_ref(&to->next, name);
    if (old && model_ref_equal(old, &ref))
        return true;
    const struct metadata_snapshot *snapshot = metadata_snapshot_now(to, ref.is.snapshot, &added);
    if (!snapshot)
        return err_set(err, ERR_INVALID, "cannot set %.64s to unknown snapshot: %lld", name.ptr,
                       (long long)ref.is.snapshot);
    bool main = str_equal(name, MODEL_MAIN);
    if (main && ref.is.is_tag)
        return err_set(err, ERR_INVALID, "cannot set main to a tag, it must be a branch");
    if (main)
        metadata_move_main(to, snapshot, added);
    if (old) {
        size_t at = (size_t)(old - to->next.refs.items);
        metadata_own(to, &to->next.refs);
        to->next.refs.items[at] = ref;
    } else {
        model_add(to->arena, &to->next.refs, ref);
    }
    to->changed = true;
    return true;
}

/* --- Files and keys --- */

/* file NULL: none in place of the one that the snapshot has. */
static void metadata_put_file(struct metadata_updating *to, model_files *files, int64_t snapshot,
                              const struct model_file *file)
{
    size_t at = 0;
    while (at < files->count && files->items[at].snapshot != snapshot)
        at++;
    if (at == files->count && !file)
        return;
    to->changed = true;
    if (at == files->count) {
        model_add(to->arena, files, *file);
        return;
    }
    metadata_own(to, files);
    if (file)
        files->items[at] = *file;
    else
        memmove(&files->items[at], &files->items[at + 1], (--files->count - at) * sizeof(*files->items));
}

bool metadata_set_statistics(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct model_file file;
    if (!model_statistics_parse(json_get(update, "statistics"), &file, err) ||
        !model_check_location(to->context, "statistics-path", file.path, err))
        return false;
    metadata_put_file(to, &to->next.statistics, file.snapshot, &file);
    return true;
}

bool metadata_set_partition_statistics(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct model_file file;
    if (!model_partition_statistics_parse(json_get(update, "partition-statistics"), &file, err) ||
        !model_check_location(to->context, "statistics-path", file.path, err))
        return false;
    metadata_put_file(to, &to->next.partition_statistics, file.snapshot, &file);
    return true;
}

bool metadata_remove_statistics(struct metadata_updating *to, const struct json *update, struct err *err)
{
    int64_t snapshot;
    if (!model_get_i64(update, "snapshot-id", &snapshot, err))
        return false;
    metadata_put_file(to, &to->next.statistics, snapshot, NULL);
    return true;
}

bool metadata_remove_partition_statistics(struct metadata_updating *to, const struct json *update, struct err *err)
{
    int64_t snapshot;
    if (!model_get_i64(update, "snapshot-id", &snapshot, err))
        return false;
    metadata_put_file(to, &to->next.partition_statistics, snapshot, NULL);
    return true;
}

static ptrdiff_t metadata_find_key(const struct metadata *metadata, struct str id)
{
    for (size_t i = 0; i < metadata->keys.count; i++) {
        if (str_equal(metadata->keys.items[i].id, id))
            return (ptrdiff_t)i;
    }
    return -1;
}

bool metadata_add_key(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct model_key key;
    if (!model_key_parse(json_get(update, "encryption-key"), &key, err))
        return false;
    if (metadata_find_key(&to->next, key.id) >= 0)
        return true;
    model_add(to->arena, &to->next.keys, key);
    to->changed = true;
    return true;
}

bool metadata_remove_key(struct metadata_updating *to, const struct json *update, struct err *err)
{
    struct str id;
    if (!model_get_text(update, "key-id", &id, err))
        return false;
    ptrdiff_t at = metadata_find_key(&to->next, id);
    if (at < 0)
        return true;
    metadata_own(to, &to->next.keys);
    to->next.keys.count--;
    memmove(&to->next.keys.items[at], &to->next.keys.items[at + 1],
            (to->next.keys.count - (size_t)at) * sizeof(*to->next.keys.items));
    to->changed = true;
    return true;
}

/* --- The end of the commit --- */

/* Snapshots that this commit made current and then replaced never were current for anybody. */
static bool metadata_was_passing(const struct metadata_updating *to, int64_t snapshot)
{
    if (snapshot == to->next.current_snapshot)
        return false;
    for (size_t i = 0; i < to->were_main.count; i++) {
        if (to->were_main.items[i] == snapshot)
            return true;
    }
    return false;
}

/* A hole in the log ends the history before it: else a snapshot would seem current while another one was. */
static void metadata_finish_log(struct metadata_updating *to)
{
    bool passing = false;
    for (size_t i = 0; i < to->were_main.count; i++)
        passing = passing || to->were_main.items[i] != to->next.current_snapshot;
    if (!passing && !to->removed)
        return;
    typeof(to->next.snapshot_log) log = {0};
    bool added;
    for (size_t i = 0; i < to->next.snapshot_log.count; i++) {
        struct model_snapshot_entry entry = to->next.snapshot_log.items[i];
        const struct metadata_snapshot *snapshot = metadata_snapshot_now(to, entry.snapshot, &added);
        if (!snapshot && to->removed)
            log.count = 0;
        else if (snapshot && !metadata_was_passing(to, entry.snapshot))
            model_add(to->arena, &log, entry);
    }
    int64_t current = to->next.current_snapshot;
    const struct metadata_snapshot *snapshot = metadata_snapshot_now(to, current, &added);
    struct model_snapshot_entry last = {snapshot ? snapshot->timestamp_ms : 0, current};
    if (snapshot && (log.count == 0 || log.items[log.count - 1].snapshot != current))
        model_add(to->arena, &log, last);
    to->next.snapshot_log.items = log.items;
    to->next.snapshot_log.count = log.count;
    to->next.snapshot_log.capacity = log.capacity;
}

/* Leaves out the files of snapshots that this commit removed. */
static void metadata_drop_files(struct metadata_updating *to, model_files *files)
{
    model_files left = {0};
    for (size_t i = 0; to->gone && i < files->count; i++) {
        ptrdiff_t at = metadata_find_snapshot(to->base, files->items[i].snapshot);
        if (at < 0 || !to->gone[at])
            model_add(to->arena, &left, files->items[i]);
    }
    if (to->gone)
        *files = left;
}

static void metadata_drop_refs(struct metadata_updating *to)
{
    typeof(to->next.refs) left = {0};
    bool added, main = false;
    for (size_t i = 0; i < to->next.refs.count; i++) {
        const struct metadata_ref *ref = &to->next.refs.items[i].is;
        if (!metadata_snapshot_now(to, ref->snapshot, &added))
            continue;
        main = main || str_equal(ref->name, MODEL_MAIN);
        model_add(to->arena, &left, to->next.refs.items[i]);
    }
    if (!main)
        to->next.current_snapshot = -1;
    to->next.refs.items = left.items;
    to->next.refs.count = left.count;
    to->next.refs.capacity = left.capacity;
}

bool metadata_finish_history(struct metadata_updating *to, struct err *err)
{
    if (to->removed) {
        metadata_drop_refs(to);
        metadata_drop_files(to, &to->next.statistics);
        metadata_drop_files(to, &to->next.partition_statistics);
    }
    metadata_finish_log(to);
    if (to->added.count == 0 && !to->removed)
        return to->base ? true : metadata_index_snapshots(to->arena, &to->next, err);
    size_t most = (to->base ? to->base->snapshots.count : 0) + to->added.count, count = 0;
    struct model_snapshot *snapshots = arena_array(to->arena, most + 1, sizeof(*snapshots));
    for (size_t i = 0; to->base && i < to->base->snapshots.count; i++) {
        if (!to->gone || !to->gone[i])
            snapshots[count++] = to->base->snapshots.items[i];
    }
    for (size_t i = 0; i < to->added.count; i++)
        snapshots[count++] = to->added.items[i];
    to->next.snapshots.items = snapshots;
    to->next.snapshots.count = to->next.snapshots.capacity = count;
    return metadata_index_snapshots(to->arena, &to->next, err);
}
