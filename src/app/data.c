/* The lock is an flock on eider.lock: it goes with the process, however that ends, so there is no stale lock. */
#include "app/data.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"

/* Every missing directory on the way is made; only the last is private. */
static bool data_make(struct arena *arena, struct str path, struct err *err)
{
    char *text = str_cstr(arena, path);
    for (size_t i = 1; i < path.len; i++) {
        if (text[i] != '/')
            continue;
        text[i] = '\0';
        if (mkdir(text, 0755) != 0 && errno != EEXIST)
            return err_errno(err, "create %s", text);
        text[i] = '/';
    }
    if (mkdir(text, 0700) != 0 && errno != EEXIST)
        return err_errno(err, "create the data directory %s", text);
    struct stat about;
    if (stat(text, &about) != 0)
        return err_errno(err, "open the data directory %s", text);
    if (!S_ISDIR(about.st_mode))
        return err_set(err, ERR_PRECONDITION, "the data directory %s is not a directory", text);
    if (about.st_mode & (S_IRWXG | S_IRWXO))
        log_warn("data.readable_by_others", LOG_STR("path", path));
    return true;
}

/* Who holds the lock, as far as the file says. */
static bool data_busy(int fd, struct str path, struct err *err)
{
    char text[PROCESS_TEXT];
    struct process holder;
    ssize_t len = pread(fd, text, sizeof(text), 0);
    if (len > 0 && process_parse(str_bytes(text, (size_t)len), &holder))
        err_set(err, ERR_PRECONDITION, "the data directory %.*s is in use by a running server (pid %" PRId64 ")",
                STR_ARG(path), holder.pid);
    else
        err_set(err, ERR_PRECONDITION, "the data directory %.*s is in use by a running server", STR_ARG(path));
    return err_hint(err, "stop that server, or give this one another directory with --data");
}

static bool data_lock(struct arena *arena, struct data *data, struct err *err)
{
    int fd = open(str_format(arena, "%.*s/eider.lock", STR_ARG(data->path)).ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, "open the lock of the data directory %.*s", STR_ARG(data->path));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool ok = errno == EWOULDBLOCK ? data_busy(fd, data->path, err) : err_errno(err, "lock the data directory");
        close(fd);
        return ok;
    }
    data->lock_fd = fd;
    struct process self = {.pid = getpid()};
    (void)process_find(self.pid, &self);
    char text[PROCESS_TEXT];
    size_t len = process_print(&self, text);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, len, 0) != (ssize_t)len)
        return err_errno(err, "write the lock of the data directory %.*s", STR_ARG(data->path));
    return true;
}

bool data_open(struct arena *arena, struct str path, struct data *data_out, struct err *err)
{
    struct data data = {.lock_fd = -1};
    while (path.len > 1 && str_ends_with(path, S("/")))
        path.len--;
    if (!data_make(arena, path, err))
        return false;
    char real[PATH_MAX];
    if (!realpath(str_cstr(arena, path), real))
        return err_errno(err, "open the data directory %.*s", STR_ARG(path));
    data.path = str_copy(arena, str_from(real));
    if (!data_lock(arena, &data, err)) {
        data_close(&data);
        return false;
    }
    *data_out = data;
    return true;
}

/* A file that is there whole or not at all. */
static bool data_replace(struct arena *arena, struct str path, struct str text, struct err *err)
{
    struct str fresh = str_format(arena, "%.*s.new", STR_ARG(path));
    int fd = open(fresh.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok =
        fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && rename(fresh.ptr, str_cstr(arena, path)) == 0;
    if (!ok)
        err_errno(err, "write %.*s", STR_ARG(path));
    if (fd >= 0)
        close(fd);
    return ok;
}

bool data_write_process(struct data *data, struct arena *arena, struct str path, struct err *err)
{
    struct process self = {.pid = getpid()};
    (void)process_find(self.pid, &self);
    char text[PROCESS_TEXT];
    if (!data_replace(arena, path, str_bytes(text, process_print(&self, text)), err))
        return false;
    data->pid_file = str_copy(arena, path);
    return true;
}

bool data_publish(const struct data *data, struct str url, struct str fingerprint, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str path = str_format(arena, "%.*s/eider.addr", STR_ARG(data->path));
    struct str text =
        str_format(arena, fingerprint.len ? "%.*s\n%.*s\n" : "%.*s\n%.*s", STR_ARG(url), STR_ARG(fingerprint));
    return data_replace(arena, path, text, err);
}

void data_close(struct data *data)
{
    if (data->lock_fd < 0)
        return;
    AUTO(arena) struct arena *arena = arena_new();
    unlink(str_format(arena, "%.*s/eider.addr", STR_ARG(data->path)).ptr);
    if (data->pid_file.len)
        unlink(str_cstr(arena, data->pid_file));
    close(data->lock_fd);
    data->lock_fd = -1;
}
