/* Moments in the past, as parameters say them. */
#include <time.h>

#include "base/clock.h"
#include "face/rest/rest_priv.h"

/* 9999-12-31T23:59:59Z */
#define REST_SINCE_MAX INT64_C(253402300799)

/* Takes exactly count digits. */
static bool rest_since_digits(struct str *text, size_t count, int *number_out)
{
    int64_t number;
    struct str digits = str_slice(*text, 0, count);
    if (digits.len < count || digits.ptr[0] < '0' || digits.ptr[0] > '9' || !str_to_i64(digits, &number))
        return false;
    *number_out = (int)number;
    *text = str_from_index(*text, count);
    return true;
}

static bool rest_since_char(struct str *text, const char *choices)
{
    if (text->len == 0 || !text->ptr[0] || !strchr(choices, text->ptr[0]))
        return false;
    *text = str_from_index(*text, 1);
    return true;
}

/* "Z", "+02:00": seconds east of UTC. */
static bool rest_since_zone(struct str text, int *seconds_out)
{
    int hours, minutes;
    int sign = text.len && text.ptr[0] == '-' ? -1 : 1;
    *seconds_out = 0;
    if (rest_since_char(&text, "Zz"))
        return text.len == 0;
    if (!rest_since_char(&text, "+-") || !rest_since_digits(&text, 2, &hours) || !rest_since_char(&text, ":") ||
        !rest_since_digits(&text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds_out = sign * (hours * 3600 + minutes * 60);
    return text.len == 0;
}

/* RFC 3339 5.6. */
static bool rest_since_time(struct str text, int64_t *wall_us_out)
{
    int year, month, zone, digit;
    struct tm parts = {0};
    if (!rest_since_digits(&text, 4, &year) || !rest_since_char(&text, "-") || !rest_since_digits(&text, 2, &month) ||
        !rest_since_char(&text, "-") || !rest_since_digits(&text, 2, &parts.tm_mday) ||
        !rest_since_char(&text, "Tt ") || !rest_since_digits(&text, 2, &parts.tm_hour) ||
        !rest_since_char(&text, ":") || !rest_since_digits(&text, 2, &parts.tm_min) || !rest_since_char(&text, ":") ||
        !rest_since_digits(&text, 2, &parts.tm_sec))
        return false;
    int64_t fraction_us = 0, unit_us = CLOCK_SECOND;
    if (rest_since_char(&text, ".")) {
        if (!rest_since_digits(&text, 1, &digit))
            return false;
        do
            fraction_us += digit * (unit_us /= 10);
        while (rest_since_digits(&text, 1, &digit));
    }
    bool ok = year >= 1970 && month >= 1 && month <= 12 && parts.tm_mday >= 1 && parts.tm_mday <= 31 &&
              parts.tm_hour <= 23 && parts.tm_min <= 59 && parts.tm_sec <= 60 && rest_since_zone(text, &zone);
    if (!ok)
        return false;
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    int day = parts.tm_mday, leap = parts.tm_sec == 60;
    parts.tm_sec -= leap;
    *wall_us_out = ((int64_t)timegm(&parts) + leap - zone) * CLOCK_SECOND + fraction_us;
    return parts.tm_mday == day; /* not 31 February */
}

static bool rest_since_number(struct str text, int64_t now_us, int64_t *wall_us_out)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t number;
    char last = text.len ? text.ptr[text.len - 1] : 0;
    if (last >= '0' && last <= '9') {
        bool ok = str_to_i64(text, &number) && number >= 0 && number <= REST_SINCE_MAX;
        *wall_us_out = ok ? number * CLOCK_SECOND : 0;
        return ok;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit != last || !str_to_i64(str_slice(text, 0, text.len - 1), &number) || number < 0 ||
            number > REST_SINCE_MAX / units[i].seconds)
            continue;
        *wall_us_out = now_us - number * units[i].seconds * CLOCK_SECOND;
        return true;
    }
    return false;
}

bool rest_since(struct str text, int64_t now_us, int64_t *wall_us_out, struct err *err)
{
    int64_t wall_us;
    if (!rest_since_number(text, now_us, &wall_us) && !rest_since_time(text, &wall_us)) {
        err_set(err, ERR_INVALID, "'%.*s' is no moment in the past", STR_ARG(str_slice(text, 0, 40)));
        return err_hint(err, "for example 2h, 7d, 2026-11-21T10:00:00Z, or seconds since 1970");
    }
    *wall_us_out = wall_us < 0 ? 0 : wall_us;
    return true;
}
