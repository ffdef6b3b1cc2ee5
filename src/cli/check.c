/* eider check: what is wrong with the project, like a compiler. */
#include <stdio.h>
#include <unistd.h>

#include "cli/pipeline.h"
#include "cli/terminal.h"

static bool print_problems(const struct json *problems, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < json_count(problems); i++)
        cli_pipeline_append_problem(&text, json_at(problems, i));
    return cli_terminal_write(STDOUT_FILENO, buf_str(&text), err);
}

static bool print_rows(struct cli *cli, const struct json *problems, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"path", 4}},
                                                {.name = {"line", 4}, .right = true},
                                                {.name = {"column", 6}, .right = true},
                                                {.name = {"asset", 5}},
                                                {.name = {"message", 7}},
                                                {.name = {"hint", 4}}};
    static const char *const members[] = {"path", "line", "column", "asset", "message", "hint"};
    return cli_print_list(cli, problems, columns, members, sizeof(members) / sizeof(members[0]), err);
}

static bool run(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root;
    if (!cli_pipeline_connect(cli, true, &root, err) || !cli_pipeline_post(cli, S("/check"), &answer, err))
        return false;
    const struct json *problems = cli_list(answer, "problems");
    size_t count = json_count(problems);
    long long assets = (long long)json_i64(json_get(answer, "assets"));
    cli->exit_code = count > 0 ? CLI_EXIT_ERROR : CLI_EXIT_OK;
    if (cli_format(cli) != CLI_FORMAT_TABLE)
        return print_rows(cli, problems, err);
    if (!print_problems(problems, err))
        return false;
    if (count == 0)
        (void)printf("%lld %s, no problems\n", assets, assets == 1 ? "asset" : "assets");
    else
        (void)printf("%lld %s, %zu %s\n", assets, assets == 1 ? "asset" : "assets", count,
                     count == 1 ? "problem" : "problems");
    return true;
}

static const struct cli_option options[] = {CLI_PIPELINE_OPTIONS, CLI_OUTPUT_OPTION, CLI_HELP_OPTION};

const struct cli_command cli_command_check = {
    .name = "check",
    .summary = "look for mistakes in the project without running it",
    .usage = "[OPTION]...",
    .details =
        "Parses every file, finds cycles and missing tables, and binds each asset against what its upstream would\n"
        "make. Problems come as `file:line:column: message`; the exit code is 1 when there are some.\n",
    .examples = "  eider check\n  eider check --env dev --output jsonl\n",
    .options = options,
    .run = run,
};
