/* Two streams that talk to each other through memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "platform/net/tls_self.h"
#include "platform/net/tls_stream.h"

struct pair {
    struct arena *arena;
    struct tls *server_tls, *client_tls;
    struct tls_stream *server, *client;
    struct outbox to_client, to_server;
    struct buf at_client, at_server; /* plain bytes that arrived */
    size_t step;                     /* bytes that travel at once */
};

static struct tls_server_options self_signed(struct arena *arena)
{
    static const struct str names[] = {{"localhost", 9}, {"127.0.0.1", 9}, {"[::1]", 5}};
    struct tls_server_options options = {.client_ca = S("")};
    struct err err = {0};
    assert_true(tls_self_make(arena, names, 3, &options.certificate, &options.key, &err));
    return options;
}

/* fingerprint: NULL for the right one. */
static void setup(struct pair *pair, const char *fingerprint)
{
    struct err err = {0};
    *pair = (struct pair){.arena = arena_new(), .step = TLS_STREAM_INPUT_MAX};
    struct tls_server_options options = self_signed(pair->arena);
    pair->server_tls = tls_new_server(&options, &err);
    assert_non_null(pair->server_tls);
    struct tls_trust trust = {.ca = S(""),
                              .fingerprint = fingerprint ? str_from(fingerprint) : tls_fingerprint(pair->server_tls)};
    pair->client_tls = tls_new_client(&trust, &err);
    assert_non_null(pair->client_tls);
    pair->server = tls_stream_new(pair->server_tls, NULL);
    pair->client = tls_stream_new(pair->client_tls, "localhost");
}

static void teardown(struct pair *pair)
{
    tls_stream_free(&pair->client);
    tls_stream_free(&pair->server);
    tls_free(&pair->client_tls);
    tls_free(&pair->server_tls);
    outbox_done(&pair->to_client);
    outbox_done(&pair->to_server);
    buf_done(&pair->at_client);
    buf_done(&pair->at_server);
    arena_free(&pair->arena);
}

/* One step in one direction; false when there was nothing. */
static bool travel(struct pair *pair, struct tls_stream *from, struct outbox *outbox, struct tls_stream *to,
                   struct buf *arrived)
{
    static uint8_t plain[TLS_STREAM_PLAIN_MAX];
    tls_stream_encrypt(from, outbox);
    struct str part = str_slice(tls_stream_unsent(from), 0, pair->step);
    if (part.len == 0)
        return false;
    buf_append(arrived, plain, tls_stream_input(to, part, plain));
    tls_stream_sent(from, part.len, outbox_len(outbox) > 0);
    return true;
}

static void run(struct pair *pair)
{
    bool moved = true;
    while (moved) {
        moved = travel(pair, pair->client, &pair->to_server, pair->server, &pair->at_server);
        moved |= travel(pair, pair->server, &pair->to_client, pair->client, &pair->at_client);
    }
}

static void tls_stream_carries_bytes_both_ways(void **state)
{
    (void)state;
    static uint8_t large[3000001];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 7 >> 3);
    static const size_t steps[] = {TLS_STREAM_INPUT_MAX, 5000, 17};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct pair pair;
        setup(&pair, NULL);
        pair.step = steps[i];
        size_t len = steps[i] < 100 ? 30001 : sizeof(large);
        outbox_copy_str(&pair.to_server, S("hello"));
        for (size_t at = 0; at < len;) { /* pieces of every size, small and large */
            size_t part = (at * 31 + 9) % 70000 < len - at ? (at * 31 + 9) % 70000 : len - at;
            part = part ? part : 1;
            outbox_write(&pair.to_client, (struct slice){.ptr = large + at, .len = part});
            at += part;
        }
        run(&pair);
        assert_int_equal(tls_stream_state(pair.client), TLS_OPEN);
        assert_true(str_equal(buf_str(&pair.at_server), S("hello")));
        assert_true(str_equal(buf_str(&pair.at_client), str_bytes(large, len)));
        assert_true(str_equal(tls_stream_protocol(pair.server), S("h2")));
        assert_int_equal(tls_stream_subject(pair.server).len, 0);
        teardown(&pair);
    }
}

