/* Results taken apart, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/rows.h"

static struct buf seen;

static bool on_columns(void *owner, const struct cli_column *columns, size_t count, struct err *err)
{
    (void)owner;
    (void)err;
    for (size_t i = 0; i < count; i++)
        buf_printf(&seen, "%s%.*s", columns[i].right ? ">" : "<", STR_ARG(columns[i].name));
    buf_append_char(&seen, '\n');
    return true;
}

static bool on_row(void *owner, const struct cli_cell *cells, size_t count, struct err *err)
{
    (void)owner;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        if (cells[i].kind == CLI_CELL_NULL)
            buf_append_str(&seen, S("~"));
        else
            buf_printf(&seen, cells[i].kind == CLI_CELL_TEXT ? "'%.*s'" : "%.*s", STR_ARG(cells[i].text));
        buf_append_char(&seen, i + 1 < count ? ' ' : '\n');
    }
    return true;
}

/* Feeds the text in pieces of `step` bytes; true when it was a whole result. */
static bool feed(struct str text, size_t step, struct err *err)
{
    const struct cli_rows_events events = {on_columns, on_row, NULL};
    struct cli_rows rows;
    buf_done(&seen);
    cli_rows_init(&rows, &events);
    bool fine = true;
    for (size_t at = 0; at < text.len && fine; at += step)
        fine = cli_rows_feed(&rows, str_slice(text, at, step), err);
    fine = fine && cli_rows_finish(&rows, err);
    cli_rows_done(&rows);
    buf_append_char(&seen, '\0');
    return fine;
}

#define RESULT                                                                                      \
    S("{\"statement\":\"s[1\\\"]\", \"columns\":[{\"name\":\"a,\\\"]\",\"type\":\"INTEGER\"},"      \
      "{\"name\":\"b\",\"type\":\"VARCHAR\"},{\"name\":\"c\",\"type\":\"DECIMAL(9,2)\"},"           \
      "{\"name\":\"d\",\"type\":\"INTEGER[]\"}], \"rows\":[[1,\"x\\n\\\"],[\\\\\",null,[1,[2]]],\n" \
      "[ -2.50 , \"\" , 1e9 , {\"k\":\"}\"} ]],\"row_count\":2}\n")

static void a_result_is_the_same_in_any_pieces(void **state)
{
    (void)state;
    struct err error;
    for (size_t step = 1; step < 300; step++) {
        assert_true(feed(RESULT, step, &error));
        assert_string_equal(buf_str(&seen).ptr, ">a,\"]<b>c<d\n"
                                                "1 'x\n\"],[\\' ~ [1,[2]]\n"
                                                "-2.50 '' 1e9 {\"k\":\"}\"}\n");
    }
}

static void a_result_without_rows_has_columns(void **state)
{
    (void)state;
    struct err error;
    assert_true(
        feed(S("{\"columns\":[{\"name\":\"a\",\"type\":\"INTEGER\"}],\"rows\":[],\"row_count\":0}"), 1, &error));
    assert_string_equal(buf_str(&seen).ptr, ">a\n");
    assert_true(feed(S("{\"columns\":[],\"rows\":[[]]}"), 1, &error));
}

static void a_result_that_is_cut_off_is_an_error(void **state)
{
    (void)state;
    struct err error = {0};
    for (size_t len = 0; len + 2 < RESULT.len; len++) {
        assert_false(feed(str_slice(RESULT, 0, len), 7, &error));
        assert_int_equal(error.code, ERR_DATA_LOSS);
    }
}

static void rows_that_do_not_fit_the_columns_are_refused(void **state)
{
    (void)state;
    struct err error;
    assert_false(feed(S("{\"columns\":[{\"name\":\"a\"}],\"rows\":[[1,2]]}"), 5, &error));
    assert_false(feed(S("{\"columns\":[{\"name\":\"a\"}],\"rows\":[[]]}"), 5, &error));
    assert_false(feed(S("{\"rows\":[[1]],\"columns\":[{\"name\":\"a\"}]}"), 5, &error));
    assert_false(feed(S("}}"), 5, &error));
    assert_false(feed(S("{\"columns\":[{\"name\":\"a\"}],\"rows\":[[\"\\x\"]]}"), 5, &error));
    buf_done(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_the_same_in_any_pieces),
        cmocka_unit_test(a_result_without_rows_has_columns),
        cmocka_unit_test(a_result_that_is_cut_off_is_an_error),
        cmocka_unit_test(rows_that_do_not_fit_the_columns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
