/* Local files. Every name is resolved beneath the root's descriptor without following symbolic links (openat2), so
 * neither a link that somebody planted nor a directory that is replaced meanwhile leads out of the root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/vec.h"
#include "platform/object/object_priv.h"

/* Two writers that meet in a directory which a third empties and removes: each try makes it again. */
#define FILE_PUT_TRIES 8
#define FILE_COPY_SIZE ((size_t)256 * 1024)

struct file_names {
    VEC(struct str) list;
};

static void file_close(int *fd)
{
    int why = errno; /* of the call before */
    if (*fd >= 0)
        (void)close(*fd);
    errno = why;
}
#define FILE_FD __attribute__((cleanup(file_close))) int

/* errno, in words for this name. */
static bool file_fail(const struct object_store *store, struct str name, const char *what, struct err *err)
{
    if (errno == ELOOP || errno == EXDEV)
        return err_set(err, ERR_DENIED, "%s %.*s/%.*s: a symbolic link is in the way", what, STR_ARG(store->root),
                       STR_ARG(name));
    return err_errno(err, "%s %.*s/%.*s", what, STR_ARG(store->root), STR_ARG(name));
}

/* An empty name is the root. -1 with errno. */
static int file_at(const struct object_store *store, struct str name, int flags)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, store->directory, name.len > 0 ? str_cstr(arena, name) : ".", &how, sizeof(how));
}

static int file_directory(const struct object_store *store, struct str name)
{
    return file_at(store, name, O_RDONLY | O_DIRECTORY);
}

/* "a/b/c" → "a/b"; "a" → "". */
static struct str file_parent(struct str name)
{
    size_t len = name.len;
    while (len > 0 && name.ptr[len - 1] != '/')
        len--;
    return str_slice(name, 0, len > 0 ? len - 1 : 0);
}

static const char *file_leaf(struct arena *arena, struct str name)
{
    struct str parent = file_parent(name);
    return str_cstr(arena, str_from_index(name, parent.len > 0 || name.ptr[0] == '/' ? parent.len + 1 : 0));
}

bool object_file_open(struct object_store *store, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    char *path = str_cstr(arena, store->place);
    for (size_t i = 1; i <= store->place.len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char end = path[i];
        path[i] = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return err_errno(err, "make the directory %s", path);
        path[i] = end;
    }
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return store->directory >= 0 || err_errno(err, "open the directory %s", path);
}

/* A regular file for reading; a pipe would make the open wait. */
static int file_regular(const struct object_store *store, struct str name, struct stat *about_out, struct err *err)
{
    int fd = file_at(store, name, O_RDONLY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, about_out) != 0) {
        (void)file_fail(store, name, "open", err);
    } else if (!S_ISREG(about_out->st_mode)) {
        (void)err_set(err, ERR_NOT_FOUND, "%.*s/%.*s is no file", STR_ARG(store->root), STR_ARG(name));
    } else {
        return fd;
    }
    file_close(&fd);
    return -1;
}

int object_file_regular(const struct object_store *store, struct str name, struct err *err)
{
    struct stat about;
    return file_regular(store, name, &about, err);
}

bool object_file_is_gone(const struct object_store *store, struct str name)
{
    char path[PATH_MAX];
    struct stat about;
    if (name.len >= sizeof(path))
        return false;
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    return fstatat(store->directory, path, &about, AT_SYMLINK_NOFOLLOW) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool object_file_read(struct object_store *store, struct arena *arena, struct str name, size_t max,
                      struct str *bytes_out, struct err *err)
{
    struct stat about;
    FILE_FD fd = file_regular(store, name, &about, err);
    if (fd < 0)
        return false;
    size_t size = (size_t)about.st_size;
    if (size > max)
        return err_set(err, ERR_RESOURCE, "%.*s/%.*s has %zu bytes; %zu are read at most", STR_ARG(store->root),
                       STR_ARG(name), size, max);
    char *bytes = arena_alloc(arena, size + 1);
    size_t have = 0;
    while (have < size) {
        ssize_t len = read(fd, bytes + have, size - have);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return file_fail(store, name, "read", err);
        if (len == 0)
            return err_set(err, ERR_DATA_LOSS, "%.*s/%.*s was cut while it was read", STR_ARG(store->root),
                           STR_ARG(name));
        have += (size_t)len;
    }
    *bytes_out = str_bytes(bytes, size);
    return true;
}

bool object_file_head(struct object_store *store, struct str name, struct object_info *info_out, struct err *err)
{
    struct stat about;
    FILE_FD fd = file_regular(store, name, &about, err);
    if (fd < 0)
        return false;
    info_out->size = (uint64_t)about.st_size;
    info_out->modified_us = about.st_mtim.tv_sec * CLOCK_SECOND + about.st_mtim.tv_nsec / 1000;
    return true;
}

/* The directory, made with its parents where it is missing, each entry durable if asked for. -1 with errno. */
static int file_make(const struct object_store *store, struct str name, bool durable)
{
    int fd = file_directory(store, name);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    AUTO(arena) struct arena *arena = arena_new_small();
    FILE_FD parent = file_make(store, file_parent(name), durable);
    if (parent < 0 || (mkdirat(parent, file_leaf(arena, name), 0700) != 0 && errno != EEXIST) ||
        (durable && fsync(parent) != 0))
        return -1;
    return file_directory(store, name);
}

bool object_file_make_directory(struct object_store *store, struct str name, struct err *err)
{
    FILE_FD fd = file_make(store, name, true);
    return fd >= 0 || file_fail(store, name, "make the directory", err);
}

static bool file_write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t len = write(fd, bytes.ptr, bytes.len);
        if (len < 0 && errno != EINTR)
            return false;
        if (len > 0)
            bytes = str_from_index(bytes, (size_t)len);
    }
    return true;
}

