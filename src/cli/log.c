/* eider log, audit: what ran, and who did what. */
#include <unistd.h>

#include "cli/cli_priv.h"

/* What the server gives at once. */
#define LOG_PAGE 1000
#define LOG_DEFAULT 100

#define LOG_SINCE_OPTION                                                                                         \
    {                                                                                                            \
        .name = "since", .value = "TIME", .help = "not what is older: 90s, 15m, 2h, 7d, or 2026-11-21T10:00:00Z" \
    }

static bool append_statement(struct cli *cli, struct cli_output *output, const struct json *statement, struct err *err)
{
    static const char *const times[] = {"queued_us", "run_us"};
    struct cli_cell milliseconds[2];
    for (size_t i = 0; i < 2; i++)
        milliseconds[i] =
            CLI_RAW(str_format(cli->arena, "%.1f", (double)json_i64(json_get(statement, times[i])) / 1000.0));
    struct str outcome = json_text(json_get(statement, "outcome"));
    const struct cli_cell cells[] = {
        cli_cell(cli->arena, json_get(statement, "started")),
        cli_cell(cli->arena, json_get(statement, "user")),
        cli_cell(cli->arena, json_get(statement, "tenant")),
        CLI_TEXT(outcome.len ? outcome : json_text(json_get(statement, "state"))),
        milliseconds[0],
        milliseconds[1],
        cli_cell(cli->arena, json_get(statement, "rows")),
        cli_cell(cli->arena, json_get(statement, "bytes")),
        cli_cell(cli->arena, json_get(statement, "memory_bytes")),
        cli_cell(cli->arena, json_get(statement, "sql")),
    };
    return cli_output_row(output, cells, err);
}

/* Page after page, up to limit statements: one may be empty and not be the last. */
static bool print_statements(struct cli *cli, struct str path, int64_t limit, struct cli_output *output,
                             struct err *err)
{
    const struct json *answer = NULL;
    do {
        AUTO(buf) struct buf page = {0};
        buf_append_str(&page, path);
        cli_append_parameter(&page, "limit",
                             str_format(cli->arena, "%lld", (long long)(limit < LOG_PAGE ? limit : LOG_PAGE)));
        if (json_get(answer, "before"))
            cli_append_parameter(&page, "before",
                                 str_format(cli->arena, "%lld", (long long)json_i64(json_get(answer, "before"))));
        if (!cli_call(cli, "GET", buf_str(&page), S(""), &answer, err))
            return false;
        const struct json *statements = cli_list(answer, "statements");
        for (size_t i = 0; i < json_count(statements); i++, limit--)
            if (!append_statement(cli, output, json_at(statements, i), err))
                return false;
    } while (limit > 0 && json_get(answer, "before"));
    return true;
}

static bool run_log(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"started", 7}},
                                                {.name = {"user", 4}},
                                                {.name = {"tenant", 6}},
                                                {.name = {"outcome", 7}},
                                                {.name = {"queued_ms", 9}, .right = true},
                                                {.name = {"run_ms", 6}, .right = true},
                                                {.name = {"rows", 4}, .right = true},
                                                {.name = {"bytes", 5}, .right = true},
                                                {.name = {"memory", 6}, .right = true},
                                                {.name = {"sql", 3}}};
    struct str text = cli_option(cli, "limit");
    int64_t limit = LOG_DEFAULT;
    if (text.ptr && (!str_to_i64(text, &limit) || limit < 1))
        return cli_wrong_use(cli, err, "--limit has to be a number from 1");
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/api/v1/statements"));
    cli_append_parameter(&path, "tenant", cli_option(cli, "tenant"));
    cli_append_parameter(&path, "user", cli_option(cli, "user"));
    cli_append_parameter(&path, "outcome", cli_option(cli, "outcome"));
    cli_append_parameter(&path, "since", cli_option(cli, "since"));
    cli_append_parameter(&path, "slow", cli_flag(cli, "slow") ? S("true") : S(""));
    if (!cli_connect(cli, true, err))
        return false;
    AUTO(cli_output)
    struct cli_output *output =
        cli_output_open(cli_format(cli), STDOUT_FILENO, true, columns, sizeof(columns) / sizeof(columns[0]));
    return print_statements(cli, buf_str(&path), limit, output, err) && cli_output_finish(output, err);
}

static bool run_audit(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"at", 2}},     {.name = {"user", 4}},
                                                {.name = {"from", 4}},   {.name = {"action", 6}},
                                                {.name = {"object", 6}}, {.name = {"tenant", 6}},
                                                {.name = {"result", 6}}, {.name = {"times", 5}, .right = true}};
    static const char *const members[] = {"at", "user", "from", "action", "object", "tenant", "result", "times"};
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/api/v1/audit"));
    cli_append_parameter(&path, "tenant", cli_option(cli, "tenant"));
    cli_append_parameter(&path, "user", cli_option(cli, "user"));
    cli_append_parameter(&path, "action", cli_option(cli, "action"));
    cli_append_parameter(&path, "since", cli_option(cli, "since"));
    cli_append_parameter(&path, "limit", cli_option(cli, "limit"));
    return cli_connect(cli, true, err) && cli_call(cli, "GET", buf_str(&path), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "entries"), columns, members, sizeof(members) / sizeof(members[0]),
                          err);
}

static const struct cli_option log_options[] = {
    {.name = "slow", .help = "only what ran for query.slow or longer"},
    {.name = "tenant", .letter = 't', .value = "ID", .help = "only this tenant's"},
    {.name = "user", .value = "NAME", .help = "only this user's"},
    {.name = "outcome", .value = "NAME", .help = "only what ended so", .choices = "done|failed|cancelled|timeout"},
    LOG_SINCE_OPTION,
    {.name = "limit", .value = "N", .help = "how many (default 100)"},
    CLI_OUTPUT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option audit_options[] = {
    {.name = "tenant", .letter = 't', .value = "ID", .help = "only this tenant's"},
    {.name = "user", .value = "NAME", .help = "only this user's"},
    {.name = "action", .value = "NAME", .help = "only this action"},
    LOG_SINCE_OPTION,
    {.name = "limit", .value = "N", .help = "how many (default 100)"},
    CLI_OUTPUT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_log = {
    .name = "log",
    .summary = "show the statements that ran",
    .usage = "[OPTION]...",
    .details = "Newest first, those that still run before the others: your own, and all of a tenant that you own.\n"
               "Without what stands in secrets.\n",
    .examples = "  eider log --slow --since 1d\n  eider log --user bob --output jsonl\n",
    .options = log_options,
    .run = run_log,
};

const struct cli_command cli_command_audit = {
    .name = "audit",
    .summary = "show who did what",
    .usage = "[OPTION]...",
    .details = "Newest first: refusals, logins, changes of users, roles, tokens and tenants.\n",
    .examples = "  eider audit --since 2h\n  eider audit --user bob --output jsonl\n",
    .options = audit_options,
    .run = run_audit,
};
