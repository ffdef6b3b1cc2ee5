#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define LOG_FILE_PATH_MAX 4096

static struct {
    char path[LOG_FILE_PATH_MAX];
    int64_t size_max, files;
    int fd; /* the same number while it is open: what a thread is just writing has somewhere to go */
    _Atomic int64_t size;
    pthread_mutex_t turning; /* one thread renames */
} log_file = {.fd = -1, .turning = PTHREAD_MUTEX_INITIALIZER};

static int log_file_make(void)
{
    return open(log_file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static bool log_file_is(int fd, const struct stat *file)
{
    struct stat about;
    return fstat(fd, &about) == 0 && about.st_dev == file->st_dev && about.st_ino == file->st_ino;
}

static void log_file_name(char *name, size_t size, int64_t number)
{
    if (number)
        (void)snprintf(name, size, "%s.%lld", log_file.path, (long long)number);
    else
        (void)snprintf(name, size, "%s", log_file.path);
}

/* Where nothing can be renamed or made, lines go on into the old file, which begins again. */
static void log_file_turn(void)
{
    char from[LOG_FILE_PATH_MAX + 24], to[LOG_FILE_PATH_MAX + 24];
    struct stat old;
    for (int64_t number = log_file.files - 1; number > 0; number--) {
        log_file_name(from, sizeof(from), number - 1);
        log_file_name(to, sizeof(to), number);
        (void)rename(from, to);
    }
    if (log_file.files == 1)
        (void)unlink(log_file.path);
    int fd = log_file_make();
    if (fd < 0 || fstat(log_file.fd, &old) != 0 || log_file_is(fd, &old)) {
        (void)!ftruncate(log_file.fd, 0);
    } else {
        for (int other = STDOUT_FILENO; other <= STDERR_FILENO; other++)
            if (log_file_is(other, &old))
                (void)dup2(fd, other);
        (void)dup3(fd, log_file.fd, O_CLOEXEC);
    }
    if (fd >= 0)
        (void)close(fd);
    log_file.size = 0;
}

bool log_file_open(struct str path, int64_t size_max_bytes, int64_t files, struct err *err)
{
    if (path.len >= sizeof(log_file.path))
        return err_set(err, ERR_INVALID, "the path of the log file is too long");
    memcpy(log_file.path, path.ptr, path.len);
    log_file.path[path.len] = '\0';
    log_file.size_max = size_max_bytes;
    log_file.files = files < 1 ? 1 : files;
    int fd = log_file_make();
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        (void)err_errno(err, "open the log file %s", log_file.path);
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    log_file.fd = fd;
    log_file.size = 0;
    log_set_fd(fd);
    log_file_grew(about.st_size);
    return true;
}

void log_file_close(void)
{
    log_set_fd(STDERR_FILENO);
    if (log_file.fd >= 0)
        (void)close(log_file.fd);
    log_file.fd = -1;
}

void log_file_grew(int64_t bytes)
{
    if (log_file.fd < 0 || atomic_fetch_add(&log_file.size, bytes) + bytes < log_file.size_max ||
        log_file.size_max == 0)
        return;
    if (pthread_mutex_trylock(&log_file.turning) != 0)
        return;
    if (log_file.size >= log_file.size_max)
        log_file_turn();
    (void)pthread_mutex_unlock(&log_file.turning);
}
