/* eider snapshots, rollback, drop, dropped, undrop: Iceberg tables and what became of them. */
#include "cli/iceberg.h"

#include <stdio.h>
#include <unistd.h>

bool cli_tenant_need(struct cli *cli, struct str *tenant_out, struct err *err)
{
    const struct json *answer;
    *tenant_out = cli_tenant(cli);
    if (tenant_out->len > 0)
        return true;
    if (!cli_call(cli, "GET", S("/api/v1/tenants"), S(""), &answer, err))
        return false;
    const struct json *tenants = cli_list(answer, "tenants");
    if (json_count(tenants) != 1) {
        (void)err_set(err, ERR_INVALID, "there are %zu tenants: which one is meant?", json_count(tenants));
        return err_hint(err, "name it: --tenant ID, or EIDER_TENANT");
    }
    *tenant_out = json_text(json_get(json_at(tenants, 0), "id"));
    return true;
}

bool cli_table_name_read(struct cli *cli, struct str text, struct cli_table_name *name_out, struct err *err)
{
    struct str tenant;
    if (!cli_tenant_need(cli, &tenant, err))
        return false;
    if (str_starts_with(text, tenant) && text.len > tenant.len && text.ptr[tenant.len] == '.')
        text = str_from_index(text, tenant.len + 1);
    struct str in = S(""), name = text;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '.')
            continue;
        in = str_slice(text, 0, i);
        name = str_from_index(text, i + 1);
    }
    if (str_starts_with(in, S("iceberg."))) /* the catalog's name in SQL */
        in = str_from_index(in, sizeof("iceberg.") - 1);
    if (name.len == 0)
        return cli_wrong_use(cli, err, "'%.*s' names no table", STR_ARG(text));
    *name_out = (struct cli_table_name){.tenant = tenant, .namespace_name = in.len ? in : S("iceberg"), .name = name};
    return true;
}

void cli_append_lake_path(struct buf *path, struct str tenant)
{
    buf_append_str(path, S("/api/v1/tenants/"));
    cli_append_escaped(path, tenant);
    buf_append_str(path, S("/iceberg"));
}

void cli_append_table_path(struct buf *path, const struct cli_table_name *name, struct str rest)
{
    cli_append_lake_path(path, name->tenant);
    buf_append_str(path, S("/tables/"));
    cli_append_escaped(path, name->name);
    buf_append_str(path, rest);
    cli_append_parameter(path, "namespace", name->namespace_name);
}

/* --- Snapshots --- */

/* The texts of an array, with commas. */
static struct cli_cell joined(struct arena *arena, const struct json *array)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < json_count(array); i++) {
        buf_append_str(&text, i ? S(", ") : S(""));
        buf_append_str(&text, json_text(json_at(array, i)));
    }
    return CLI_TEXT(str_copy(arena, buf_str(&text)));
}

static bool print_snapshots(struct cli *cli, const struct json *list, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"id", 2}, .right = true},
        {.name = {"committed", 9}},
        {.name = {"operation", 9}},
        {.name = {"added_rows", 10}, .right = true},
        {.name = {"rows", 4}, .right = true},
        {.name = {"files", 5}, .right = true},
        {.name = {"refs", 4}},
    };
    static const char *const members[] = {"id", "committed", "operation", "added_rows", "rows", "files"};
    AUTO(cli_output) struct cli_output *output = cli_output_open(cli_format(cli), STDOUT_FILENO, true, columns, 7);
    for (size_t i = 0; i < json_count(list); i++) {
        struct cli_cell *cells = arena_array(cli->arena, 7, sizeof(*cells));
        for (size_t j = 0; j < 6; j++)
            cells[j] = cli_cell(cli->arena, json_get(json_at(list, i), members[j]));
        cells[6] = joined(cli->arena, json_get(json_at(list, i), "refs"));
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}

static bool run_snapshots(struct cli *cli, struct err *err)
{
    struct cli_table_name table;
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    if (!cli_connect(cli, true, err) || !cli_table_name_read(cli, cli->options.arguments[0], &table, err))
        return false;
    cli_append_table_path(&path, &table, S("/snapshots"));
    return cli_call(cli, "GET", buf_str(&path), S(""), &answer, err) &&
           print_snapshots(cli, cli_list(answer, "snapshots"), err);
}

static bool run_rollback(struct cli *cli, struct err *err)
{
    struct cli_table_name table;
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (cli_option(cli, "to").len == 0)
        return cli_wrong_use(cli, err, "--to is missing: the id of a snapshot, or a tag");
    if (!cli_connect(cli, true, err) || !cli_table_name_read(cli, cli->options.arguments[0], &table, err))
        return false;
    cli_append_table_path(&path, &table, S("/rollback"));
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "to", cli_option(cli, "to"));
    json_end_object(&writer);
    if (!cli_call(cli, "POST", buf_str(&path), buf_str(&body), &answer, err))
        return false;
    (void)printf("%.*s is at snapshot %.*s again\n", STR_ARG(table.name),
                 STR_ARG(json_text(json_get(answer, "snapshot"))));
    return true;
}

