#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/flight/handshake.h"

static void basic_auth_is_read(void **state)
{
    (void)state;
    struct str user, password;
    assert_true(flight_basic_auth_decode(S("\x12\x02me\x1a\x03pw\xc3"), &user, &password) == false);
    assert_true(flight_basic_auth_decode(S("\x12\x02me\x1a\x04pw\xc3\xa4"), &user, &password));
    assert_true(str_equal(user, S("me")));
    assert_true(str_equal(password, S("pw\xc3\xa4")));
    assert_true(flight_basic_auth_decode(S("\x12\x02me"), &user, &password));
    assert_int_equal(password.len, 0);
}

static void basic_auth_refuses_what_is_none(void **state)
{
    (void)state;
    static const struct str rows[] = {{"", 0}, {"token", 5}, {"\x1a\x01p", 3}, {"\x12\x02m\0", 4}, {"\x12\x05m", 3}};
    struct str user, password;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_false(flight_basic_auth_decode(rows[i], &user, &password));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(basic_auth_is_read),
                                       cmocka_unit_test(basic_auth_refuses_what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
