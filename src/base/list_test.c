/* The intrusive list: order, removal while walking, and harmless second removals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

struct list_item {
    int number;
    struct list node;
};

static void list_keeps_order(void **state)
{
    (void)state;
    struct list list;
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    struct list_item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    for (int i = 0; i < 3; i++)
        list_append(&list, &items[i].node);
    int expected = 1;
    list_each(&list, node) assert_int_equal(list_object(node, struct list_item, node)->number, expected++);
    assert_ptr_equal(list_first(&list), &items[0].node);
}

static void list_allows_removal_while_walking(void **state)
{
    (void)state;
    struct list list;
    list_init(&list);
    struct list_item items[4] = {0};
    for (int i = 0; i < 4; i++)
        list_append(&list, &items[i].node);
    int seen = 0;
    list_each(&list, node)
    {
        list_remove(node);
        seen++;
    }
    assert_int_equal(seen, 4);
    assert_true(list_is_empty(&list));
}

static void list_removal_twice_is_harmless(void **state)
{
    (void)state;
    struct list list;
    list_init(&list);
    struct list_item item = {0};
    list_append(&list, &item.node);
    list_remove(&item.node);
    list_remove(&item.node);
    assert_true(list_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_keeps_order),
        cmocka_unit_test(list_allows_removal_while_walking),
        cmocka_unit_test(list_removal_twice_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
