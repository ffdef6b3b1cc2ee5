/* The table of an asset's own properties, and the smaller things of which it consists. */
#include "base/clock.h"
#include "domain/pipeline/asset_property.h"

static bool asset_read_export_path(struct property_reader *reader, const struct property *property,
                                   const struct yaml *value, void *field)
{
    static const char *const directories[] = {"data/processed/", "data/final/", NULL};
    struct str path;
    if (!property_text(reader, property, value, &path))
        return false;
    if (!property_is_below(path, directories) || str_ends_with(path, S("/")))
        return property_problem(reader, yaml_line(value),
                                "an export is a file below data/processed/ or data/final/, not '%.*s'",
                                STR_ARG(str_slice(path, 0, 100)));
    memcpy(field, &path, sizeof(path));
    return true;
}

#define EXPORT(field) offsetof(struct asset_export, field)
const struct property asset_export_properties[] = {
    {"path", "path", "", asset_read_export_path, EXPORT(path), NULL, 0},
    {"format", "word", "by the path's end", property_word, EXPORT(format), asset_format_words, 0},
    {0},
};

static bool asset_format_of(struct str path, enum asset_format *format_out)
{
    static const struct {
        const char *end;
        enum asset_format format;
    } ends[] = {{".csv", ASSET_CSV},     {".parquet", ASSET_PARQUET}, {".json", ASSET_JSON},   {".jsonl", ASSET_JSON},
                {".ndjson", ASSET_JSON}, {".arrow", ASSET_ARROW},     {".arrows", ASSET_ARROW}};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (!str_ends_with(path, str_from(ends[i].end)))
            continue;
        *format_out = ends[i].format;
        return true;
    }
    return false;
}

static bool asset_read_export(struct property_reader *reader, const struct yaml *value, struct asset_export *export)
{
    *export = (struct asset_export){.path = S(""), .line = yaml_line(value)};
    bool is_map = yaml_kind(value) == YAML_MAP;
    bool ok = is_map ? property_map(reader, "an export", value, asset_export_properties, export)
                     : asset_read_export_path(reader, &asset_export_properties[0], value, &export->path);
    if (ok && export->path.len == 0)
        return property_problem(reader, export->line, "an export needs path");
    if (!ok || (is_map && yaml_get(value, "format")))
        return ok;
    return asset_format_of(export->path, &export->format) ||
           property_problem(reader, export->line,
                            "the path of an export ends in .csv, .parquet, .json or .arrow, or "
                            "format says what it is");
}

/* A path, a map, or a list of both. */
static bool asset_read_exports(struct property_reader *reader, const struct property *property,
                               const struct yaml *value, void *field)
{
    (void)property;
    bool is_list = yaml_kind(value) == YAML_LIST, ok = true;
    struct {
        const struct asset_export *items;
        size_t count;
    } list = {.count = is_list ? yaml_count(value) : 1};
    struct asset_export *exports = arena_array(reader->arena, list.count, sizeof(*exports));
    for (size_t i = 0; i < list.count; i++)
        ok = asset_read_export(reader, is_list ? yaml_at(value, i) : value, &exports[i]) && ok;
    list.items = exports;
    memcpy(field, &list, sizeof(list));
    return ok;
}

/* day:, hour: or key:, which say the column and by their name the kind. */
static bool asset_read_partition_column(struct property_reader *reader, const struct property *property,
                                        const struct yaml *value, void *field)
{
    struct asset_partition *partition = field;
    enum asset_partition_kind kind = property->name[0] == 'd'   ? ASSET_BY_DAY
                                     : property->name[0] == 'h' ? ASSET_BY_HOUR
                                                                : ASSET_BY_KEY;
    if (partition->kind != ASSET_NOT_PARTITIONED)
        return property_problem(reader, yaml_line(value), "partition_by takes one of day, hour, key");
    partition->kind = kind;
    return property_text(reader, property, value, &partition->column);
}

