#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "platform/rpc/framing.h"
#include "platform/rpc/metadata.h"

static void metadata_reads_timeouts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: malformed */
    } rows[] = {
        {"1H", 3600 * CLOCK_SECOND},
        {"2M", 120 * CLOCK_SECOND},
        {"3S", 3 * CLOCK_SECOND},
        {"4m", 4000},
        {"5u", 5},
        {"1n", 1},
        {"1000n", 1},
        {"1001n", 2},
        {"0S", 0},
        {"99999999H", INT64_C(99999999) * 3600 * CLOCK_SECOND},
        {"100000000S", -1},
        {"S", -1},
        {"", -1},
        {"1", -1},
        {"1s", -1},
        {"-1S", -1},
        {"+1S", -1},
        {" 1S", -1},
        {"1 S", -1},
        {"1.5S", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t us = -1;
        assert_int_equal(metadata_timeout_us(str_from(rows[i].text), &us), rows[i].us >= 0);
        assert_int_equal(us, rows[i].us);
    }
}

static void metadata_reads_base64_with_and_without_padding(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; /* bytes NULL: malformed */
    } rows[] = {
        {"", ""},
        {"Zg", "f"},
        {"Zg==", "f"},
        {"Zm8", "fo"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg", "foob"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
        {"Z", NULL},
        {"Zg=", NULL},
        {"Zg===", NULL},
        {"====", NULL},
        {"Zm9v=", NULL},
        {"Z g=", NULL},
        {"_-8=", NULL},
        {"Zm9vY", NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str bytes = {0};
        bool ok = metadata_decode_binary(arena, str_from(rows[i].text), &bytes);
        assert_int_equal(ok, rows[i].bytes != NULL);
        assert_true(!ok || str_equal(bytes, str_from(rows[i].bytes)));
        struct str again;
        if (ok) {
            assert_true(metadata_decode_binary(arena, metadata_encode_binary(arena, bytes), &again));
            assert_true(str_equal(bytes, again));
        }
    }
    arena_free(&arena);
}

static void metadata_encodes_messages(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_true(str_equal(metadata_encode_message(arena, S("100% \xc3\xa4\nx~")), S("100%25 %C3%A4%0Ax~")));
    arena_free(&arena);
}

/* However the bytes are cut, the same messages come out. */
static void framing_finds_messages_in_any_pieces(void **state)
{
    (void)state;
    const struct str wire = S("\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\2de");
    for (size_t piece = 1; piece <= wire.len; piece++) {
        struct framing framing = {0};
        char seen[32];
        size_t len = 0;
        for (size_t at = 0; at < wire.len; at += piece) {
            struct str bytes = str_slice(wire, at, piece), part;
            uint32_t size;
            for (enum framing_event event; (event = framing_next(&framing, &bytes, &size, &part)) != FRAMING_MORE;) {
                if (event == FRAMING_BEGIN)
                    seen[len++] = (char)('0' + size);
                for (size_t i = 0; event == FRAMING_BYTES && i < part.len; i++)
                    seen[len++] = part.ptr[i];
                if (event == FRAMING_END)
                    seen[len++] = '.';
            }
        }
        assert_true(str_equal(str_bytes(seen, len), S("3abc.0.2de.")));
        assert_true(framing_is_idle(&framing));
    }
}

static void framing_refuses_flags(void **state)
{
    (void)state;
    struct framing framing = {0};
    struct str bytes = S("\1\0\0\0\3"), part;
    uint32_t size;
    assert_int_equal(framing_next(&framing, &bytes, &size, &part), FRAMING_COMPRESSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_reads_timeouts),   cmocka_unit_test(metadata_reads_base64_with_and_without_padding),
        cmocka_unit_test(metadata_encodes_messages), cmocka_unit_test(framing_finds_messages_in_any_pieces),
        cmocka_unit_test(framing_refuses_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
