/* eider user add, list, remove, passwd; grant; revoke. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli_priv.h"
#include "cli/terminal.h"

/* A users.yaml is not longer. */
#define IMPORT_MAX ((size_t)8 << 20)

static struct str path_to(struct cli *cli, const char *before, struct str name, const char *after, struct str last)
{
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, str_from(before));
    cli_append_escaped(&path, name);
    buf_append_str(&path, str_from(after));
    cli_append_escaped(&path, last);
    return str_copy(cli->arena, buf_str(&path));
}

/* --- user --- */

static bool run_add(struct cli *cli, struct err *err)
{
    struct str name = cli->options.arguments[0], password = S("");
    const struct json *answer;
    if (!cli_flag(cli, "no-password") && !cli_read_password(cli, true, &password, err))
        return false;
    if (!cli_connect(cli, true, err))
        return false;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", name);
    if (password.len > 0)
        json_write_text(&writer, "password", password);
    if (cli_flag(cli, "admin"))
        json_write_bool(&writer, "admin", true);
    json_end_object(&writer);
    if (!cli_call(cli, "POST", S("/api/v1/users"), buf_str(&body), &answer, err))
        return false;
    (void)printf("user %.*s created\n", STR_ARG(name));
    if (cli_flag(cli, "admin"))
        return true;
    (void)printf("next: eider grant reader on TENANT to %.*s\n", STR_ARG(name));
    return true;
}

/* "tenant_acme owner, tenant_beta reader" */
static struct str grants_text(struct arena *arena, const struct json *grants)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < json_count(grants); i++)
        buf_printf(&text, "%s%.*s %.*s", i ? ", " : "", STR_ARG(json_text(json_get(json_at(grants, i), "tenant"))),
                   STR_ARG(json_text(json_get(json_at(grants, i), "role"))));
    return str_copy(arena, buf_str(&text));
}

/* "admin, metrics" */
static struct str roles_text(struct arena *arena, const struct json *user)
{
    static const char *const roles[] = {"admin", "metrics", "audit"};
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (json_bool(json_get(user, roles[i])))
            buf_printf(&text, "%s%s", buf_len(&text) ? ", " : "", roles[i]);
    return str_copy(arena, buf_str(&text));
}

static bool run_list(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"user", 4}}, {.name = {"roles", 5}}, {.name = {"grants", 6}}, {.name = {"created", 7}}};
    const struct json *answer;
    if (!cli_connect(cli, true, err) || !cli_call(cli, "GET", S("/api/v1/users"), S(""), &answer, err))
        return false;
    AUTO(cli_output)
    struct cli_output *output =
        cli_output_open(cli_format(cli), STDOUT_FILENO, true, columns, sizeof(columns) / sizeof(columns[0]));
    const struct json *users = cli_list(answer, "users");
    for (size_t i = 0; i < json_count(users); i++) {
        const struct json *user = json_at(users, i);
        const struct cli_cell cells[] = {
            cli_cell(cli->arena, json_get(user, "name")),
            CLI_TEXT(roles_text(cli->arena, user)),
            CLI_TEXT(grants_text(cli->arena, json_get(user, "grants"))),
            cli_cell(cli->arena, json_get(user, "created")),
        };
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}

static bool run_remove(struct cli *cli, struct err *err)
{
    struct str name = cli->options.arguments[0];
    const struct json *answer;
    if (!cli_connect(cli, true, err) ||
        !cli_call(cli, "DELETE", path_to(cli, "/api/v1/users/", name, "", S("")), S(""), &answer, err))
        return false;
    (void)printf("user %.*s removed\n", STR_ARG(name));
    return true;
}

static bool run_passwd(struct cli *cli, struct err *err)
{
    struct str name = cli->options.arguments[0], password;
    const struct json *answer;
    if (!cli_read_password(cli, true, &password, err) || !cli_connect(cli, true, err))
        return false;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "password", password);
    json_end_object(&writer);
    struct str path = path_to(cli, "/api/v1/users/", name, "/password", S(""));
    if (!cli_call(cli, "PUT", path, buf_str(&body), &answer, err))
        return false;
    (void)printf("password of %.*s changed\n", STR_ARG(name));
    return true;
}

static bool run_import(struct cli *cli, struct err *err)
{
    const char *path = str_cstr(cli->arena, cli->options.arguments[0]);
    char *text = arena_alloc(cli->arena, IMPORT_MAX + 1);
    const struct json *answer;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, IMPORT_MAX + 1);
    if (len < 0)
        err_errno(err, "read %s", path);
    if (fd >= 0)
        (void)close(fd);
    if (len < 0)
        return false;
    if ((size_t)len > IMPORT_MAX)
        return err_set(err, ERR_RESOURCE, "%s is longer than %zu bytes", path, IMPORT_MAX);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "yaml", str_bytes(text, (size_t)len));
    json_end_object(&writer);
    if (!cli_connect(cli, true, err) || !cli_call(cli, "POST", S("/api/v1/users/import"), buf_str(&body), &answer, err))
        return false;
    (void)printf("users of %s imported\n", path);
    return true;
}

/* --- grant, revoke --- */

struct right {
    struct str role, tenant, user; /* tenant empty: a role in the whole server */
};

