/* eider status: a running server at a glance, and the project that it runs. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/project.h"
#include "cli/text.h"

#define RUNS_SHOWN "5"
/* Bytes. */
#define SQL_SHOWN 100

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

/* A glance at a statement. */
static struct cli_cell cut(struct cli *cli, struct str sql)
{
    size_t len = SQL_SHOWN;
    if (sql.len <= len)
        return CLI_TEXT(sql);
    while (len > 0 && ((unsigned char)sql.ptr[len] & 0xc0) == 0x80)
        len--;
    return CLI_TEXT(str_format(cli->arena, "%.*s…", (int)len, sql.ptr));
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
        for (size_t column = 0; column < count; column++) {
            const struct json *value = json_get(json_at(list, i), keys[column]);
            bool is_sql = strcmp(keys[column], "sql") == 0;
            cells[column] = is_sql ? cut(cli, json_text(value)) : cli_cell(cli->arena, value);
        }
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}

static bool print_people(struct cli *cli, const struct json *tenants, const struct json *statements, struct err *err)
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

/* A process of this machine, when that is where the server was found. */
static void print_process(struct cli *cli, const struct cli_project *project)
{
    struct process server, written;
    if (!cli_data_holder(cli->arena, project->data, &server))
        return;
    bool started = cli_project_pid(cli->arena, project, &written) && written.pid == server.pid;
    struct str log = started ? project->log : S("");
    (void)printf("pid %lld, %s%.*s\n", (long long)server.pid,
                 started ? "in the background, log " : "not by `eider start`", STR_ARG(log));
}

static bool print_project(struct cli *cli, const struct cli_project *project, struct err *err)
{
    static const char *const schedule_keys[] = {"name", "environment",  "expression", "next",
                                                "last", "last_outcome", "paused"};
    static const struct cli_column schedule_columns[] = {
        {.name = {"schedule", 8}}, {.name = {"environment", 11}}, {.name = {"when", 4}},   {.name = {"next", 4}},
        {.name = {"last", 4}},     {.name = {"outcome", 7}},      {.name = {"paused", 6}},
    };
    static const char *const run_keys[] = {"number",  "environment", "trigger", "state",
                                           "started", "steps",       "done",    "failed"};
    static const struct cli_column run_columns[] = {
        {.name = {"run", 3}, .right = true},
        {.name = {"environment", 11}},
        {.name = {"trigger", 7}},
        {.name = {"state", 5}},
        {.name = {"started", 7}},
        {.name = {"steps", 5}, .right = true},
        {.name = {"done", 4}, .right = true},
        {.name = {"failed", 6}, .right = true},
    };
    const struct json *about, *schedules, *runs;
    if (!cli_call(cli, "GET", S("/api/v1/pipelines"), S(""), &about, err))
        return err->code == ERR_NOT_FOUND || err->code == ERR_DENIED; /* no project, or none that is ours */
    if (!cli_call(cli, "GET", S("/api/v1/pipelines/schedules"), S(""), &schedules, err) ||
        !cli_call(cli, "GET", S("/api/v1/pipelines/runs?limit=" RUNS_SHOWN), S(""), &runs, err))
        return false;
    struct buf text = {0};
    append_member(&text, about, "assets", "assets");
    append_member(&text, about, "runs", "runs going on");
    if (json_count(json_get(about, "problems")) > 0)
        buf_printf(&text, ", %zu problems (see `eider check`)", json_count(json_get(about, "problems")));
    struct str root = project ? project->root : S("");
    (void)printf("project %.*s of %.*s%s%.*s: %.*s\n", STR_ARG(json_text(json_get(about, "name"))),
                 STR_ARG(json_text(json_get(about, "tenant"))), project ? " in " : "", STR_ARG(root),
                 STR_ARG(buf_str(&text)));
    buf_done(&text);
    return print_list(cli, "schedules", cli_list(schedules, "schedules"), schedule_keys, schedule_columns, 7, err) &&
           print_list(cli, "last runs", cli_list(runs, "runs"), run_keys, run_columns, 8, err);
}

/* Says what eider.pid tells about a server that should be there. */
static bool nothing_answers(struct cli *cli, const struct cli_project *project, struct err *err)
{
    struct process written;
    if (!cli_project_pid(cli->arena, project, &written) || process_is_alive(&written))
        return false;
    return err_hint(err, "it ended without being stopped (pid %lld); see %.*s, then `eider start`",
                    (long long)written.pid, STR_ARG(project->log));
}

static bool run(struct cli *cli, struct err *err)
{
    const struct json *health, *tenants, *statements;
    struct cli_project project;
    bool is_here = cli_option(cli, "url").len == 0 && !getenv("EIDER_URL");
    if (is_here && !cli_project_enter(cli, &project, err))
        return false;
    if (!cli_connect(cli, false, err))
        return is_here ? nothing_answers(cli, &project, err) : false;
    if (!cli_call(cli, "GET", S("/health"), S(""), &health, err) ||
        !cli_call(cli, "GET", S("/api/v1/tenants"), S(""), &tenants, err))
        return false;
    if (cli_format(cli) != CLI_FORMAT_TABLE)
        return print_row(cli, health, tenants, err);
    if (!cli_call(cli, "GET", S("/api/v1/statements?state=running"), S(""), &statements, err))
        return false;
    print_health(cli, health);
    if (is_here)
        print_process(cli, &project);
    return print_project(cli, is_here && project.config.len > 0 ? &project : NULL, err) &&
           print_people(cli, tenants, statements, err);
}

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTION,
    {.name = "url", .value = "URL", .help = "the server (EIDER_URL; default: the project's, or " CLI_DEFAULT_URL ")"},
    {.name = "ca", .value = "FILE", .help = "CA of its certificate (EIDER_CA, or EIDER_FINGERPRINT=SHA256)"},
    CLI_PROJECT_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_status = {
    .name = "status",
    .summary = "show a running server: health, project, schedules, runs, tenants, statements",
    .usage = "[OPTION]...",
    .options = options,
    .run = run,
};
