/* Walking along patterns. */
#include "domain/pipeline/source_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"

#define SOURCE_FILES_DEPTH_MAX 32

struct source_files {
    struct arena *arena, *scratch;
    int root;
    VEC(struct source_file) list;
};

static void source_files_walk(struct source_files *walk, struct str directory, struct str pattern, int depth);

static void source_files_add(struct source_files *walk, struct str path, const struct stat *about)
{
    struct source_file file = {
        .path = str_copy(walk->arena, path),
        .size = about->st_size,
        .modified_us = (int64_t)about->st_mtim.tv_sec * 1000000 + about->st_mtim.tv_nsec / 1000,
    };
    vec_push(&walk->list, file);
}

static struct str source_files_join(struct source_files *walk, struct str directory, struct str name)
{
    if (directory.len == 0)
        return str_copy(walk->scratch, name);
    return str_format(walk->scratch, "%.*s/%.*s", STR_ARG(directory), STR_ARG(name));
}

/* name is in directory; the rest of the pattern goes on below it. */
static void source_files_step(struct source_files *walk, struct str directory, struct str name, struct str rest,
                              int depth)
{
    struct str path = source_files_join(walk, directory, name);
    struct stat about;
    if (fstatat(walk->root, path.ptr, &about, 0) != 0)
        return;
    if (rest.len > 0 && S_ISDIR(about.st_mode))
        source_files_walk(walk, path, rest, depth + 1);
    else if (rest.len == 0 && S_ISREG(about.st_mode))
        source_files_add(walk, path, &about);
}

static void source_files_list(struct source_files *walk, struct str directory, const char *part, struct str rest,
                              int depth)
{
    bool any_depth = strcmp(part, "**") == 0;
    int fd = openat(walk->root, directory.len ? str_cstr(walk->scratch, directory) : ".",
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries && fd >= 0)
        close(fd);
    if (!entries)
        return;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct str name = str_from(entry->d_name);
        struct stat about;
        if (str_equal(name, S(".")) || str_equal(name, S("..")))
            continue;
        if (!any_depth) {
            if (fnmatch(part, entry->d_name, 0) == 0)
                source_files_step(walk, directory, name, rest, depth);
        } else if (fstatat(fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode)) {
            struct str below = rest.len ? str_format(walk->scratch, "**/%.*s", STR_ARG(rest)) : S("**");
            source_files_walk(walk, source_files_join(walk, directory, name), below, depth + 1);
        } else if (rest.len == 0) {
            source_files_step(walk, directory, name, rest, depth);
        }
    }
    closedir(entries);
}

static void source_files_walk(struct source_files *walk, struct str directory, struct str pattern, int depth)
{
    struct str rest = pattern, part;
    if (depth > SOURCE_FILES_DEPTH_MAX || !str_split_next(&rest, '/', &part))
        return;
    const char *text = str_cstr(walk->scratch, part);
    if (strcmp(text, "**") == 0 && rest.len > 0) /* no directory is a number of directories too */
        source_files_walk(walk, directory, rest, depth + 1);
    if (strpbrk(text, "*?[") != NULL)
        source_files_list(walk, directory, text, rest, depth);
    else if (!str_equal(part, S("..")))
        source_files_step(walk, directory, part, rest, depth);
}

static int source_files_by_path(const void *a, const void *b)
{
    const struct source_file *left = a, *right = b;
    return str_compare(left->path, right->path);
}

const struct source_file *source_files_find(struct str root, const struct str *patterns, size_t count,
                                            struct arena *arena, size_t *count_out)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct source_files walk = {.arena = arena, .scratch = scratch};
    size_t kept = 0;
    walk.root = open(str_cstr(scratch, root), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; walk.root >= 0 && i < count; i++)
        source_files_walk(&walk, S(""), patterns[i], 0);
    if (walk.root >= 0)
        close(walk.root);
    struct source_file *files = walk.list.items;
    if (walk.list.count > 0)
        qsort(files, walk.list.count, sizeof(*files), source_files_by_path);
    for (size_t i = 0; i < walk.list.count; i++)
        if (kept == 0 || !str_equal(files[kept - 1].path, files[i].path))
            files[kept++] = files[i];
    *count_out = kept;
    files = arena_copy(arena, files, kept * sizeof(*files));
    vec_done(&walk.list);
    return files;
}