/* Under another name first, so that nobody sees half a file. False with errno. */
static bool file_put(int directory, const char *leaf, struct str bytes, enum object_put_mode mode)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    const char *fresh = str_format(arena, ".%s.tmp", random_hex(arena, 16).ptr).ptr;
    FILE_FD fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = file_write_all(fd, bytes) && fsync(fd) == 0 &&
              (mode == OBJECT_PUT_IF_ABSENT ? linkat(directory, fresh, directory, leaf, 0)
                                            : renameat(directory, fresh, directory, leaf)) == 0;
    int why = errno;
    if (!ok || mode == OBJECT_PUT_IF_ABSENT)
        (void)unlinkat(directory, fresh, 0);
    errno = why;
    return ok && fsync(directory) == 0;
}

bool object_file_put(struct object_store *store, struct str name, struct str bytes, enum object_put_mode mode,
                     struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    const char *leaf = file_leaf(arena, name);
    for (int try = 0; try < FILE_PUT_TRIES; try++) {
        FILE_FD directory = file_make(store, file_parent(name), true);
        if (directory >= 0 && file_put(directory, leaf, bytes, mode))
            return true;
        if (errno != ENOENT)
            break;
    }
    return file_fail(store, name, "write", err);
}

static struct str file_join(struct arena *arena, struct str directory, const char *leaf)
{
    return directory.len > 0 ? str_format(arena, "%.*s/%s", STR_ARG(directory), leaf) : str_format(arena, "%s", leaf);
}

/* Tells of each entry of one directory; visit gets its descriptor. One that is not there has none. */
static bool file_each(const struct object_store *store, struct str name,
                      bool (*visit)(void *owner, int directory, const struct dirent *entry), void *owner,
                      struct err *err)
{
    int fd = file_directory(store, name);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || file_fail(store, name, "list", err);
    DIR *directory = fdopendir(fd);
    if (!directory) {
        (void)file_fail(store, name, "list", err);
        file_close(&fd);
        return false;
    }
    bool ok = true;
    const struct dirent *entry;
    errno = 0;
    while (ok && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = visit(owner, fd, entry);
        errno = 0;
    }
    if (ok && errno != 0)
        ok = file_fail(store, name, "list", err);
    (void)closedir(directory);
    return ok;
}

/* Directories are visited one after the other, not one inside the other: depth costs no descriptors. */
struct file_walk {
    const struct object_store *store;
    struct arena *arena; /* of the names of directories */
    struct file_names directories;
    struct str at; /* the directory that is visited */
    struct err *err;
    bool (*each)(void *owner, const struct object_info *info);
    void *owner;
};

