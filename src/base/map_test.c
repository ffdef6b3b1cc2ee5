/* The hash map: a long random life beside a plain array, and keys of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/map.h"

static void map_agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    static int values[KEYS];
    bool present[KEYS] = {0};
    size_t count = 0;
    struct map map = {0};
    uint32_t random = 12345;
    for (int step = 0; step < 50000; step++) {
        random = random * 1664525u + 1013904223u;
        size_t i = (random >> 8) % KEYS;
        char key[16];
        struct str name = {key, (size_t)snprintf(key, sizeof(key), "key-%zu", i)};
        if (random & 0x80000000u) {
            assert_ptr_equal(map_put(&map, name, &values[i]), present[i] ? &values[i] : NULL);
            count += !present[i];
            present[i] = true;
        } else {
            assert_ptr_equal(map_remove(&map, name), present[i] ? &values[i] : NULL);
            count -= present[i];
            present[i] = false;
        }
        assert_ptr_equal(map_get(&map, name), present[i] ? &values[i] : NULL);
        assert_int_equal(map.count, count);
    }
    map_done(&map);
}

static void map_walks_over_every_entry_once(void **state)
{
    (void)state;
    struct map map = {0};
    static int values[100];
    for (uint64_t i = 0; i < 100; i++)
        map_put(&map, map_key_u64(&i), &values[i]);
    int seen[100] = {0};
    size_t position = 0;
    for (struct map_entry *entry = map_next(&map, &position); entry; entry = map_next(&map, &position))
        seen[(int *)entry->value - values]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    map_done(&map);
}

static void map_keys_may_be_empty_or_hold_any_byte(void **state)
{
    (void)state;
    struct map map = {0};
    int a, b, c;
    map_put(&map, S(""), &a);
    map_put(&map, S("\0"), &b);
    map_put(&map, S("\0\0"), &c);
    assert_ptr_equal(map_get(&map, S("")), &a);
    assert_ptr_equal(map_get(&map, S("\0")), &b);
    assert_ptr_equal(map_get(&map, S("\0\0")), &c);
    map_done(&map);
}

static void map_replaces_a_value(void **state)
{
    (void)state;
    struct map map = {0};
    int a, b;
    assert_null(map_put(&map, S("k"), &a));
    assert_ptr_equal(map_put(&map, S("k"), &b), &a);
    assert_ptr_equal(map_get(&map, S("k")), &b);
    assert_int_equal(map.count, 1);
    map_done(&map);
}

static void map_that_is_empty_has_nothing(void **state)
{
    (void)state;
    struct map map = {0};
    size_t position = 0;
    assert_null(map_get(&map, S("k")));
    assert_null(map_remove(&map, S("k")));
    assert_null(map_next(&map, &position));
    map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_agrees_with_an_array),
        cmocka_unit_test(map_walks_over_every_entry_once),
        cmocka_unit_test(map_keys_may_be_empty_or_hold_any_byte),
        cmocka_unit_test(map_replaces_a_value),
        cmocka_unit_test(map_that_is_empty_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