/* --- Dropping, and back --- */

static bool run_drop(struct cli *cli, struct err *err)
{
    struct cli_table_name table;
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    bool now = cli_flag(cli, "now");
    if (now && !cli_flag(cli, "yes"))
        return cli_wrong_use(cli, err, "this deletes the files of %.*s for good; say --yes",
                             STR_ARG(cli->options.arguments[0]));
    if (!cli_connect(cli, true, err) || !cli_table_name_read(cli, cli->options.arguments[0], &table, err))
        return false;
    cli_append_table_path(&path, &table, S(""));
    cli_append_parameter(&path, "now", now ? S("true") : S(""));
    if (!cli_call(cli, "DELETE", buf_str(&path), S(""), &answer, err))
        return false;
    (void)printf(now ? "%.*s is deleted\n" : "%.*s is dropped; `eider undrop` brings it back\n", STR_ARG(table.name));
    return true;
}

static bool run_dropped(struct cli *cli, struct err *err)
{
    static const struct cli_column columns[] = {{.name = {"id", 2}},      {.name = {"namespace", 9}},
                                                {.name = {"name", 4}},    {.name = {"kind", 4}},
                                                {.name = {"dropped", 7}}, {.name = {"deleted", 7}}};
    static const char *const members[] = {"id", "namespace", "name", "kind", "dropped", "deleted"};
    struct str tenant;
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    if (!cli_connect(cli, true, err) || !cli_tenant_need(cli, &tenant, err))
        return false;
    cli_append_lake_path(&path, tenant);
    buf_append_str(&path, S("/dropped"));
    return cli_call(cli, "GET", buf_str(&path), S(""), &answer, err) &&
           cli_print_list(cli, cli_list(answer, "dropped"), columns, members, sizeof(members) / sizeof(members[0]),
                          err);
}

static bool run_undrop(struct cli *cli, struct err *err)
{
    struct cli_table_name table;
    struct str id = cli_option(cli, "id"), as = cli_option(cli, "as");
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!cli_connect(cli, true, err) || !cli_table_name_read(cli, cli->options.arguments[0], &table, err))
        return false;
    cli_append_lake_path(&path, table.tenant);
    buf_append_str(&path, S("/undrop"));
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "table", table.name);
    json_write_text(&writer, "namespace", table.namespace_name);
    if (id.len > 0)
        json_write_text(&writer, "id", id);
    if (as.len > 0)
        json_write_text(&writer, "as", as);
    json_end_object(&writer);
    if (!cli_call(cli, "POST", buf_str(&path), buf_str(&body), &answer, err))
        return false;
    (void)printf("%.*s is back\n", STR_ARG(as.len > 0 ? as : table.name));
    return true;
}

/* --- The table of commands --- */

static const struct cli_option list_options[] = {CLI_TENANT_OPTION, CLI_OUTPUT_OPTION, CLI_SERVER_OPTIONS,
                                                 CLI_HELP_OPTION};
static const struct cli_option rollback_options[] = {
    {.name = "to", .value = "ID", .help = "a snapshot's id, or a tag"},
    CLI_TENANT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option drop_options[] = {
    {.name = "now", .help = "delete its files at once: there is no way back"},
    {.name = "yes", .help = "really do that"},
    CLI_TENANT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option undrop_options[] = {
    {.name = "id", .value = "ID", .help = "which one of that name (default: the last one dropped)"},
    {.name = "as", .value = "NAME", .help = "under another name"},
    CLI_TENANT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_snapshots = {
    .name = "snapshots",
    .summary = "show the snapshots of an Iceberg table",
    .usage = "TABLE [OPTION]...",
    .examples = "  eider snapshots orders --tenant tenant_acme\n",
    .options = list_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_snapshots,
};
const struct cli_command cli_command_rollback = {
    .name = "rollback",
    .summary = "make an earlier snapshot of an Iceberg table the current one",
    .usage = "TABLE --to ID",
    .details = "Nothing is lost: later snapshots stay until `eider maintain` expires them, and can be gone back to.\n",
    .examples = "  eider rollback orders --to 6385954881834340117\n  eider rollback orders --to before_import\n",
    .options = rollback_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_rollback,
};
const struct cli_command cli_command_drop = {
    .name = "drop",
    .summary = "drop an Iceberg table",
    .usage = "TABLE [--now --yes]",
    .details = "Its name is free at once. Its files stay for catalog.retention (7 days), and so does the way back.\n",
    .options = drop_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_drop,
};
const struct cli_command cli_command_dropped = {
    .name = "dropped",
    .summary = "show what was dropped and can be brought back",
    .usage = "[OPTION]...",
    .options = list_options,
    .run = run_dropped,
};
const struct cli_command cli_command_undrop = {
    .name = "undrop",
    .summary = "bring a dropped Iceberg table back",
    .usage = "TABLE [--id ID] [--as NAME]",
    .options = undrop_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_undrop,
};
