#include "domain/query/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

#define QUERY_LAUNCH_CHANNEL_FD 3
#define QUERY_LAUNCH_ENVIRONMENT_MAX 8

/* Nothing of the front's environment reaches a worker but what steers the sanitizers and failpoints of tests. Its time
 * zone, which RESET TimeZone goes back to, is UTC wherever the server stands. */
static void query_launch_environment(struct arena *arena, char **environment)
{
    static const char *const names[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS",
                                        "EIDER_FAILPOINT"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value)
            environment[count++] = str_cstr(arena, str_format(arena, "%s=%s", names[i], value));
    }
    environment[count++] = str_cstr(arena, S("TZ=UTC"));
    environment[count] = NULL;
}

/* posix_spawn: glibc starts with vfork, so the front's size does not matter. */
static bool query_launch_start(struct str program, struct str name, int channel_fd, int log_fd, pid_t *pid_out,
                               struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    char *argv[] = {str_cstr(arena, S("eider")), str_cstr(arena, S("worker")), str_cstr(arena, name), NULL};
    char *environment[QUERY_LAUNCH_ENVIRONMENT_MAX];
    query_launch_environment(arena, environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, log_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, log_fd, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, channel_fd, QUERY_LAUNCH_CHANNEL_FD);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    /* A session of its own: Ctrl-C at the front's terminal is the front's to handle, and where the kernel groups by
     * session (autogroup) each tenant gets its share of the processors, however many threads another one keeps busy. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int failed = posix_spawn(pid_out, str_cstr(arena, program), &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (!failed)
        return true;
    errno = failed;
    return err_errno(err, "start the worker program");
}

/* A descriptor above those that the worker gets, so that one dup2 cannot overwrite the source of the next. */
static int query_launch_lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, QUERY_LAUNCH_CHANNEL_FD + 1);
    close(fd);
    return lifted;
}

static void query_launch_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

bool query_launch(struct str program, struct str name, struct query_launched *launched_out, struct err *err)
{
    int pair[2] = {-1, -1}, log[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return err_errno(err, "create the worker's channel");
    bool ok = pipe2(log, O_CLOEXEC | O_NONBLOCK) == 0;
    if (!ok)
        err_errno(err, "create the worker's log pipe");
    struct query_launched launched = {.pid = -1, .pidfd = -1, .channel_fd = pair[0], .log_fd = log[0]};
    pair[1] = query_launch_lift(pair[1]);
    if (ok)
        log[1] = query_launch_lift(log[1]);
    ok = ok && query_launch_start(program, name, pair[1], log[1], &launched.pid, err);
    if (ok) {
        launched.pidfd = (int)syscall(SYS_pidfd_open, launched.pid, 0);
        if (launched.pidfd < 0) {
            ok = err_errno(err, "watch the worker process");
            kill(launched.pid, SIGKILL);
            waitpid(launched.pid, NULL, 0);
        }
    }
    query_launch_close(pair[1]);
    query_launch_close(log[1]);
    if (!ok) {
        query_launch_close(pair[0]);
        query_launch_close(log[0]);
        return false;
    }
    *launched_out = launched;
    return true;
}
