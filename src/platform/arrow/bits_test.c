#include "platform/arrow/bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void bits_count_agrees_with_a_loop(void **state)
{
    (void)state;
    uint8_t bits[40];
    for (size_t i = 0; i < sizeof(bits); i++)
        bits[i] = (uint8_t)(i * 37 + 11);
    for (size_t from = 0; from < 70; from += 3)
        for (size_t count = 0; from + count <= 8 * sizeof(bits); count += 5) {
            size_t slow = 0;
            for (size_t i = 0; i < count; i++)
                slow += arrow_bit(bits, from + i);
            assert_int_equal(arrow_bits_count(bits, from, count), slow);
        }
}

static void bits_copy_moves_every_position(void **state)
{
    (void)state;
    uint8_t source[24], target[32];
    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = (uint8_t)(i * 73 + 5);
    for (size_t from = 0; from < 17; from++)
        for (size_t to = 0; to < 17; to++)
            for (size_t count = 0; count < 120; count += 7) {
                memset(target, 0xff, sizeof(target));
                arrow_bits_copy(target, to, source, from, count);
                for (size_t i = 0; i < to; i++)
                    assert_true(arrow_bit(target, i));
                for (size_t i = 0; i < count; i++)
                    assert_int_equal(arrow_bit(target, to + i), arrow_bit(source, from + i));
            }
}

static void bits_copy_reads_no_byte_behind_the_source(void **state)
{
    (void)state;
    uint8_t source[2] = {0xff, 0xff}, target[4] = {0};
    arrow_bits_copy(target, 3, source, 0, 16);
    assert_int_equal(arrow_bits_count(target, 0, 32), 16);
}

static void bits_set_sets_exactly_its_range(void **state)
{
    (void)state;
    for (size_t to = 0; to < 20; to++)
        for (size_t count = 0; count < 60; count++) {
            uint8_t target[12] = {0};
            arrow_bits_set(target, to, count);
            assert_int_equal(arrow_bits_count(target, 0, 96), count);
            assert_int_equal(arrow_bits_count(target, to, count), count);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_count_agrees_with_a_loop),
        cmocka_unit_test(bits_copy_moves_every_position),
        cmocka_unit_test(bits_copy_reads_no_byte_behind_the_source),
        cmocka_unit_test(bits_set_sets_exactly_its_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
