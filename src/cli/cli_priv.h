/* What the commands share: the table entry of a command, its invocation, and calls of the server's REST interface. */
#pragma once
#include "cli/options.h"
#include "cli/output.h"
#include "cli/server.h"
#include "platform/http/client.h"
#include "platform/json/json.h"

#define CLI_EXIT_OK 0
#define CLI_EXIT_ERROR 1
#define CLI_EXIT_USAGE 2
#define CLI_EXIT_INTERRUPTED 130
/* What a shell shows for a program whose reader went away (128 + SIGPIPE). */
#define CLI_EXIT_PIPE 141

struct cli;

struct cli_command {
    const char *name;     /* "tenant create" */
    const char *summary;  /* one line */
    const char *usage;    /* what follows the name: "FILE... --tenant ID" */
    const char *details;  /* further lines of --help, or NULL */
    const char *examples; /* lines of --help, or NULL */
    const struct cli_option *options;
    size_t arguments_min, arguments_max;
    /* False with *err set is printed. Wrong use is reported through cli_wrong_use. */
    bool (*run)(struct cli *cli, struct err *err);
};

/* One invocation of the program. */
struct cli {
    struct arena *arena;
    const struct cli_command *command;
    struct cli_options options;
    struct cli_server server; /* once cli_connect has run */
    struct http_client *http; /* the same */
    struct str authorization; /* the same: "Bearer …", or empty */
    int exit_code;            /* set by run when it is not the usual one */
};

/* Options that most commands have; a table starts with them. */
#define CLI_SERVER_OPTIONS                                                                                        \
    {.name = "url", .value = "URL", .help = "the server (EIDER_URL; default " CLI_DEFAULT_URL ")"},               \
        {.name = "ca", .value = "FILE", .help = "CA of its certificate (EIDER_CA, or EIDER_FINGERPRINT=SHA256)"}, \
    {                                                                                                             \
        .name = "data", .value = "DIR", .help = "the data directory, to run without a server (EIDER_DATA)"        \
    }
#define CLI_TENANT_OPTION                                                                                          \
    {                                                                                                              \
        .name = "tenant", .letter = 't', .value = "ID", .help = "the tenant (EIDER_TENANT; default: the only one)" \
    }
#define CLI_OUTPUT_OPTION                                                                                         \
    {                                                                                                             \
        .name = "output", .letter = 'o', .value = "FORMAT", .help = "how to print", .choices = CLI_FORMAT_CHOICES \
    }
#define CLI_HELP_OPTION                                        \
    {.name = "help", .letter = 'h', .help = "show this help"}, \
    {                                                          \
        0                                                      \
    }

extern const struct cli_command cli_command_audit, cli_command_backup, cli_command_branch_create,
    cli_command_branch_drop, cli_command_branch_list, cli_command_doctor, cli_command_drop, cli_command_dropped,
    cli_command_grant, cli_command_ingest, cli_command_maintain, cli_command_mirror, cli_command_publish,
    cli_command_rollback, cli_command_snapshots, cli_command_tag_create, cli_command_tag_drop, cli_command_tag_list,
    cli_command_undrop, cli_command_log, cli_command_log_level, cli_command_login, cli_command_logout,
    cli_command_query, cli_command_restore, cli_command_revoke, cli_command_status, cli_command_tenant_create,
    cli_command_tenant_delete, cli_command_tenant_list, cli_command_token_create, cli_command_token_list,
    cli_command_token_revoke, cli_command_user_add, cli_command_user_import, cli_command_user_list,
    cli_command_user_passwd, cli_command_user_remove, cli_command_version, cli_command_whoami, cli_command_new,
    cli_command_restart, cli_command_start, cli_command_stop, cli_command_check, cli_command_graph, cli_command_logs,
    cli_command_plan, cli_command_run, cli_command_runs_show, cli_command_runs_cancel, cli_command_runs_retry,
    cli_command_runs, cli_command_schedules_ticks, cli_command_schedules_pause, cli_command_schedules_resume,
    cli_command_schedules_trigger, cli_command_schedules, cli_command_backfill_start, cli_command_backfill_list,
    cli_command_backfill_cancel;

struct str cli_option(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);
enum cli_format cli_format(const struct cli *cli);
/* --tenant or EIDER_TENANT; may be empty. */
struct str cli_tenant(const struct cli *cli);

/* The value of an option like 90d, 12h, 30m or 45s; *seconds_out stays when it is not given. */
bool cli_option_seconds(struct cli *cli, const char *name, int64_t *seconds_out, struct err *err) MUST_USE;

/* Reports wrong use: exit code 2. Always false. */
bool cli_wrong_use(struct cli *cli, struct err *err, const char *format, ...) PRINTF(3, 4);

/* Finds or starts the server, opens the client, and finds what to prove oneself with. */
bool cli_connect(struct cli *cli, bool may_start, struct err *err) MUST_USE;

/* One request with the command's credentials; see http_client_run. */
bool cli_send(struct cli *cli, struct http_client_request *request, struct http_client_answer *answer_out,
              struct err *err) MUST_USE;
/* One REST call with a JSON answer; body is JSON, or empty. path starts with '/'. Answers outside 2xx become *err, with
 * the server's message and hint. *answer_out is NULL for an answer without a body. */
bool cli_call(struct cli *cli, const char *method, struct str path, struct str body, const struct json **answer_out,
              struct err *err) MUST_USE;
/* Turns an error answer into *err. Always false. */
bool cli_call_error(struct cli *cli, const struct http_client_answer *answer, struct err *err);
/* Appends text as part of a URL's path or query. */
void cli_append_escaped(struct buf *out, struct str text);
/* Appends "?name=value", or "&name=value" after others; nothing for an empty value. */
void cli_append_parameter(struct buf *path, const char *name, struct str value);

/* Asks for a password: the terminal, without echo (twice: and again), else a line of standard input. */
bool cli_read_password(struct cli *cli, bool twice, struct str *password_out, struct err *err) MUST_USE;

/* A list member of an answer: the answer itself if it is an array, else its member `name`. */
const struct json *cli_list(const struct json *answer, const char *name);
/* Prints a list: each column is a member of its elements. */
bool cli_print_list(struct cli *cli, const struct json *list, const struct cli_column *columns,
                    const char *const *members, size_t count, struct err *err) MUST_USE;
/* A value as a table cell; absent and null give NULL. */
struct cli_cell cli_cell(struct arena *arena, const struct json *value);
