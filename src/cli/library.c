/* dlopen at arm's length. */
#include "cli/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#define TIMEOUT_MS 20000
#define OK_MARK '+'
#define ERROR_MARK '-'

static void tell(int fd, char mark, const char *text)
{
    char line[512];
    int len = snprintf(line, sizeof(line), "%c%s", mark, text ? text : "");
    if (len > 0 && write(fd, line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1) < 0)
        _exit(1);
}

static _Noreturn void child(const char *path, int fd)
{
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        tell(fd, ERROR_MARK, dlerror());
        _exit(1);
    }
    union {
        void *symbol;
        const char *(*function)(void);
    } version = {.symbol = dlsym(library, "duckdb_library_version")};
    if (version.symbol)
        tell(fd, OK_MARK, version.function());
    else
        tell(fd, ERROR_MARK, "it is no DuckDB library");
    _exit(0);
}

bool cli_library_version(struct arena *arena, struct str path, struct str *version_out, struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_errno(err, "create a pipe");
    pid_t pid = fork();
    if (pid == 0)
        child(str_cstr(arena, path), fds[1]);
    (void)close(fds[1]);
    char text[512];
    struct pollfd ready = {.fd = fds[0], .events = POLLIN};
    ssize_t len = pid > 0 && poll(&ready, 1, TIMEOUT_MS) == 1 ? read(fds[0], text, sizeof(text)) : -1;
    (void)close(fds[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (len > 1 && text[0] == OK_MARK) {
        *version_out = str_copy(arena, str_bytes(text + 1, (size_t)len - 1));
        return true;
    }
    struct str why = len > 1 ? str_bytes(text + 1, (size_t)len - 1) : S("loading it crashed or took too long");
    return err_set(err, ERR_PRECONDITION, "cannot load %.*s: %.*s", STR_ARG(path), STR_ARG(why));
}
