#include "platform/zone/zone.h"

#include <assert.h>
#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "base/vec.h"

#define ZONE_NAME_MAX 64
/* The list of names that tzdata brings, and more than it is long. */
#define ZONE_LIST "/usr/share/zoneinfo/tzdata.zi"
#define ZONE_LIST_MAX 1048576
#define ZONE_DAY (86400 * CLOCK_SECOND)

struct zone {
    GTimeZone *zone; /* counted by GLib */
    struct str name; /* behind the structure */
};

/* --- Opening --- */

/* A name is looked up as a file below tzdata's directory. "right/" counts leap seconds, as no clock here does, and
 * "localtime" is another zone on each machine. */
static bool zone_is_name(struct str name)
{
    if (name.len > ZONE_NAME_MAX || str_starts_with(name, S("/")) || str_starts_with(name, S("right/")) ||
        str_equal(name, S("localtime")) || str_find(name, S("..")) >= 0)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && c != '/' && c != '_' && c != '-' && c != '+')
            return false;
    }
    return true;
}

/* Cuts the names out of tzdata's lines "Z NAME …" and "L TARGET NAME", which end in NUL afterwards. */
static const char *zone_nearest(struct str name, struct str list)
{
    VEC(const char *) names = {0};
    struct str line;
    while (str_split_next(&list, '\n', &line)) {
        struct str kind, found = {0};
        if (!str_split_next(&line, ' ', &kind) || (!str_equal(kind, S("Z")) && !str_equal(kind, S("L"))))
            continue;
        while (str_split_next(&line, ' ', &found) && str_equal(kind, S("L")) && line.len > 0)
            ;
        if (found.len > 0)
            vec_push(&names, found.ptr);
        if (found.len > 0)
            ((char *)(uintptr_t)found.ptr)[found.len] = '\0';
    }
    vec_push(&names, (const char *)NULL);
    const char *nearest = nearest_name(name, names.items);
    vec_done(&names);
    return nearest;
}

static bool zone_unknown(struct str name, struct err *err)
{
    err_set(err, ERR_INVALID, "there is no time zone '%.*s'", STR_ARG(str_slice(name, 0, ZONE_NAME_MAX)));
    struct buf list __attribute__((cleanup(buf_cleanup))) = {0};
    int fd = open(ZONE_LIST, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, buf_reserve(&list, ZONE_LIST_MAX), ZONE_LIST_MAX - 1);
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return err_hint(err, "IANA names are known, as in Europe/Berlin; is the package tzdata installed?");
    buf_commit(&list, (size_t)size);
    buf_append_char(&list, '\n');
    const char *nearest = zone_nearest(name, buf_str(&list));
    if (nearest)
        return err_hint(err, "did you mean %s?", nearest);
    return err_hint(err, "IANA names are known, as in Europe/Berlin");
}

struct zone *zone_open(struct str name, struct err *err)
{
    if (name.len == 0)
        name = S("UTC");
    if (!zone_is_name(name)) {
        zone_unknown(name, err);
        return NULL;
    }
    struct zone *zone = mem_alloc(sizeof(*zone) + name.len + 1);
    char *copy = (char *)(zone + 1);
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    *zone = (struct zone){.zone = g_time_zone_new_identifier(copy), .name = {copy, name.len}};
    if (!zone->zone) {
        mem_free(zone);
        zone_unknown(name, err);
        return NULL;
    }
    return zone;
}

void zone_close(struct zone **zone)
{
    if (!*zone)
        return;
    g_time_zone_unref((*zone)->zone);
    mem_free(*zone);
    *zone = NULL;
}

struct str zone_name(const struct zone *zone)
{
    return zone->name;
}

/* --- Civil time --- */

static int64_t zone_seconds(int64_t us)
{
    return us / CLOCK_SECOND - (us % CLOCK_SECOND < 0);
}

static int64_t zone_offset_us(const struct zone *zone, int64_t wall_us)
{
    int interval = g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, zone_seconds(wall_us));
    assert(interval >= 0);
    return g_time_zone_get_offset(zone->zone, interval) * CLOCK_SECOND;
}

int64_t zone_civil_us(const struct zone *zone, int64_t wall_us)
{
    return wall_us + zone_offset_us(zone, wall_us);
}

/* The first second of the offset `after`, which begins in (from, to]. */
static int64_t zone_change_us(const struct zone *zone, int64_t from_us, int64_t to_us, int64_t after_us)
{
    int64_t low = zone_seconds(from_us), high = zone_seconds(to_us);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (zone_offset_us(zone, middle * CLOCK_SECOND) == after_us)
            high = middle;
        else
            low = middle;
    }
    return high * CLOCK_SECOND;
}

/* No zone changes twice in two days, so a civil time has the offset of the day before or that of the day after. GLib
 * has a function for this, which sees only those overlaps that end summer time. */
enum zone_kind zone_wall_us(const struct zone *zone, int64_t civil_us, int64_t *first_us_out, int64_t *second_us_out)
{
    int64_t before = zone_offset_us(zone, civil_us - ZONE_DAY), after = zone_offset_us(zone, civil_us + ZONE_DAY);
    int64_t early = civil_us - before, late = civil_us - after;
    bool early_is = zone_offset_us(zone, early) == before, late_is = zone_offset_us(zone, late) == after;
    if (early_is || late_is) {
        *first_us_out = early_is ? early : late;
        *second_us_out = late_is ? late : early;
        return *first_us_out == *second_us_out ? ZONE_ONCE : ZONE_TWICE;
    }
    /* Before the change the clock would show it later, after the change it would have shown it earlier. */
    *first_us_out = *second_us_out = zone_change_us(zone, late, early, after);
    return ZONE_GAP;
}

/* --- The calendar --- */

/* Days since 1970-01-01; years begin in March here, so that the leap day is a year's last. */
static int64_t zone_days(int year, int month, int day)
{
    int64_t shifted = (int64_t)year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

struct zone_civil zone_split(int64_t civil_us)
{
    int64_t seconds = zone_seconds(civil_us);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0), rest = seconds - days * 86400;
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t part = (5 * day_of_year + 2) / 153;
    int month = (int)(part < 10 ? part + 3 : part - 9);
    return (struct zone_civil){.year = (int)(year_of_era + era * 400 + (month <= 2)),
                               .month = month,
                               .day = (int)(day_of_year - (153 * part + 2) / 5 + 1),
                               .hour = (int)(rest / 3600),
                               .minute = (int)(rest / 60 % 60),
                               .second = (int)(rest % 60),
                               .weekday = (int)(((days + 4) % 7 + 7) % 7)};
}

int64_t zone_join(const struct zone_civil *civil)
{
    int64_t days = zone_days(civil->year, civil->month, civil->day);
    return (days * 86400 + civil->hour * 3600 + civil->minute * 60 + civil->second) * CLOCK_SECOND;
}

int zone_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}
