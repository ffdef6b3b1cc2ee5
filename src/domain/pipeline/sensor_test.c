/* File sensors: what counts as a change, and when it is whole. The pool is a double that looks at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/pipeline/sensor.h"

void work_submit(struct work_pool *pool, struct work_job *job)
{
    (void)pool;
    job->run(job);
    job->done(job);
}

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/sensor[1]*_XXXXXX"); /* what would be a pattern in a glob */
    assert_non_null(mkdtemp(root));
    return 0;
}

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void take(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    assert_int_equal(remove(path), 0);
}

static void count_look(struct sensor_look *look)
{
    ++*(size_t *)look->owner;
}

static struct sensor_look look_at(const char *glob)
{
    size_t looks = 0;
    struct sensor_look look = {.done = count_look, .owner = &looks};
    sensor_look_start(&look, NULL, str_from(root), str_from(glob));
    assert_int_equal(looks, 1);
    assert_false(look.is_busy);
    assert_null(look.pattern);
    return look;
}

static void sensor_state_is_that_of_the_files(void **state)
{
    (void)state;
    struct sensor_look none = look_at("*.csv");
    assert_int_equal(none.files, 0);
    assert_string_equal(none.state, "");
    put("a.csv", "1");
    put("b.csv", "2");
    put("c.txt", "3");
    char path[128];
    snprintf(path, sizeof(path), "%s/d.csv", root);
    assert_int_equal(mkdir(path, 0700), 0);
    struct sensor_look two = look_at("*.csv");
    assert_int_equal(two.files, 2); /* a directory is none */
    assert_string_equal(look_at("*.csv").state, two.state);
    put("b.csv", "22");
    assert_string_not_equal(look_at("*.csv").state, two.state);
    take("b.csv");
    assert_int_equal(look_at("*.csv").files, 1);
    assert_string_not_equal(look_at("*.csv").state, two.state);
    take("a.csv");
    assert_string_equal(look_at("*.csv").state, "");
    take("c.txt");
    take("d.csv");
    assert_int_equal(rmdir(root), 0);
    assert_int_equal(look_at("*.csv").files, 0); /* nor is a directory that is gone an error */
}

static void sensor_waits_until_nothing_changes(void **state)
{
    (void)state;
    struct sensor sensor = {0};
    int64_t second = CLOCK_SECOND;
    assert_false(sensor_is_stable(&sensor, "a", 2 * second, 10 * second));
    assert_false(sensor_is_stable(&sensor, "a", 2 * second, 11 * second));
    assert_false(sensor_is_stable(&sensor, "b", 2 * second, 12 * second)); /* still written */
    assert_false(sensor_is_stable(&sensor, "b", 2 * second, 13 * second));
    assert_true(sensor_is_stable(&sensor, "b", 2 * second, 14 * second));
    assert_true(sensor_is_stable(&sensor, "b", 2 * second, 15 * second));
    assert_false(sensor_is_stable(&sensor, "", 2 * second, 16 * second));
    assert_true(sensor_is_stable(&sensor, "", 0, 16 * second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sensor_state_is_that_of_the_files, make_root),
        cmocka_unit_test(sensor_waits_until_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
