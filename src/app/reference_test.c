/* docs/reference/pipelines.md says of each property and key what the tables say, and its examples are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config_priv.h"
#include "base/buf.h"
#include "domain/pipeline/asset_property.h"

struct reference_table {
    const char *prefix;
    const struct property *rows;
};

static struct str page;

static int read_page(void **state)
{
    (void)state;
    static struct buf buf;
    FILE *file = fopen(REFERENCE_PAGE, "r");
    assert_non_null(file);
    for (size_t len; (len = fread(buf_reserve(&buf, 65536), 1, 65536, file)) > 0;)
        buf_commit(&buf, len);
    fclose(file);
    page = buf_str(&buf);
    return 0;
}

/* "`a`, `b`" of words, else the type. */
static struct str type_of(struct arena *arena, const struct property *row)
{
    struct str type = S("");
    for (size_t i = 0; row->words && row->words[i]; i++)
        type = str_format(arena, "%.*s%s`%s`", STR_ARG(type), i ? ", " : "", row->words[i]);
    return type.len ? type : str_from(row->type);
}

/* "| `name` | type | default |" of all tables, one per line. */
static struct str expected_rows(struct arena *arena, const struct reference_table *tables, size_t count)
{
    AUTO(buf) struct buf buf = {0};
    for (size_t i = 0; i < count; i++)
        for (const struct property *row = tables[i].rows; row->name; row++)
            buf_printf(&buf, "| `%s%s` | %.*s | %s |\n", tables[i].prefix, row->name, STR_ARG(type_of(arena, row)),
                       row->fallback);
    return str_copy(arena, buf_str(&buf));
}

/* The first three cells of what tables of properties and keys list between two headings. */
static struct str page_rows(struct arena *arena, const char *from, const char *to)
{
    AUTO(buf) struct buf buf = {0};
    ptrdiff_t start = str_find(page, str_from(from)), end = to ? str_find(page, str_from(to)) : (ptrdiff_t)page.len;
    assert_true(start >= 0 && end > start);
    struct str rest = str_slice(page, (size_t)start, (size_t)(end - start)), line, cell;
    bool listed = false;
    while (str_split_next(&rest, '\n', &line)) {
        listed = str_starts_with(line, S("| property |")) || str_starts_with(line, S("| key |")) ||
                 (listed && str_starts_with(line, S("|")));
        if (!listed || !str_starts_with(line, S("| `")))
            continue;
        struct str cells = str_from_index(line, 2);
        for (int i = 0; i < 3 && str_split_next(&cells, '|', &cell); i++)
            buf_printf(&buf, "| %.*s%s", STR_ARG(str_trim(cell)), i < 2 ? " " : " |\n");
    }
    return str_copy(arena, buf_str(&buf));
}

static void reference_has_every_property(void **state)
{
    (void)state;
    static const struct reference_table tables[] = {
        {"", asset_properties},
        {"partition_by.", asset_partition_properties},
        {"schedule.", asset_schedule_properties},
        {"retries.", asset_retries_properties},
        {"freshness.", asset_freshness_properties},
        {"export.", asset_export_properties},
        {"columns.", asset_column_properties},
        {"tests.", asset_test_properties},
        {"dbt.", asset_dbt_properties},
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct str expected = expected_rows(arena, tables, sizeof(tables) / sizeof(tables[0]));
    struct str found = page_rows(arena, "\n## Properties of an asset", "\n## Keys of eider.yaml");
    assert_string_equal(found.ptr, expected.ptr);
}

static void reference_has_every_key(void **state)
{
    (void)state;
    static const struct reference_table tables[] = {
        {"", config_project_properties},
        {"environments.", config_environment_properties},
        {"connections.", config_connection_properties},
        {"schedules.", config_schedule_properties},
        {"alerts.", config_alert_properties},
        {"lineage.", config_lineage_properties},
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct str expected = expected_rows(arena, tables, sizeof(tables) / sizeof(tables[0]));
    struct str found = page_rows(arena, "\n## Keys of eider.yaml", NULL);
    assert_string_equal(found.ptr, expected.ptr);
}

/* The next ```language block; its first line may be a comment with the file's path. */
static bool next_example(struct str *rest, const char *language, struct str *text_out)
{
    char fence[16];
    snprintf(fence, sizeof(fence), "\n```%s\n", language);
    ptrdiff_t at = str_find(*rest, str_from(fence));
    if (at < 0)
        return false;
    *rest = str_from_index(*rest, (size_t)at + strlen(fence));
    ptrdiff_t end = str_find(*rest, S("\n```\n"));
    assert_true(end > 0);
    *text_out = str_slice(*rest, 0, (size_t)end + 1);
    return true;
}

static void reference_examples_are_right(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct asset_problems problems = {.arena = arena};
    struct str rest = page, text;
    size_t count = 0, projects = 0;
    for (; next_example(&rest, "sql", &text); count++)
        if (!asset_parse(arena, S("pipelines/group/example.sql"), text, &problems))
            fail_msg("%.*s: %s", STR_ARG(text), problems.list.items[0].message.ptr);
    for (rest = page; next_example(&rest, "yaml", &text);) {
        struct config config;
        struct err err = {0};
        char path[] = "/tmp/reference_test_XXXXXX";
        bool is_project = str_find(text, S("tenant:")) >= 0;
        if (!is_project && !asset_parse(arena, S("pipelines/group/example.yaml"), text, &problems))
            fail_msg("%.*s: %s", STR_ARG(text), problems.list.items[0].message.ptr);
        if (!is_project)
            continue;
        int fd = mkstemp(path);
        assert_true(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && close(fd) == 0);
        setenv("SHOP_PASSWORD", "x", 1);
        struct config_flags flags = {.file = str_from(path)};
        if (!config_load(arena, &flags, &config, &err))
            fail_msg("%.*s: %s", STR_ARG(text), err.message);
        unlink(path);
        projects++;
    }
    assert_true(count > 5 && projects > 0);
    vec_done(&problems.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_has_every_property),
        cmocka_unit_test(reference_has_every_key),
        cmocka_unit_test(reference_examples_are_right),
    };
    return cmocka_run_group_tests(tests, read_page, NULL);
}
