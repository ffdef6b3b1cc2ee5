/* eider run, plan, runs retry: what is to be done, and doing it. */
#include "cli/run.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/terminal.h"

/* The members of a run's request, as the options say. */
static void append_request(struct cli *cli, struct buf *body)
{
    struct json_writer writer = {.buf = body};
    json_begin_object(&writer, NULL);
    if (cli_option(cli, "env").len > 0)
        json_write_text(&writer, "environment", cli_option(cli, "env"));
    json_begin_array(&writer, "select");
    for (size_t i = 0; i < cli->options.argument_count; i++)
        json_write_text(&writer, NULL, cli->options.arguments[i]);
    json_end_array(&writer);
    json_write_bool(&writer, "changed", cli_flag(cli, "changed"));
    json_write_bool(&writer, "full_refresh", cli_flag(cli, "full-refresh"));
    if (cli_option(cli, "from-failure").len > 0)
        json_write_text(&writer, "from_failure", cli_option(cli, "from-failure"));
    if (cli_option(cli, "partition").len > 0)
        json_write_text(&writer, "partition", cli_option(cli, "partition"));
    json_end_object(&writer);
}

static bool print_plan(struct cli *cli, const struct json *answer, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"asset", 5}}, {.name = {"kind", 4}}, {.name = {"reason", 6}}, {.name = {"because", 7}}};
    static const char *const members[] = {"asset", "kind", "reason", "because"};
    const struct json *steps = cli_list(answer, "steps");
    if (json_count(steps) > 0 || cli_format(cli) != CLI_FORMAT_TABLE)
        return cli_print_list(cli, steps, columns, members, sizeof(members) / sizeof(members[0]), err);
    (void)printf("nothing to do\n");
    return true;
}

/* Whoever asked for all did not get what is wrong with its file: that is a failure. */
static void tell_problems(struct cli *cli, const struct json *answer)
{
    AUTO(buf) struct buf text = {0};
    struct err ignored;
    const struct json *problems = json_get(answer, "problems");
    if (cli->options.argument_count > 0 || json_count(problems) == 0)
        return;
    for (size_t i = 0; i < json_count(problems); i++)
        cli_pipeline_append_problem(&text, json_at(problems, i));
    (void)fflush(stdout);
    (void)!cli_terminal_write(STDERR_FILENO, buf_str(&text), &ignored);
    if (cli->exit_code == CLI_EXIT_OK)
        cli->exit_code = CLI_EXIT_ERROR;
}

static bool plan(struct cli *cli, struct err *err)
{
    const struct json *answer;
    AUTO(buf) struct buf body = {0};
    append_request(cli, &body);
    if (!cli_pipeline_call(cli, "POST", S("/plan"), buf_str(&body), &answer, err) || !print_plan(cli, answer, err))
        return false;
    tell_problems(cli, answer);
    return true;
}

/* Follows what a request has begun, unless nothing did, or nobody waits. */
static bool go_on(struct cli *cli, const struct json *answer, struct str root, struct err *err)
{
    struct str id = json_text(json_get(answer, "id"));
    if (id.len > 0 && !cli_flag(cli, "no-wait"))
        return cli_run_follow(cli, answer, root, err);
    if (id.len == 0)
        return print_plan(cli, answer, err);
    (void)printf("%.*s\n", STR_ARG(id));
    return true;
}

static bool check_wait(struct cli *cli, struct err *err)
{
    if (!cli_flag(cli, "no-wait") || cli->server.pid == 0)
        return true;
    (void)err_set(err, ERR_PRECONDITION, "no server is running that would go on with the run");
    return err_hint(err, "`eider start` starts one; without --no-wait none is needed");
}

static bool run_run(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root;
    AUTO(buf) struct buf body = {0};
    cli_interrupt_catch(NULL);
    if (!cli_pipeline_connect(cli, true, &root, err))
        return false;
    if (cli_flag(cli, "dry-run"))
        return plan(cli, err);
    append_request(cli, &body);
    if (!check_wait(cli, err) || !cli_pipeline_call(cli, "POST", S("/runs"), buf_str(&body), &answer, err) ||
        !go_on(cli, answer, root, err))
        return false;
    tell_problems(cli, answer);
    return true;
}

static bool run_plan(struct cli *cli, struct err *err)
{
    struct str root;
    return cli_pipeline_connect(cli, true, &root, err) && plan(cli, err);
}

