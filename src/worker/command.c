#include "worker/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/confine.h"
#include "worker/landlock.h"

/* As env(1) and timeout(1) have it. */
#define COMMAND_EXIT_OWN 125
#define COMMAND_EXIT_DENIED 126
#define COMMAND_EXIT_MISSING 127

/* --- Everything but one directory --- */

/* Rules can only allow: each sibling of a part of the path, not the directories on the path themselves, whose rules
 * would reach what is hidden. So nothing can be made or listed in those. */
static bool command_allow_siblings(const struct landlock *landlock, const char *directory, const char *hidden,
                                   struct err *err)
{
    DIR *entries = opendir(directory);
    if (!entries)
        return err_errno(err, "open the directory '%s'", directory);
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(entries))) {
        struct str name = str_from(entry->d_name);
        if (str_equal(name, str_from(hidden)) || str_equal(name, S(".")) || str_equal(name, S("..")))
            continue;
        /* Not through a link, which may lead to what is hidden; what others lead to has its own rule. */
        int fd = openat(dirfd(entries), entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue;
        struct stat stat;
        if (fstat(fd, &stat) != 0 || S_ISLNK(stat.st_mode))
            close(fd);
        else
            ok = landlock_allow_fd(landlock, fd, LANDLOCK_ALL, err);
    }
    closedir(entries);
    return ok;
}

/* hidden: without links, absolute; it is cut into its parts. */
static bool command_allow_rest(const struct landlock *landlock, char *hidden, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str directory = S("/");
    for (char *part = hidden + 1; *part;) {
        char *slash = strchr(part, '/');
        if (slash)
            *slash = 0;
        if (!command_allow_siblings(landlock, directory.ptr, part, err))
            return false;
        if (!slash)
            break;
        directory = str_format(arena, "%.*s%s%s", STR_ARG(directory), directory.len > 1 ? "/" : "", part);
        part = slash + 1;
    }
    return true;
}

static bool command_hide(const char *hidden, const char *scratch, const char *readable, struct err *err)
{
    char path[PATH_MAX];
    if (!hidden[0] || !realpath(hidden, path))
        return true; /* nothing there, nothing to reach */
    struct landlock landlock;
    bool ok = landlock_open(&landlock, false, err);
    if (ok && landlock.abi > 0)
        ok = command_allow_rest(&landlock, path, err) &&
             (!scratch[0] || landlock_allow(&landlock, scratch, LANDLOCK_ALL, err)) &&
             (!readable[0] || landlock_allow(&landlock, readable, LANDLOCK_READ, err)) &&
             landlock_enforce(&landlock, err);
    landlock_close(&landlock);
    return ok || err_wrap(err, "hide the server's data");
}

/* --- The program --- */

/* Of root's: those that read other processes and disks around the file system, or lift the bounds. The rest stays,
 * since files of a project need not be root's. Where they cannot be dropped, they are not there. */
static void command_drop_capabilities(void)
{
    static const int dropped[] = {CAP_SYS_ADMIN,  CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF,
                                  CAP_SYS_MODULE, CAP_SYS_RAWIO,  CAP_MKNOD,   CAP_DAC_READ_SEARCH,
                                  CAP_SYS_BOOT,   CAP_SYS_CHROOT, CAP_SETPCAP, CAP_SYS_RESOURCE};
    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        (void)prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0);
}

/* Confined here, and not with its parent, so that it cannot send that a signal (Landlock's scope). */
static _Noreturn void command_exec(char **argv, uint64_t memory_bytes, uint64_t processes)
{
    struct err error;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    command_drop_capabilities();
    if (!worker_limit_command(memory_bytes, processes, &error) || !command_hide(argv[2], argv[3], argv[4], &error)) {
        fprintf(stderr, "eider: %s\n", error.message);
        _exit(COMMAND_EXIT_OWN);
    }
    execvp(argv[7], argv + 7);
    fprintf(stderr, "eider: cannot start '%s': %s\n", argv[7], strerror(errno));
    _exit(errno == ENOENT ? COMMAND_EXIT_MISSING : COMMAND_EXIT_DENIED);
}

/* --- Until nothing of it is left --- */

/* All that it has left is our child, or becomes one when its parent is killed: see PR_SET_CHILD_SUBREAPER. */
static void command_kill_children(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    int child;
    while (file && fscanf(file, "%d", &child) == 1)
        kill(child, SIGKILL);
    if (file)
        fclose(file);
}

static int command_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The program was not waited for yet, so that its number is still its group's. */
static int command_end(pid_t program)
{
    kill(-program, SIGKILL);
    command_kill_children();
    int code = COMMAND_EXIT_OWN, status;
    pid_t ended;
    while ((ended = wait(&status)) > 0 || errno == EINTR) {
        if (ended == program)
            code = command_code(status);
        command_kill_children();
    }
    return code;
}

/* Waits for orphans that have ended; true: the program is among those that have. */
static bool command_has_ended(pid_t program)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return false;
        if (info.si_pid == program)
            return true;
        waitpid(info.si_pid, NULL, 0);
    }
}

static int command_watch(pid_t program, const sigset_t *signals)
{
    while (!command_has_ended(program)) {
        siginfo_t info;
        int number = sigwaitinfo(signals, &info);
        if (number == SIGTERM)
            kill(-program, SIGTERM);
        if (number == COMMAND_SIGNAL_END)
            break;
    }
    return command_end(program);
}

static bool command_prepare(struct err *err)
{
    pid_t front = getppid();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, COMMAND_SIGNAL_END, 0, 0, 0) != 0)
        return err_errno(err, "confine the program");
    if (getppid() != front)
        return err_set(err, ERR_CANCELLED, "the server is gone");
    return true;
}

int command_main(int argc, char **argv)
{
    uint64_t memory_bytes, processes;
    if (argc < 8 || !str_to_u64(str_from(argv[5]), &memory_bytes) || !str_to_u64(str_from(argv[6]), &processes)) {
        fprintf(stderr, "eider: 'step' is started by the server, not by hand\n");
        return 2;
    }
    close_range(STDERR_FILENO + 1, ~0u, 0); /* whatever the front's parent leaked */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, COMMAND_SIGNAL_END);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    struct err error;
    if (!command_prepare(&error)) {
        fprintf(stderr, "eider: %s\n", error.message);
        return COMMAND_EXIT_OWN;
    }
    pid_t program = fork();
    if (program < 0) {
        fprintf(stderr, "eider: cannot start '%s': %s\n", argv[7], strerror(errno));
        return COMMAND_EXIT_OWN;
    }
    if (program == 0)
        command_exec(argv, memory_bytes, processes);
    setpgid(program, program); /* both, whoever comes first */
    return command_watch(program, &signals);
}
