/* eider start, restart: `eider serve` in the background. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/background.h"
#include "cli/layout.h"

#define START_TIMEOUT_US (60 * CLOCK_SECOND)
#define POLL_US (5 * CLOCK_MILLISECOND)

static void sleep_us(int64_t duration_us)
{
    struct timespec time = {.tv_sec = duration_us / CLOCK_SECOND, .tv_nsec = duration_us % CLOCK_SECOND * 1000};
    (void)nanosleep(&time, NULL);
}

/* The words of `eider serve`; options of ours that it has too go along. */
static char **serve_words(struct cli *cli, const struct cli_project *project)
{
    static const char *const passed[] = {"listen", "limit", "log-level"};
    char **words = arena_array(cli->arena, cli->options.value_count * 2 + 12, sizeof(*words));
    size_t count = 0;
    const struct str fixed[] = {S("eider"),   S("serve"),      S("--data"),       project->data, S("--log-file"),
                                project->log, S("--pid-file"), project->pid_file, S("--config"), project->config};
    size_t fixed_count = sizeof(fixed) / sizeof(fixed[0]) - (project->config.len > 0 ? 0 : 2);
    for (size_t i = 0; i < fixed_count; i++)
        words[count++] = str_cstr(cli->arena, fixed[i]);
    for (size_t i = 0; i < cli->options.value_count; i++) {
        const struct cli_value *value = &cli->options.values[i];
        for (size_t k = 0; k < sizeof(passed) / sizeof(passed[0]); k++) {
            if (strcmp(value->option->name, passed[k]) == 0) {
                words[count++] = str_cstr(cli->arena, str_format(cli->arena, "--%s", passed[k]));
                words[count++] = str_cstr(cli->arena, value->text);
            }
        }
    }
    words[count] = NULL;
    return words;
}

/* In a session of its own, whose leader has ended: no terminal can come back to it. Tells its number and becomes the
 * server. */
static _Noreturn void detach(const char *program, char **words, int log_fd, int tell_fd)
{
    if (setsid() < 0 || fork() != 0)
        _exit(0);
    struct process self = {0};
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool told = process_find(getpid(), &self) && write(tell_fd, &self, sizeof(self)) == sizeof(self);
    if (!told || dup2(null_fd, STDIN_FILENO) < 0 || dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
        _exit(1);
    /* Whoever waits for the end of our output would wait for the server's. */
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)unsetenv("EIDER_OWNER_TOKEN");
    (void)execv(program, words);
    _exit(127);
}

static bool launch(const char *program, char **words, int log_fd, struct process *process_out, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, "start the server");
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        detach(program, words, log_fd, ends[1]);
    (void)close(ends[1]);
    bool ok = child > 0 && waitpid(child, NULL, 0) == child &&
              read(ends[0], process_out, sizeof(*process_out)) == sizeof(*process_out);
    (void)close(ends[0]);
    return ok || err_set(err, ERR_UNAVAILABLE, "cannot start a process for the server");
}

static bool start_failed(struct cli *cli, const struct cli_project *project, int log_fd, int64_t from, const char *what,
                         struct err *err)
{
    struct str hint, line = cli_server_last_words(cli->arena, log_fd, from, &hint);
    (void)err_set(err, ERR_UNAVAILABLE, "the server %s: %.*s", what,
                  STR_ARG(line.len > 0 ? line : S("it said nothing")));
    if (hint.len > 0)
        return err_hint(err, "%.*s", STR_ARG(hint));
    return err_hint(err, "see %.*s", STR_ARG(project->log));
}

/* Its lock and its address are in the data directory, so that requests are answered. */
static bool is_ready(struct cli *cli, const struct cli_project *project, const struct process *server)
{
    struct process holder;
    return cli_data_holder(cli->arena, project->data, &holder) && holder.pid == server->pid &&
           cli_data_address(cli->arena, project->data).len > 0;
}

static bool wait_until_ready(struct cli *cli, const struct cli_project *project, const struct process *server,
                             int log_fd, int64_t from, struct err *err)
{
    int64_t deadline_us = clock_deadline_us(START_TIMEOUT_US);
    while (!is_ready(cli, project, server)) {
        if (!process_is_alive(server))
            return start_failed(cli, project, log_fd, from, "did not start", err);
        if (clock_now_us() > deadline_us) {
            (void)process_signal(server, SIGKILL);
            return start_failed(cli, project, log_fd, from, "was not ready within a minute and was killed", err);
        }
        sleep_us(POLL_US);
    }
    return true;
}

