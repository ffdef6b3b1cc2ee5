/* Processes: found, told apart, signalled, and their descendants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

static void process_finds_itself(void **state)
{
    (void)state;
    struct process self, again;
    char text[PROCESS_TEXT];
    assert_true(process_find(getpid(), &self));
    assert_int_equal(self.parent, getppid());
    assert_true(process_is_alive(&self));
    assert_true(process_parse(str_bytes(text, process_print(&self, text)), &again));
    assert_int_equal(again.pid, self.pid);
    assert_int_equal(again.start, self.start);
    assert_false(process_parse(S("4711\n"), &again));
    assert_false(process_parse(S("x 1"), &again));
    assert_false(process_parse(S("-1 1"), &again));
    assert_false(process_find(-1, &again));
}

static void process_of_another_start_is_left_alone(void **state)
{
    (void)state;
    struct process other;
    assert_true(process_find(getpid(), &other));
    other.start++;
    assert_false(process_is_alive(&other));
    assert_false(process_signal(&other, SIGKILL));
    assert_int_equal(errno, ESRCH);
}

/* A child that has a child and tells its number. */
static pid_t family(pid_t *grandchild_out)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            for (;;)
                pause();
        (void)!write(ends[1], &grandchild, sizeof(grandchild));
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], grandchild_out, sizeof(*grandchild_out)), sizeof(*grandchild_out));
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void process_knows_descendants_and_ends_them(void **state)
{
    (void)state;
    struct process_list list = {0};
    pid_t grandchild, child = family(&grandchild);
    process_add_descendants(getpid(), &list);
    process_add_descendants(getpid(), &list);
    assert_int_equal(list.all.count, 2);
    assert_int_equal(list.all.items[0].pid, child);
    assert_int_equal(list.all.items[1].pid, grandchild);
    assert_true(process_signal(&list.all.items[1], SIGKILL));
    assert_true(process_signal(&list.all.items[0], SIGKILL));
    siginfo_t how;
    assert_int_equal(waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT), 0);
    assert_false(process_is_alive(&list.all.items[0])); /* it has ended, and nobody has asked yet */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(process_signal(&list.all.items[0], 0));
    vec_done(&list.all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_finds_itself),
        cmocka_unit_test(process_of_another_start_is_left_alone),
        cmocka_unit_test(process_knows_descendants_and_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
