/* The examples of the HTML standard, in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/events.h"

/* Events as "name|data|id;". */
static bool on_event(void *owner, struct str name, struct str data, struct str id, struct err *err)
{
    if (str_equal(data, S("stop")))
        return err_set(err, ERR_CANCELLED, "stopped");
    buf_printf(owner, "%.*s|%.*s|%.*s;", STR_ARG(name), STR_ARG(data), STR_ARG(id));
    return true;
}

static void assert_events(struct str stream, const char *expected)
{
    for (size_t piece = 1; piece <= stream.len; piece++) {
        AUTO(buf) struct buf seen = {0};
        AUTO(cli_events) struct cli_events events;
        struct err err;
        cli_events_init(&events, on_event, &seen);
        for (size_t at = 0; at < stream.len; at += piece)
            assert_true(cli_events_feed(&events, str_slice(stream, at, piece), &err));
        buf_append_char(&seen, '\0');
        assert_string_equal(buf_str(&seen).ptr, expected);
    }
}

static void events_end_with_an_empty_line(void **state)
{
    (void)state;
    assert_events(S("event: step\ndata: {\"a\": 1}\nid: 7\n\n"), "step|{\"a\": 1}|7;");
    assert_events(S("data: first\n\ndata:second\n"), "message|first|;");
    assert_events(S("data: YHOO\ndata: +2\ndata: 10\n\n"), "message|YHOO\n+2\n10|;");
}

static void lines_end_in_three_ways(void **state)
{
    (void)state;
    assert_events(S("\xEF\xBB\xBF"
                    "data: a\r\n\r\ndata: b\r\rdata: c\n\n"),
                  "message|a|;message|b|;message|c|;");
}

static void comments_and_unknown_fields_are_passed_over(void **state)
{
    (void)state;
    assert_events(S(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
                  "message|first event|1;message|second event|;message| third event|;");
    assert_events(S("data\n\ndata\ndata\n\nretry: 10\n\nnothing\n\nevent: x\n\n"), "message||;message|\n|;");
}

static void an_endless_event_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf seen = {0};
    AUTO(cli_events) struct cli_events events;
    AUTO(buf) struct buf piece = {0};
    struct err err;
    bool ok = true;
    cli_events_init(&events, on_event, &seen);
    for (int i = 0; i < 65536; i++)
        buf_append_char(&piece, 'x');
    for (size_t sent = 0; ok && sent <= 2 * CLI_EVENTS_MAX; sent += buf_len(&piece))
        ok = cli_events_feed(&events, buf_str(&piece), &err);
    assert_false(ok);
    assert_int_equal(err.code, ERR_RESOURCE);
}

static void who_takes_events_can_end_the_stream(void **state)
{
    (void)state;
    AUTO(buf) struct buf seen = {0};
    AUTO(cli_events) struct cli_events events;
    struct err err;
    cli_events_init(&events, on_event, &seen);
    assert_false(cli_events_feed(&events, S("data: stop\n\ndata: more\n\n"), &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(buf_len(&seen), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_end_with_an_empty_line),
        cmocka_unit_test(lines_end_in_three_ways),
        cmocka_unit_test(comments_and_unknown_fields_are_passed_over),
        cmocka_unit_test(an_endless_event_is_refused),
        cmocka_unit_test(who_takes_events_can_end_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
