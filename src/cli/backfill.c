/* eider backfill: partitions of an asset, one run each. The server makes them, and goes on with them after a restart.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/pipeline.h"

static bool run_start(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    size_t count = cli->options.argument_count;
    const struct str *arguments = cli->options.arguments;
    json_begin_object(&writer, NULL);
    if (cli_option(cli, "env").len > 0)
        json_write_text(&writer, "environment", cli_option(cli, "env"));
    json_write_text(&writer, "asset", arguments[0]);
    if (count > 1)
        json_write_text(&writer, "from", arguments[1]);
    if (count > 2)
        json_write_text(&writer, "to", arguments[2]);
    json_write_bool(&writer, "only_missing", cli_flag(cli, "only-missing"));
    json_end_object(&writer);
    if (!cli_pipeline_connect(cli, false, &root, err) ||
        !cli_pipeline_call(cli, "POST", S("/backfills"), buf_str(&body), &answer, err))
        return false;
    (void)printf("%.*s\n", STR_ARG(json_text(json_get(answer, "id"))));
    return true;
}

static bool run_list(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"id", 2}},
                                                {.name = {"asset", 5}},
                                                {.name = {"from", 4}},
                                                {.name = {"to", 2}},
                                                {.name = {"state", 5}},
                                                {.name = {"total", 5}, .right = true},
                                                {.name = {"done", 4}, .right = true},
                                                {.name = {"failed", 6}, .right = true},
                                                {.name = {"created", 7}},
                                                {.name = {"ended", 5}}};
    static const char *const members[] = {"id",    "asset", "from",   "to",      "state",
                                          "total", "done",  "failed", "created", "ended"};
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/backfills"));
    cli_pipeline_append_environment(cli, &path);
    return cli_pipeline_connect(cli, true, &root, err) &&
           cli_pipeline_call(cli, "GET", buf_str(&path), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "backfills"), columns, members, sizeof(members) / sizeof(members[0]),
                          err);
}

static bool run_cancel(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/backfills/"));
    cli_append_escaped(&path, cli->options.arguments[0]);
    buf_append_str(&path, S("/cancel"));
    if (!cli_pipeline_connect(cli, true, &root, err) || !cli_pipeline_post(cli, buf_str(&path), &answer, err))
        return false;
    (void)printf("backfill %.*s is being cancelled\n", STR_ARG(cli->options.arguments[0]));
    return true;
}

static const struct cli_option start_options[] = {
    {.name = "only-missing", .help = "leave out partitions that were built"},
    CLI_PIPELINE_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option list_options[] = {CLI_PIPELINE_OPTIONS, CLI_OUTPUT_OPTION, CLI_HELP_OPTION};
static const struct cli_option cancel_options[] = {CLI_PIPELINE_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_backfill_start = {
    .name = "backfill start",
    .summary = "build the partitions of an asset, one run each",
    .usage = "ASSET [FROM [TO]] [OPTION]...",
    .details =
        "FROM and TO are partitions (2026-11-01, 2026-11-01T05, north), both inclusive; without TO only FROM, without\n"
        "both all until now. Prints the backfill's id; the server goes on with it.\n",
    .examples = "  eider backfill start visits 2026-11-01 2026-11-20\n  eider backfill start visits --only-missing\n",
    .options = start_options,
    .arguments_min = 1,
    .arguments_max = 3,
    .run = run_start,
};

const struct cli_command cli_command_backfill_list = {
    .name = "backfill list",
    .summary = "show backfills and how far they are",
    .usage = "[OPTION]...",
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_command_backfill_cancel = {
    .name = "backfill cancel",
    .summary = "stop a backfill and its runs",
    .usage = "ID [OPTION]...",
    .options = cancel_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_cancel,
};
