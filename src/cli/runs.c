/* eider runs, runs show, runs cancel: what ran. */
#include <stdio.h>
#include <unistd.h>

#include "cli/pipeline.h"
#include "cli/terminal.h"

/* What the server gives at once. */
#define PAGE_MAX 500
#define LIMIT_DEFAULT 20

/* A run's path and what follows it; the word is what the user called it. */
static bool append_run(struct cli *cli, struct buf *path, const char *rest, struct err *err)
{
    struct str id;
    struct str word = cli->options.argument_count > 0 ? cli->options.arguments[0] : S("");
    if (!cli_pipeline_find_run(cli, word, &id, err))
        return false;
    buf_append_str(path, S("/runs/"));
    cli_append_escaped(path, id);
    buf_append_str(path, str_from(rest));
    return true;
}

static struct cli_cell milliseconds(struct arena *arena, const struct json *object)
{
    const struct json *run_us = json_get(object, "run_us");
    return run_us ? CLI_RAW(str_format(arena, "%.1f", (double)json_i64(run_us) / 1000.0)) : (struct cli_cell){0};
}

static bool append_row(struct cli *cli, struct cli_output *output, const struct json *object,
                       const char *const *members, size_t count, struct err *err)
{
    struct cli_cell *cells = arena_array(cli->arena, count, sizeof(*cells));
    for (size_t i = 0; i < count; i++)
        cells[i] = strcmp(members[i], "run_ms") == 0 ? milliseconds(cli->arena, object)
                                                     : cli_cell(cli->arena, json_get(object, members[i]));
    return cli_output_row(output, cells, err);
}

/* --- List --- */

static bool print_pages(struct cli *cli, struct str path, int64_t limit, const char *const *members, size_t count,
                        struct cli_output *output, struct err *err)
{
    const struct json *answer = NULL;
    do {
        AUTO(buf) struct buf page = {0};
        const struct json *before = json_get(answer, "before");
        buf_append_str(&page, path);
        cli_append_parameter(&page, "limit",
                             str_format(cli->arena, "%lld", (long long)(limit < PAGE_MAX ? limit : PAGE_MAX)));
        if (before)
            cli_append_parameter(&page, "before", str_format(cli->arena, "%lld", (long long)json_i64(before)));
        if (!cli_pipeline_call(cli, "GET", buf_str(&page), S(""), &answer, err))
            return false;
        const struct json *runs = cli_list(answer, "runs");
        for (size_t i = 0; i < json_count(runs); i++, limit--)
            if (!append_row(cli, output, json_at(runs, i), members, count, err))
                return false;
    } while (limit > 0 && json_get(answer, "before"));
    return true;
}

static bool run_list(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"number", 6}, .right = true},
                                                {.name = {"created", 7}},
                                                {.name = {"state", 5}},
                                                {.name = {"trigger", 7}},
                                                {.name = {"steps", 5}, .right = true},
                                                {.name = {"failed", 6}, .right = true},
                                                {.name = {"rows", 4}, .right = true},
                                                {.name = {"run_ms", 6}, .right = true},
                                                {.name = {"id", 2}}};
    static const char *const members[] = {"number", "created", "state",  "trigger", "steps",
                                          "failed", "rows",    "run_ms", "id"};
    const size_t count = sizeof(columns) / sizeof(columns[0]);
    struct str root, text = cli_option(cli, "limit");
    int64_t limit = LIMIT_DEFAULT;
    AUTO(buf) struct buf path = {0};
    if (text.ptr && (!str_to_i64(text, &limit) || limit < 1))
        return cli_wrong_use(cli, err, "--limit has to be a number from 1");
    if (!cli_pipeline_connect(cli, true, &root, err))
        return false;
    buf_append_str(&path, S("/runs"));
    cli_pipeline_append_environment(cli, &path);
    cli_append_parameter(&path, "asset", cli_option(cli, "asset"));
    cli_append_parameter(&path, "state", cli_option(cli, "state"));
    cli_append_parameter(&path, "trigger", cli_option(cli, "trigger"));
    cli_append_parameter(&path, "since", cli_option(cli, "since"));
    AUTO(cli_output) struct cli_output *output = cli_output_open(cli_format(cli), STDOUT_FILENO, true, columns, count);
    return print_pages(cli, buf_str(&path), limit, members, count, output, err) && cli_output_finish(output, err);
}

/* --- Show --- */

