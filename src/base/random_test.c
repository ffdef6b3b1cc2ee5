/* Random bytes and their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/random.h"

static void random_bytes_differ_and_fill(void **state)
{
    (void)state;
    unsigned char first[64] = {0}, second[64] = {0};
    random_bytes(first, sizeof(first));
    random_bytes(second, sizeof(second));
    assert_memory_not_equal(first, second, sizeof(first));
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof(first); i++)
        seen |= first[i];
    assert_int_equal(seen, 0xff);
    random_bytes(first, 0);
}

static void random_hex_is_twice_as_long_and_lower_case(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = random_hex(arena, 16);
    assert_int_equal(text.len, 32);
    for (size_t i = 0; i < text.len; i++)
        assert_non_null(memchr("0123456789abcdef", text.ptr[i], 16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ_and_fill),
        cmocka_unit_test(random_hex_is_twice_as_long_and_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