static bool asset_read_start(struct property_reader *reader, const struct property *property, const struct yaml *value,
                             void *field)
{
    int64_t start;
    if (!asset_parse_moment(yaml_text(value), false, &start) && !asset_parse_moment(yaml_text(value), true, &start))
        return property_problem(reader, yaml_line(value),
                                "%s must be a day like 2026-01-31 or an hour like "
                                "2026-01-31T05",
                                property->name);
    memcpy(field, &start, sizeof(start));
    return true;
}

#define PARTITION(field) offsetof(struct asset_partition, field)
const struct property asset_partition_properties[] = {
    {"day", "text", "", asset_read_partition_column, 0, NULL, 0},
    {"hour", "text", "", asset_read_partition_column, 0, NULL, 0},
    {"key", "text", "", asset_read_partition_column, 0, NULL, 0},
    {"start", "day", "", asset_read_start, PARTITION(start_us), NULL, 0},
    {"values", "texts", "", property_texts, PARTITION(values), NULL, 0},
    {0},
};

static bool asset_read_partition(struct property_reader *reader, const struct property *property,
                                 const struct yaml *value, void *field)
{
    struct asset_partition partition = {.column = S("")};
    if (!property_map(reader, property->name, value, asset_partition_properties, &partition))
        return false;
    bool by_key = partition.kind == ASSET_BY_KEY, has_start = yaml_get(value, "start") != NULL;
    if (partition.kind == ASSET_NOT_PARTITIONED)
        return property_problem(reader, yaml_line(value), "partition_by needs one of day, hour, key: COLUMN");
    if (by_key ? has_start || partition.value_count == 0 : !has_start || partition.value_count > 0)
        return property_problem(reader, yaml_line(value), "partition_by a %s",
                                by_key ? "key needs values, and no start" : "time needs start, and no values");
    if (partition.kind == ASSET_BY_DAY && partition.start_us % (86400 * CLOCK_SECOND) != 0)
        return property_problem(reader, yaml_line(value), "partition_by day starts with a day");
    memcpy(field, &partition, sizeof(partition));
    return true;
}

const struct property asset_freshness_properties[] = {
    {"max_age", "time", "", property_duration, 0, NULL, 0},
    {0},
};

static bool asset_read_freshness(struct property_reader *reader, const struct property *property,
                                 const struct yaml *value, void *field)
{
    if (yaml_kind(value) == YAML_MAP)
        return property_map(reader, property->name, value, asset_freshness_properties, field);
    return property_duration(reader, property, value, field);
}

/* A list is argv; a text is a line for the shell. */
bool asset_read_command(struct property_reader *reader, const struct property *property, const struct yaml *value,
                        void *field)
{
    struct property_list list = {.count = 3};
    if (yaml_kind(value) != YAML_TEXT)
        return property_texts(reader, property, value, field);
    struct str *argv = arena_array(reader->arena, list.count, sizeof(*argv));
    argv[0] = S("/bin/sh");
    argv[1] = S("-c");
    argv[2] = yaml_text(value);
    list.items = argv;
    memcpy(field, &list, sizeof(list));
    return true;
}

static bool asset_read_dbt_project(struct property_reader *reader, const struct property *property,
                                   const struct yaml *value, void *field)
{
    static const char *const anywhere[] = {"", NULL};
    struct str path;
    if (!property_text(reader, property, value, &path))
        return false;
    if (!property_is_below(path, anywhere) || path.ptr[0] == '/')
        return property_problem(reader, yaml_line(value), "%s must be a directory of this project", property->name);
    memcpy(field, &path, sizeof(path));
    return true;
}

#define ASSET(field) offsetof(struct asset, field)
const struct property asset_dbt_properties[] = {
    {"project", "path", "", asset_read_dbt_project, ASSET(dbt_project), NULL, 0},
    {"select", "texts", "", property_texts, ASSET(dbt_select), NULL, 0},
    {0},
};

