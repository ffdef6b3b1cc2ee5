/* Which addresses are private, in all their notations, and what a list lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "platform/http/outgoing.h"

static bool allows(const struct http_outgoing *outgoing, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return http_outgoing_allows(outgoing, (const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return http_outgoing_allows(outgoing, (const struct sockaddr *)&v6);
}

static void private_addresses_are_refused(void **state)
{
    static const char *const refused[] = {
        "127.0.0.1",     "127.9.9.9",        "0.0.0.0",         "10.1.2.3",
        "172.16.0.1",    "172.31.255.255",   "192.168.1.1",     "169.254.169.254",
        "100.64.0.1",    "224.0.0.1",        "255.255.255.255", "::",
        "::1",           "fe80::1",          "fc00::1",         "fd12::1",
        "ff02::1",       "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::",
    };
    static const char *const allowed[] = {"1.1.1.1",     "8.8.8.8",         "172.32.0.1",
                                          "192.169.0.1", "2606:4700::1111", "::ffff:8.8.8.8"};
    struct err err;
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct http_outgoing *outgoing = http_outgoing_new(arena, NULL, 0, &err);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (allows(outgoing, refused[i]))
            fail_msg("%s is allowed", refused[i]);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (!allows(outgoing, allowed[i]))
            fail_msg("%s is refused", allowed[i]);
}

static void a_list_lets_ranges_through(void **state)
{
    const struct str list[] = {S("10.1.0.0/16"), S("127.0.0.1"), S("fd00::/8")};
    struct err err;
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct http_outgoing *outgoing = http_outgoing_new(arena, list, 3, &err);
    assert_true(allows(outgoing, "10.1.255.1"));
    assert_true(allows(outgoing, "::ffff:10.1.0.1"));
    assert_false(allows(outgoing, "10.2.0.1"));
    assert_true(allows(outgoing, "127.0.0.1"));
    assert_false(allows(outgoing, "127.0.0.2"));
    assert_true(allows(outgoing, "fd77::1"));
    assert_false(allows(outgoing, "fc00::1"));
}

static void bad_ranges_are_named(void **state)
{
    static const char *const bad[] = {"",           "localhost", "10.0.0.0/33", "10.0.0.0/",
                                      "fd00::/129", "1.2.3",     "10.0.0.0/8/8"};
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct str text = str_from(bad[i]);
        struct err err;
        assert_null(http_outgoing_new(arena, &text, 1, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_addresses_are_refused),
        cmocka_unit_test(a_list_lets_ranges_through),
        cmocka_unit_test(bad_ranges_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
