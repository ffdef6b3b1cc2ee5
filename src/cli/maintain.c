/* eider maintain and mirror: work on tables that the server does by itself only where it is told to. */
#include <stdio.h>

#include "cli/iceberg.h"

/* --only compact,expire */
static bool write_actions(struct cli *cli, struct json_writer *writer, struct err *err)
{
    static const char *const known[] = {"compact", "expire", "orphans", "statistics"};
    struct str rest = cli_option(cli, "only"), action;
    if (rest.len == 0)
        return true;
    json_begin_array(writer, "actions");
    while (str_split_next(&rest, ',', &action)) {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            found = found || str_equal(action, str_from(known[i]));
        if (!found)
            return cli_wrong_use(cli, err, "--only takes compact, expire, orphans and statistics, not '%.*s'",
                                 STR_ARG(action));
        json_write_text(writer, NULL, action);
    }
    json_end_array(writer);
    return true;
}

static bool write_seconds(struct cli *cli, struct json_writer *writer, const char *option, const char *key,
                          struct err *err)
{
    int64_t seconds = -1;
    if (!cli_option_seconds(cli, option, &seconds, err))
        return false;
    if (seconds >= 0)
        json_write_i64(writer, key, seconds);
    return true;
}

/* The members but the table's. */
static bool write_wish(struct cli *cli, struct json_writer *writer, struct err *err)
{
    struct str keep = cli_option(cli, "keep");
    int64_t count;
    if (keep.len > 0 && (!str_to_i64(keep, &count) || count < 0))
        return cli_wrong_use(cli, err, "--keep wants a number of snapshots, not '%.*s'", STR_ARG(keep));
    if (keep.len > 0)
        json_write_i64(writer, "keep", count);
    json_write_bool(writer, "dry_run", cli_flag(cli, "dry-run"));
    json_write_bool(writer, "now", cli_flag(cli, "now"));
    return write_actions(cli, writer, err) && write_seconds(cli, writer, "older-than", "older_than_s", err) &&
           write_seconds(cli, writer, "orphan-age", "orphan_age_s", err);
}

/* Rows of a result become members of objects, as lists are printed. */
static const struct json *objects(struct cli *cli, const struct json *answer, struct err *err)
{
    const struct json *columns = json_get(answer, "columns"), *rows = json_get(answer, "rows");
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < json_count(rows); i++) {
        json_begin_object(&writer, NULL);
        for (size_t j = 0; j < json_count(columns); j++) {
            struct str name = json_text(json_get(json_at(columns, j), "name"));
            json_write_value(&writer, str_cstr(cli->arena, name), json_at(json_at(rows, i), j));
        }
        json_end_object(&writer);
    }
    json_end_array(&writer);
    return json_parse(cli->arena, buf_str(&text), err);
}

static bool print_done(struct cli *cli, const struct json *answer, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"table", 5}},
        {.name = {"action", 6}},
        {.name = {"files", 5}, .right = true},
        {.name = {"bytes", 5}, .right = true},
        {.name = {"rows", 4}, .right = true},
        {.name = {"detail", 6}},
    };
    static const char *const members[] = {"table", "action", "files", "bytes", "rows", "detail"};
    const struct json *list = objects(cli, answer, err);
    return list && cli_print_list(cli, list, columns, members, sizeof(members) / sizeof(members[0]), err);
}

static bool run_maintain(struct cli *cli, struct err *err)
{
    struct cli_table_name table = {0};
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    bool one = cli->options.argument_count > 0;
    json_begin_object(&writer, NULL);
    if (!write_wish(cli, &writer, err) || !cli_connect(cli, true, err) ||
        !(one ? cli_table_name_read(cli, cli->options.arguments[0], &table, err)
              : cli_tenant_need(cli, &table.tenant, err)))
        return false;
    if (one) {
        json_write_text(&writer, "table", table.name);
        json_write_text(&writer, "namespace", table.namespace_name);
    }
    json_end_object(&writer);
    cli_append_lake_path(&path, table.tenant);
    buf_append_str(&path, S("/maintain"));
    return cli_call(cli, "POST", buf_str(&path), buf_str(&body), &answer, err) && print_done(cli, answer, err);
}

static bool run_mirror(struct cli *cli, struct err *err)
{
    struct str tenant, name = cli->options.arguments[0];
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!cli_connect(cli, true, err) || !cli_tenant_need(cli, &tenant, err))
        return false;
    if (str_starts_with(name, S("default.")))
        name = str_from_index(name, sizeof("default.") - 1);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "table", name);
    json_end_object(&writer);
    cli_append_lake_path(&path, tenant);
    buf_append_str(&path, S("/mirror"));
    if (!cli_call(cli, "POST", buf_str(&path), buf_str(&body), &answer, err))
        return false;
    (void)printf("%.*s is mirrored: %.*s\n", STR_ARG(name), STR_ARG(json_text(json_get(answer, "metadata_location"))));
    return true;
}

static const struct cli_option maintain_options[] = {
    {.name = "dry-run", .help = "only say what would be done"},
    {.name = "only", .value = "ACTIONS", .help = "some of compact,expire,orphans,statistics (default: all)"},
    {.name = "older-than", .value = "TIME", .help = "snapshots of this age expire (default: as the table says, 5d)"},
    {.name = "keep", .value = "COUNT", .help = "but so many of each branch stay (default: as the table says, 1)"},
    {.name = "orphan-age",
     .value = "TIME",
     .help = "files that nothing needs go at this age (maintain.orphan_age, 3d)"},
    {.name = "now", .help = "without maintain.grace: nobody else may read or write meanwhile"},
    CLI_TENANT_OPTION,
    CLI_OUTPUT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};
static const struct cli_option mirror_options[] = {CLI_TENANT_OPTION, CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_maintain = {
    .name = "maintain",
    .summary = "compact Iceberg tables, expire snapshots, remove orphans",
    .usage = "[TABLE] [--dry-run] [OPTION]...",
    .details = "compact     small files, and files with deletes, become larger ones without\n"
               "expire      old snapshots are forgotten, and deleted with what only they need\n"
               "orphans     files are deleted that no snapshot needs: leftovers of writers that were killed\n"
               "statistics  how many files, bytes and rows there are\n\n"
               "Nothing goes that a snapshot, a branch or a tag needs. Killed half-way, it leaves files that the next "
               "run finds.\n",
    .examples = "  eider maintain --tenant tenant_acme --dry-run\n  eider maintain orders --only expire --older-than "
                "7d --keep 10\n",
    .options = maintain_options,
    .arguments_max = 1,
    .run = run_maintain,
};
const struct cli_command cli_command_mirror = {
    .name = "mirror",
    .summary = "show a DuckDB table to Iceberg's readers as it is now, however large",
    .usage = "TABLE",
    .options = mirror_options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_mirror,
};