static bool file_list_entry(void *owner, int directory, const struct dirent *entry)
{
    struct file_walk *walk = owner;
    struct stat about;
    if (fstatat(directory, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || file_fail(walk->store, walk->at, "list", walk->err);
    if (S_ISDIR(about.st_mode))
        vec_push(&walk->directories.list, file_join(walk->arena, walk->at, entry->d_name));
    if (!S_ISREG(about.st_mode))
        return true;
    AUTO(arena) struct arena *arena = arena_new_small();
    struct object_info info = {
        .location = object_location(walk->store, arena, file_join(arena, walk->at, entry->d_name)),
        .size = (uint64_t)about.st_size,
        .modified_us = about.st_mtim.tv_sec * CLOCK_SECOND + about.st_mtim.tv_nsec / 1000,
    };
    return walk->each(walk->owner, &info) || err_set(walk->err, ERR_CANCELLED, "the list was not wanted to its end");
}

static bool file_delete_entry(void *owner, int directory, const struct dirent *entry)
{
    struct file_walk *walk = owner;
    if (unlinkat(directory, entry->d_name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR)
        return file_fail(walk->store, walk->at, "delete in", walk->err);
    vec_push(&walk->directories.list, file_join(walk->arena, walk->at, entry->d_name));
    return true;
}

static bool file_walk(struct file_walk *walk, struct str name,
                      bool (*visit)(void *owner, int directory, const struct dirent *entry))
{
    bool ok = true;
    vec_push(&walk->directories.list, name);
    for (size_t i = 0; ok && i < walk->directories.list.count; i++) {
        walk->at = walk->directories.list.items[i];
        ok = file_each(walk->store, walk->at, visit, walk, walk->err);
    }
    return ok;
}

bool object_file_list(struct object_store *store, struct str name,
                      bool (*each)(void *owner, const struct object_info *info), void *owner, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct file_walk walk = {.store = store, .arena = arena, .err = err, .each = each, .owner = owner};
    bool ok = file_walk(&walk, name, file_list_entry);
    vec_done(&walk.directories.list);
    return ok;
}

/* --- Second names --- */

struct file_keep {
    struct file_walk walk;
    struct str from, to;
    struct str at; /* the directory that target is for */
    int target;
};

/* Where links are refused: files of other users (fs.protected_hardlinks), and directories of other file systems. */
static bool file_copy(int from, const char *leaf, int to, const char *second)
{
    FILE_FD in = openat(from, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE_FD out = in < 0 ? -1 : openat(to, second, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        return false;
    AUTO(arena) struct arena *arena = arena_new_small();
    char *bytes = arena_alloc(arena, FILE_COPY_SIZE);
    ssize_t len;
    while ((len = read(in, bytes, FILE_COPY_SIZE)) > 0)
        if (!file_write_all(out, str_bytes(bytes, (size_t)len)))
            return false;
    return len == 0;
}

/* A file that is gone has no second name, which is no error. False with errno. */
static bool file_link(int from, const char *leaf, int to, const char *second)
{
    if (linkat(from, leaf, to, second, 0) == 0 || errno == EEXIST || errno == ENOENT)
        return true;
    return (errno == EPERM || errno == EXDEV || errno == EMLINK || errno == EOPNOTSUPP) &&
           file_copy(from, leaf, to, second);
}

static bool file_keep_target(struct file_keep *keep)
{
    struct str at = keep->walk.at;
    if (keep->target >= 0 && str_equal(keep->at, at))
        return true;
    file_close(&keep->target);
    keep->at = at;
    struct str below = str_from_index(at, keep->from.len + (keep->from.len > 0 && at.len > keep->from.len));
    keep->target = file_make(
        keep->walk.store,
        below.len ? str_format(keep->walk.arena, "%.*s/%.*s", STR_ARG(keep->to), STR_ARG(below)) : keep->to, false);
    return keep->target >= 0;
}

static bool file_keep_entry(void *owner, int directory, const struct dirent *entry)
{
    struct file_keep *keep = owner;
    struct stat about;
    const char *leaf = entry->d_name;
    if (fstatat(directory, leaf, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || file_fail(keep->walk.store, keep->walk.at, "list", keep->walk.err);
    if (S_ISDIR(about.st_mode))
        vec_push(&keep->walk.directories.list, file_join(keep->walk.arena, keep->walk.at, leaf));
    if (!S_ISREG(about.st_mode))
        return true;
    if (!file_keep_target(keep))
        return file_fail(keep->walk.store, keep->to, "make directories in", keep->walk.err);
    return file_link(directory, leaf, keep->target, leaf) ||
           file_fail(keep->walk.store, keep->walk.at, "keep a file of", keep->walk.err);
}

bool object_file_keep(struct object_store *store, struct str from, struct str to, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct file_keep keep = {
        .walk = {.store = store, .arena = arena, .err = err}, .from = from, .to = to, .target = -1};
    bool ok = file_walk(&keep.walk, from, file_keep_entry);
    file_close(&keep.target);
    vec_done(&keep.walk.directories.list);
    return ok;
}

bool object_file_keep_one(struct object_store *store, struct str from, struct str to, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    FILE_FD directory = file_directory(store, file_parent(from));
    if (directory < 0)
        return errno == ENOENT || file_fail(store, from, "keep", err);
    FILE_FD target = file_make(store, file_parent(to), false);
    return (target >= 0 && file_link(directory, file_leaf(arena, from), target, file_leaf(arena, to))) ||
           file_fail(store, from, "keep", err);
}

/* --- Deleting --- */

/* Removes directories from this one upwards while they are empty; the root stays. */
static void file_prune(const struct object_store *store, struct str name)
{
    while (name.len > 0) {
        AUTO(arena) struct arena *arena = arena_new_small();
        struct str parent = file_parent(name);
        FILE_FD fd = file_directory(store, parent);
        if (fd < 0 || (unlinkat(fd, file_leaf(arena, name), AT_REMOVEDIR) != 0 && errno != ENOENT))
            return;
        name = parent;
    }
}

bool object_file_delete(struct object_store *store, struct str name, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    FILE_FD fd = file_directory(store, file_parent(name));
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || file_fail(store, name, "delete", err);
    if (unlinkat(fd, file_leaf(arena, name), 0) != 0 && errno != ENOENT)
        return file_fail(store, name, "delete", err);
    file_prune(store, file_parent(name));
    return true;
}

bool object_file_delete_below(struct object_store *store, struct str name, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct file_walk walk = {.store = store, .arena = arena, .err = err};
    bool ok = file_walk(&walk, name, file_delete_entry);
    for (size_t i = walk.directories.list.count; ok && i > 0; i--)
        file_prune(store, walk.directories.list.items[i - 1]);
    vec_done(&walk.directories.list);
    return ok;
}
