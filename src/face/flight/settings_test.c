#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/flight/settings.h"

static void settings_survive_a_round_trip(void **state)
{
    (void)state;
    static const struct flight_setting rows[] = {
        {.name = {"catalog", 7}, .kind = FLIGHT_SETTING_TEXT, .text = {"tenant_a", 8}},
        {.name = {"empty", 5}, .kind = FLIGHT_SETTING_TEXT, .text = {"", 0}},
        {.name = {"no", 2}, .kind = FLIGHT_SETTING_BOOL, .number = 0},
        {.name = {"number", 6}, .kind = FLIGHT_SETTING_INT, .number = -5},
        {.name = {"real", 4}, .kind = FLIGHT_SETTING_DOUBLE, .real = 0.25},
        {.name = {"list", 4}, .kind = FLIGHT_SETTING_LIST},
        {.name = {"", 0}, .kind = FLIGHT_SETTING_UNSET},
    };
    const size_t count = sizeof(rows) / sizeof(rows[0]);
    AUTO(buf) struct buf bytes = {0};
    struct flight_settings settings;
    struct err err;
    for (size_t i = 0; i < count; i++)
        flight_settings_encode_item(&bytes, &rows[i]);
    assert_true(flight_settings_decode(buf_str(&bytes), &settings, &err));
    assert_int_equal(settings.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct flight_setting *setting = &settings.items[i];
        assert_true(str_equal(setting->name, rows[i].name));
        assert_true(str_equal(setting->text, rows[i].text));
        assert_int_equal(setting->kind, rows[i].kind);
        assert_int_equal(setting->number, rows[i].number);
        assert_true(setting->real == rows[i].real);
    }
}

/* What protoc's encoder makes of {"a": 7}. */
static void settings_are_read_from_the_reference_encoding(void **state)
{
    (void)state;
    struct flight_settings settings;
    struct err err;
    assert_true(flight_settings_decode(S("\x0a\x0e\x0a\x01"
                                         "a\x12\x09\x19\x07\0\0\0\0\0\0\0"),
                                       &settings, &err));
    assert_int_equal(settings.count, 1);
    assert_int_equal(settings.items[0].kind, FLIGHT_SETTING_INT);
    assert_int_equal(settings.items[0].number, 7);
}

static void settings_refuse_bad_bytes(void **state)
{
    (void)state;
    static const struct str rows[] = {
        {"\x0a\x05\x0a", 3},                 /* cut */
        {"\x0a\x03\x0a\x01\xff", 5},         /* a name that is not UTF-8 */
        {"\x0a\x05\x12\x03\x0a\x01\xff", 7}, /* a value that is not */
        {"\x0a\x04\x12\x02\x0a\x05", 6},     /* a value that is cut */
        {"\x0f", 1},
    };
    struct flight_settings settings;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {0};
        assert_false(flight_settings_decode(rows[i], &settings, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void settings_have_a_limit(void **state)
{
    (void)state;
    AUTO(buf) struct buf bytes = {0};
    struct flight_settings settings;
    struct err err = {0};
    for (int i = 0; i <= FLIGHT_SETTINGS_MAX; i++)
        flight_settings_encode_item(&bytes, &(struct flight_setting){.name = S("a")});
    assert_false(flight_settings_decode(buf_str(&bytes), &settings, &err));
    assert_int_equal(err.code, ERR_RESOURCE);
}

static void settings_errors_are_encoded(void **state)
{
    (void)state;
    AUTO(buf) struct buf bytes = {0};
    flight_settings_encode_error(&bytes, S("a"), FLIGHT_SETTING_INVALID_VALUE);
    assert_true(str_equal(buf_str(&bytes), S("\x0a\x07\x0a\x01"
                                             "a\x12\x02\x08\x02")));
    buf_clear(&bytes);
    flight_settings_encode_closed(&bytes, FLIGHT_CLOSE_CLOSED);
    assert_true(str_equal(buf_str(&bytes), S("\x08\x01")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_survive_a_round_trip),
        cmocka_unit_test(settings_are_read_from_the_reference_encoding),
        cmocka_unit_test(settings_refuse_bad_bytes),
        cmocka_unit_test(settings_have_a_limit),
        cmocka_unit_test(settings_errors_are_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
