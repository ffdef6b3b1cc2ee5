#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/net/loop.h"

struct probe {
    struct loop *loop;
    struct loop_timer timers[64];
    int order[64];
    int fired;
    int wanted;
    struct loop_task task;
    int task_runs;
    struct loop_watch a, b;
    int a_runs, b_runs;
    int posted[100];
    int posted_count;
};

static struct loop *new_loop(void)
{
    struct err err = {0};
    struct loop *loop = loop_new(&err);
    assert_non_null(loop);
    return loop;
}

static void note_timer(struct loop_timer *timer)
{
    struct probe *probe = timer->owner;
    probe->order[probe->fired++] = (int)(timer - probe->timers);
    if (probe->fired == probe->wanted)
        loop_stop(probe->loop);
}

static void loop_fires_timers_in_order_of_time(void **state)
{
    (void)state;
    struct probe probe = {.loop = new_loop(), .wanted = 49};
    clock_fake(clock_now_us(), clock_wall_us()); /* all delays count from the same moment */
    for (int i = 0; i < 50; i++) {
        probe.timers[i] = (struct loop_timer){.on_time = note_timer, .owner = &probe};
        loop_timer_set(probe.loop, &probe.timers[i], ((i * 37) % 50) * 200);
    }
    loop_timer_cancel(probe.loop, &probe.timers[7]);
    loop_timer_cancel(probe.loop, &probe.timers[7]);
    loop_timer_set(probe.loop, &probe.timers[3], 50000); /* moved to the end */
    clock_real();
    loop_run(probe.loop);
    assert_int_equal(probe.order[48], 3);
    int last = -1;
    for (int i = 0; i < 48; i++) {
        int rank = (probe.order[i] * 37) % 50;
        assert_int_not_equal(probe.order[i], 7);
        assert_true(rank > last);
        last = rank;
    }
    loop_free(&probe.loop);
    assert_null(probe.loop);
}

static void rerun_task(struct loop_task *task)
{
    struct probe *probe = task->owner;
    if (++probe->task_runs < 3)
        loop_defer(probe->loop, task);
    else
        loop_stop(probe->loop);
}

static void loop_runs_a_deferred_task_once_per_defer(void **state)
{
    (void)state;
    struct probe probe = {.loop = new_loop()};
    probe.task = (struct loop_task){.run = rerun_task, .owner = &probe};
    list_init(&probe.task.node);
    loop_defer(probe.loop, &probe.task);
    loop_defer(probe.loop, &probe.task);
    loop_run(probe.loop);
    assert_int_equal(probe.task_runs, 3);
    loop_defer(probe.loop, &probe.task);
    loop_defer_cancel(&probe.task);
    loop_stop(probe.loop);
    loop_run(probe.loop);
    assert_int_equal(probe.task_runs, 3);
    loop_free(&probe.loop);
}

static void remove_the_other(struct loop_watch *watch, uint32_t events)
{
    struct probe *probe = watch->owner;
    assert_true(events & EPOLLIN);
    (watch == &probe->a) ? probe->a_runs++ : probe->b_runs++;
    loop_watch_remove(probe->loop, watch == &probe->a ? &probe->b : &probe->a);
    loop_stop(probe->loop);
}

static void loop_does_not_call_a_watch_that_was_removed_in_the_same_turn(void **state)
{
    (void)state;
    struct err err = {0};
    struct probe probe = {.loop = new_loop()};
    int left[2], right[2];
    assert_int_equal(pipe(left), 0);
    assert_int_equal(pipe(right), 0);
    probe.a = (struct loop_watch){.fd = left[0], .on_ready = remove_the_other, .owner = &probe};
    probe.b = (struct loop_watch){.fd = right[0], .on_ready = remove_the_other, .owner = &probe};
    assert_true(loop_watch_add(probe.loop, &probe.a, EPOLLIN, &err));
    assert_true(loop_watch_add(probe.loop, &probe.b, EPOLLIN, &err));
    assert_int_equal(write(left[1], "x", 1), 1);
    assert_int_equal(write(right[1], "x", 1), 1);
    loop_run(probe.loop);
    assert_int_equal(probe.a_runs + probe.b_runs, 1);
    loop_free(&probe.loop);
    close(left[0]), close(left[1]), close(right[0]), close(right[1]);
}

static struct probe *poster;
static int numbers[100];

static void note_post(void *owner)
{
    poster->posted[poster->posted_count++] = *(int *)owner;
    if (poster->posted_count == 100)
        loop_stop(poster->loop);
}

static void *post_all(void *owner)
{
    struct probe *probe = owner;
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        loop_post(probe->loop, note_post, &numbers[i]);
    }
    return NULL;
}

static void loop_runs_posts_of_another_thread_in_order(void **state)
{
    (void)state;
    struct probe probe = {.loop = new_loop()};
    poster = &probe;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_all, &probe), 0);
    loop_run(probe.loop);
    pthread_join(thread, NULL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(probe.posted[i], i);
    loop_free(&probe.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loop_fires_timers_in_order_of_time),
        cmocka_unit_test(loop_runs_a_deferred_task_once_per_defer),
        cmocka_unit_test(loop_does_not_call_a_watch_that_was_removed_in_the_same_turn),
        cmocka_unit_test(loop_runs_posts_of_another_thread_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
