/* What a table consists of: figures that say whether compaction or expiry would help. */
#include "worker/maintain_files.h"

bool maintain_statistics(struct maintain *maintain, const struct json *identifier, struct err *err)
{
    AUTO(maintain_table) struct maintain_table table = {0};
    if (!maintain_load(maintain, identifier, &table, err))
        return false;
    struct maintain_files files = {.arena = table.arena};
    const struct json *snapshot = maintain_snapshot_of(&table, table.snapshot);
    struct maintain_done done = {.table = table.name, .action = "statistics"};
    bool ok = !snapshot || maintain_files_read(maintain, snapshot, &files, err);
    int64_t deletes = 0, smallest = INT64_MAX;
    for (size_t i = 0; i < files.files.count; i++) {
        const struct maintain_file *file = &files.files.items[i];
        done.bytes += file->bytes;
        if (file->content != MAINTAIN_DATA) {
            deletes++;
            continue;
        }
        done.files++;
        done.rows += file->rows;
        smallest = file->bytes < smallest ? file->bytes : smallest;
    }
    done.detail =
        str_format(maintain->arena, "%lld delete files, %zu manifests, %zu snapshots, smallest file %lld bytes",
                   (long long)deletes, files.manifests.count, json_count(json_get(table.metadata, "snapshots")),
                   done.files ? (long long)smallest : 0LL);
    maintain_files_done(&files);
    if (ok)
        maintain_report(maintain, &done);
    return ok;
}
