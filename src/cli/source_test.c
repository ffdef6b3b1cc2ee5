/* Table names, formats, plans and SQL from files; URLs and manifests beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/manifest.h"
#include "cli/server.h"
#include "cli/source.h"
#include "cli/tree.h"

static struct arena *arena;
static struct err error;
static char directory[] = "/tmp/eider-source-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    (void)snprintf(directory, sizeof(directory), "/tmp/eider-source-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cli_tree_remove(arena, str_from(directory));
    arena_free(&arena);
    return 0;
}

static struct str make_file(const char *name, const char *text)
{
    struct str path = cli_tree_path(arena, str_from(directory), str_from(name));
    FILE *file = fopen(path.ptr, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    return path;
}

static void assert_name(const char *path, const char *table)
{
    assert_string_equal(cli_source_table_name(arena, str_from(path)).ptr, table);
}

static void table_names_come_from_file_names(void **state)
{
    (void)state;
    assert_name("flights.csv", "flights");
    assert_name("data/2024 Orders.csv.gz", "t_2024_orders");
    assert_name("/a/b.c/My-Table (1).PARQUET", "my_table_1");
    assert_name("x.tar", "x_tar");
    assert_name("Größe.csv", "gr_e");
    assert_name("...csv", "t_");
    assert_name("-", "t_");
}

static void formats_come_from_file_names(void **state)
{
    (void)state;
    enum cli_source_format format;
    assert_true(cli_source_format_of(S("a.TSV.zst"), &format) && format == CLI_SOURCE_TSV);
    assert_true(cli_source_format_of(S("a.ndjson"), &format) && format == CLI_SOURCE_JSON);
    assert_true(cli_source_format_of(S("a.feather"), &format) && format == CLI_SOURCE_ARROW);
    assert_false(cli_source_format_of(S("a.xlsx"), &format));
    assert_false(cli_source_format_of(S(".csv"), &format));
}

static bool plan(const struct str *paths, size_t count, const char *table, const char *format,
                 struct cli_source **sources, size_t *source_count)
{
    const struct cli_source_request request = {paths, count, str_from(table), str_from(format)};
    return cli_source_plan(arena, &request, sources, source_count, &error);
}

static void patterns_expand_and_one_table_takes_several_files(void **state)
{
    (void)state;
    (void)make_file("p1.csv", "a\n1\n");
    (void)make_file("p2.csv", "a\n2\n");
    struct cli_source *sources;
    size_t count;
    struct str pattern = str_format(arena, "%s/p*.csv", directory);
    assert_true(plan(&pattern, 1, NULL, NULL, &sources, &count));
    assert_int_equal(count, 2);
    assert_string_equal(sources[1].table.ptr, "p2");
    assert_true(plan(&pattern, 1, "orders", NULL, &sources, &count));
    assert_int_equal(count, 1);
    assert_int_equal(sources[0].file_count, 2);
    assert_string_equal(cli_source_sql(arena, &sources[0], &(struct cli_source_csv){0}).ptr,
                        str_format(arena,
                                   "SELECT * FROM read_csv(['%s/p1.csv', '%s/p2.csv'], union_by_name = true, "
                                   "skip = 0, quote = '\"', escape = '\"', delim = ',')",
                                   directory, directory)
                            .ptr);
}

static void a_name_with_quotes_and_brackets_stays_one_name(void **state)
{
    (void)state;
    struct str path = make_file("it's [1]*.tsv", "a\n1\n");
    struct cli_source *sources;
    size_t count;
    assert_true(plan(&path, 1, NULL, NULL, &sources, &count));
    assert_string_equal(
        cli_source_sql(arena, &sources[0], &(struct cli_source_csv){.null_text = S("N'A")}).ptr,
        str_format(
            arena,
            "SELECT * FROM read_csv(['%s/it''s [[]1][*].tsv'], skip = 0, quote = '\"', escape = '\"', delim = '\t', "
            "nullstr = ['', 'N''A'])",
            directory)
            .ptr);
    assert_int_equal(cli_source_estimate(&sources[0]), 2);
}

static void what_is_no_file_or_has_no_format_is_refused(void **state)
{
    (void)state;
    struct cli_source *sources;
    size_t count;
    struct str missing = S("/nowhere/x.csv"), pattern = S("/nowhere/*.csv");
    assert_false(plan(&missing, 1, NULL, NULL, &sources, &count));
    assert_string_equal(error.message, "there is no file /nowhere/x.csv");
    assert_false(plan(&pattern, 1, NULL, NULL, &sources, &count));
    struct str folder = str_from(directory);
    assert_false(plan(&folder, 1, "t", "csv", &sources, &count));
    struct str odd[] = {make_file("a.xyz", "a\n"), make_file("b.csv", "a\n")};
    assert_false(plan(odd, 1, NULL, NULL, &sources, &count));
    assert_true(plan(odd, 2, "t", "csv", &sources, &count));
    odd[0] = make_file("c.json", "{}\n");
    assert_false(plan(odd, 2, "t", NULL, &sources, &count));
}

static void the_first_line_tells_the_delimiter(void **state)
{
    (void)state;
    static const struct {
        const char *text, *delimiter;
    } cases[] = {{"a;b;c\n1,5;2,5;3\n", "delim = ';'"},
                 {"\"a;b;c;d\",b\n", "delim = ','"},
                 {"a|b\n", "delim = '|'"},
                 {"a\n1;2\n", "delim = ','"},
                 {"", "delim = ','"},
                 {"a\tb\n", "delim = '\t'"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str path = make_file("d.csv", cases[i].text);
        struct cli_source *sources;
        size_t count;
        assert_true(plan(&path, 1, NULL, NULL, &sources, &count));
        struct str sql = cli_source_sql(arena, &sources[0], &(struct cli_source_csv){0});
        assert_true(str_find(sql, str_from(cases[i].delimiter)) > 0);
    }
}

static void assert_url(const char *url, const char *host, unsigned port)
{
    struct cli_server server;
    assert_true(cli_url_parse(arena, str_from(url), &server, &error));
    assert_string_equal(server.host.ptr, host);
    assert_int_equal(server.port, port);
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    struct cli_server server;
    assert_url("http://127.0.0.1:9000/", "127.0.0.1", 9000);
    assert_url("127.0.0.1:9000", "127.0.0.1", 9000);
    assert_url("http://[::1]:1", "::1", 1);
    assert_url("http://[::1]", "::1", 8815);
    assert_url("db.example", "db.example", 8815);
    static const char *const bad[] = {"",           "http://",   "ftp://x", "http://x:0", "http://x:70000",
                                      "http://x:y", "http://x/y"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cli_url_parse(arena, str_from(bad[i]), &server, &error));
}

static bool decode(const char *text, struct cli_manifest *manifest)
{
    const struct json *json = json_parse(arena, str_from(text), &error);
    assert_non_null(json);
    return cli_manifest_decode(arena, json, manifest, &error);
}

static void a_manifest_names_files_inside_the_directory_only(void **state)
{
    (void)state;
    struct cli_manifest manifest;
    assert_true(decode("{\"id\":\"b1\",\"files\":[{\"path\":\"tenants/a/a.duckdb\",\"size\":12}]}", &manifest));
    assert_int_equal(manifest.files[0].size, 12);
    struct buf text = {0};
    cli_manifest_encode(&manifest, &text);
    buf_append_char(&text, '\0');
    assert_true(decode(buf_str(&text).ptr, &manifest));
    buf_done(&text);
    static const char *const bad[] = {"/etc/passwd", "../x", "a/../../x", "a//b", "", "./a", "a/", "backup.json"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(decode(str_format(arena, "{\"files\":[{\"path\":\"%s\",\"size\":1}]}", bad[i]).ptr, &manifest));
    assert_false(decode("{\"files\":[{\"path\":\"a\",\"size\":-1}]}", &manifest));
    assert_false(decode("{}", &manifest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(table_names_come_from_file_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formats_come_from_file_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_expand_and_one_table_takes_several_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_with_quotes_and_brackets_stays_one_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_or_has_no_format_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_line_tells_the_delimiter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(urls_are_taken_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_manifest_names_files_inside_the_directory_only, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
