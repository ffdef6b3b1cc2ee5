/* eider logs: the lines of a run, those there are and those to come. */
#include <stdio.h>
#include <unistd.h>

#include "cli/events.h"
#include "cli/pipeline.h"
#include "cli/terminal.h"
#include "cli/text.h"

/* What the server gives at once. */
#define PAGE_MAX 5000
#define LINES_DEFAULT 200

struct logs {
    struct cli *cli;
    bool is_json;
    int64_t printed; /* number of the newest line that was */
};

/* "2026-11-21 10:31:00.123 WARN  orders: text" */
static void append_line(struct buf *out, const struct json *line)
{
    struct str at = json_text(json_get(line, "at")), asset = json_text(json_get(line, "asset"));
    AUTO(arena) struct arena *arena = arena_new();
    struct str level = str_lower(arena, json_text(json_get(line, "level")));
    buf_printf(out, "%.*s %.*s %-5.*s ", STR_ARG(str_slice(at, 0, 10)), STR_ARG(str_slice(at, 11, 12)), STR_ARG(level));
    if (asset.len > 0) {
        cli_text_clean(out, asset);
        buf_append_str(out, S(": "));
    }
    cli_text_clean(out, json_text(json_get(line, "text")));
    buf_append_char(out, '\n');
}

static bool print_line(struct logs *logs, const struct json *line, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    logs->printed = json_i64(json_get(line, "number"));
    if (logs->is_json) {
        json_write_value(&writer, NULL, line);
        buf_append_char(&text, '\n');
    } else {
        append_line(&text, line);
    }
    return cli_terminal_write(STDOUT_FILENO, buf_str(&text), err);
}

/* --- What there is --- */

static bool print_page(struct logs *logs, struct str path, bool *more_out, struct err *err)
{
    AUTO(arena) struct arena *own = arena_new();
    struct arena *outer = logs->cli->arena;
    const struct json *answer;
    /* Pages of a long log do not add up. */
    logs->cli->arena = own;
    bool ok = cli_pipeline_call(logs->cli, "GET", path, S(""), &answer, err);
    logs->cli->arena = outer;
    const struct json *lines = ok ? cli_list(answer, "lines") : NULL;
    for (size_t i = 0; ok && i < json_count(lines); i++)
        ok = print_line(logs, json_at(lines, i), err);
    *more_out = ok && json_bool(json_get(answer, "more")) && json_count(lines) > 0;
    return ok;
}

static bool print_all(struct logs *logs, struct str path, struct err *err)
{
    bool more;
    do {
        AUTO(buf) struct buf page = {0};
        buf_append_str(&page, path);
        cli_append_parameter(&page, "after", str_format(logs->cli->arena, "%lld", (long long)logs->printed));
        cli_append_parameter(&page, "limit", str_format(logs->cli->arena, "%d", PAGE_MAX));
        if (!print_page(logs, buf_str(&page), &more, err))
            return false;
    } while (more);
    return true;
}

/* --- What comes --- */

static bool on_event(void *owner, struct str name, struct str data, struct str id, struct err *err)
{
    struct logs *logs = owner;
    (void)name, (void)id;
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *line = json_parse(arena, data, err);
    return line ? !json_get(line, "text") || print_line(logs, line, err) : err_wrap(err, "a line of the log");
}

static bool on_body(void *owner, struct str bytes, struct err *err)
{
    return cli_events_feed(owner, bytes, err);
}

