/* How text and tables look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"

static void assert_text(struct buf *buf, const char *expected)
{
    buf_append_char(buf, '\0');
    assert_string_equal(buf_str(buf).ptr, expected);
    buf_done(buf);
}

static void wide_characters_take_two_cells_and_marks_none(void **state)
{
    (void)state;
    assert_int_equal(cli_text_width(S("abc")), 3);
    assert_int_equal(cli_text_width(S("äöü")), 3);
    assert_int_equal(cli_text_width(S("日本")), 4);
    assert_int_equal(cli_text_width(S("e\xCC\x81")), 1);
    assert_int_equal(cli_text_width(S("🚀")), 2);
    size_t width;
    assert_int_equal(cli_text_cut(S("日本語"), 5, &width).len, 6);
    assert_int_equal(width, 4);
}

static void control_characters_cannot_reach_the_terminal(void **state)
{
    (void)state;
    struct buf out = {0};
    cli_text_clean(&out, S("a\nb\tc\x1b[2Jd\xC2\x9B"
                           "e\xFF"
                           "f\xE2\x80\xAEg\xC3"));
    assert_text(&out, "a\\nb\\tc\\x1B[2Jd\\x9Be\xEF\xBF\xBD"
                      "f\\u202Eg\xEF\xBF\xBD");
}

static void numbers_read_well(void **state)
{
    (void)state;
    struct buf out = {0};
    cli_text_number(&out, 0);
    buf_append_char(&out, ' ');
    cli_text_number(&out, 999);
    buf_append_char(&out, ' ');
    cli_text_number(&out, 1000);
    buf_append_char(&out, ' ');
    cli_text_number(&out, 18446744073709551615u);
    assert_text(&out, "0 999 1,000 18,446,744,073,709,551,615");
    cli_text_bytes(&out, 999);
    buf_append_char(&out, ' ');
    cli_text_bytes(&out, 1500);
    buf_append_char(&out, ' ');
    cli_text_bytes(&out, 123456789);
    assert_text(&out, "999 B 1.5 kB 123 MB");
    cli_text_duration(&out, 12345);
    buf_append_char(&out, ' ');
    cli_text_duration(&out, 2345678);
    buf_append_char(&out, ' ');
    cli_text_duration(&out, 75000000);
    assert_text(&out, "12 ms 2.35 s 1 min 15 s");
}

static const struct cli_column columns[] = {{.name = {"carrier", 7}}, {.name = {"n", 1}, .right = true}};

static void numbers_stand_on_the_right_and_null_is_shown(void **state)
{
    (void)state;
    struct buf out = {0};
    struct cli_table *table = cli_table_new(columns, 2, false);
    const struct cli_cell first[] = {CLI_TEXT(S("日本")), CLI_RAW(S("58665"))};
    const struct cli_cell second[] = {{0}, CLI_RAW(S("1"))};
    cli_table_row(table, first, &out);
    cli_table_row(table, second, &out);
    assert_int_equal(cli_table_kept(table), 2);
    cli_table_start(table, 0, &out);
    cli_table_finish(table, &out);
    cli_table_free(&table);
    assert_text(&out, "┌─────────┬───────┐\n"
                      "│ carrier │     n │\n"
                      "├─────────┼───────┤\n"
                      "│ 日本    │ 58665 │\n"
                      "│ NULL    │     1 │\n"
                      "└─────────┴───────┘\n");
}

static void the_widest_column_shrinks_to_the_terminal(void **state)
{
    (void)state;
    struct buf out = {0};
    struct cli_table *table = cli_table_new(columns, 2, false);
    const struct cli_cell row[] = {CLI_TEXT(S("a long text that does not fit")), CLI_RAW(S("7"))};
    cli_table_row(table, row, &out);
    cli_table_start(table, 20, &out);
    cli_table_row(table, row, &out);
    cli_table_finish(table, &out);
    cli_table_free(&table);
    assert_text(&out, "┌──────────────┬───┐\n"
                      "│ carrier      │ n │\n"
                      "├──────────────┼───┤\n"
                      "│ a long text… │ 7 │\n"
                      "│ a long text… │ 7 │\n"
                      "└──────────────┴───┘\n");
}

static void a_full_table_asks_to_be_started(void **state)
{
    (void)state;
    struct buf out = {0};
    struct cli_table *table = cli_table_new(columns, 2, false);
    const struct cli_cell row[] = {CLI_TEXT(S("x")), CLI_RAW(S("7"))};
    while (!cli_table_is_full(table))
        cli_table_row(table, row, &out);
    assert_int_equal(buf_len(&out), 0);
    cli_table_start(table, 0, &out);
    assert_false(cli_table_is_full(table));
    size_t before = buf_len(&out);
    cli_table_row(table, row, &out);
    assert_true(buf_len(&out) > before);
    cli_table_free(&table);
    buf_done(&out);
}

static void progress_shows_rows_rate_and_time_left(void **state)
{
    (void)state;
    struct buf out = {0};
    struct cli_progress progress = {.title = S("flights"), .unit = "rows", .expected = 100000, .width = 200};
    cli_progress_draw(&out, &progress, 50000, 20000000, 2000000);
    assert_text(&out, "flights  ████████████░░░░░░░░░░░░ 50 %  50,000 rows  10.0 MB/s  ETA 3.00 s");
    progress.expected = 0;
    cli_progress_draw(&out, &progress, 500, 1000, 1000000);
    assert_text(&out, "flights  500 rows  1.0 kB/s");
    progress.width = 10;
    cli_progress_draw(&out, &progress, 500, 1000, 1000000);
    assert_text(&out, "flights  ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_characters_take_two_cells_and_marks_none),
        cmocka_unit_test(control_characters_cannot_reach_the_terminal),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(numbers_stand_on_the_right_and_null_is_shown),
        cmocka_unit_test(the_widest_column_shrinks_to_the_terminal),
        cmocka_unit_test(a_full_table_asks_to_be_started),
        cmocka_unit_test(progress_shows_rows_rate_and_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
