/* The arena: alignment, zeroed memory, closers in reverse order, reuse after a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static char arena_test_order[8];

static void arena_test_close(void *object)
{
    size_t used = strlen(arena_test_order);
    arena_test_order[used] = *(const char *)object;
    arena_test_order[used + 1] = '\0';
}

static void arena_gives_aligned_zeroed_memory(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t size = 1; size < 6000; size = size * 3 / 2 + 1) {
        unsigned char *ptr = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(ptr[i], 0);
        memset(ptr, 0xff, size);
    }
}

static void arena_is_zeroed_again_after_a_reset(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    memset(arena_alloc(arena, 1000), 0xff, 1000);
    memset(arena_alloc(arena, 100000), 0xff, 100000);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    const unsigned char *ptr = arena_alloc(arena, 2000);
    for (size_t i = 0; i < 2000; i++)
        assert_int_equal(ptr[i], 0);
}

static void arena_keeps_small_room_beside_a_big_block(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    char *first = arena_alloc(arena, 16);
    arena_alloc(arena, 1 << 20);
    char *second = arena_alloc(arena, 16);
    assert_ptr_equal(second, first + 16);
}

static void arena_that_is_small_gives_the_same(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new_small();
    for (size_t size = 1; size < 6000; size = size * 3 / 2 + 1) {
        unsigned char *ptr = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(ptr[i], 0);
        memset(ptr, 0xff, size);
    }
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_int_equal(*(unsigned char *)arena_alloc(arena, 1), 0);
}

static void arena_counts_what_it_handed_out(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_int_equal(arena_used(arena), 0);
    arena_alloc(arena, 1 << 20);
    assert_true(arena_used(arena) >= 1 << 20);
}

static void arena_closes_last_deferred_first(void **state)
{
    (void)state;
    arena_test_order[0] = '\0';
    struct arena *arena = arena_new();
    arena_defer(arena, arena_test_close, (void *)(uintptr_t) "a");
    arena_defer(arena, arena_test_close, (void *)(uintptr_t) "b");
    arena_defer(arena, arena_test_close, (void *)(uintptr_t) "c");
    arena_free(&arena);
    assert_null(arena);
    assert_string_equal(arena_test_order, "cba");
}

static void arena_closers_run_once_at_a_reset(void **state)
{
    (void)state;
    arena_test_order[0] = '\0';
    struct arena *arena = arena_new();
    arena_defer(arena, arena_test_close, (void *)(uintptr_t) "a");
    arena_reset(arena);
    arena_free(&arena);
    assert_string_equal(arena_test_order, "a");
}

static void arena_copy_and_array_hold_their_bytes(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_memory_equal(arena_copy(arena, "abc", 3), "abc", 3);
    assert_non_null(arena_copy(arena, NULL, 0));
    const uint64_t *numbers = arena_array(arena, 3, sizeof(*numbers));
    assert_int_equal(numbers[2], 0);
}

static void arena_free_accepts_nothing(void **state)
{
    (void)state;
    struct arena *none = NULL;
    arena_free(&none);
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_zeroed_memory),
        cmocka_unit_test(arena_is_zeroed_again_after_a_reset),
        cmocka_unit_test(arena_keeps_small_room_beside_a_big_block),
        cmocka_unit_test(arena_that_is_small_gives_the_same),
        cmocka_unit_test(arena_counts_what_it_handed_out),
        cmocka_unit_test(arena_closes_last_deferred_first),
        cmocka_unit_test(arena_closers_run_once_at_a_reset),
        cmocka_unit_test(arena_copy_and_array_hold_their_bytes),
        cmocka_unit_test(arena_free_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
