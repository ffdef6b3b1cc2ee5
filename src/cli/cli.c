/* Finds the command, reads its options, runs it, prints its error. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nearest.h"
#include "cli/cli_priv.h"
#include "cli/terminal.h"
#include "cli/text.h"

static const struct cli_command *const commands[] = {
    &cli_command_tenant_create,
    &cli_command_tenant_list,
    &cli_command_tenant_delete,
    &cli_command_ingest,
    &cli_command_query,
    &cli_command_status,
    &cli_command_user_add,
    &cli_command_user_list,
    &cli_command_user_import,
    &cli_command_user_passwd,
    &cli_command_user_remove,
    &cli_command_grant,
    &cli_command_revoke,
    &cli_command_token_create,
    &cli_command_token_list,
    &cli_command_token_revoke,
    &cli_command_login,
    &cli_command_logout,
    &cli_command_whoami,
    &cli_command_audit,
    &cli_command_backup,
    &cli_command_restore,
    &cli_command_doctor,
    &cli_command_log,
    &cli_command_log_level,
    &cli_command_snapshots,
    &cli_command_rollback,
    &cli_command_tag_create,
    &cli_command_tag_list,
    &cli_command_tag_drop,
    &cli_command_branch_create,
    &cli_command_branch_list,
    &cli_command_branch_drop,
    &cli_command_drop,
    &cli_command_dropped,
    &cli_command_undrop,
    &cli_command_maintain,
    &cli_command_mirror,
    &cli_command_publish,
    &cli_command_version,
    &cli_command_new,
    &cli_command_start,
    &cli_command_stop,
    &cli_command_restart,
    /* A command whose name others begin with comes behind them. */
    &cli_command_check,
    &cli_command_graph,
    &cli_command_logs,
    &cli_command_plan,
    &cli_command_run,
    &cli_command_runs_show,
    &cli_command_runs_cancel,
    &cli_command_runs_retry,
    &cli_command_runs,
    &cli_command_schedules_ticks,
    &cli_command_schedules_pause,
    &cli_command_schedules_resume,
    &cli_command_schedules_trigger,
    &cli_command_schedules,
    &cli_command_backfill_start,
    &cli_command_backfill_list,
    &cli_command_backfill_cancel,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print(int fd, struct buf *text)
{
    struct err ignored;
    (void)!cli_terminal_write(fd, buf_str(text), &ignored);
    buf_done(text);
}

static void append_error(struct buf *text, const struct err *error)
{
    /* Texts of a server are shown, never obeyed by the terminal. */
    buf_append_str(text, S("eider: "));
    cli_text_clean(text, err_message(error));
    if (error->hint[0]) {
        buf_append_str(text, S("\nhint: "));
        cli_text_clean(text, str_from(error->hint));
    }
    buf_append_char(text, '\n');
}

static void print_overview(int fd)
{
    struct buf text = {0};
    buf_append_str(&text, S("eider: a lakehouse in one program. Arrow Flight in and out, DuckDB inside, one port.\n\n"
                            "usage: eider COMMAND [OPTION]...\n\n"));
    buf_printf(&text, "  %-17s %s\n", "serve", "run the server");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        buf_printf(&text, "  %-17s %s\n", commands[i]->name, commands[i]->summary);
    buf_append_str(&text, S("\n`eider COMMAND --help` says more about one. A first session:\n\n"
                            "  eider serve &\n"
                            "  eider tenant create --id tenant_acme\n"
                            "  eider ingest orders.csv --tenant tenant_acme\n"
                            "  eider query 'SELECT count(*) FROM orders' --tenant tenant_acme\n"));
    print(fd, &text);
}

static void print_help(const struct cli_command *command)
{
    struct buf text = {0};
    buf_printf(&text, "eider %s: %s\n\nusage: eider %s %s\n", command->name, command->summary, command->name,
               command->usage);
    if (command->details)
        buf_printf(&text, "\n%s", command->details);
    buf_append_str(&text, S("\noptions:\n"));
    cli_options_describe(command->options, &text);
    if (command->examples)
        buf_printf(&text, "\nexamples:\n%s", command->examples);
    print(STDOUT_FILENO, &text);
}

/* The members of a group like "tenant". */
static void print_group(const char *group, int fd)
{
    struct buf text = {0};
    buf_printf(&text, "usage: eider %s COMMAND [OPTION]...\n\n", group);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct str name = str_from(commands[i]->name);
        if (str_starts_with(name, str_from(group)) && name.len > strlen(group) && name.ptr[strlen(group)] == ' ')
            buf_printf(&text, "  %-17s %s\n", commands[i]->name, commands[i]->summary);
    }
    print(fd, &text);
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct str name = str_from(commands[i]->name);
        if (str_starts_with(name, str_from(word)) && name.len > strlen(word) && name.ptr[strlen(word)] == ' ')
            return true;
    }
    return false;
}

