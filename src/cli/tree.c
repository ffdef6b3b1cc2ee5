/* Directory trees of backups. */
#include "cli/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORIES_MAX 16

struct str cli_tree_path(struct arena *arena, struct str directory, struct str name)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(directory), STR_ARG(name));
}

bool cli_tree_make_parents(struct arena *arena, struct str path, struct err *err)
{
    char *text = str_cstr(arena, path);
    for (size_t i = 1; i < path.len; i++) {
        if (text[i] != '/')
            continue;
        text[i] = '\0';
        if (mkdir(text, 0700) != 0 && errno != EEXIST)
            return err_errno(err, "create directory %s", text);
        text[i] = '/';
    }
    return true;
}

bool cli_tree_is_empty(struct arena *arena, struct str directory)
{
    DIR *open = opendir(str_cstr(arena, directory));
    if (!open)
        return errno == ENOENT;
    bool empty = true;
    const struct dirent *entry;
    while (empty && (entry = readdir(open)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    (void)closedir(open);
    return empty;
}

bool cli_tree_make_empty(struct arena *arena, struct str directory, struct err *err)
{
    if (!cli_tree_make_parents(arena, directory, err))
        return false;
    if (mkdir(str_cstr(arena, directory), 0700) != 0 && errno != EEXIST)
        return err_errno(err, "create directory %.*s", STR_ARG(directory));
    return cli_tree_is_empty(arena, directory) ||
           err_set(err, ERR_PRECONDITION, "%.*s is not an empty directory", STR_ARG(directory));
}

int cli_tree_create(struct arena *arena, struct str directory, struct str path, struct err *err)
{
    struct str whole = cli_tree_path(arena, directory, path);
    if (!cli_tree_make_parents(arena, whole, err))
        return -1;
    int fd = open(whole.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        (void)err_errno(err, "create %.*s", STR_ARG(whole));
    return fd;
}

bool cli_tree_close(int fd, struct str path, struct err *err)
{
    bool synced = fsync(fd) == 0 || err_errno(err, "write %.*s", STR_ARG(path));
    if (close(fd) != 0 && synced)
        return err_errno(err, "write %.*s", STR_ARG(path));
    return synced;
}

bool cli_tree_sync(struct arena *arena, struct str directory, struct err *err)
{
    int fd = open(str_cstr(arena, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open directory %.*s", STR_ARG(directory));
    return cli_tree_close(fd, directory, err);
}

bool cli_tree_sync_all(struct arena *arena, struct str directory, struct err *err)
{
    int fd = open(str_cstr(arena, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open directory %.*s", STR_ARG(directory));
    bool synced = syncfs(fd) == 0 || err_errno(err, "write %.*s", STR_ARG(directory));
    (void)close(fd);
    return synced;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)place;
    (void)!(kind == FTW_DP ? rmdir(path) : unlink(path));
    return 0;
}

void cli_tree_remove(struct arena *arena, struct str directory)
{
    (void)nftw(str_cstr(arena, directory), remove_entry, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS);
}

static int clear_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    return place->level > 0 ? remove_entry(path, status, kind, place) : 0;
}

void cli_tree_clear(struct arena *arena, struct str directory)
{
    char real[PATH_MAX];
    if (realpath(str_cstr(arena, directory), real))
        (void)nftw(real, clear_entry, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS);
}
