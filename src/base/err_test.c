/* Errors as values: cut visibly, wrapped outside in, and never longer than their room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void err_set_is_false_and_clears_the_hint(void **state)
{
    (void)state;
    struct err err = {.hint = "old"};
    assert_false(err_set(&err, ERR_NOT_FOUND, "no table '%s'", "t"));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.message, "no table 't'");
    assert_string_equal(err.hint, "");
    assert_true(str_equal(err_message(&err), S("no table 't'")));
}

static void err_wrap_puts_context_in_front(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, ERR_DENIED, "no such file");
    assert_false(err_wrap(&err, "open %s", "catalog"));
    assert_string_equal(err.message, "open catalog: no such file");
    assert_int_equal(err.code, ERR_DENIED);
}

static void err_shows_that_text_was_cut(void **state)
{
    (void)state;
    struct err err;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_string_equal(err.message + sizeof(err.message) - 4, "...");
    err_hint(&err, "%s", text);
    assert_string_equal(err.hint + sizeof(err.hint) - 4, "...");
}

static void err_wrap_never_overflows(void **state)
{
    (void)state;
    struct err err;
    char text[2000];
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_INVALID, "cause");
    for (int i = 0; i < 100; i++)
        err_wrap(&err, "%.*s", i * 10, text);
    assert_true(strlen(err.message) < sizeof(err.message));
    assert_string_equal(err.message + strlen(err.message) - 3, "...");
}

static void err_errno_names_kind_and_cause(void **state)
{
    (void)state;
    struct err err;
    errno = ENOENT;
    assert_false(err_errno(&err, "open %s", "f"));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.message, "open f: No such file or directory");
    errno = ENOSPC;
    err_errno(&err, "write");
    assert_int_equal(err.code, ERR_RESOURCE);
    errno = EEXIST;
    err_errno(&err, "make");
    assert_int_equal(err.code, ERR_EXISTS);
    errno = EPERM;
    err_errno(&err, "make");
    assert_int_equal(err.code, ERR_DENIED);
    errno = EIO;
    err_errno(&err, "read");
    assert_int_equal(err.code, ERR_UNAVAILABLE);
}

static void err_every_code_has_a_name(void **state)
{
    (void)state;
    for (int code = ERR_OK; code <= ERR_UNAUTHENTICATED; code++)
        assert_true(strlen(err_code_name((enum err_code)code)) > 1);
    assert_string_equal(err_code_name((enum err_code)999), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_set_is_false_and_clears_the_hint), cmocka_unit_test(err_wrap_puts_context_in_front),
        cmocka_unit_test(err_shows_that_text_was_cut),          cmocka_unit_test(err_wrap_never_overflows),
        cmocka_unit_test(err_errno_names_kind_and_cause),       cmocka_unit_test(err_every_code_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
