/* eider tenant create, list, delete. */
#include <stdio.h>

#include "cli/cli_priv.h"

static bool read_id(struct cli *cli, struct str *id_out, struct err *err)
{
    *id_out = cli_option(cli, "id");
    if (!id_out->ptr && cli->options.argument_count == 1)
        *id_out = cli->options.arguments[0];
    return id_out->len > 0 || cli_wrong_use(cli, err, "--id is missing");
}

static struct str tenant_path(struct cli *cli, struct str id)
{
    struct buf path = {0};
    buf_append_str(&path, S("/api/v1/tenants/"));
    cli_append_escaped(&path, id);
    struct str result = str_copy(cli->arena, buf_str(&path));
    buf_done(&path);
    return result;
}

static bool run_create(struct cli *cli, struct err *err)
{
    struct str id;
    const struct json *answer;
    if (!read_id(cli, &id, err) || !cli_connect(cli, true, err))
        return false;
    struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", id);
    json_end_object(&writer);
    bool created = cli_call(cli, "POST", S("/api/v1/tenants"), buf_str(&body), &answer, err);
    buf_done(&body);
    if (created)
        (void)printf("tenant %.*s created\n", STR_ARG(id));
    return created;
}

static bool run_delete(struct cli *cli, struct err *err)
{
    struct str id;
    const struct json *answer;
    if (!read_id(cli, &id, err))
        return false;
    if (!cli_flag(cli, "yes"))
        return cli_wrong_use(cli, err, "this deletes tenant %.*s and all its data for good; say --yes", STR_ARG(id));
    if (!cli_connect(cli, true, err) || !cli_call(cli, "DELETE", tenant_path(cli, id), S(""), &answer, err))
        return false;
    (void)printf("tenant %.*s deleted\n", STR_ARG(id));
    return true;
}

static bool run_list(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"id", 2}},
        {.name = {"created", 7}},
        {.name = {"bytes", 5}, .right = true},
    };
    static const char *const members[] = {"id", "created", "bytes"};
    const struct json *answer;
    return cli_connect(cli, true, err) && cli_call(cli, "GET", S("/api/v1/tenants"), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "tenants"), columns, members, sizeof(members) / sizeof(members[0]),
                          err);
}

static const struct cli_option create_options[] = {
    {.name = "id", .value = "ID", .help = "its name: a letter, then letters, digits and _ (like tenant_acme)"},
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_tenant_create = {
    .name = "tenant create",
    .summary = "make a tenant",
    .usage = "--id ID",
    .examples = "  eider tenant create --id tenant_acme\n",
    .options = create_options,
    .arguments_max = 1,
    .run = run_create,
};

static const struct cli_option list_options[] = {CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_tenant_list = {
    .name = "tenant list",
    .summary = "show the tenants",
    .usage = "[OPTION]...",
    .examples = "  eider tenant list --output json\n",
    .options = list_options,
    .run = run_list,
};

static const struct cli_option delete_options[] = {
    {.name = "id", .value = "ID", .help = "which one"},
    {.name = "yes", .help = "really delete all its data"},
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_tenant_delete = {
    .name = "tenant delete",
    .summary = "delete a tenant and all its data",
    .usage = "--id ID --yes",
    .examples = "  eider tenant delete --id tenant_old --yes\n",
    .options = delete_options,
    .arguments_max = 1,
    .run = run_delete,
};
