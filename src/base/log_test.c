/* Log lines: one write a line, and no value can forge a line or a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* What one log call writes. */
static const char *written(void (*log)(void))
{
    static char text[1024];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_set_fd(ends[1]);
    clock_fake(1, INT64_C(1795257060123456));
    log();
    clock_real();
    log_set_fd(2);
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void log_plain(void)
{
    log_info("query.finished", LOG_STR("tenant", S("tenant_acme")), LOG_I64("rows", 42), LOG_DOUBLE("s", 0.25));
}

static void log_forged(void)
{
    log_warn("query.failed", LOG_STR("error", S("a b\n2026 level=info \"x\\\x1b\x7f")), LOG_STR("empty", S("")));
}

/* Letters of all lengths; C1, line separators, marks of direction, and bytes that are no UTF-8. */
static void log_strange(void)
{
    log_warn("x", LOG_STR("good", S("\xc3\xa4\xe2\x82\xac\xe2\x80\x93\xf0\x9f\x92\xa3")),
             LOG_STR("bad", S("\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\x9b\xff\xe2\x82")));
}

static void log_numbers(void)
{
    log_info("x", LOG_I64("none", 0), LOG_I64("less", -7), LOG_I64("least", INT64_MIN), LOG_I64("most", INT64_MAX));
}

static void log_of_err(void)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, "gone");
    log_error("x", LOG_ERR(&err));
}

static void log_quiet(void)
{
    log_debug("not.seen", LOG_I64("n", 1));
}

static void log_writes_one_structured_line(void **state)
{
    (void)state;
    assert_string_equal(written(log_plain),
                        "2026-11-21T10:31:00.123456Z level=info event=query.finished tenant=tenant_acme "
                        "rows=42 s=0.25\n");
}

static void log_writes_numbers_of_all_sizes(void **state)
{
    (void)state;
    assert_string_equal(written(log_numbers), "2026-11-21T10:31:00.123456Z level=info event=x none=0 less=-7 "
                                              "least=-9223372036854775808 most=9223372036854775807\n");
}

static void log_values_cannot_forge_lines(void **state)
{
    (void)state;
    assert_string_equal(written(log_forged), "2026-11-21T10:31:00.123456Z level=warn event=query.failed "
                                             "error=\"a b\\n2026 level=info \\\"x\\\\\\x1b\\x7f\" empty=\"\"\n");
}

static void log_values_cannot_move_what_is_seen(void **state)
{
    (void)state;
    assert_string_equal(written(log_strange),
                        "2026-11-21T10:31:00.123456Z level=warn event=x "
                        "good=\"\xc3\xa4\xe2\x82\xac\xe2\x80\x93\xf0\x9f\x92\xa3\" "
                        "bad=\"\\xc2\\x85\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa6\\x9b\\xff\\xe2\\x82\"\n");
}

static void log_names_code_and_message_of_an_error(void **state)
{
    (void)state;
    assert_string_equal(written(log_of_err),
                        "2026-11-21T10:31:00.123456Z level=error event=x code=not_found error=gone\n");
}

static void log_level_decides(void **state)
{
    (void)state;
    assert_string_equal(written(log_quiet), "");
    log_set_level(LOG_DEBUG);
    assert_string_not_equal(written(log_quiet), "");
    log_set_level(LOG_ERROR);
    assert_string_equal(written(log_plain), "");
    log_set_level(LOG_INFO);
}

static void log_levels_have_names(void **state)
{
    (void)state;
    enum log_level level;
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        assert_true(log_level_parse(str_from(log_level_name((enum log_level)i)), &level));
        assert_int_equal(level, i);
    }
    assert_true(log_level_parse(S("WARN"), &level));
    assert_false(log_level_parse(S("loud"), &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_writes_one_structured_line),
        cmocka_unit_test(log_writes_numbers_of_all_sizes),
        cmocka_unit_test(log_values_cannot_forge_lines),
        cmocka_unit_test(log_values_cannot_move_what_is_seen),
        cmocka_unit_test(log_names_code_and_message_of_an_error),
        cmocka_unit_test(log_level_decides),
        cmocka_unit_test(log_levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
