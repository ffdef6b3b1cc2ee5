/* The data directory: made, private, locked, published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/data.h"
#include "base/process.h"

static char directory[64];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/data_test_XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const char *const names[] = {"/a/b/eider.lock", "/a/b/eider.addr", "/a/file"};
    static const char *const directories[] = {"/a/b", "/a", ""};
    for (size_t i = 0; i < 3; i++)
        unlink(str_format(arena, "%s%s", directory, names[i]).ptr);
    for (size_t i = 0; i < 3; i++)
        rmdir(str_format(arena, "%s%s", directory, directories[i]).ptr);
    return 0;
}

static void data_is_made_private_and_held_by_one(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str path = str_format(arena, "%s/a/b/", directory);
    struct data data, second;
    struct err err = {0};
    struct stat about;
    if (!data_open(arena, path, &data, &err))
        fail_msg("%s", err.message);
    assert_int_equal(stat(path.ptr, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_false(data_open(arena, path, &second, &err));
    assert_int_equal(err.code, ERR_PRECONDITION);
    assert_non_null(strstr(err.message, str_format(arena, "(pid %d)", (int)getpid()).ptr));
    data_close(&data);
    assert_true(data_open(arena, path, &data, &err));
    data_close(&data);
    data_close(&data);
}

static void data_address_is_whole_and_goes_away(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct data data;
    struct err err = {0};
    char text[64] = "";
    assert_true(data_open(arena, str_format(arena, "%s/a/b", directory), &data, &err));
    assert_true(data_publish(&data, S("http://127.0.0.1:1"), S("AB:CD"), &err));
    assert_true(data_publish(&data, S("http://127.0.0.1:22"), S(""), &err));
    struct str path = str_format(arena, "%.*s/eider.addr", STR_ARG(data.path));
    FILE *file = fopen(path.ptr, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "http://127.0.0.1:22\n");
    data_close(&data);
    assert_int_not_equal(access(path.ptr, F_OK), 0);
}

static void data_process_is_named_and_goes_away(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct data data;
    struct process written;
    struct err err = {0};
    char text[PROCESS_TEXT] = "";
    struct str path = str_format(arena, "%s/a/file", directory);
    assert_true(data_open(arena, str_format(arena, "%s/a/b", directory), &data, &err));
    assert_false(data_write_process(&data, arena, str_format(arena, "%s/none/file", directory), &err));
    assert_true(data_write_process(&data, arena, path, &err));
    FILE *file = fopen(path.ptr, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_true(process_parse(str_from(text), &written));
    assert_true(process_is_alive(&written));
    assert_int_equal(written.pid, getpid());
    data_close(&data);
    assert_int_not_equal(access(path.ptr, F_OK), 0);
}

static void data_refuses_a_file(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct data data;
    struct err err = {0};
    struct str path = str_format(arena, "%s/a/file", directory);
    assert_int_equal(mkdir(str_format(arena, "%s/a", directory).ptr, 0700), 0);
    fclose(fopen(path.ptr, "w"));
    assert_false(data_open(arena, path, &data, &err));
    assert_non_null(strstr(err.message, "is not a directory"));
    assert_false(data_open(arena, str_format(arena, "%.*s/x", STR_ARG(path)), &data, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(data_is_made_private_and_held_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(data_address_is_whole_and_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(data_process_is_named_and_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(data_refuses_a_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