static bool follow(struct logs *logs, struct str path, struct err *err)
{
    struct cli *cli = logs->cli;
    AUTO(cli_events) struct cli_events events;
    cli_events_init(&events, on_event, logs);
    struct http_client_request request = {
        .method = S("GET"),
        .url = str_format(cli->arena, "%.*s/api/v1/pipelines%.*s", STR_ARG(cli->server.url), STR_ARG(path)),
        .accept = S("text/event-stream"),
        .is_cancelled = cli_interrupt_came,
        .on_body = on_body,
        .owner = &events,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    return (answer.status >= 200 && answer.status <= 299) || cli_call_error(cli, &answer, err);
}

/* --- Which lines --- */

/* The index of the asset's step in the run. */
static bool append_step(struct cli *cli, struct buf *path, struct str run, struct str asset, struct err *err)
{
    const struct json *answer;
    AUTO(buf) struct buf of_run = {0};
    buf_append_str(&of_run, S("/runs/"));
    cli_append_escaped(&of_run, run);
    if (!cli_pipeline_call(cli, "GET", buf_str(&of_run), S(""), &answer, err))
        return false;
    const struct json *steps = cli_list(answer, "steps");
    for (size_t i = 0; i < json_count(steps); i++) {
        if (!str_equal(json_text(json_get(json_at(steps, i), "asset")), asset))
            continue;
        long long index = (long long)json_i64(json_get(json_at(steps, i), "index"));
        cli_append_parameter(path, "step", str_format(cli->arena, "%lld", index));
        return true;
    }
    (void)err_set(err, ERR_NOT_FOUND, "the run has no step '%.*s'", STR_ARG(asset));
    return err_hint(err, "`eider runs show %.*s` lists its steps", STR_ARG(run));
}

static bool append_path(struct cli *cli, struct buf *path, struct err *err)
{
    struct str id, asset = cli_option(cli, "asset");
    if (!cli_pipeline_find_run(cli, cli->options.argument_count > 0 ? cli->options.arguments[0] : S(""), &id, err))
        return false;
    buf_append_str(path, S("/runs/"));
    cli_append_escaped(path, id);
    buf_append_str(path, S("/logs"));
    cli_append_parameter(path, "level", cli_option(cli, "level"));
    cli_append_parameter(path, "text", cli_option(cli, "text"));
    return asset.len == 0 || append_step(cli, path, id, asset, err);
}

static bool run(struct cli *cli, struct err *err)
{
    struct logs logs = {.cli = cli, .is_json = cli_format(cli) != CLI_FORMAT_TABLE};
    struct str root, lines = cli_option(cli, "lines");
    uint64_t count = LINES_DEFAULT;
    bool follows = cli_flag(cli, "follow"), all = str_equal(lines, S("all")), more;
    AUTO(buf) struct buf path = {0};
    if (lines.ptr && !all && (!str_to_u64(lines, &count) || count < 1 || count > PAGE_MAX))
        return cli_wrong_use(cli, err, "--lines has to be a number from 1 to %d, or all", PAGE_MAX);
    cli_interrupt_catch(NULL);
    if (!cli_pipeline_connect(cli, true, &root, err) || !append_path(cli, &path, err))
        return false;
    if (!all)
        cli_append_parameter(&path, "limit", str_format(cli->arena, "%llu", (unsigned long long)count));
    if (follows)
        return follow(&logs, buf_str(&path), err);
    return all ? print_all(&logs, buf_str(&path), err) : print_page(&logs, buf_str(&path), &more, err);
}

static const struct cli_option options[] = {
    {.name = "follow", .letter = 'f', .help = "go on with the lines to come, until the run ends"},
    {.name = "level", .value = "LEVEL", .help = "at least this", .choices = "debug|info|warn|error"},
    {.name = "asset", .value = "NAME", .help = "only this step's"},
    {.name = "text", .value = "TEXT", .help = "only lines that contain it, in any case"},
    {.name = "lines", .letter = 'n', .value = "N", .help = "the last N (default 200), or all"},
    CLI_PIPELINE_OPTIONS,
    {.name = "output", .letter = 'o', .value = "FORMAT", .help = "how to print", .choices = "table|jsonl"},
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_logs = {
    .name = "logs",
    .summary = "show the log of a run",
    .usage = "[-f] [RUN] [OPTION]...",
    .details = "RUN is an id, a number, or last (also without it). Times are UTC.\n",
    .examples = "  eider logs -f\n  eider logs 12 --level warn --asset orders\n  eider logs --lines all > run.log\n",
    .options = options,
    .arguments_max = 1,
    .run = run,
};
