#include "domain/pipeline/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/vec.h"
#include "platform/net/loop.h"

/* Kills all that the program has started: COMMAND_SIGNAL_END of worker/command.h. */
#define COMMAND_SIGNAL_END SIGUSR2
/* What `eider step` ends with when the program did not start; as env(1) and shells do, of which a program may be one.
 */
#define COMMAND_EXIT_FIRST 125
#define COMMAND_EXIT_LAST 127
/* What ending all of it may take, before `eider step` itself is killed. */
#define COMMAND_END_MS 5000

/* One of its two outputs. */
struct command_output {
    struct command *command;
    struct loop_watch watch; /* fd -1: closed */
    bool is_error;
    bool is_cut; /* the rest of the line is dropped */
    struct buf line;
};

struct command {
    struct loop *loop;
    struct command_options options; /* its callbacks */
    pid_t pid;
    struct loop_watch exit; /* pidfd; -1: waited for */
    struct command_output outputs[2];
    struct loop_timer timer; /* stopping: the next, harder signal */
    bool is_stopping, is_ending;
    struct loop_task warning; /* nothing hides the directory */
};

/* --- Its output, by lines --- */

static void command_line(struct command_output *output)
{
    struct str line = buf_str(&output->line);
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    output->command->options.on_line(output->command->options.owner, output->is_error, line);
    buf_clear(&output->line);
    output->is_cut = false;
}

static void command_take(struct command_output *output, struct str bytes)
{
    size_t max = (size_t)limits_get(LIMIT_PIPELINE_LINE);
    while (bytes.len) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.ptr) : bytes.len;
        size_t room = max - buf_len(&output->line);
        buf_append(&output->line, bytes.ptr, output->is_cut ? 0 : len < room ? len : room);
        output->is_cut = output->is_cut || len > room;
        if (end)
            command_line(output);
        bytes = str_from_index(bytes, len + (end ? 1 : 0));
    }
}

static void command_output_close(struct command_output *output)
{
    if (output->watch.fd < 0)
        return;
    loop_watch_remove(output->command->loop, &output->watch);
    close(output->watch.fd);
    output->watch.fd = -1;
}

/* Once, or until nothing is there. */
static void command_read(struct command_output *output, bool all)
{
    while (output->watch.fd >= 0) {
        size_t size;
        uint8_t *scratch = loop_scratch(output->command->loop, &size);
        ssize_t got = read(output->watch.fd, scratch, size);
        if (got > 0)
            command_take(output, str_bytes(scratch, (size_t)got));
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            command_output_close(output);
        if (!all || (got < 0 && errno == EAGAIN))
            return;
    }
}

static void command_on_output(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    command_read(watch->owner, false);
}

/* --- Its end --- */

/* `eider step` ends last, so what has come is all that comes. */
static void command_on_exit(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct command *command = watch->owner;
    int status = 0;
    if (waitpid(command->pid, &status, WNOHANG) != command->pid)
        return;
    loop_watch_remove(command->loop, &command->exit);
    close(command->exit.fd);
    command->exit.fd = -1;
    loop_timer_cancel(command->loop, &command->timer);
    for (size_t i = 0; i < 2; i++) {
        command_read(&command->outputs[i], true);
        if (buf_len(&command->outputs[i].line))
            command_line(&command->outputs[i]);
        command_output_close(&command->outputs[i]);
    }
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    struct err error;
    bool is_started = code < COMMAND_EXIT_FIRST || code > COMMAND_EXIT_LAST;
    if (!is_started) {
        err_set(&error, ERR_PRECONDITION, "the program could not be started: exit code %d", code);
        err_hint(&error, "its output says why");
    }
    command->options.on_exit(command->options.owner, code, is_started ? NULL : &error); /* may free the command */
}

static void command_signal(struct command *command, int number)
{
    if (command->exit.fd >= 0)
        (void)syscall(SYS_pidfd_send_signal, command->exit.fd, number, NULL, 0);
}

static void command_on_time(struct loop_timer *timer)
{
    struct command *command = timer->owner;
    command_signal(command, command->is_ending ? SIGKILL : COMMAND_SIGNAL_END);
    if (!command->is_ending)
        loop_timer_set(command->loop, &command->timer, COMMAND_END_MS * CLOCK_MILLISECOND);
    command->is_ending = true;
}

void command_stop(struct command *command)
{
    if (command->is_stopping)
        return;
    command->is_stopping = true;
    command_signal(command, SIGTERM);
    loop_timer_set(command->loop, &command->timer, limits_get(LIMIT_PIPELINE_GRACE) * CLOCK_SECOND);
}

static void command_kill(struct command *command)
{
    command_signal(command, COMMAND_SIGNAL_END);
    struct pollfd gone = {.fd = command->exit.fd, .events = POLLIN};
    if (poll(&gone, 1, COMMAND_END_MS) <= 0)
        command_signal(command, SIGKILL);
    waitpid(command->pid, NULL, 0);
    loop_watch_remove(command->loop, &command->exit);
    close(command->exit.fd);
}

void command_free(struct command **command_ptr)
{
    struct command *command = *command_ptr;
    if (!command)
        return;
    *command_ptr = NULL;
    if (command->exit.fd >= 0)
        command_kill(command);
    loop_timer_cancel(command->loop, &command->timer);
    loop_defer_cancel(&command->warning);
    for (size_t i = 0; i < 2; i++) {
        command_output_close(&command->outputs[i]);
        buf_done(&command->outputs[i].line);
    }
    mem_free(command);
}

