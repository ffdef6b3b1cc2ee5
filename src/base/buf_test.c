/* The growing buffer, also as a queue: what goes in comes out in order, whatever was consumed between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

static void buf_appends_and_reads_back(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    assert_true(str_equal(buf_str(&buf), S("")));
    buf_append_str(&buf, S("ab"));
    buf_append_char(&buf, 'c');
    buf_append(&buf, NULL, 0);
    buf_printf(&buf, "%d-%s", 42, "x");
    assert_true(str_equal(buf_str(&buf), S("abc42-x")));
}

static void buf_printf_takes_more_than_its_room(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    buf_printf(&buf, "%05000d", 7);
    assert_int_equal(buf_len(&buf), 5000);
    assert_true(str_ends_with(buf_str(&buf), S("0007")));
}

static void buf_consumes_at_the_front(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    buf_append_str(&buf, S("hello world"));
    buf_consume(&buf, 6);
    assert_true(str_equal(buf_str(&buf), S("world")));
    buf_consume(&buf, 5);
    assert_int_equal(buf_len(&buf), 0);
    assert_int_equal(buf.start, 0);
}

static void buf_keeps_order_as_a_queue(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    unsigned put = 0, got = 0;
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < round % 37; i++)
            buf_append_char(&buf, (char)put++);
        for (int i = 0; i < round % 31 && buf_len(&buf); i++) {
            assert_int_equal(buf_str(&buf).ptr[0], (char)got++);
            buf_consume(&buf, 1);
        }
    }
    assert_int_equal(buf_len(&buf), put - got);
}

static void buf_reuses_consumed_room(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    for (int i = 0; i < 100000; i++) {
        buf_append_str(&buf, S("0123456789"));
        buf_consume(&buf, 10);
        buf_append_char(&buf, 'x');
        buf_consume(&buf, 1);
    }
    assert_true(buf.capacity <= 512);
}

static void buf_reserve_then_commit(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    assert_non_null(buf_reserve(&buf, 0));
    memset(buf_reserve(&buf, 1000), 'y', 1000);
    buf_commit(&buf, 3);
    assert_true(str_equal(buf_str(&buf), S("yyy")));
}

static void buf_clear_keeps_memory_and_done_gives_it_back(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_str(&buf, S("abc"));
    buf_clear(&buf);
    assert_int_equal(buf_len(&buf), 0);
    assert_true(buf.capacity > 0);
    buf_done(&buf);
    assert_null(buf.ptr);
    buf_done(&buf);
}

static void buf_doubles_quotes(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    buf_append_quoted(&buf, S("it's"), '\'');
    buf_append_quoted(&buf, S("a\"\"b"), '"');
    buf_append_quoted(&buf, S(""), '"');
    assert_true(str_equal(buf_str(&buf), S("'it''s'\"a\"\"\"\"b\"\"\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_appends_and_reads_back), cmocka_unit_test(buf_printf_takes_more_than_its_room),
        cmocka_unit_test(buf_consumes_at_the_front),  cmocka_unit_test(buf_keeps_order_as_a_queue),
        cmocka_unit_test(buf_reuses_consumed_room),   cmocka_unit_test(buf_reserve_then_commit),
        cmocka_unit_test(buf_doubles_quotes),         cmocka_unit_test(buf_clear_keeps_memory_and_done_gives_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
