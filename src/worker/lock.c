#include "worker/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"

#define WORKER_LOCK_TRIES 200
#define WORKER_LOCK_PAUSE_MS 10

static bool worker_lock_write(int fd, struct err *err)
{
    struct process self;
    if (!process_find(getpid(), &self))
        return err_set(err, ERR_UNAVAILABLE, "cannot read /proc/self/stat");
    char text[96];
    int len = snprintf(text, sizeof(text), "%lld %lld %lld\n", (long long)self.pid, (long long)self.start,
                       (long long)self.parent);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return err_errno(err, "write the tenant's lock");
    return true;
}

/* What the holder wrote about itself. */
static bool worker_lock_holder(int fd, struct process *holder_out)
{
    char text[96];
    ssize_t len = pread(fd, text, sizeof(text), 0);
    if (len <= 0)
        return false;
    struct str rest = str_trim(str_bytes(text, (size_t)len)), pid, start, parent;
    return str_split_next(&rest, ' ', &pid) && str_split_next(&rest, ' ', &start) &&
           str_split_next(&rest, ' ', &parent) && str_to_i64(pid, &holder_out->pid) &&
           str_to_i64(start, &holder_out->start) && str_to_i64(parent, &holder_out->parent);
}

/* The very process that wrote the lock, and no longer the child of the front that started it. */
static bool worker_is_orphan(const struct process *holder)
{
    struct process now;
    return process_find(holder->pid, &now) && now.start == holder->start && now.parent != holder->parent;
}

bool worker_lock(struct str directory, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str path = str_format(arena, "%.*s/lock", STR_ARG(directory));
    int fd = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, "open the tenant's lock");
    struct process holder = {0};
    for (int try = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; try++) {
        bool known = errno == EWOULDBLOCK && worker_lock_holder(fd, &holder);
        if (known && worker_is_orphan(&holder))
            (void)process_signal(&holder, SIGKILL);
        if (try == WORKER_LOCK_TRIES) {
            close(fd);
            err_set(err, ERR_UNAVAILABLE, "the tenant's database is in use by process %lld", (long long)holder.pid);
            return err_hint(err, "is another server running on this data directory?");
        }
        nanosleep(&(struct timespec){.tv_nsec = WORKER_LOCK_PAUSE_MS * 1000000L}, NULL);
    }
    if (!worker_lock_write(fd, err)) {
        close(fd);
        return false;
    }
    return true; /* fd stays open on purpose: the lock ends with the process */
}
