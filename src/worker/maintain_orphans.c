/* Files that nobody needs: leftovers of writers that were killed, and of commits that lost. */
#include "base/clock.h"
#include "platform/object/object.h"
#include "worker/maintain_files.h"

struct maintain_search {
    struct maintain *maintain;
    const struct map *needed; /* keys of files; or, with below, of directories */
    bool below;
    VEC(struct str) found;
    int64_t bytes;
};

static void maintain_need(struct map *needed, struct str location)
{
    struct str key = maintain_key(location);
    if (key.len && !map_get(needed, key))
        map_put(needed, key, needed);
}

/* Everything that the metadata names, and all that its snapshots name in turn. */
static bool maintain_needed(struct maintain *maintain, const struct maintain_table *table, struct map *needed,
                            struct err *err)
{
    static const char *const lists[][2] = {{"metadata-log", "metadata-file"},
                                           {"statistics", "statistics-path"},
                                           {"partition-statistics", "statistics-path"},
                                           {"snapshots", "manifest-list"}};
    struct maintain_reach reach = {.arena = table->arena};
    const struct json *snapshots = json_get(table->metadata, "snapshots");
    size_t position = 0;
    bool ok = true;
    maintain_need(needed, table->metadata_location);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct json *list = json_get(table->metadata, lists[i][0]);
        for (size_t j = 0; j < json_count(list); j++)
            maintain_need(needed, json_text(json_get(json_at(list, j), lists[i][1])));
    }
    for (size_t i = 0; i < json_count(snapshots) && ok; i++)
        ok = maintain_reach_manifests(maintain, json_at(snapshots, i), &reach, err);
    ok = ok && maintain_reach_files(maintain, &reach, NULL, true, err);
    for (struct map_entry *entry; (entry = map_next(&reach.manifests, &position));)
        maintain_need(needed, entry->key);
    position = 0;
    for (struct map_entry *entry; (entry = map_next(&reach.files, &position));)
        maintain_need(needed, entry->key);
    maintain_reach_done(&reach);
    return ok;
}

/* True when a directory on the way to the file is needed. */
static bool maintain_is_below(const struct map *needed, struct str key)
{
    for (size_t i = key.len; i > 0; i--)
        if (key.ptr[i - 1] == '/' && map_get(needed, str_slice(key, 0, i - 1)))
            return true;
    return false;
}

static bool maintain_search_each(void *owner, const struct object_info *info)
{
    struct maintain_search *search = owner;
    struct maintain *maintain = search->maintain;
    struct str key = maintain_key(info->location);
    int64_t oldest_us = (maintain->now_ms - maintain->wish.orphan_age_ms) * CLOCK_MILLISECOND;
    bool needed = search->below ? maintain_is_below(search->needed, key) : map_get(search->needed, key) != NULL;
    if (needed || info->modified_us > oldest_us)
        return !worker_statement_is_cancelled(maintain->statement);
    vec_push(&search->found, str_copy(maintain->arena, info->location));
    search->bytes += (int64_t)info->size;
    return true;
}

/* Lists, deletes, reports. */
static bool maintain_sweep(struct maintain_search *search, struct str location, struct str name, struct err *err)
{
    struct maintain *maintain = search->maintain;
    bool left = false;
    bool ok = object_list(maintain->store, location, maintain_search_each, search, err);
    if (ok && worker_statement_is_cancelled(maintain->statement))
        ok = err_set(err, ERR_CANCELLED, "the statement was cancelled");
    if (ok && !maintain->wish.dry_run)
        ok = maintain_delete(maintain, search->found.items, search->found.count, &left, err);
    struct maintain_done done = {
        .table = name, .action = "orphans", .files = (int64_t)search->found.count, .bytes = search->bytes};
    done.detail = search->found.count
                      ? str_format(maintain->arena, "first: %.*s", STR_ARG(maintain_key(search->found.items[0])))
                      : S("");
    if (left) {
        done.files = done.bytes = 0;
        done.detail = str_format(maintain->arena, "%.*s" MAINTAIN_LEFT, STR_ARG(done.detail));
    }
    if (ok)
        maintain_report(maintain, &done);
    vec_done(&search->found);
    return ok;
}

bool maintain_orphans(struct maintain *maintain, const struct json *identifier, struct err *err)
{
    AUTO(maintain_table) struct maintain_table table = {0};
    struct map needed = {0};
    struct maintain_search search = {.maintain = maintain, .needed = &needed};
    if (!maintain_load(maintain, identifier, &table, err))
        return false;
    bool ok =
        maintain_needed(maintain, &table, &needed, err) && maintain_sweep(&search, table.location, table.name, err);
    map_done(&needed);
    return ok;
}

bool maintain_strays(struct maintain *maintain, const struct json *kept, struct err *err)
{
    struct map needed = {0};
    struct maintain_search search = {.maintain = maintain, .needed = &needed, .below = true};
    if (!maintain->store || maintain->is_bounded) {
        const struct maintain_done skipped = {.table = S("*"),
                                              .action = "orphans",
                                              .detail = S("skipped: the keys for a table's files do not list others")};
        maintain_report(maintain, &skipped);
        return true;
    }
    for (size_t i = 0; i < json_count(kept); i++)
        maintain_need(&needed, json_text(json_at(kept, i)));
    bool ok = maintain_sweep(&search, maintain->root, S("*"), err);
    map_done(&needed);
    return ok;
}
