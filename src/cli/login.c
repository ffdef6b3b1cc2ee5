/* eider login, logout, whoami. */
#include <stdio.h>

#include "cli/cli_priv.h"
#include "cli/credential.h"

static struct str login_body(struct cli *cli, struct str user, struct str password)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "user", user);
    json_write_text(&writer, "password", password);
    json_end_object(&writer);
    return str_copy(cli->arena, buf_str(&body));
}

static bool run_login(struct cli *cli, struct err *err)
{
    struct str user = cli_option(cli, "user"), password;
    const struct json *answer;
    if (cli->options.argument_count == 1)
        user = cli->options.arguments[0];
    if (user.len == 0)
        return cli_wrong_use(cli, err, "which user? eider login USER");
    if (!cli_connect(cli, false, err) || !cli_read_password(cli, false, &password, err))
        return false;
    cli->authorization = S("");
    if (!cli_call(cli, "POST", S("/api/v1/login"), login_body(cli, user, password), &answer, err))
        return false;
    struct str token = json_text(json_get(answer, "token"));
    if (!cli_credential_store(cli->arena, cli->server.url, token, err))
        return false;
    (void)printf("logged in to %.*s as %.*s until %.*s\n", STR_ARG(cli->server.url), STR_ARG(user),
                 STR_ARG(json_text(json_get(answer, "expires"))));
    return true;
}

static bool run_logout(struct cli *cli, struct err *err)
{
    if (!cli_connect(cli, false, err) || !cli_credential_store(cli->arena, cli->server.url, S(""), err))
        return false;
    (void)printf("logged out of %.*s\n", STR_ARG(cli->server.url));
    return true;
}

static bool run_whoami(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"tenant", 6}}, {.name = {"role", 4}}};
    static const char *const members[] = {"tenant", "role"};
    const struct json *answer;
    if (!cli_connect(cli, false, err) || !cli_call(cli, "GET", S("/api/v1/whoami"), S(""), &answer, err))
        return false;
    if (cli_format(cli) == CLI_FORMAT_TABLE)
        (void)printf("%.*s%s, by %.*s\n", STR_ARG(json_text(json_get(answer, "user"))),
                     json_bool(json_get(answer, "admin")) ? " (administrator)" : "",
                     STR_ARG(json_text(json_get(answer, "proof"))));
    (void)fflush(stdout);
    return cli_print_list(cli, json_get(answer, "grants"), columns, members, sizeof(members) / sizeof(members[0]), err);
}

static const struct cli_option login_options[] = {
    {.name = "user", .letter = 'u', .value = "NAME", .help = "who"},
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_login = {
    .name = "login",
    .summary = "log in to a server by password",
    .usage = "USER [--url URL]",
    .details = "Asks for the password (or reads a line from standard input) and keeps what the server gives for it in\n"
               "the user's configuration directory (eider/credentials.json, readable by its owner only). EIDER_TOKEN,\n"
               "where it is set, is used instead.\n",
    .examples = "  eider login ann --url http://lake.example:8815\n",
    .options = login_options,
    .arguments_max = 1,
    .run = run_login,
};

static const struct cli_option logout_options[] = {CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_logout = {
    .name = "logout",
    .summary = "forget what login has stored",
    .usage = "[--url URL]",
    .options = logout_options,
    .run = run_logout,
};

static const struct cli_option whoami_options[] = {CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_whoami = {
    .name = "whoami",
    .summary = "show who the server takes you for, and your roles",
    .usage = "[OPTION]...",
    .options = whoami_options,
    .run = run_whoami,
};
