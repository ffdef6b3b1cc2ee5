/* eider graph: what depends on what. */
#include <unistd.h>

#include "cli/pipeline.h"
#include "cli/terminal.h"

static bool run(struct cli *cli, struct err *err)
{
    struct str root, format = cli_option(cli, "format");
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf select = {0};
    if (!cli_pipeline_connect(cli, true, &root, err))
        return false;
    for (size_t i = 0; i < cli->options.argument_count; i++)
        buf_printf(&select, "%s%.*s", i > 0 ? " " : "", STR_ARG(cli->options.arguments[i]));
    buf_append_str(&path, S("/api/v1/pipelines/graph"));
    cli_append_parameter(&path, "format", format.len > 0 ? format : S("text"));
    cli_append_parameter(&path, "select", buf_str(&select));
    cli_pipeline_append_environment(cli, &path);
    struct http_client_request request = {
        .method = S("GET"),
        .url = str_format(cli->arena, "%.*s%.*s", STR_ARG(cli->server.url), STR_ARG(buf_str(&path))),
        .is_cancelled = cli_interrupt_came,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    if (answer.status < 200 || answer.status > 299)
        return cli_call_error(cli, &answer, err);
    struct str end = str_ends_with(answer.body, S("\n")) ? S("") : S("\n");
    return cli_terminal_write(STDOUT_FILENO, answer.body, err) && cli_terminal_write(STDOUT_FILENO, end, err);
}

static const struct cli_option options[] = {
    {.name = "format", .letter = 'f', .value = "FORMAT", .help = "how to print", .choices = "text|dot|json|mermaid"},
    CLI_PIPELINE_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_graph = {
    .name = "graph",
    .summary = "show what depends on what",
    .usage = "[SELECTOR...] [--format FORMAT]",
    .details = "Selectors are those of `eider run`.\n",
    .examples = "  eider graph\n  eider graph +revenue --format dot | dot -Tsvg > revenue.svg\n",
    .options = options,
    .arguments_max = SIZE_MAX,
    .run = run,
};