/* --- Its beginning --- */

static bool command_can_hide(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static void command_warn(struct loop_task *task)
{
    struct command *command = task->owner;
    static bool is_logged;
    if (!is_logged)
        log_warn("pipeline.no_landlock", LOG_STR("effect", S("programs of steps can reach the data directory")));
    is_logged = true;
    command->options.on_line(command->options.owner, true,
                             S("this kernel has no Landlock: the program can reach the server's data directory"));
}

static char **command_environment(const struct command_options *options, struct arena *arena)
{
    static const char *const names[] = {"PATH", "HOME", "LANG", "TZ"};
    VEC(char *) list = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (getenv(names[i]))
            vec_push(&list, str_cstr(arena, str_format(arena, "%s=%s", names[i], getenv(names[i]))));
    if (options->scratch.len)
        vec_push(&list, str_cstr(arena, str_format(arena, "TMPDIR=%.*s", STR_ARG(options->scratch))));
    for (size_t i = 0; i < options->environment_count; i++)
        vec_push(&list, str_cstr(arena, options->environment[i]));
    vec_push(&list, NULL);
    char **copy = arena_copy(arena, list.items, list.count * sizeof(*list.items));
    vec_done(&list);
    return copy;
}

static char **command_arguments(const struct command_options *options, struct arena *arena)
{
    const struct str head[] = {
        S("eider"),
        S("step"),
        options->hidden,
        options->scratch,
        options->readable,
        str_format(arena, "%lld", (long long)options->memory_bytes),
        str_format(arena, "%lld", (long long)limits_get(LIMIT_PIPELINE_PROCESSES)),
    };
    size_t count = sizeof(head) / sizeof(head[0]);
    char **argv = arena_array(arena, count + options->argc + 1, sizeof(*argv));
    for (size_t i = 0; i < count; i++)
        argv[i] = str_cstr(arena, head[i]);
    for (size_t i = 0; i < options->argc; i++)
        argv[count + i] = str_cstr(arena, options->argv[i]);
    return argv;
}

/* What it reads as its standard input, from the start; /dev/null when there is nothing. */
static int command_input(struct str input)
{
    if (!input.len)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("input", MFD_CLOEXEC);
    while (fd >= 0 && input.len) {
        ssize_t put = write(fd, input.ptr, input.len);
        if (put <= 0) {
            close(fd);
            return -1;
        }
        input = str_from_index(input, (size_t)put);
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

/* fds: its standard input, output and error, none of them below 3. */
static bool command_spawn(struct command *command, const struct command_options *options, const int fds[3],
                          struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    posix_spawn_file_actions_addchdir_np(&actions, str_cstr(arena, options->directory));
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int failed = posix_spawn(&command->pid, str_cstr(arena, options->program), &actions, &attributes,
                             command_arguments(options, arena), command_environment(options, arena));
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = failed;
    if (failed)
        return err_errno(err, "start '%.*s' in '%.*s'", STR_ARG(options->argv[0]), STR_ARG(options->directory));
    command->exit.fd = (int)syscall(SYS_pidfd_open, command->pid, 0);
    if (command->exit.fd >= 0)
        return true;
    err_errno(err, "watch the program");
    kill(command->pid, SIGKILL);
    waitpid(command->pid, NULL, 0);
    return false;
}

/* A descriptor beyond the standard ones; closes fd. */
static int command_lift(int fd)
{
    int lifted = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0)
        close(fd);
    return lifted;
}

static bool command_launch(struct command *command, const struct command_options *options, struct err *err)
{
    int fds[3] = {command_lift(command_input(options->input)), -1, -1};
    bool ok = fds[0] >= 0;
    for (size_t i = 0; i < 2; i++) {
        int pair[2] = {-1, -1};
        ok = ok && pipe2(pair, O_CLOEXEC) == 0;
        if (ok)
            fcntl(pair[0], F_SETFL, O_NONBLOCK);
        command->outputs[i].watch.fd = pair[0];
        fds[i + 1] = command_lift(pair[1]);
        ok = ok && fds[i + 1] >= 0;
    }
    if (!ok)
        err_errno(err, "open pipes for a program");
    ok = ok && command_spawn(command, options, fds, err);
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return ok;
}

static bool command_watch(struct command *command, struct err *err)
{
    if (!loop_watch_add(command->loop, &command->exit, POLLIN, err))
        return false;
    for (size_t i = 0; i < 2; i++)
        if (!loop_watch_add(command->loop, &command->outputs[i].watch, POLLIN, err))
            return false;
    return true;
}

struct command *command_start(struct loop *loop, const struct command_options *options, struct err *err)
{
    struct command *command = mem_new(struct command);
    command->loop = loop;
    command->options = *options;
    command->exit = (struct loop_watch){.fd = -1, .on_ready = command_on_exit, .owner = command};
    command->timer = (struct loop_timer){.on_time = command_on_time, .owner = command};
    command->warning = (struct loop_task){.run = command_warn, .owner = command};
    list_init(&command->warning.node);
    for (size_t i = 0; i < 2; i++) {
        struct command_output *output = &command->outputs[i];
        *output = (struct command_output){.command = command, .is_error = i == 1};
        output->watch = (struct loop_watch){.fd = -1, .on_ready = command_on_output, .owner = output};
    }
    if (!command_launch(command, options, err) || !command_watch(command, err)) {
        command_free(&command);
        return NULL;
    }
    if (options->hidden.len && !command_can_hide())
        loop_defer(loop, &command->warning);
    return command;
}
