/* eider tag and branch: create, list, drop. */
#include <stdio.h>

#include "cli/iceberg.h"

static bool run_list(struct cli *cli, const char *type, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"name", 4}},
        {.name = {"snapshot", 8}, .right = true},
        {.name = {"committed", 9}},
        {.name = {"max_age_s", 9}, .right = true},
    };
    static const char *const members[] = {"name", "snapshot", "committed", "max_age_s"};
    struct cli_table_name table;
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf found = {0};
    struct json_writer writer = {.buf = &found};
    if (!cli_connect(cli, true, err) || !cli_table_name_read(cli, cli->options.arguments[0], &table, err))
        return false;
    cli_append_table_path(&path, &table, S("/refs"));
    if (!cli_call(cli, "GET", buf_str(&path), S(""), &answer, err))
        return false;
    const struct json *refs = cli_list(answer, "refs");
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < json_count(refs); i++)
        if (str_equal(json_text(json_get(json_at(refs, i), "type")), str_from(type)))
            json_write_value(&writer, NULL, json_at(refs, i));
    json_end_array(&writer);
    const struct json *list = json_parse(cli->arena, buf_str(&found), err);
    return list && cli_print_list(cli, list, columns, members, sizeof(members) / sizeof(members[0]), err);
}

/* "/refs/NAME" */
static bool ref_path(struct cli *cli, struct buf *path, struct err *err)
{
    struct cli_table_name table;
    AUTO(buf) struct buf rest = {0};
    if (!cli_connect(cli, true, err) || !cli_table_name_read(cli, cli->options.arguments[0], &table, err))
        return false;
    buf_append_str(&rest, S("/refs/"));
    cli_append_escaped(&rest, cli->options.arguments[1]);
    cli_append_table_path(path, &table, buf_str(&rest));
    return true;
}

static bool run_create(struct cli *cli, const char *type, struct err *err)
{
    const struct json *answer;
    struct str snapshot = cli_option(cli, "snapshot");
    int64_t age_s = 0;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!cli_option_seconds(cli, "max-age", &age_s, err) || !ref_path(cli, &path, err))
        return false;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", str_from(type));
    if (snapshot.len > 0)
        json_write_text(&writer, "snapshot", snapshot);
    if (age_s > 0)
        json_write_i64(&writer, "max_age_s", age_s);
    json_end_object(&writer);
    if (!cli_call(cli, "PUT", buf_str(&path), buf_str(&body), &answer, err))
        return false;
    (void)printf("%s %.*s is set\n", type, STR_ARG(cli->options.arguments[1]));
    return true;
}

static bool run_drop(struct cli *cli, const char *type, struct err *err)
{
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    if (!ref_path(cli, &path, err) || !cli_call(cli, "DELETE", buf_str(&path), S(""), &answer, err))
        return false;
    (void)printf("%s %.*s is dropped\n", type, STR_ARG(cli->options.arguments[1]));
    return true;
}

static bool run_tag_create(struct cli *cli, struct err *err)
{
    return run_create(cli, "tag", err);
}

static bool run_tag_list(struct cli *cli, struct err *err)
{
    return run_list(cli, "tag", err);
}

static bool run_tag_drop(struct cli *cli, struct err *err)
{
    return run_drop(cli, "tag", err);
}

static bool run_branch_create(struct cli *cli, struct err *err)
{
    return run_create(cli, "branch", err);
}

static bool run_branch_list(struct cli *cli, struct err *err)
{
    return run_list(cli, "branch", err);
}

static bool run_branch_drop(struct cli *cli, struct err *err)
{
    return run_drop(cli, "branch", err);
}

static const struct cli_option create_options[] = {
    {.name = "snapshot", .value = "ID", .help = "a snapshot's id, or a branch or tag (default: the current one)"},
    {.name = "max-age", .value = "TIME", .help = "30d, 12h: `eider maintain` takes it away then (default: never)"},
    CLI_TENANT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option list_options[] = {CLI_TENANT_OPTION, CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS,
                                                 CLI_HELP_OPTION};
static const struct cli_option drop_options[] = {CLI_TENANT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

#define REF_COMMANDS(type, what)                                                 \
    const struct cli_command cli_command_##type##_create = {                     \
        .name = #type " create",                                                 \
        .summary = what,                                                         \
        .usage = "TABLE NAME [--snapshot ID] [--max-age TIME]",                  \
        .details = "A " #type " that is there already points elsewhere then.\n", \
        .examples = "  eider " #type " create orders before_import\n",           \
        .options = create_options,                                               \
        .arguments_min = 2,                                                      \
        .arguments_max = 2,                                                      \
        .run = run_##type##_create,                                              \
    };                                                                           \
    const struct cli_command cli_command_##type##_list = {                       \
        .name = #type " list",                                                   \
        .summary = "show them",                                                  \
        .usage = "TABLE [OPTION]...",                                            \
        .options = list_options,                                                 \
        .arguments_min = 1,                                                      \
        .arguments_max = 1,                                                      \
        .run = run_##type##_list,                                                \
    };                                                                           \
    const struct cli_command cli_command_##type##_drop = {                       \
        .name = #type " drop",                                                   \
        .summary = "take one away; its snapshots stay until they expire",        \
        .usage = "TABLE NAME",                                                   \
        .options = drop_options,                                                 \
        .arguments_min = 2,                                                      \
        .arguments_max = 2,                                                      \
        .run = run_##type##_drop,                                                \
    }

REF_COMMANDS(tag, "keep a snapshot of an Iceberg table under a name");
REF_COMMANDS(branch, "begin a branch of an Iceberg table");
