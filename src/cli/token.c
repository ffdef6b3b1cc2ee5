/* eider token create, list, revoke. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli_priv.h"

static bool token_body(struct cli *cli, struct buf *body, struct err *err)
{
    struct json_writer writer = {.buf = body};
    struct str user = cli_option(cli, "user"), tenant = cli_tenant(cli), role = cli_option(cli, "role");
    int64_t seconds = 0;
    if (!cli_option_seconds(cli, "expires", &seconds, err))
        return false;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", cli->options.arguments[0]);
    if (user.len > 0)
        json_write_text(&writer, "user", user);
    if (tenant.len > 0)
        json_write_text(&writer, "tenant", tenant);
    if (role.len > 0)
        json_write_text(&writer, "role", role);
    if (cli_option(cli, "expires").len > 0)
        json_write_i64(&writer, "expires_s", seconds);
    json_end_object(&writer);
    return true;
}

static bool run_create(struct cli *cli, struct err *err)
{
    AUTO(buf) struct buf body = {0};
    const struct json *answer;
    if (!token_body(cli, &body, err) || !cli_connect(cli, true, err) ||
        !cli_call(cli, "POST", S("/api/v1/tokens"), buf_str(&body), &answer, err))
        return false;
    if (isatty(STDOUT_FILENO))
        (void)fprintf(stderr, "token %.*s; it is shown this once:\n", STR_ARG(json_text(json_get(answer, "id"))));
    (void)printf("%.*s\n", STR_ARG(json_text(json_get(answer, "token"))));
    return true;
}

static bool run_list(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"id", 2}},   {.name = {"name", 4}},    {.name = {"user", 4}},     {.name = {"tenant", 6}},
        {.name = {"role", 4}}, {.name = {"expires", 7}}, {.name = {"last_used", 9}}};
    static const char *const members[] = {"id", "name", "user", "tenant", "role", "expires", "last_used"};
    const struct json *answer;
    return cli_connect(cli, true, err) && cli_call(cli, "GET", S("/api/v1/tokens"), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "tokens"), columns, members, sizeof(members) / sizeof(members[0]), err);
}

static bool run_revoke(struct cli *cli, struct err *err)
{
    struct str id = cli->options.arguments[0];
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/api/v1/tokens/"));
    cli_append_escaped(&path, id);
    if (!cli_connect(cli, true, err) || !cli_call(cli, "DELETE", buf_str(&path), S(""), &answer, err))
        return false;
    (void)printf("token %.*s revoked\n", STR_ARG(id));
    return true;
}

static const struct cli_option create_options[] = {
    {.name = "tenant", .letter = 't', .value = "ID", .help = "good for this tenant only (EIDER_TENANT)"},
    {.name = "role",
     .value = "ROLE",
     .help = "no more than this role, whatever the user's is",
     .choices = "reader|writer|owner"},
    {.name = "expires", .value = "TIME", .help = "90d, 12h, 30m (default: never)"},
    {.name = "user", .value = "NAME", .help = "whose (administrators only; default: your own)"},
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option list_options[] = {CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};
static const struct cli_option revoke_options[] = {CLI_SERVER_OPTIONS, CLI_HELP_OPTION};
const struct cli_command cli_command_token_create = {
    .name = "token create",
    .summary = "make a token for a program",
    .usage = "NAME [--tenant ID] [--role ROLE] [--expires TIME]",
    .details =
        "Prints the token, once: the server keeps its hash only. Give it to a program as EIDER_TOKEN, as bearer\n"
        "of a Flight or HTTP client, or as the driver's token option.\n",
    .examples = "  EIDER_TOKEN=$(eider token create nightly --tenant tenant_acme --role writer --expires 90d)\n",
    .options = create_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_create,
};

const struct cli_command cli_command_token_list = {
    .name = "token list",
    .summary = "show tokens, without their secrets",
    .usage = "[OPTION]...",
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_command_token_revoke = {
    .name = "token revoke",
    .summary = "end a token at once",
    .usage = "ID",
    .options = revoke_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_revoke,
};