static bool is_word(struct cli *cli, size_t index, const char *word)
{
    return index < cli->options.argument_count && str_equal(cli->options.arguments[index], str_from(word));
}

/* "ROLE on TENANT to USER" or "ROLE to USER"; revoke says "from". */
static bool read_right(struct cli *cli, const char *to, struct right *right_out, struct err *err)
{
    const struct str *words = cli->options.arguments;
    size_t count = cli->options.argument_count;
    if (count == 5 && is_word(cli, 1, "on") && is_word(cli, 3, to)) {
        *right_out = (struct right){.role = words[0], .tenant = words[2], .user = words[4]};
        return true;
    }
    if (count == 3 && is_word(cli, 1, to)) {
        *right_out = (struct right){.role = words[0], .user = words[2]};
        return true;
    }
    return cli_wrong_use(cli, err, "say it like this: eider %s %s", cli->command->name, cli->command->usage);
}

static struct str right_path(struct cli *cli, const struct right *right)
{
    if (right->tenant.len > 0)
        return path_to(cli, "/api/v1/tenants/", right->tenant, "/grants/", right->user);
    return path_to(cli, "/api/v1/users/", right->user, "/roles/", right->role);
}

static bool run_grant(struct cli *cli, struct err *err)
{
    struct right right;
    const struct json *answer;
    if (!read_right(cli, "to", &right, err) || !cli_connect(cli, true, err))
        return false;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    if (right.tenant.len > 0)
        json_write_text(&writer, "role", right.role);
    json_end_object(&writer);
    struct str text = right.tenant.len > 0 ? buf_str(&body) : S("");
    if (!cli_call(cli, "PUT", right_path(cli, &right), text, &answer, err))
        return false;
    (void)printf("%.*s is %.*s%s%.*s now\n", STR_ARG(right.user), STR_ARG(right.role), right.tenant.len ? " on " : "",
                 STR_ARG(right.tenant));
    return true;
}

static bool run_revoke(struct cli *cli, struct err *err)
{
    struct right right;
    const struct json *answer;
    if (!read_right(cli, "from", &right, err) || !cli_connect(cli, true, err) ||
        !cli_call(cli, "DELETE", right_path(cli, &right), S(""), &answer, err))
        return false;
    (void)printf("%.*s has no role%s%.*s any more\n", STR_ARG(right.user), right.tenant.len ? " on " : " ",
                 STR_ARG(right.tenant.len ? right.tenant : right.role));
    return true;
}

/* --- Commands --- */

static const struct cli_option add_options[] = {
    {.name = "admin", .help = "an administrator of the whole server; the first user has to be one"},
    {.name = "no-password", .help = "only tokens, certificates or an OIDC issuer let this user in"},
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option list_options[] = {CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};
static const struct cli_option plain_options[] = {CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_user_add = {
    .name = "user add",
    .summary = "make a user",
    .usage = "NAME [--admin]",
    .details = "Asks for the password twice, or reads a line from standard input. From the first user on, nobody gets\n"
               "into the server without saying who they are.\n",
    .examples = "  eider user add ann --admin\n  eider user add bob && eider grant writer on tenant_acme to bob\n",
    .options = add_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_add,
};

const struct cli_command cli_command_user_import = {
    .name = "user import",
    .summary = "take users over from a file",
    .usage = "FILE",
    .details =
        "A YAML list of {name, password_hash, admin, metrics, audit, disabled, grants: {TENANT: ROLE}}; all or\n"
        "nothing. Passwords come as argon2id hashes only. A user in the file becomes what it says, others stay.\n",
    .examples = "  eider user import users.yaml\n",
    .options = plain_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_import,
};

const struct cli_command cli_command_user_list = {
    .name = "user list",
    .summary = "show the users and their roles",
    .usage = "[OPTION]...",
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_command_user_remove = {
    .name = "user remove",
    .summary = "remove a user, their grants and tokens",
    .usage = "NAME",
    .options = plain_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_remove,
};

const struct cli_command cli_command_user_passwd = {
    .name = "user passwd",
    .summary = "set a user's password",
    .usage = "NAME",
    .details = "Logins by the old password end.\n",
    .options = plain_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_passwd,
};

const struct cli_command cli_command_grant = {
    .name = "grant",
    .summary = "give a user a role in a tenant, or in the server",
    .usage = "ROLE on TENANT to USER",
    .details = "Roles in a tenant: reader (SELECT), writer (rows too), owner (tables, users, backup too).\n"
               "Roles in the server: eider grant admin|metrics|audit to USER.\n",
    .examples = "  eider grant reader on tenant_acme to bob\n  eider grant metrics to prometheus\n",
    .options = plain_options,
    .arguments_min = 3,
    .arguments_max = 5,
    .run = run_grant,
};

const struct cli_command cli_command_revoke = {
    .name = "revoke",
    .summary = "take a role from a user",
    .usage = "ROLE on TENANT from USER",
    .examples = "  eider revoke reader on tenant_acme from bob\n  eider revoke metrics from prometheus\n",
    .options = plain_options,
    .arguments_min = 3,
    .arguments_max = 5,
    .run = run_revoke,
};
