/* eider status: a running server at a glance. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli_priv.h"
#include "cli/text.h"

static void append_member(struct buf *text, const struct json *object, const char *key, const char *what)
{
    buf_printf(text, "%s", buf_len(text) ? ", " : "");
    cli_text_number(text, (uint64_t)json_i64(json_get(object, key)));
    buf_printf(text, " %s", what);
}

static void print_health(struct cli *cli, const struct json *health)
{
    struct buf text = {0}, uptime = {0};
    const struct json *workers = json_get(health, "workers"), *statements = json_get(health, "statements");
    cli_text_duration(&uptime, json_i64(json_get(health, "uptime_s")) * CLOCK_SECOND);
    append_member(&text, workers, "running", "workers");
    append_member(&text, statements, "running", "statements running");
    append_member(&text, statements, "queued", "waiting");
    append_member(&text, workers, "crashes", "crashes");
    (void)printf("eider %.*s at %.*s: %.*s, up %.*s\n%.*s\n", STR_ARG(json_text(json_get(health, "version"))),
                 STR_ARG(cli->server.url), STR_ARG(json_text(json_get(health, "status"))), STR_ARG(buf_str(&uptime)),
                 STR_ARG(buf_str(&text)));
    buf_done(&text);
    buf_done(&uptime);
}

static bool print_list(struct cli *cli, const char *title, const struct json *list, const char *const *keys,
                       const struct cli_column *columns, size_t count, struct err *err)
{
    if (json_count(list) == 0)
        return true;
    (void)printf("\n%s\n", title);
    (void)fflush(stdout);
    AUTO(cli_output)
    struct cli_output *output = cli_output_open(CLI_FORMAT_TABLE, STDOUT_FILENO, false, columns, count);
    struct cli_cell *cells = arena_array(cli->arena, count, sizeof(*cells));
    for (size_t i = 0; i < json_count(list); i++) {
        for (size_t column = 0; column < count; column++)
            cells[column] = cli_cell(cli->arena, json_get(json_at(list, i), keys[column]));
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}

static bool print_people(struct cli *cli, const struct json *health, const struct json *tenants,
                         const struct json *statements, struct err *err)
{
    static const char *const tenant_keys[] = {"id", "created", "bytes", "iceberg_tables"};
    static const struct cli_column tenant_columns[] = {{.name = {"id", 2}},
                                                       {.name = {"created", 7}},
                                                       {.name = {"bytes", 5}, .right = true},
                                                       {.name = {"iceberg tables", 14}, .right = true}};
    static const char *const statement_keys[] = {"id", "tenant", "protocol", "state", "rows", "sql"};
    static const struct cli_column statement_columns[] = {
        {.name = {"id", 2}},
        {.name = {"tenant", 6}},
        {.name = {"protocol", 8}},
        {.name = {"state", 5}},
        {.name = {"rows", 4}, .right = true},
        {.name = {"sql", 3}},
    };
    print_health(cli, health);
    (void)fflush(stdout);
    return print_list(cli, "tenants", cli_list(tenants, "tenants"), tenant_keys, tenant_columns, 4, err) &&
           print_list(cli, "running statements", cli_list(statements, "statements"), statement_keys, statement_columns,
                      6, err);
}

/* For programs: one row of numbers. */
static bool print_row(struct cli *cli, const struct json *health, const struct json *tenants, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"url", 3}},     {.name = {"status", 6}},  {.name = {"version", 7}}, {.name = {"uptime_s", 8}},
        {.name = {"tenants", 7}}, {.name = {"workers", 7}}, {.name = {"running", 7}}, {.name = {"queued", 6}},
    };
    const struct json *statements = json_get(health, "statements");
    const struct cli_cell cells[] = {
        CLI_TEXT(cli->server.url),
        cli_cell(cli->arena, json_get(health, "status")),
        cli_cell(cli->arena, json_get(health, "version")),
        cli_cell(cli->arena, json_get(health, "uptime_s")),
        CLI_RAW(str_format(cli->arena, "%zu", json_count(cli_list(tenants, "tenants")))),
        cli_cell(cli->arena, json_get(json_get(health, "workers"), "running")),
        cli_cell(cli->arena, json_get(statements, "running")),
        cli_cell(cli->arena, json_get(statements, "queued")),
    };
    AUTO(cli_output) struct cli_output *output = cli_output_open(cli_format(cli), STDOUT_FILENO, false, columns, 8);
    return cli_output_row(output, cells, err) && cli_output_finish(output, err);
}

static bool run(struct cli *cli, struct err *err)
{
    const struct json *health, *tenants, *statements;
    if (!cli_connect(cli, false, err) || !cli_call(cli, "GET", S("/health"), S(""), &health, err) ||
        !cli_call(cli, "GET", S("/api/v1/tenants"), S(""), &tenants, err))
        return false;
    if (cli_format(cli) != CLI_FORMAT_TABLE)
        return print_row(cli, health, tenants, err);
    return cli_call(cli, "GET", S("/api/v1/statements?state=running"), S(""), &statements, err) &&
           print_people(cli, health, tenants, statements, err);
}

static const struct cli_option options[] = {CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_status = {
    .name = "status",
    .summary = "show a running server: health, tenants, statements",
    .usage = "[OPTION]...",
    .options = options,
    .run = run,
};
