/* Following a run: the server's events, shown on the terminal or as lines, and kept in logs/execution.log. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/events.h"
#include "cli/run.h"
#include "cli/terminal.h"

#define DRAW_EVERY_US (100 * CLOCK_MILLISECOND)
/* A longer execution.log becomes execution.log.1. */
#define LOG_MAX ((off_t)16 << 20)
/* A server that was restarted goes on with its runs. */
#define TRIES_MAX 10
#define TRY_AGAIN_US (500 * CLOCK_MILLISECOND)

struct follow {
    struct cli *cli;
    struct cli_run run;
    int log_fd; /* -1: none */
    bool quiet; /* rows for programs come at the end */
    struct cli_terminal terminal;
    size_t drawn;     /* lines on the terminal that the next frame replaces */
    int64_t drawn_us; /* when; 0: never */
    bool cancelled;   /* by us */
};

/* Drawn while libcurl waits, whose callback has no owner. */
static struct follow *followed;

/* --- The log --- */

static int open_log(struct arena *arena, struct str root)
{
    struct stat stat;
    if (root.len == 0)
        return -1;
    struct str directory = str_format(arena, "%.*s/logs", STR_ARG(root));
    struct str path = str_format(arena, "%.*s/execution.log", STR_ARG(directory));
    (void)mkdir(directory.ptr, 0777);
    if (lstat(path.ptr, &stat) == 0 && stat.st_size > LOG_MAX)
        (void)rename(path.ptr, str_format(arena, "%.*s.1", STR_ARG(path)).ptr);
    return open(path.ptr, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
}

/* Each line with the time before it; in one write, so that runs at the same time do not mix. */
static void log_lines(const struct follow *follow, struct str lines)
{
    char now[28];
    struct err ignored;
    struct str line;
    AUTO(buf) struct buf text = {0};
    if (follow->log_fd < 0)
        return;
    clock_format(clock_wall_us(), now);
    while (str_split_next(&lines, '\n', &line))
        buf_printf(&text, "%s %.*s\n", now, STR_ARG(line));
    (void)!cli_terminal_write(follow->log_fd, buf_str(&text), &ignored);
}

/* --- The screen --- */

static void show(struct str text)
{
    struct err ignored;
    (void)!cli_terminal_write(STDOUT_FILENO, text, &ignored);
}

/* Over the frame before. */
static void draw(struct follow *follow)
{
    AUTO(buf) struct buf text = {0};
    AUTO(buf) struct buf frame = {0};
    int64_t now_us = clock_now_us();
    const struct cli_run_screen screen = {follow->terminal.width, follow->terminal.height, follow->terminal.colour,
                                          now_us};
    size_t lines = cli_run_draw(&frame, &follow->run, &screen);
    if (follow->drawn > 0)
        buf_printf(&text, "\033[%zuA", follow->drawn);
    buf_append_str(&text, S("\r\033[J"));
    buf_append_str(&text, buf_str(&frame));
    show(buf_str(&text));
    follow->drawn = lines;
    follow->drawn_us = now_us;
}

static bool is_live(const struct follow *follow)
{
    return follow->terminal.present && !follow->quiet;
}

static void draw_now_and_then(struct follow *follow)
{
    if (is_live(follow) && clock_now_us() - follow->drawn_us >= DRAW_EVERY_US)
        draw(follow);
}

/* Lines for the log, and for standard output where that is no terminal. */
static void tell(const struct follow *follow, struct str lines)
{
    log_lines(follow, lines);
    if (!follow->terminal.present && !follow->quiet)
        show(lines);
}

static void on_step(void *owner, const struct cli_run *run, const struct cli_run_step *step)
{
    AUTO(buf) struct buf line = {0};
    (void)run;
    cli_run_step_line(&line, step);
    tell(owner, buf_str(&line));
}

/* --- The stream --- */

static bool on_event(void *owner, struct str name, struct str data, struct str id, struct err *err)
{
    struct follow *follow = owner;
    (void)id;
    return cli_run_event(&follow->run, name, data, err);
}

static bool on_body(void *owner, struct str bytes, struct err *err)
{
    return cli_events_feed(owner, bytes, err);
}

static bool is_cancelled(void)
{
    draw_now_and_then(followed);
    return cli_interrupt_came();
}

/* Until the run has ended, the connection has, or Ctrl-C came. */
static bool stream(struct follow *follow, struct err *err)
{
    struct cli *cli = follow->cli;
    AUTO(cli_events) struct cli_events events;
    cli_events_init(&events, on_event, follow);
    struct http_client_request request = {
        .method = S("GET"),
        .url = str_format(cli->arena, "%.*s/api/v1/pipelines/runs/%.*s/events", STR_ARG(cli->server.url),
                          STR_ARG(follow->run.id)),
        .accept = S("text/event-stream"),
        .is_cancelled = is_cancelled,
        .on_body = on_body,
        .owner = &events,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    return (answer.status >= 200 && answer.status <= 299) || cli_call_error(cli, &answer, err);
}

static bool cancel(struct follow *follow, struct err *err)
{
    const struct json *answer;
    cli_interrupt_forget();
    follow->cancelled = true;
    tell(follow, S("cancelling\n"));
    bool done = cli_pipeline_call(follow->cli, "POST",
                                  str_format(follow->cli->arena, "/runs/%.*s/cancel", STR_ARG(follow->run.id)), S("{}"),
                                  &answer, err);
    /* It may have ended meanwhile. */
    return done || err->code == ERR_PRECONDITION || err->code == ERR_NOT_FOUND;
}

static bool follow_to_the_end(struct follow *follow, struct err *err)
{
    struct timespec pause = {.tv_nsec = TRY_AGAIN_US * 1000};
    for (int tries = 0; !follow->run.ended; tries++) {
        bool ok = stream(follow, err);
        if (follow->run.ended)
            return true;
        if (!ok && cli_interrupt_came() && !follow->cancelled) {
            if (!cancel(follow, err))
                return false;
            continue;
        }
        bool is_over = !ok && (err->code != ERR_UNAVAILABLE || follow->cli->server.pid > 0 || cli_interrupt_came());
        if (is_over || tries == TRIES_MAX)
            return ok ? err_set(err, ERR_UNAVAILABLE, "the server ended the stream of run %lld before its end",
                                (long long)follow->run.number)
                      : false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* --- The end --- */

static bool print_rows(struct follow *follow, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"asset", 5}},
                                                {.name = {"state", 5}},
                                                {.name = {"attempt", 7}, .right = true},
                                                {.name = {"rows", 4}, .right = true},
                                                {.name = {"bytes", 5}, .right = true},
                                                {.name = {"run_ms", 6}, .right = true},
                                                {.name = {"error", 5}}};
    const size_t count = sizeof(columns) / sizeof(columns[0]);
    struct arena *arena = follow->cli->arena;
    AUTO(cli_output)
    struct cli_output *output = cli_output_open(cli_format(follow->cli), STDOUT_FILENO, false, columns, count);
    for (size_t i = 0; i < follow->run.steps.count; i++) {
        const struct cli_run_step *step = &follow->run.steps.items[i];
        const int64_t numbers[] = {step->attempt, step->rows, step->bytes};
        struct cli_cell cells[7] = {CLI_TEXT(step->asset), CLI_TEXT(str_from(cli_run_state_name(step->state)))};
        for (size_t k = 0; k < 3; k++)
            if (numbers[k] >= 0)
                cells[2 + k] = CLI_RAW(str_format(arena, "%lld", (long long)numbers[k]));
        if (step->run_us >= 0)
            cells[5] = CLI_RAW(str_format(arena, "%.1f", (double)step->run_us / 1000.0));
        if (step->error.len > 0)
            cells[6] = CLI_TEXT(str_trim(step->error));
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}

static void finish(struct follow *follow)
{
    AUTO(buf) struct buf end = {0};
    AUTO(buf) struct buf errors = {0};
    cli_run_end_line(&end, &follow->run);
    cli_run_error_lines(&errors, &follow->run);
    if (is_live(follow)) {
        draw(follow);
        show(S("\n"));
        show(buf_str(&errors));
        show(buf_str(&end));
        log_lines(follow, buf_str(&errors));
        log_lines(follow, buf_str(&end));
    } else {
        tell(follow, buf_str(&errors));
        tell(follow, buf_str(&end));
    }
    if (follow->cancelled)
        follow->cli->exit_code = CLI_EXIT_INTERRUPTED;
    else if (!str_equal(follow->run.state, S("done")))
        follow->cli->exit_code = CLI_EXIT_ERROR;
}

/* The run was left, or its server was lost. */
static void lose(struct follow *follow, struct err *err)
{
    AUTO(buf) struct buf line = {0};
    buf_printf(&line, "run %lld is not followed any more: %s\n", (long long)follow->run.number, err->message);
    log_lines(follow, buf_str(&line));
    if (follow->drawn > 0)
        draw(follow);
    if (!err->hint[0] && follow->cli->server.pid == 0)
        (void)err_hint(err, "the run is its server's: `eider logs -f %.*s` follows it", STR_ARG(follow->run.id));
}

bool cli_run_follow(struct cli *cli, const struct json *answer, struct str root, struct err *err)
{
    struct follow follow = {.cli = cli,
                            .log_fd = open_log(cli->arena, root),
                            .quiet = cli_format(cli) != CLI_FORMAT_TABLE,
                            .terminal = cli_terminal_of(STDOUT_FILENO)};
    AUTO(buf) struct buf line = {0};
    cli_run_begin(&follow.run, cli->arena, answer);
    follow.run.on_step = on_step;
    follow.run.owner = &follow;
    followed = &follow;
    cli_run_begin_line(&line, &follow.run);
    tell(&follow, buf_str(&line));
    bool ok = follow_to_the_end(&follow, err);
    if (ok)
        finish(&follow);
    else
        lose(&follow, err);
    ok = ok && (!follow.quiet || print_rows(&follow, err));
    cli_run_done(&follow.run);
    if (follow.log_fd >= 0)
        (void)close(follow.log_fd);
    followed = NULL;
    return ok;
}
