#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform/http/guard.h"
#include "platform/http/carrier.h"

#define assert_text(text, wanted) assert_true(str_equal((text), S(wanted)))

static void http_decodes_percent_escapes(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct str text;
    assert_true(http_percent_decode(arena, S("a%20b%C3%a4+c"), false, &text));
    assert_text(text, "a b\xc3\xa4+c");
    assert_true(http_percent_decode(arena, S("a+b%2B"), true, &text));
    assert_text(text, "a b+");
    assert_true(http_percent_decode(arena, S("%41"), true, &text));
    assert_text(text, "A");
    assert_true(http_percent_decode(arena, S(""), true, &text));
    assert_int_equal(text.len, 0);
    const struct str bad[] = {S("%"), S("%4"), S("a%4"), S("%zz"), S("%4g"), S("%00"), S("a%"), {"a\0b", 3}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(http_percent_decode(arena, bad[i], false, &text));
    arena_free(&arena);
}

static void http_finds_parameters(void **state)
{
    (void)state;
    struct http_request request = {.arena = arena_new()};
    assert_true(http_set_target(&request, S("/a%2Fb?x=1&y=a%26b&empty=&flag&x=2&b%61d=3&bad=%zz")));
    assert_text(request.path, "/a/b");
    assert_text(request.raw_path, "/a%2Fb");
    assert_text(http_parameter(&request, S("x")), "1");
    assert_text(http_parameter(&request, S("y")), "a&b");
    assert_text(http_parameter(&request, S("empty")), "");
    assert_non_null(http_parameter(&request, S("flag")).ptr);
    assert_null(http_parameter(&request, S("z")).ptr);
    assert_text(http_parameter(&request, S("bad")), "3");
    assert_false(http_set_target(&request, S("*")));
    assert_false(http_set_target(&request, S("http://localhost/")));
    assert_false(http_set_target(&request, S("")));
    assert_false(http_set_target(&request, S("/%")));
    arena_free(&request.arena);
}

static void http_writes_dates(void **state)
{
    (void)state;
    assert_text(http_date(784111777 * INT64_C(1000000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_text(http_date(1582934400 * INT64_C(1000000)), "Sat, 29 Feb 2020 00:00:00 GMT");
    assert_text(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

struct guard_row {
    const char *method, *host, *origin, *content_type, *body;
    int status;
};

static const struct guard_row guard_rows[] = {
    {"GET", "localhost", NULL, NULL, "", 0},
    {"GET", "LocalHost:1", NULL, NULL, "", 0},
    {"GET", "127.0.0.1:8815", NULL, NULL, "", 0},
    {"GET", "[::1]:8815", NULL, NULL, "", 0},
    {"GET", "data.example", NULL, NULL, "", 0},
    {"GET", "front", NULL, NULL, "", 0},
    {"GET", "", NULL, NULL, "", 421},
    {"GET", "evil.example", NULL, NULL, "", 421},
    {"GET", "localhost.", NULL, NULL, "", 421},
    {"GET", "localhost:80:80", NULL, NULL, "", 421},
    {"GET", "localhost:x", NULL, NULL, "", 421},
    {"GET", "localhost@evil", NULL, NULL, "", 421},
    {"GET", "10.0.0.1", NULL, NULL, "", 421},
    {"GET", "[::1", NULL, NULL, "", 421},
    {"GET", "localhost:1", "http://localhost:1", NULL, "", 0},
    {"GET", "localhost:1", "https://LOCALHOST:1", NULL, "", 0},
    {"GET", "localhost:1", "http://localhost", NULL, "", 403},
    {"GET", "localhost:1", "http://localhost:1.evil.example", NULL, "", 403},
    {"GET", "localhost:1", "null", NULL, "", 403},
    {"GET", "localhost:1", "", NULL, "", 403},
    {"POST", "localhost", NULL, "application/json", "{}", 0},
    {"POST", "localhost", NULL, "Application/JSON; charset=utf-8", "{}", 0},
    {"POST", "localhost", NULL, "application/vnd.apache.arrow.stream", "x", 0},
    {"PUT", "localhost", NULL, "text/csv", "x", 0},
    {"POST", "localhost", NULL, "text/plain", "{}", 415},
    {"POST", "localhost", NULL, "text/plain; application/json", "{}", 415},
    {"POST", "localhost", NULL, "multipart/form-data", "{}", 415},
    {"POST", "localhost", NULL, NULL, "", 415},
    {"PATCH", "localhost", NULL, NULL, "x", 415},
    {"FOO", "localhost", NULL, NULL, "", 415},
    {"DELETE", "localhost", NULL, NULL, "", 0},
    {"DELETE", "localhost", NULL, "text/plain", "", 415},
    {"DELETE", "localhost", NULL, NULL, "x", 415},
    {"DELETE", "localhost", NULL, "application/json", "{}", 0},
};

static void guard_follows_the_table(void **state)
{
    (void)state;
    const struct str addresses[] = {S("127.0.0.1:8815"), S("front:8815")};
    const struct str hosts[] = {S("data.example")};
    struct guard *guard = guard_new(addresses, 2, hosts, 1);
    for (size_t i = 0; i < sizeof(guard_rows) / sizeof(guard_rows[0]); i++) {
        const struct guard_row *row = &guard_rows[i];
        struct http_field fields[2];
        size_t count = 0;
        if (row->origin)
            fields[count++] = (struct http_field){S("origin"), str_from(row->origin)};
        if (row->content_type)
            fields[count++] = (struct http_field){S("content-type"), str_from(row->content_type)};
        static const struct net_peer plain;
        struct http_request request = {.peer = &plain,
                                       .method = str_from(row->method),
                                       .host = str_from(row->host),
                                       .body = str_from(row->body),
                                       .fields = fields,
                                       .field_count = count};
        struct str why;
        assert_int_equal(guard_check(guard, &request, &why), row->status);
    }
    guard_free(&guard);
}

static void guard_lets_literal_addresses_in_when_it_listens_everywhere(void **state)
{
    (void)state;
    const struct str address = S("0.0.0.0:8815");
    struct guard *guard = guard_new(&address, 1, NULL, 0);
    struct str why;
    static const struct net_peer peer;
    struct http_request request = {.peer = &peer, .method = S("GET"), .host = S("10.1.2.3:8815")};
    assert_int_equal(guard_check(guard, &request, &why), 0);
    request.host = S("rebound.example");
    assert_int_equal(guard_check(guard, &request, &why), 421);
    guard_free(&guard);
}

static void guard_lets_a_form_in_at_one_path(void **state)
{
    (void)state;
    struct guard *guard = guard_new(NULL, 0, NULL, 0);
    guard_allow_form(guard, S("/token"));
    struct str why;
    static const struct net_peer peer;
    const struct http_field field = {S("content-type"), S("application/x-www-form-urlencoded; charset=UTF-8")};
    struct http_request request = {.peer = &peer,
                                   .method = S("POST"),
                                   .path = S("/token"),
                                   .host = S("localhost"),
                                   .fields = &field,
                                   .field_count = 1};
    assert_int_equal(guard_check(guard, &request, &why), 0);
    request.path = S("/tokens");
    assert_int_equal(guard_check(guard, &request, &why), 415);
    guard_free(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_decodes_percent_escapes),
        cmocka_unit_test(http_finds_parameters),
        cmocka_unit_test(http_writes_dates),
        cmocka_unit_test(guard_follows_the_table),
        cmocka_unit_test(guard_lets_literal_addresses_in_when_it_listens_everywhere),
        cmocka_unit_test(guard_lets_a_form_in_at_one_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