/* The command that the first one or two words name, and how many words that were; NULL when there is none. */
static const struct cli_command *find_command(int argc, char **argv, int *words_out)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct str rest = str_from(commands[i]->name), word;
        int words = 0;
        bool same = true;
        while (same && str_split_next(&rest, ' ', &word)) {
            same = words < argc && str_equal(word, str_from(argv[words]));
            words++;
        }
        if (same) {
            *words_out = words;
            return commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[COMMAND_COUNT + 9] = {"serve", "help", "tenant", "user", "token", "tag", "branch", "backfill"};
    size_t count = 8;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (!strchr(commands[i]->name, ' '))
            names[count++] = commands[i]->name;
    struct err error = {0};
    (void)err_set(&error, ERR_INVALID, "unknown command '%s'", word);
    const char *nearest = nearest_name(str_from(word), names);
    if (nearest)
        (void)err_hint(&error, "did you mean `eider %s`?", nearest);
    else
        (void)err_hint(&error, "`eider help` lists the commands");
    struct buf text = {0};
    append_error(&text, &error);
    print(STDERR_FILENO, &text);
    return CLI_EXIT_USAGE;
}

static bool check_arguments(struct cli *cli, struct err *err)
{
    size_t count = cli->options.argument_count;
    if (count < cli->command->arguments_min)
        return cli_wrong_use(cli, err, "something is missing: eider %s %s", cli->command->name, cli->command->usage);
    if (count > cli->command->arguments_max)
        return cli_wrong_use(cli, err, "unexpected argument '%.*s'",
                             STR_ARG(cli->options.arguments[cli->command->arguments_max]));
    return true;
}

static int exit_code_of(const struct cli *cli, bool done, const struct err *error)
{
    if (cli->exit_code != CLI_EXIT_OK || done)
        return cli->exit_code;
    if (cli_interrupt_came())
        return CLI_EXIT_INTERRUPTED;
    return error->code == ERR_CANCELLED ? CLI_EXIT_PIPE : CLI_EXIT_ERROR;
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
    struct cli cli = {.arena = arena_new(), .command = command};
    struct err error = {0};
    bool done = cli_options_parse(cli.arena, command->options, argc, argv, &cli.options, &error);
    if (!done)
        cli.exit_code = CLI_EXIT_USAGE;
    if (done && cli_flag(&cli, "help"))
        print_help(command);
    else if (done)
        done = check_arguments(&cli, &error) && command->run(&cli, &error);
    http_client_close(&cli.http);
    cli_server_leave(&cli.server);
    int exit_code = exit_code_of(&cli, done, &error);
    if (!done && exit_code != CLI_EXIT_PIPE) {
        struct buf text = {0};
        append_error(&text, &error);
        print(STDERR_FILENO, &text);
    }
    arena_free(&cli.arena);
    return exit_code;
}

int cli_main(int argc, char **argv)
{
    /* A reader that goes away is an error of a write, so that a private server is stopped in order. */
    (void)signal(SIGPIPE, SIG_IGN);
    /* What a command has to say it says itself. */
    log_set_level(LOG_ERROR);
    argc = argc > 0 ? argc - 1 : 0;
    argv++;
    if (argc > 0 && strcmp(argv[0], "help") == 0 && argc > 1) {
        int words;
        const struct cli_command *command = find_command(argc - 1, argv + 1, &words);
        if (command)
            print_help(command);
        else if (is_group(argv[1]))
            print_group(argv[1], STDOUT_FILENO);
        return command || is_group(argv[1]) ? CLI_EXIT_OK : unknown_command(argv[1]);
    }
    if (argc == 0 || strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_overview(STDOUT_FILENO);
        return CLI_EXIT_OK;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0)
        return run_command(&cli_command_version, argc - 1, argv + 1);
    int words;
    const struct cli_command *command = find_command(argc, argv, &words);
    if (command)
        return run_command(command, argc - words, argv + words);
    if (!is_group(argv[0]))
        return unknown_command(argv[0]);
    bool help = argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    print_group(argv[0], help ? STDOUT_FILENO : STDERR_FILENO);
    return help ? CLI_EXIT_OK : CLI_EXIT_USAGE;
}