static void print_run(const struct json *run)
{
    static const char *const members[] = {"state", "trigger",   "user",   "created",  "started",
                                          "ended", "partition", "parent", "backfill", "error"};
    AUTO(buf) struct buf text = {0};
    struct err ignored;
    buf_printf(&text, "run %lld (%.*s) of %.*s (%.*s)\n", (long long)json_i64(json_get(run, "number")),
               STR_ARG(json_text(json_get(run, "id"))), STR_ARG(json_text(json_get(run, "tenant"))),
               STR_ARG(json_text(json_get(run, "environment"))));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct str value = json_text(json_get(run, members[i]));
        if (value.len > 0)
            buf_printf(&text, "  %-10s %.*s\n", members[i], STR_ARG(value));
    }
    (void)!cli_terminal_write(STDOUT_FILENO, buf_str(&text), &ignored);
}

static bool print_errors(const struct json *steps, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < json_count(steps); i++) {
        const struct json *error = json_get(json_at(steps, i), "error");
        if (!error)
            continue;
        buf_printf(&text, "%.*s: ", STR_ARG(json_text(json_get(json_at(steps, i), "asset"))));
        cli_pipeline_append_problem(&text, error);
    }
    return cli_terminal_write(STDOUT_FILENO, buf_str(&text), err);
}

static bool run_show(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"asset", 5}},
                                                {.name = {"kind", 4}},
                                                {.name = {"state", 5}},
                                                {.name = {"reason", 6}},
                                                {.name = {"attempt", 7}, .right = true},
                                                {.name = {"rows", 4}, .right = true},
                                                {.name = {"bytes", 5}, .right = true},
                                                {.name = {"run_ms", 6}, .right = true}};
    static const char *const members[] = {"asset", "kind", "state", "reason", "attempt", "rows", "bytes", "run_ms"};
    const size_t count = sizeof(columns) / sizeof(columns[0]);
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    if (!cli_pipeline_connect(cli, true, &root, err) || !append_run(cli, &path, "", err) ||
        !cli_pipeline_call(cli, "GET", buf_str(&path), S(""), &answer, err))
        return false;
    bool is_table = cli_format(cli) == CLI_FORMAT_TABLE;
    const struct json *steps = cli_list(answer, "steps");
    if (is_table)
        print_run(json_get(answer, "run"));
    AUTO(cli_output) struct cli_output *output = cli_output_open(cli_format(cli), STDOUT_FILENO, false, columns, count);
    for (size_t i = 0; i < json_count(steps); i++)
        if (!append_row(cli, output, json_at(steps, i), members, count, err))
            return false;
    return cli_output_finish(output, err) && (!is_table || print_errors(steps, err));
}

/* --- Cancel --- */

static bool run_cancel(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    if (!cli_pipeline_connect(cli, true, &root, err) || !append_run(cli, &path, "/cancel", err) ||
        !cli_pipeline_call(cli, "POST", buf_str(&path), S("{}"), &answer, err))
        return false;
    (void)printf("run %.*s is being cancelled\n", STR_ARG(json_text(json_get(answer, "id"))));
    return true;
}

static const struct cli_option list_options[] = {
    {.name = "asset", .value = "NAME", .help = "only runs with a step of this asset"},
    {.name = "state",
     .value = "STATE",
     .help = "only runs in this state",
     .choices = "queued|running|cancelling|done|failed|cancelled|interrupted"},
    {.name = "trigger", .value = "TEXT", .help = "only runs that this began: manual, schedule:NAME, retry:RUN"},
    {.name = "since", .value = "TIME", .help = "not what is older: 90s, 15m, 2h, 7d, or 2026-11-21T10:00:00Z"},
    {.name = "limit", .value = "N", .help = "how many (default 20)"},
    CLI_PIPELINE_OPTIONS,
    CLI_OUTPUT_OPTION,
    CLI_HELP_OPTION,
};
static const struct cli_option show_options[] = {CLI_PIPELINE_OPTIONS, CLI_OUTPUT_OPTION, CLI_HELP_OPTION};
static const struct cli_option cancel_options[] = {CLI_PIPELINE_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_runs = {
    .name = "runs",
    .summary = "show the runs of the project",
    .usage = "[OPTION]...",
    .details = "Newest first.\n",
    .examples = "  eider runs --state failed --since 1d\n  eider runs --asset orders --output jsonl\n",
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_command_runs_show = {
    .name = "runs show",
    .summary = "show a run and its steps",
    .usage = "[RUN] [OPTION]...",
    .details = "RUN is an id, a number, or last (also without it).\n",
    .examples = "  eider runs show\n  eider runs show 12 --output json\n",
    .options = show_options,
    .arguments_max = 1,
    .run = run_show,
};

const struct cli_command cli_command_runs_cancel = {
    .name = "runs cancel",
    .summary = "stop a run",
    .usage = "RUN [OPTION]...",
    .details = "RUN is an id, a number, or last.\n",
    .examples = "  eider runs cancel last\n",
    .options = cancel_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_cancel,
};