static bool check_free(struct cli *cli, const struct cli_project *project, struct err *err)
{
    struct process server;
    if (!cli_data_holder(cli->arena, project->data, &server))
        return true;
    struct str url = cli_data_address(cli->arena, project->data), first = S("");
    (void)str_split_next(&url, '\n', &first);
    (void)err_set(err, ERR_EXISTS, "a server is running for %.*s already: pid %lld%s%.*s",
                  STR_ARG(cli_project_words(cli->arena, project)), (long long)server.pid, first.len > 0 ? ", " : "",
                  STR_ARG(first));
    return err_hint(err, "see `eider status`; `eider restart` ends it and starts another");
}

static void print_started(struct cli *cli, const struct cli_project *project, const struct process *server)
{
    struct str url = cli_data_address(cli->arena, project->data), first = S("");
    (void)str_split_next(&url, '\n', &first);
    (void)printf("eider runs in the background: %.*s (pid %lld)\nlog: %.*s\n", STR_ARG(first), (long long)server->pid,
                 STR_ARG(project->log));
    (void)printf("next: `eider status`, `eider logs -f`, `eider stop`\n");
}

bool cli_background_start(struct cli *cli, const struct cli_project *project, struct err *err)
{
    struct cli_layout layout = cli_layout_find(cli->arena);
    struct stat about;
    struct process server;
    if (!check_free(cli, project, err) || !cli_tree_make_parents(cli->arena, project->log, err))
        return false;
    /* Nobody holds the lock, so an address that lies here is a dead server's. */
    (void)unlink(str_cstr(cli->arena, cli_tree_path(cli->arena, project->data, S("eider.addr"))));
    int log_fd = open(str_cstr(cli->arena, project->log), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log_fd < 0 || fstat(log_fd, &about) != 0)
        return err_errno(err, "open %.*s", STR_ARG(project->log));
    bool ok = launch(str_cstr(cli->arena, layout.program), serve_words(cli, project), log_fd, &server, err) &&
              wait_until_ready(cli, project, &server, log_fd, about.st_size, err);
    if (ok)
        print_started(cli, project, &server);
    (void)close(log_fd);
    return ok;
}

static bool run_start(struct cli *cli, struct err *err)
{
    struct cli_project project;
    return cli_project_enter(cli, &project, err) && cli_background_start(cli, &project, err);
}

static bool run_restart(struct cli *cli, struct err *err)
{
    struct cli_project project;
    struct process server;
    if (!cli_project_enter(cli, &project, err))
        return false;
    if (cli_data_holder(cli->arena, project.data, &server) && !cli_background_stop(cli, &project, &server, err))
        return false;
    return cli_background_start(cli, &project, err);
}

#define SERVE_OPTIONS                                                                                                  \
    {.name = "listen", .value = "ADDRESS", .help = "address to listen on; default: as eider.yaml says", .many = true}, \
        {.name = "limit", .value = "NAME=VALUE", .help = "a limit, for example query.timeout=10min", .many = true},    \
    {                                                                                                                  \
        .name = "log-level", .value = "LEVEL", .help = "how much to log", .choices = "debug|info|warn|error"           \
    }

static const struct cli_option start_options[] = {CLI_PROJECT_OPTIONS, SERVE_OPTIONS, CLI_HELP_OPTION};
static const struct cli_option restart_options[] = {CLI_PROJECT_OPTIONS, SERVE_OPTIONS, CLI_WAIT_OPTION,
                                                    CLI_HELP_OPTION};

const struct cli_command cli_command_start = {
    .name = "start",
    .summary = "run the server in the background",
    .usage = "[OPTION]...",
    .details =
        "Starts `eider serve` for the project of this directory, detached from the terminal, and waits until it is\n"
        "ready. Its log is logs/server.log (limits log.file and log.files), its number is in eider.pid.\n",
    .examples = "  eider start\n  eider start --project /srv/shop\n  eider start --listen 127.0.0.1:0\n",
    .options = start_options,
    .run = run_start,
};

const struct cli_command cli_command_restart = {
    .name = "restart",
    .summary = "stop the server in the background and start it again",
    .usage = "[OPTION]...",
    .details = "The same as `eider stop` where a server is running, then `eider start`.\n",
    .options = restart_options,
    .run = run_restart,
};
