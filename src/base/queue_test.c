/* The queue between threads: bounded, in order, closed with nothing lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/queue.h"

enum { QUEUE_ITEMS = 20000 };

static void *queue_consume(void *argument)
{
    struct queue *queue = argument;
    uintptr_t sum = 0;
    for (void *item = queue_pop(queue, -1); item; item = queue_pop(queue, -1))
        sum += (uintptr_t)item;
    return (void *)sum;
}

static void queue_is_first_in_first_out_and_bounded(void **state)
{
    (void)state;
    struct queue *queue = queue_new(3);
    int items[4];
    for (int i = 0; i < 3; i++)
        assert_true(queue_push(queue, &items[i]));
    assert_false(queue_push(queue, &items[3]));
    assert_int_equal(queue_count(queue), 3);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(queue_pop(queue, 0), &items[i]);
    assert_null(queue_pop(queue, 0));
    queue_free(&queue);
    assert_null(queue);
    queue_free(&queue);
}

static void queue_pop_gives_up_when_its_time_is_over(void **state)
{
    (void)state;
    struct queue *queue = queue_new(1);
    assert_null(queue_pop(queue, 1000));
    queue_free(&queue);
}

static void queue_gives_what_is_left_after_it_was_closed(void **state)
{
    (void)state;
    struct queue *queue = queue_new(2);
    int item;
    assert_true(queue_push(queue, &item));
    queue_close(queue);
    assert_false(queue_push(queue, &item));
    assert_ptr_equal(queue_pop(queue, -1), &item);
    assert_null(queue_pop(queue, -1));
    queue_free(&queue);
}

static void queue_loses_nothing_between_threads(void **state)
{
    (void)state;
    struct queue *queue = queue_new(64);
    pthread_t consumers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&consumers[i], NULL, queue_consume, queue), 0);
    uintptr_t sent = 0;
    for (uintptr_t i = 1; i <= QUEUE_ITEMS; i++) {
        while (!queue_push(queue, (void *)i))
            sched_yield();
        sent += i;
    }
    queue_close(queue);
    uintptr_t received = 0;
    for (int i = 0; i < 2; i++) {
        void *sum;
        pthread_join(consumers[i], &sum);
        received += (uintptr_t)sum;
    }
    assert_int_equal(received, sent);
    queue_free(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_is_first_in_first_out_and_bounded),
        cmocka_unit_test(queue_pop_gives_up_when_its_time_is_over),
        cmocka_unit_test(queue_gives_what_is_left_after_it_was_closed),
        cmocka_unit_test(queue_loses_nothing_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
