/* eider version: this program's and DuckDB's. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli_priv.h"
#include "cli/layout.h"
#include "cli/library.h"
#include "cli/version_gen.h"

static bool run(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"eider", 5}}, {.name = {"duckdb", 6}}, {.name = {"commit", 6}}};
    struct cli_layout layout = cli_layout_find(cli->arena);
    struct str duckdb = {0};
    struct err ignored;
    if (layout.library.len > 0)
        (void)!cli_library_version(cli->arena, layout.library, &duckdb, &ignored);
    if (str_starts_with(duckdb, S("v")))
        duckdb = str_from_index(duckdb, 1);
    if (!cli_option(cli, "output").ptr) {
        (void)printf("eider %s%s%s%s, DuckDB %.*s\n", CLI_VERSION, CLI_COMMIT[0] ? " (" : "", CLI_COMMIT,
                     CLI_COMMIT[0] ? ")" : "", STR_ARG(duckdb.len ? duckdb : S("not found")));
        return true;
    }
    AUTO(cli_output) struct cli_output *output = cli_output_open(cli_format(cli), STDOUT_FILENO, false, columns, 3);
    const struct cli_cell cells[] = {
        CLI_TEXT(S(CLI_VERSION)),
        duckdb.len ? CLI_TEXT(duckdb) : (struct cli_cell){0},
        CLI_COMMIT[0] ? CLI_TEXT(S(CLI_COMMIT)) : (struct cli_cell){0},
    };
    return cli_output_row(output, cells, err) && cli_output_finish(output, err);
}

static const struct cli_option options[] = {CLI_OUTPUT_OPTION, CLI_HELP_OPTION};

const struct cli_command cli_command_version = {
    .name = "version",
    .summary = "show the versions of eider and DuckDB",
    .usage = "[--output FORMAT]",
    .options = options,
    .run = run,
};
