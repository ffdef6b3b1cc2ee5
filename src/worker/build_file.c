/* Files that a text reads: what they were before must be what they are after. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "platform/json/json.h"
#include "worker/build.h"
#include "worker/sql.h"

static int64_t build_file_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void build_file_look(struct build_file *file)
{
    struct stat stat_of;
    file->size_bytes = -1; /* it went away meanwhile, or may not be looked at */
    if (stat(file->path.ptr, &stat_of) != 0)
        return;
    file->size_bytes = stat_of.st_size;
    file->modified_ns = build_file_ns(stat_of.st_mtim);
    file->changed_ns = build_file_ns(stat_of.st_ctim);
    file->inode = stat_of.st_ino;
}

bool build_files_look(struct build *build, struct build_files *files_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *sources = json_get(build->arguments, "sources"), *rows;
    struct arena *arena = build->statement->arena;
    *files_out = (struct build_files){0};
    if (json_count(sources) == 0)
        return true;
    buf_append_str(&sql, S("SELECT DISTINCT file FROM glob(["));
    for (size_t i = 0; i < json_count(sources); i++) {
        buf_append_str(&sql, i ? S(", ") : S(""));
        sql_append_text(&sql, json_text(json_at(sources, i)));
    }
    buf_append_str(&sql, S("]) ORDER BY file"));
    if (!sql_rows(build->statement, arena, buf_str(&sql), &rows, err))
        return build_fail(build, err->code == ERR_CANCELLED ? NULL : "source");
    files_out->count = json_count(rows);
    files_out->items = arena_array(arena, files_out->count, sizeof(*files_out->items));
    for (size_t i = 0; i < files_out->count; i++) {
        files_out->items[i].path = json_text(json_get(json_at(rows, i), "file"));
        build_file_look(&files_out->items[i]);
    }
    return true;
}

static bool build_file_is(const struct build_file *a, const struct build_file *b)
{
    return str_equal(a->path, b->path) && a->size_bytes == b->size_bytes && a->modified_ns == b->modified_ns &&
           a->changed_ns == b->changed_ns && a->inode == b->inode;
}

bool build_files_same(struct build *build, struct err *err)
{
    struct build_files now;
    if (!build_files_look(build, &now, err))
        return false;
    const struct build_files *then = &build->files;
    for (size_t i = 0; i < then->count || i < now.count; i++) {
        if (i < then->count && i < now.count && build_file_is(&then->items[i], &now.items[i]))
            continue;
        struct str path = i < then->count ? then->items[i].path : now.items[i].path;
        err_set(err, ERR_PRECONDITION, "a source file changed while it was read: %.*s", STR_ARG(path));
        err_hint(err, "nothing was kept; let other programs write under another name and rename, or retry");
        return build_fail(build, "source");
    }
    return true;
}
