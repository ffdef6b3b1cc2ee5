/* eider stop: the server in the background and all that it started. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/background.h"

/* Workers and programs end with the server; who is still there after that has missed it. */
#define ORPHANS_US (5 * CLOCK_SECOND)
#define POLL_US (20 * CLOCK_MILLISECOND)

static void pause_briefly(void)
{
    struct timespec time = {.tv_nsec = POLL_US * 1000};
    (void)nanosleep(&time, NULL);
}

/* Statements may take the drain limit to end, and their answers another to leave. */
static bool wait_limit(struct cli *cli, int64_t *seconds_out, struct err *err)
{
    *seconds_out = 2 * limits_get(LIMIT_DRAIN) + 10;
    return cli_option_seconds(cli, "wait", seconds_out, err);
}

static size_t alive_count(const struct process_list *list)
{
    size_t alive = 0;
    for (size_t i = 0; i < list->all.count; i++)
        alive += process_is_alive(&list->all.items[i]);
    return alive;
}

/* SIGTERM, and SIGKILL when its time is over. What it starts meanwhile is noted too. */
static bool end_server(const struct process *server, int64_t wait_s, struct process_list *started, struct err *err)
{
    process_add_descendants(server->pid, started);
    if (!process_signal(server, SIGTERM) && errno != ESRCH)
        return err_errno(err, "stop the server (pid %lld)", (long long)server->pid);
    int64_t deadline_us = clock_deadline_us(wait_s * CLOCK_SECOND);
    bool killed = false;
    while (process_is_alive(server)) {
        process_add_descendants(server->pid, started);
        if (!killed && clock_now_us() > deadline_us) {
            (void)fprintf(stderr, "note: the server (pid %lld) had not ended after %lld s and was killed\n",
                          (long long)server->pid, (long long)wait_s);
            killed = process_signal(server, SIGKILL) || errno == ESRCH;
        }
        pause_briefly();
    }
    return true;
}

static void end_orphans(const struct process_list *started)
{
    int64_t deadline_us = clock_deadline_us(ORPHANS_US);
    while (alive_count(started) > 0 && clock_now_us() < deadline_us)
        pause_briefly();
    for (size_t i = 0; i < started->all.count; i++)
        if (process_signal(&started->all.items[i], SIGKILL))
            (void)fprintf(stderr, "note: process %lld of the server was still there and was killed\n",
                          (long long)started->all.items[i].pid);
    while (alive_count(started) > 0)
        pause_briefly();
}

bool cli_background_stop(struct cli *cli, const struct cli_project *project, const struct process *server,
                         struct err *err)
{
    struct process_list started = {0};
    int64_t wait_s, from_us = clock_now_us();
    bool ok = wait_limit(cli, &wait_s, err) && end_server(server, wait_s, &started, err);
    if (ok) {
        end_orphans(&started);
        (void)unlink(str_cstr(cli->arena, project->pid_file)); /* of one that was killed */
        (void)printf("stopped the server (pid %lld) after %.1f s; nothing of it is left\n", (long long)server->pid,
                     (double)(clock_now_us() - from_us) / (double)CLOCK_SECOND);
    }
    vec_done(&started.all);
    return ok;
}

/* Runs for the length of a command of this program, which is its parent and stops it. */
static bool is_private(const struct process *server, struct process *command_out)
{
    char path[64], program[4096], other[4096];
    struct process now;
    if (!process_find(server->pid, &now) || !process_find(now.parent, command_out))
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%lld/exe", (long long)command_out->pid);
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program));
    return len > 0 && readlink(path, other, sizeof(other)) == len && memcmp(program, other, (size_t)len) == 0;
}

/* Says what eider.pid means when nobody holds the lock. */
static bool nothing_runs(struct cli *cli, const struct cli_project *project, struct err *err)
{
    struct process written;
    struct str words = cli_project_words(cli->arena, project);
    (void)err_set(err, ERR_PRECONDITION, "no server is running for %.*s", STR_ARG(words));
    if (!cli_project_pid(cli->arena, project, &written))
        return err_hint(err, "`eider start` starts one");
    struct process now;
    bool other = process_find(written.pid, &now) && now.start != written.start;
    (void)unlink(str_cstr(cli->arena, project->pid_file));
    return err_hint(err, "eider.pid named process %lld, which %s; the file is removed", (long long)written.pid,
                    other ? "is another program now and was left alone" : "has ended");
}

static bool run(struct cli *cli, struct err *err)
{
    struct cli_project project;
    struct process server, command;
    if (!cli_project_enter(cli, &project, err))
        return false;
    if (!cli_data_holder(cli->arena, project.data, &server))
        return nothing_runs(cli, &project, err);
    if (is_private(&server, &command)) {
        (void)err_set(err, ERR_PRECONDITION, "no server is running for %.*s but a command's own (pid %lld)",
                      STR_ARG(cli_project_words(cli->arena, &project)), (long long)server.pid);
        return err_hint(err, "it ends with the command (pid %lld)", (long long)command.pid);
    }
    return cli_background_stop(cli, &project, &server, err);
}

static const struct cli_option options[] = {CLI_PROJECT_OPTIONS, CLI_WAIT_OPTION, CLI_HELP_OPTION};

const struct cli_command cli_command_stop = {
    .name = "stop",
    .summary = "stop the server in the background",
    .usage = "[OPTION]...",
    .details =
        "New work is refused, what runs may finish within the limit server.drain, then the server ends. Checks that\n"
        "it and everything it started are gone, and kills what is not.\n",
    .examples = "  eider stop\n  eider stop --project /srv/shop --wait 10s\n",
    .options = options,
    .run = run,
};
