/* Printing of scalars. */
#include "platform/engine/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void engine_print_u128(struct buf *buf, unsigned __int128 value)
{
    char digits[40];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    buf_append(buf, digits + at, sizeof(digits) - at);
}

void engine_print_i128(struct buf *buf, __int128 value)
{
    unsigned __int128 magnitude = (unsigned __int128)value;
    if (value < 0) {
        buf_append_char(buf, '-');
        magnitude = -magnitude;
    }
    engine_print_u128(buf, magnitude);
}

void engine_print_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append(buf, digits + at, sizeof(digits) - at);
}

void engine_print_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_append_char(buf, '-');
    engine_print_u64(buf, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void engine_print_decimal(struct buf *buf, __int128 value, int scale)
{
    char digits[41];
    unsigned __int128 magnitude = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    size_t at = sizeof(digits);
    int written = 0;
    if (value < 0)
        buf_append_char(buf, '-');
    while (magnitude > 0 || written <= scale) {
        if (written == scale && scale > 0)
            digits[--at] = '.';
        digits[--at] = (char)('0' + (int)(magnitude % 10));
        magnitude /= 10;
        written++;
    }
    buf_append(buf, digits + at, sizeof(digits) - at);
}

/* DuckDB writes whole numbers as 1.0. */
static void engine_print_point(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
    if (!strpbrk(text, ".einEN"))
        buf_append(buf, ".0", 2);
}

void engine_print_double(struct buf *buf, double value)
{
    char text[40];
    double back;
    if (!isfinite(value)) {
        buf_append_str(buf, isnan(value) ? S("nan") : value > 0 ? S("inf") : S("-inf"));
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (str_to_double(str_from(text), &back) && back == value)
            break;
    }
    engine_print_point(buf, text);
}

void engine_print_float(struct buf *buf, float value)
{
    char text[40];
    double back;
    if (!isfinite(value)) {
        engine_print_double(buf, (double)value);
        return;
    }
    for (int precision = 6; precision <= 9; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, (double)value);
        if (str_to_double(str_from(text), &back) && (float)back == value)
            break;
    }
    engine_print_point(buf, text);
}

/* Days since 1970-01-01 to the proleptic Gregorian calendar, by eras of 400 years that begin on March 1. */
static void engine_civil(int64_t days, int64_t *year_out, int *month_out, int *day_out)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    *day_out = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *month_out = (int)(month < 10 ? month + 3 : month - 9);
    *year_out = year_of_era + era * 400 + (*month_out <= 2);
}

static void engine_print_day(struct buf *buf, int64_t days)
{
    int64_t year;
    int month, day;
    engine_civil(days, &year, &month, &day);
    bool before = year <= 0;
    buf_printf(buf, "%04lld-%02d-%02d", (long long)(before ? 1 - year : year), month, day);
    if (before)
        buf_append_str(buf, S(" (BC)"));
}

void engine_print_date(struct buf *buf, int32_t days)
{
    if (days == INT32_MAX || days == -INT32_MAX)
        buf_append_str(buf, days > 0 ? S("infinity") : S("-infinity"));
    else
        engine_print_day(buf, days);
}

/* .5, .000001: without zeros at the end; nothing for a whole number. */
static void engine_print_fraction(struct buf *buf, int64_t fraction, int64_t per_second)
{
    if (fraction == 0)
        return;
    buf_append_char(buf, '.');
    while (fraction > 0) {
        per_second /= 10;
        buf_append_char(buf, (char)('0' + fraction / per_second));
        fraction %= per_second;
    }
}

