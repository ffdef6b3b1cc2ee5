#include "worker/maintain_choose.h"

/* Files of this share of the target and more are large enough. */
#define MAINTAIN_SMALL_PERCENT 75

static struct maintain_snapshot *maintain_snapshot_find(struct maintain_snapshot *snapshots, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (snapshots[i].id == id)
            return &snapshots[i];
    return NULL;
}

static bool maintain_ref_is_expired(const struct maintain_ref *ref, const struct maintain_snapshot *head,
                                    const struct maintain_retention *retention)
{
    int64_t age = ref->max_age_ms >= 0 ? ref->max_age_ms : retention->max_ref_age_ms;
    return !ref->is_main && head && retention->now_ms - head->timestamp_ms > age;
}

/* expired doubles as "not known to be needed" until the end. */
static void maintain_keep_branch(struct maintain_snapshot *snapshots, size_t count, const struct maintain_ref *ref,
                                 const struct maintain_retention *retention)
{
    int64_t least = ref->min_snapshots >= 0 ? ref->min_snapshots : retention->min_snapshots;
    int64_t age = ref->max_snapshot_age_ms >= 0 ? ref->max_snapshot_age_ms : retention->max_snapshot_age_ms;
    struct maintain_snapshot *snapshot = maintain_snapshot_find(snapshots, count, ref->snapshot);
    for (size_t kept = 0; snapshot && kept < count; kept++) { /* count: a chain with a circle ends too */
        if ((int64_t)kept >= (least > 1 ? least : 1) && retention->now_ms - snapshot->timestamp_ms > age)
            return;
        snapshot->expired = false;
        snapshot = maintain_snapshot_find(snapshots, count, snapshot->parent);
    }
}

/* Whatever a reference that stays descends from. */
static void maintain_mark_line(struct maintain_snapshot *snapshots, size_t count, int64_t id)
{
    struct maintain_snapshot *snapshot = maintain_snapshot_find(snapshots, count, id);
    while (snapshot && !snapshot->referenced) {
        snapshot->referenced = true;
        snapshot = maintain_snapshot_find(snapshots, count, snapshot->parent);
    }
}

size_t maintain_choose_expired(struct maintain_snapshot *snapshots, size_t count, struct maintain_ref *refs,
                               size_t ref_count, const struct maintain_retention *retention)
{
    size_t expired = 0;
    for (size_t i = 0; i < count; i++) {
        snapshots[i].expired = true;
        snapshots[i].referenced = false;
    }
    for (size_t i = 0; i < ref_count; i++) {
        struct maintain_snapshot *head = maintain_snapshot_find(snapshots, count, refs[i].snapshot);
        refs[i].expired = maintain_ref_is_expired(&refs[i], head, retention);
        if (refs[i].expired || !head)
            continue;
        head->expired = false;
        maintain_mark_line(snapshots, count, head->id);
        if (!refs[i].is_tag)
            maintain_keep_branch(snapshots, count, &refs[i], retention);
    }
    for (size_t i = 0; i < count; i++) {
        struct maintain_snapshot *snapshot = &snapshots[i];
        bool young = retention->now_ms - snapshot->timestamp_ms <= retention->max_snapshot_age_ms;
        if (young && !snapshot->referenced)
            snapshot->expired = false;
        if (snapshot->expired && snapshot->replaced_ms > retention->now_ms - retention->grace_ms)
            snapshot->expired = false;
        expired += snapshot->expired;
    }
    return expired;
}

/* Takes a bin back that is not worth it; true when it stays. */
static bool maintain_bin_is_worth(struct maintain_candidate *files, size_t from, size_t to, uint32_t bin)
{
    size_t members = 0, last = from;
    bool deletes = false;
    for (size_t i = from; i < to; i++) {
        if (files[i].bin != bin)
            continue;
        members++;
        last = i;
        deletes = deletes || files[i].has_deletes;
    }
    if (members == 1 && !deletes)
        files[last].bin = 0;
    return members > 1 || deletes;
}

uint32_t maintain_choose_bins(struct maintain_candidate *files, size_t count, int64_t target_bytes)
{
    int64_t small = target_bytes / 100 * MAINTAIN_SMALL_PERCENT, filled = 0;
    uint32_t bin = 1;
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        struct maintain_candidate *file = &files[i];
        bool other = i > 0 && file->group != files[i - 1].group;
        bool wanted = file->bytes < small || file->has_deletes;
        if (other || (wanted && filled > 0 && filled + file->bytes > target_bytes)) {
            bin += maintain_bin_is_worth(files, from, i, bin);
            from = i;
            filled = 0;
        }
        file->bin = wanted ? bin : 0;
        filled += wanted ? file->bytes : 0;
    }
    bin += count > 0 && maintain_bin_is_worth(files, from, count, bin);
    return bin - 1;
}
