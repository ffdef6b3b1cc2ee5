/* The log in a file: it turns over before it is too long, keeps so many, and takes descriptors 1 and 2 along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/log_file.h"

#define LINES 300

static char directory[64];
static struct arena *arena;

static struct str path_of(int number)
{
    return number ? str_format(arena, "%s/log.%d", directory, number) : str_format(arena, "%s/log", directory);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    (void)snprintf(directory, sizeof(directory), "/tmp/log_file_test_XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    (void)chmod(directory, 0700);
    for (int i = 0; i < 10; i++)
        (void)unlink(path_of(i).ptr);
    (void)rmdir(directory);
    arena_free(&arena);
    return 0;
}

static int64_t size_of(int number)
{
    struct stat about;
    return stat(path_of(number).ptr, &about) == 0 ? about.st_size : -1;
}

static void *write_lines(void *unused)
{
    for (int i = 0; i < LINES; i++)
        log_error("test.line", LOG_I64("number", i));
    return unused;
}

static void log_file_turns_over(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(log_file_open(path_of(0), 4096, 3, &err));
    write_lines(NULL);
    log_file_close();
    for (int i = 0; i < 3; i++)
        assert_in_range(size_of(i), 1, 4096 + 200);
    assert_int_equal(size_of(3), -1);
}

static void log_file_of_one(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(log_file_open(path_of(0), 4096, 1, &err));
    write_lines(NULL);
    log_file_close();
    assert_in_range(size_of(0), 1, 4096 + 200);
    assert_int_equal(size_of(1), -1);
}

static void log_file_loses_no_line_of_threads(void **state)
{
    (void)state;
    struct err err = {0};
    pthread_t threads[4];
    int lines = 0, c;
    assert_true(log_file_open(path_of(0), 16384, 9, &err));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    log_file_close();
    for (int i = 0; i < 9; i++) {
        FILE *file = fopen(path_of(i).ptr, "r");
        while (file && (c = fgetc(file)) != EOF)
            lines += c == '\n';
        if (file)
            (void)fclose(file);
    }
    assert_int_equal(lines, 4 * LINES);
}

static void log_file_takes_standard_error_along(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat file, error;
    int kept = dup(STDERR_FILENO), fd = open(path_of(0).ptr, O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    assert_true(log_file_open(path_of(0), 1024, 2, &err));
    write_lines(NULL);
    int same = fstat(STDERR_FILENO, &error) == 0 && stat(path_of(0).ptr, &file) == 0 && file.st_ino == error.st_ino;
    log_file_close();
    (void)dup2(kept, STDERR_FILENO);
    (void)close(kept);
    (void)close(fd);
    assert_true(same);
}

static void log_file_says_why_not(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(log_file_open(str_format(arena, "%s/none/log", directory), 1, 1, &err));
    assert_non_null(strstr(err.message, "none/log"));
    log_error("test.line", LOG_I64("number", 0)); /* to descriptor 2 as before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_file_turns_over, setup, teardown),
        cmocka_unit_test_setup_teardown(log_file_of_one, setup, teardown),
        cmocka_unit_test_setup_teardown(log_file_loses_no_line_of_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(log_file_takes_standard_error_along, setup, teardown),
        cmocka_unit_test_setup_teardown(log_file_says_why_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