void engine_print_time(struct buf *buf, int64_t value, int64_t per_second)
{
    int64_t seconds = value / per_second;
    buf_printf(buf, "%02lld:%02d:%02d", (long long)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
    engine_print_fraction(buf, value % per_second, per_second);
}

void engine_print_time_tz(struct buf *buf, uint64_t bits)
{
    /* 40 bits of microseconds, then 24 bits that fall as the offset from UTC rises. */
    int32_t offset = 16 * 60 * 60 - 1 - (int32_t)(bits & 0xffffff);
    int32_t distance = abs(offset);
    engine_print_time(buf, (int64_t)(bits >> 24), 1000000);
    buf_printf(buf, "%c%02d", offset < 0 ? '-' : '+', distance / 3600);
    if (distance % 3600 != 0)
        buf_printf(buf, ":%02d", distance / 60 % 60);
    if (distance % 60 != 0)
        buf_printf(buf, ":%02d", distance % 60);
}

void engine_print_timestamp(struct buf *buf, int64_t value, int64_t per_second)
{
    if (value == INT64_MAX || value == -INT64_MAX) {
        buf_append_str(buf, value > 0 ? S("infinity") : S("-infinity"));
        return;
    }
    int64_t per_day = 86400 * per_second, days = value / per_day, rest = value % per_day;
    if (rest < 0) {
        days--;
        rest += per_day;
    }
    engine_print_day(buf, days);
    buf_append_char(buf, ' ');
    engine_print_time(buf, rest, per_second);
}

static void engine_print_unit(struct buf *buf, int64_t count, const char *unit, bool *some)
{
    if (count == 0)
        return;
    buf_printf(buf, "%s%lld %s%s", *some ? " " : "", (long long)count, unit, count == 1 || count == -1 ? "" : "s");
    *some = true;
}

void engine_print_interval(struct buf *buf, duckdb_interval interval)
{
    bool some = false;
    engine_print_unit(buf, interval.months / 12, "year", &some);
    engine_print_unit(buf, interval.months % 12, "month", &some);
    engine_print_unit(buf, interval.days, "day", &some);
    if (interval.micros == 0 && some)
        return;
    if (some)
        buf_append_char(buf, ' ');
    uint64_t micros = interval.micros < 0 ? -(uint64_t)interval.micros : (uint64_t)interval.micros;
    if (interval.micros < 0)
        buf_append_char(buf, '-');
    uint64_t seconds = micros / 1000000;
    buf_printf(buf, "%02llu:%02d:%02d", (unsigned long long)(seconds / 3600), (int)(seconds / 60 % 60),
               (int)(seconds % 60));
    engine_print_fraction(buf, (int64_t)(micros % 1000000), 1000000);
}

static const char engine_digits[] = "0123456789ABCDEF";

void engine_print_blob(struct buf *buf, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = bytes[i];
        if (c >= 32 && c <= 126 && c != '\\' && c != '\'' && c != '"') {
            buf_append_char(buf, (char)c);
        } else {
            const char escaped[] = {'\\', 'x', engine_digits[c >> 4], engine_digits[c & 15]};
            buf_append(buf, escaped, sizeof(escaped));
        }
    }
}

void engine_print_bits(struct buf *buf, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return;
    /* The first byte says how many bits of the second one are padding. */
    for (size_t bit = bytes[0]; bit < 8 * (len - 1); bit++)
        buf_append_char(buf, (bytes[1 + bit / 8] >> (7 - bit % 8)) & 1 ? '1' : '0');
}

void engine_print_bignum(struct buf *buf, const uint8_t *bytes, size_t len)
{
    enum { HEADER = 3 };
    const uint32_t base = 1000000000;
    if (len <= HEADER)
        return;
    /* The first bit of the header is the sign; negative numbers are stored inverted, so that bytes sort like numbers.
     */
    bool negative = (bytes[0] & 0x80) == 0;
    size_t words = (len - HEADER) * 8 / 29 + 1, used = 0;
    uint32_t *parts = mem_array(words, sizeof(*parts)); /* base 10^9, least significant first */
    for (size_t i = HEADER; i < len; i++) {
        uint64_t carry = negative ? (uint8_t)~bytes[i] : bytes[i];
        for (size_t part = 0; part < used || carry > 0; part++) {
            carry += part < used ? (uint64_t)parts[part] << 8 : 0;
            parts[part] = (uint32_t)(carry % base);
            carry /= base;
            used = part + 1 > used ? part + 1 : used;
        }
    }
    if (negative && used > 0)
        buf_append_char(buf, '-');
    buf_printf(buf, "%u", used > 0 ? parts[used - 1] : 0);
    for (size_t part = used; part > 1; part--)
        buf_printf(buf, "%09u", parts[part - 2]);
    mem_free(parts);
}

void engine_print_hex(struct buf *buf, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf_append_char(buf, engine_digits[bytes[i] >> 4]);
        buf_append_char(buf, engine_digits[bytes[i] & 15]);
    }
}
