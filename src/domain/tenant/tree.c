/* Directories of tenants. Everything below works by descriptor (openat, unlinkat) and never follows a link, so a link
 * that appears inside a tenant's directory cannot lead a removal out of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "domain/tenant/tenant_priv.h"

#define TENANT_TREE_DEPTH 64
#define TENANT_TREE_DELETED ".deleted-"

static int tenant_tree_open(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool tenant_tree_is_dots(const char *name)
{
    return str_equal(str_from(name), S(".")) || str_equal(str_from(name), S(".."));
}

/* Opens the directory of all tenants, made when it is missing. -1 with *err. */
static int tenant_tree_root(struct str tenants, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *path = str_cstr(arena, tenants);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        err_errno(err, "create the directory of tenants");
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        err_errno(err, "open the directory of tenants");
    return fd;
}

static bool tenant_tree_is_empty(int root, const char *name)
{
    int fd = tenant_tree_open(root, name);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool empty = true;
    struct dirent *entry;
    while (empty && (entry = readdir(directory)))
        empty = tenant_tree_is_dots(entry->d_name);
    closedir(directory);
    return empty;
}

bool tenant_tree_create(struct str tenants, struct str id, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *name = str_cstr(arena, id);
    int root = tenant_tree_root(tenants, err);
    if (root < 0)
        return false;
    bool ok = true;
    if (mkdirat(root, name, 0700) != 0) {
        if (errno != EEXIST)
            ok = err_errno(err, "create the directory of tenant '%s'", name);
        else if (!tenant_tree_is_empty(root, name))
            ok = err_set(err, ERR_EXISTS, "tenants/%s in the data directory holds files of an unknown tenant", name);
    }
    if (ok && fsync(root) != 0)
        ok = err_errno(err, "sync the directory of tenants");
    close(root);
    return ok;
}

static bool tenant_tree_empty(int fd, int depth, struct err *err);

/* Removes one entry of a directory, with all below it. */
static bool tenant_tree_remove_entry(int parent, const char *name, int depth, struct err *err)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return err_errno(err, "remove '%s'", name);
    int fd = tenant_tree_open(parent, name);
    if (fd < 0)
        return err_errno(err, "remove '%s'", name);
    if (!tenant_tree_empty(fd, depth + 1, err))
        return false;
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return err_errno(err, "remove '%s'", name);
    return true;
}

/* Removes what is inside; takes fd. */
static bool tenant_tree_empty(int fd, int depth, struct err *err)
{
    DIR *directory = depth > TENANT_TREE_DEPTH ? NULL : fdopendir(fd);
    if (!directory) {
        close(fd);
        return err_set(err, ERR_PRECONDITION, "cannot read a directory %d levels deep", depth);
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(directory)))
        if (!tenant_tree_is_dots(entry->d_name))
            ok = tenant_tree_remove_entry(fd, entry->d_name, depth, err);
    closedir(directory);
    return ok;
}

bool tenant_tree_remove(struct str tenants, struct str id, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *name = str_cstr(arena, id);
    struct str aside = str_format(arena, TENANT_TREE_DELETED "%s-%.*s", name, STR_ARG(random_hex(arena, 8)));
    int root = tenant_tree_root(tenants, err);
    if (root < 0)
        return false;
    bool ok = true;
    if (renameat(root, name, root, aside.ptr) == 0)
        ok = tenant_tree_remove_entry(root, aside.ptr, 0, err);
    else if (errno != ENOENT)
        ok = err_errno(err, "move the directory of tenant '%s' aside", name);
    if (ok && fsync(root) != 0)
        ok = err_errno(err, "sync the directory of tenants");
    close(root);
    return ok;
}

bool tenant_tree_sweep(struct str tenants, struct err *err)
{
    int root = tenant_tree_root(tenants, err);
    if (root < 0)
        return false;
    DIR *directory = fdopendir(root);
    if (!directory) {
        err_errno(err, "read the directory of tenants");
        close(root);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(directory)))
        if (str_starts_with(str_from(entry->d_name), S(TENANT_TREE_DELETED)))
            ok = tenant_tree_remove_entry(root, entry->d_name, 0, err);
    closedir(directory);
    return ok;
}