static void tls_stream_says_when_it_ends(void **state)
{
    (void)state;
    struct pair pair;
    setup(&pair, NULL);
    assert_false(tls_stream_close(pair.server)); /* nothing can be said yet */
    run(&pair);
    assert_true(tls_stream_close(pair.server));
    assert_false(tls_stream_close(pair.server));
    run(&pair);
    assert_int_equal(tls_stream_state(pair.client), TLS_ENDED);
    outbox_copy_str(&pair.to_server, S("the other way is open"));
    run(&pair);
    assert_true(str_equal(buf_str(&pair.at_server), S("the other way is open")));
    assert_true(tls_stream_close(pair.client));
    run(&pair);
    assert_int_equal(tls_stream_state(pair.server), TLS_ENDED);
    teardown(&pair);
}

static void tls_stream_refuses_another_certificate(void **state)
{
    (void)state;
    static const char wrong[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const char *const fingerprints[] = {wrong, ""}; /* "": the system's CAs did not sign it */
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        setup(&pair, fingerprints[i]);
        outbox_copy_str(&pair.to_server, S("secret"));
        run(&pair);
        assert_int_equal(tls_stream_state(pair.client), TLS_BROKEN);
        assert_int_equal(tls_stream_state(pair.server), TLS_BROKEN);
        assert_true(tls_stream_why(pair.client).len > 0);
        assert_int_equal(buf_len(&pair.at_server), 0);
        teardown(&pair);
    }
}

static void tls_stream_breaks_on_garbage(void **state)
{
    (void)state;
    static uint8_t plain[TLS_STREAM_PLAIN_MAX], garbage[TLS_STREAM_INPUT_MAX] = {0x16, 3, 1, 0x40, 0};
    struct pair pair;
    setup(&pair, NULL);
    assert_int_equal(tls_stream_input(pair.server, str_bytes(garbage, sizeof(garbage)), plain), 0);
    assert_int_equal(tls_stream_state(pair.server), TLS_BROKEN);
    assert_int_equal(tls_stream_input(pair.server, str_bytes(garbage, 100), plain), 0);
    outbox_copy_str(&pair.to_client, S("never in plain"));
    tls_stream_encrypt(pair.server, &pair.to_client);
    assert_int_equal(outbox_len(&pair.to_client), 14);
    teardown(&pair);
}

static void tls_stream_goes_on_with_new_ticket_keys(void **state)
{
    (void)state;
    struct pair pair;
    clock_fake(0, 0);
    setup(&pair, NULL);
    run(&pair);
    clock_fake(24 * 3600 * CLOCK_SECOND, 0);
    struct tls_stream *first = pair.client, *first_server = pair.server;
    pair.client = tls_stream_new(pair.client_tls, "localhost");
    pair.server = tls_stream_new(pair.server_tls, NULL);
    run(&pair);
    assert_int_equal(tls_stream_state(pair.server), TLS_OPEN);
    tls_stream_free(&first);
    tls_stream_free(&first_server);
    teardown(&pair);
    clock_real();
}

static void tls_names_what_is_wrong_with_files(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct tls_server_options good = self_signed(arena), other = self_signed(arena);
    struct {
        struct tls_server_options options;
        const char *message;
    } cases[] = {
        {{.certificate = S("nothing"), .key = good.key}, "no certificate in PEM"},
        {{.certificate = str_slice(good.certificate, 0, 200), .key = good.key}, "certificate"},
        {{.certificate = good.certificate, .key = other.key}, "the key does not fit"},
        {{.certificate = good.certificate, .key = S("")}, "the key cannot be read"},
        {{.certificate = good.certificate, .key = good.key, .client_ca = S("x")}, "client_ca"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_null(tls_new_server(&cases[i].options, &err));
        if (!strstr(err.message, cases[i].message))
            fail_msg("%s: %s", cases[i].message, err.message);
    }
    struct err err = {0};
    struct tls_pin pin;
    const char *const bad[] = {"", "ab", "zz", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(tls_pin_parse(str_from(bad[i]), &pin, &err));
    assert_null(tls_new_client(&(struct tls_trust){.ca = S("/none"), .fingerprint = S("")}, &err));
    assert_non_null(strstr(err.message, "/none"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_stream_carries_bytes_both_ways),      cmocka_unit_test(tls_stream_says_when_it_ends),
        cmocka_unit_test(tls_stream_refuses_another_certificate),  cmocka_unit_test(tls_stream_breaks_on_garbage),
        cmocka_unit_test(tls_stream_goes_on_with_new_ticket_keys), cmocka_unit_test(tls_names_what_is_wrong_with_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
