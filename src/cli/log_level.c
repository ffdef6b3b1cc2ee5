/* eider log-level: shows or changes how much a running server logs. */
#include <stdio.h>

#include "cli/cli_priv.h"

static bool run(struct cli *cli, struct err *err)
{
    const struct json *answer;
    if (!cli_connect(cli, false, err))
        return false;
    bool called;
    if (cli->options.argument_count == 1) {
        struct buf body = {0};
        struct json_writer writer = {.buf = &body};
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "level", cli->options.arguments[0]);
        json_end_object(&writer);
        called = cli_call(cli, "PUT", S("/api/v1/log-level"), buf_str(&body), &answer, err);
        buf_done(&body);
    } else {
        called = cli_call(cli, "GET", S("/api/v1/log-level"), S(""), &answer, err);
    }
    if (!called)
        return false;
    struct str level = json_text(json_get(answer, "level"));
    if (level.len == 0 && cli->options.argument_count == 1)
        level = cli->options.arguments[0];
    (void)printf("%.*s\n", STR_ARG(level));
    return true;
}

static const struct cli_option options[] = {CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_log_level = {
    .name = "log-level",
    .summary = "show or change how much the server logs",
    .usage = "[debug|info|warn|error]",
    .examples = "  eider log-level debug\n",
    .options = options,
    .arguments_max = 1,
    .run = run,
};
