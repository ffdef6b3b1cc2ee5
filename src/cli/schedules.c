/* eider schedules: what runs by itself, when it did, and how to hold or hasten it. */
#include <stdio.h>
#include <unistd.h>

#include "cli/pipeline.h"

static bool run_list(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"name", 4}},        {.name = {"environment", 11}}, {.name = {"kind", 4}},
        {.name = {"expression", 10}}, {.name = {"zone", 4}},         {.name = {"paused", 6}},
        {.name = {"next", 4}},        {.name = {"last", 4}},         {.name = {"outcome", 7}}};
    static const char *const members[] = {"name",   "environment", "kind", "expression",  "zone",
                                          "paused", "next",        "last", "last_outcome"};
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/schedules"));
    cli_pipeline_append_environment(cli, &path);
    return cli_pipeline_connect(cli, true, &root, err) &&
           cli_pipeline_call(cli, "GET", buf_str(&path), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "schedules"), columns, members, sizeof(members) / sizeof(members[0]),
                          err);
}

static bool run_ticks(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"due", 3}},      {.name = {"at", 2}},
                                                {.name = {"schedule", 8}}, {.name = {"outcome", 7}},
                                                {.name = {"run", 3}},      {.name = {"error", 5}}};
    static const char *const members[] = {"due", "at", "schedule", "outcome", "run", "error"};
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/ticks"));
    cli_pipeline_append_environment(cli, &path);
    if (cli->options.argument_count > 0)
        cli_append_parameter(&path, "schedule", cli->options.arguments[0]);
    cli_append_parameter(&path, "limit", cli_option(cli, "limit"));
    return cli_pipeline_connect(cli, true, &root, err) &&
           cli_pipeline_call(cli, "GET", buf_str(&path), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "ticks"), columns, members, sizeof(members) / sizeof(members[0]), err);
}

static bool change(struct cli *cli, const char *verb, const struct json **answer_out, struct err *err)
{
    struct str root;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/schedules/"));
    cli_append_escaped(&path, cli->options.arguments[0]);
    buf_append_str(&path, str_from(verb));
    return cli_pipeline_connect(cli, true, &root, err) && cli_pipeline_post(cli, buf_str(&path), answer_out, err);
}

static bool run_pause(struct cli *cli, struct err *err)
{
    const struct json *answer;
    if (!change(cli, "/pause", &answer, err))
        return false;
    (void)printf("%.*s is paused\n", STR_ARG(cli->options.arguments[0]));
    return true;
}

static bool run_resume(struct cli *cli, struct err *err)
{
    const struct json *answer;
    if (!change(cli, "/resume", &answer, err))
        return false;
    (void)printf("%.*s runs again\n", STR_ARG(cli->options.arguments[0]));
    return true;
}

/* A private server would end with the command, and the run with it. */
static bool run_trigger(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/schedules/"));
    cli_append_escaped(&path, cli->options.arguments[0]);
    buf_append_str(&path, S("/trigger"));
    if (!cli_pipeline_connect(cli, false, &root, err) || !cli_pipeline_post(cli, buf_str(&path), &answer, err))
        return false;
    struct str id = json_text(json_get(answer, "id"));
    if (id.len > 0)
        (void)printf("%.*s\n", STR_ARG(id));
    else
        (void)printf("nothing to do\n");
    return true;
}

static const struct cli_option list_options[] = {CLI_PIPELINE_OPTIONS, CLI_OUTPUT_OPTION, CLI_HELP_OPTION};
static const struct cli_option tick_options[] = {
    {.name = "limit", .value = "N", .help = "how many (default 100)"},
    CLI_PIPELINE_OPTIONS,
    CLI_OUTPUT_OPTION,
    CLI_HELP_OPTION,
};
static const struct cli_option change_options[] = {CLI_PIPELINE_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_schedules = {
    .name = "schedules",
    .summary = "show what runs by itself, and when next",
    .usage = "[OPTION]...",
    .examples = "  eider schedules\n  eider schedules pause nightly\n  eider schedules ticks nightly\n",
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_command_schedules_ticks = {
    .name = "schedules ticks",
    .summary = "show when schedules came due, and what came of it",
    .usage = "[NAME] [OPTION]...",
    .details = "Newest first.\n",
    .examples = "  eider schedules ticks\n  eider schedules ticks nightly --limit 10\n",
    .options = tick_options,
    .arguments_max = 1,
    .run = run_ticks,
};

const struct cli_command cli_command_schedules_pause = {
    .name = "schedules pause",
    .summary = "hold a schedule until it is resumed",
    .usage = "NAME [OPTION]...",
    .examples = "  eider schedules pause nightly\n",
    .options = change_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_pause,
};

const struct cli_command cli_command_schedules_resume = {
    .name = "schedules resume",
    .summary = "let a paused schedule run again",
    .usage = "NAME [OPTION]...",
    .examples = "  eider schedules resume nightly\n",
    .options = change_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_resume,
};

const struct cli_command cli_command_schedules_trigger = {
    .name = "schedules trigger",
    .summary = "run a schedule now, beside the clock",
    .usage = "NAME [OPTION]...",
    .details = "Prints the run's id; the server goes on with it.\n",
    .examples = "  eider schedules trigger nightly && eider logs -f\n",
    .options = change_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_trigger,
};
