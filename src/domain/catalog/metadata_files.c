/* Files of a table: how metadata files are named, and which files a commit brought or gave up. */
#include "domain/catalog/metadata.h"

#include "domain/catalog/model.h"

struct str metadata_file(struct arena *arena, const struct metadata *metadata, int64_t version, struct str uuid)
{
    return model_metadata_file(arena, metadata->location, &metadata->properties, S("none"), version, uuid);
}

int64_t metadata_file_version(struct str location)
{
    struct str name = location;
    for (ptrdiff_t slash = str_find_char(name, '/'); slash >= 0; slash = str_find_char(name, '/'))
        name = str_from_index(name, (size_t)slash + 1);
    ptrdiff_t dash = str_find_char(name, '-');
    int64_t version;
    if (dash < 1 || name.ptr[0] < '0' || name.ptr[0] > '9' || !str_to_i64(str_slice(name, 0, (size_t)dash), &version))
        return -1;
    return version;
}

size_t metadata_added(struct arena *arena, const struct metadata *base, const struct metadata *metadata,
                      const struct str **manifest_lists_out)
{
    MODEL_LIST(struct str) lists = {0};
    for (size_t i = 0; i < metadata->snapshots.count; i++) {
        const struct metadata_snapshot *snapshot = &metadata->snapshots.items[i].is;
        if (snapshot->manifest_list.ptr && (!base || metadata_find_snapshot(base, snapshot->id) < 0))
            model_add(arena, &lists, snapshot->manifest_list);
    }
    *manifest_lists_out = lists.items;
    return lists.count;
}

size_t metadata_dropped_files(struct arena *arena, const struct metadata *base, const struct metadata *metadata,
                              const struct str **locations_out)
{
    MODEL_LIST(struct str) files = {0};
    size_t left = metadata->metadata_log.count;
    *locations_out = NULL;
    if (!model_property_is_true(&metadata->properties, S("write.metadata.delete-after-commit.enabled")))
        return 0;
    /* The log is cut at its beginning: what base has before the first entry that is left. */
    for (size_t i = 0; i < base->metadata_log.count; i++) {
        struct str file = base->metadata_log.items[i].file;
        if (left && str_equal(file, metadata->metadata_log.items[0].file))
            break;
        model_add(arena, &files, file);
    }
    *locations_out = files.items;
    return files.count;
}