static bool run_retry(struct cli *cli, struct err *err)
{
    const struct json *answer;
    struct str root, id, body = cli_flag(cli, "all") ? S("{\"from_failure\":false}") : S("{\"from_failure\":true}");
    AUTO(buf) struct buf path = {0};
    struct str word = cli->options.argument_count > 0 ? cli->options.arguments[0] : S("");
    cli_interrupt_catch(NULL);
    if (!cli_pipeline_connect(cli, true, &root, err) || !check_wait(cli, err) ||
        !cli_pipeline_find_run(cli, word, &id, err))
        return false;
    buf_append_str(&path, S("/runs/"));
    cli_append_escaped(&path, id);
    buf_append_str(&path, S("/retry"));
    return cli_pipeline_call(cli, "POST", buf_str(&path), body, &answer, err) && go_on(cli, answer, root, err);
}

#define CHANGED_OPTION                                                                              \
    {                                                                                               \
        .name = "changed", .help = "leave out what is current: same SQL, same files, same upstream" \
    }
#define PARTITION_OPTION                                                                                        \
    {                                                                                                           \
        .name = "partition", .letter = 'p', .value = "NAME", .help = "of partitioned assets: 2026-11-01, north" \
    }
#define FULL_REFRESH_OPTION                                                                \
    {                                                                                      \
        .name = "full-refresh", .help = "build incremental assets anew, from all the data" \
    }
#define FROM_FAILURE_OPTION                                          \
    {                                                                \
        .name = "from-failure", .value = "RUN", .otherwise = "last", \
        .help = "only what that run did not do; default: the last"   \
    }
#define NO_WAIT_OPTION                                                             \
    {                                                                              \
        .name = "no-wait", .help = "print the run's id and leave it to the server" \
    }

static const struct cli_option run_options[] = {
    CHANGED_OPTION,
    FULL_REFRESH_OPTION,
    FROM_FAILURE_OPTION,
    PARTITION_OPTION,
    {.name = "dry-run", .letter = 'n', .help = "only show what would run, and why"},
    NO_WAIT_OPTION,
    CLI_PIPELINE_OPTIONS,
    CLI_OUTPUT_OPTION,
    CLI_HELP_OPTION,
};
static const struct cli_option plan_options[] = {
    CHANGED_OPTION,       FULL_REFRESH_OPTION, FROM_FAILURE_OPTION, PARTITION_OPTION,
    CLI_PIPELINE_OPTIONS, CLI_OUTPUT_OPTION,   CLI_HELP_OPTION,
};
static const struct cli_option retry_options[] = {
    {.name = "all", .help = "all steps again, also those that were done"},
    NO_WAIT_OPTION,
    CLI_PIPELINE_OPTIONS,
    CLI_OUTPUT_OPTION,
    CLI_HELP_OPTION,
};

#define SELECTORS                                                                                                \
    "A selector is a name, tag:x, group:x or a path with wildcards; +name: with all above it, name+: with all\n" \
    "below it, 2+name: with two levels; several are a union, a,b an intersection, !name takes away. None: all.\n"

const struct cli_command cli_command_run = {
    .name = "run",
    .summary = "run the project's assets, or some of them, once",
    .usage = "[SELECTOR...] [OPTION]...",
    .details =
        SELECTORS "On a terminal it shows a live tree; elsewhere a line for each change. logs/execution.log keeps the\n"
                  "lines. The exit code is 0 when all is done, 1 when a step failed, 130 after Ctrl-C, which cancels\n"
                  "the run; a second Ctrl-C does not wait for its end.\n",
    .examples = "  eider run\n  eider run +revenue --changed\n  eider run tag:daily --env dev\n"
                "  eider run --from-failure last\n  eider run visits --partition 2026-11-01\n",
    .options = run_options,
    .arguments_max = SIZE_MAX,
    .run = run_run,
};

const struct cli_command cli_command_plan = {
    .name = "plan",
    .summary = "show what a run would do, and why",
    .usage = "[SELECTOR...] [OPTION]...",
    .details = SELECTORS,
    .examples = "  eider plan --changed\n  eider plan orders+ --output json\n",
    .options = plan_options,
    .arguments_max = SIZE_MAX,
    .run = run_plan,
};

const struct cli_command cli_command_runs_retry = {
    .name = "runs retry",
    .summary = "run again what a run did not do",
    .usage = "[RUN] [OPTION]...",
    .details = "RUN is an id, a number, or last (also without it). What was done stays.\n",
    .examples = "  eider runs retry\n  eider runs retry 12 --all\n",
    .options = retry_options,
    .arguments_max = 1,
    .run = run_retry,
};