static bool asset_read_dbt(struct property_reader *reader, const struct property *property, const struct yaml *value,
                           void *field)
{
    struct asset *asset = field;
    if (yaml_kind(value) != YAML_MAP)
        return asset_read_dbt_project(reader, property, value, &asset->dbt_project);
    if (!property_map(reader, property->name, value, asset_dbt_properties, asset))
        return false;
    return asset->dbt_project.len > 0 || property_problem(reader, yaml_line(value), "dbt needs project");
}

/* What selectors find: their signs cannot be in it. */
static bool asset_read_labels(struct property_reader *reader, const struct property *property, const struct yaml *value,
                              void *field)
{
    struct property_list list;
    if (!property_texts(reader, property, value, &list))
        return false;
    for (size_t i = 0; i < list.count; i++)
        for (size_t k = 0; k < list.items[i].len; k++)
            if (strchr(" \t\r\n,+!*?[]", list.items[i].ptr[k]))
                return property_problem(reader, yaml_line(value),
                                        "%s cannot contain white space or any of , + ! * ? [ ]", property->name);
    memcpy(field, &list, sizeof(list));
    return true;
}

static bool asset_read_label(struct property_reader *reader, const struct property *property, const struct yaml *value,
                             void *field)
{
    struct property_list list;
    if (!asset_read_labels(reader, property, value, &list))
        return false;
    if (list.count != 1)
        return property_problem(reader, yaml_line(value), "%s is one text", property->name);
    memcpy(field, list.items, sizeof(struct str));
    return true;
}

#define SQL (1U << ASSET_SQL)
#define TEST (1U << ASSET_TEST)
#define COMMAND (1U << ASSET_COMMAND)
#define DBT (1U << ASSET_DBT)
#define BUILT (SQL | COMMAND | DBT)
const struct property asset_properties[] = {
    {"materialize", "word", "table", property_word, ASSET(materialize), asset_materialize_words, SQL},
    {"strategy", "word", "by what is there", property_word, ASSET(strategy), asset_strategy_words, SQL},
    {"unique_key", "texts", "", property_texts, ASSET(unique_key), NULL, SQL},
    {"watermark", "text", "", property_text, ASSET(watermark), NULL, SQL},
    {"partition_by", "map", "", asset_read_partition, ASSET(partition), NULL, SQL},
    {"depends_on", "texts", "", property_texts, ASSET(depends_on), NULL, 0},
    {"connection", "text", "", property_text, ASSET(connection), NULL, SQL},
    {"schedule", "schedule", "", asset_read_schedule, ASSET(schedule), NULL, BUILT},
    {"every", "time", "", asset_read_every, ASSET(schedule), NULL, BUILT},
    {"on_file", "path", "", asset_read_on_file, ASSET(schedule), NULL, BUILT},
    {"after", "texts", "", asset_read_after, ASSET(schedule), NULL, BUILT},
    {"retries", "number or map", "those of eider.yaml", asset_read_retries, ASSET(retries), NULL, 0},
    {"timeout", "time", "`query.timeout`", property_duration, ASSET(timeout_us), NULL, 0},
    {"freshness", "time or map", "", asset_read_freshness, ASSET(max_age_us), NULL, BUILT},
    {"export", "exports", "", asset_read_exports, ASSET(exports), NULL, SQL},
    {"columns", "columns", "", asset_read_columns, ASSET(columns), NULL, SQL},
    {"tests", "tests", "", asset_read_tests, 0, NULL, SQL},
    {"severity", "word", "error", property_word, ASSET(severity), asset_severity_words, TEST},
    {"owner", "text", "", property_text, ASSET(owner), NULL, 0},
    {"description", "text", "", property_text, ASSET(description), NULL, 0},
    {"group", "text", "the directory", asset_read_label, ASSET(group), NULL, 0},
    {"tags", "texts", "", asset_read_labels, ASSET(tags), NULL, 0},
    {"command", "command", "", asset_read_command, ASSET(command), NULL, COMMAND},
    {"dbt", "path or map", "", asset_read_dbt, 0, NULL, DBT},
    {0},
};
