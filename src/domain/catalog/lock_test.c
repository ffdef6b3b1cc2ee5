#include "domain/catalog/lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"

struct change {
    struct lock_set set;
    bool ready;
};

static void on_ready(struct lock_set *set)
{
    list_object(set, struct change, set)->ready = true;
}

static void take(struct lock_table *table, struct arena *arena, struct change *change, const char *one,
                 const char *other)
{
    struct err error;
    const struct str names[] = {str_from(one), str_from(other ? other : one)};
    change->set.on_ready = on_ready;
    assert_true(lock_take(table, arena, &change->set, names, 2, &change->ready, &error));
}

static void lock_lets_one_at_a_time_have_a_name(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct lock_table table = {0};
    struct change a = {0}, b = {0}, c = {0};
    take(&table, arena, &a, "x", NULL);
    take(&table, arena, &b, "x", NULL);
    take(&table, arena, &c, "y", NULL);
    assert_true(a.ready && !b.ready && c.ready);
    lock_release(&a.set);
    assert_true(b.ready);
    lock_release(&b.set);
    lock_release(&b.set);
    lock_release(&c.set);
    assert_int_equal(table.queues.count, 0);
    lock_table_done(&table);
}

static void lock_of_several_names_never_waits_in_a_circle(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct lock_table table = {0};
    struct change a = {0}, b = {0}, c = {0};
    take(&table, arena, &a, "x", "y");
    take(&table, arena, &b, "y", "x");
    take(&table, arena, &c, "y", "z");
    assert_true(a.ready && !b.ready && !c.ready);
    lock_release(&a.set);
    assert_true(b.ready && !c.ready);
    lock_release(&c.set); /* gives up */
    lock_release(&b.set);
    assert_false(c.ready);
    lock_table_done(&table);
}

static void lock_has_a_bound(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct lock_table table = {0};
    struct err error;
    struct change a = {0}, b = {0};
    const struct str name = S("x");
    assert_true(limits_set(S("catalog.max_waiting"), 1, &error));
    take(&table, arena, &a, "x", NULL);
    assert_false(lock_take(&table, arena, &b.set, &name, 1, &b.ready, &error));
    assert_int_equal(error.code, ERR_RESOURCE);
    lock_forget(&a.set);
    lock_table_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_lets_one_at_a_time_have_a_name),
        cmocka_unit_test(lock_of_several_names_never_waits_in_a_circle),
        cmocka_unit_test(lock_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
