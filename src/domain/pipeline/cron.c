#include "domain/pipeline/cron.h"

#include "base/clock.h"
#include "base/nearest.h"

#define CRON_TEXT_MAX 256
#define CRON_MINUTE (60 * CLOCK_SECOND)
#define CRON_DAY (86400 * CLOCK_SECOND)
/* The calendar repeats itself, weekdays and all. */
#define CRON_YEARS 400

static const char *const cron_month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                               "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const cron_weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct cron_field {
    const char *what;
    int low, high;
    const char *const *names; /* the first one is low; NULL: numbers only */
};
static const struct cron_field cron_fields[] = {{"minute", 0, 59, NULL},
                                                {"hour", 0, 23, NULL},
                                                {"day of the month", 1, 31, NULL},
                                                {"month", 1, 12, cron_month_names},
                                                {"day of the week", 0, 7, cron_weekday_names}};
#define CRON_FIELDS (sizeof(cron_fields) / sizeof(cron_fields[0]))

static const struct {
    struct str name, text;
} cron_words[] = {
    {{"@hourly", 7}, {"0 * * * *", 9}},   {{"@daily", 6}, {"0 0 * * *", 9}},   {{"@midnight", 9}, {"0 0 * * *", 9}},
    {{"@weekly", 7}, {"0 0 * * 0", 9}},   {{"@monthly", 8}, {"0 0 1 * *", 9}}, {{"@yearly", 7}, {"0 0 1 1 *", 9}},
    {{"@annually", 9}, {"0 0 1 1 *", 9}},
};

/* --- Parsing --- */

static bool cron_bad(const struct cron_field *field, struct str part, struct err *err)
{
    err_set(err, ERR_INVALID, "'%.*s' is no %s of a cron expression", STR_ARG(part), field->what);
    if (str_find_char(part, '?') >= 0)
        return err_hint(err, "write * instead of ?");
    if (field->names)
        return err_hint(err, "%d to %d, or %s to %s; as in %s-%s, %d,%d or */2", field->low, field->high,
                        field->names[0], field->names[field->high - field->low - (field->low == 0)], field->names[1],
                        field->names[5], field->low, field->low + 1);
    return err_hint(err, "%d to %d; as in %d-%d, %d,%d or */2", field->low, field->high, field->low, field->low + 5,
                    field->low, field->low + 1);
}

static bool cron_number(const struct cron_field *field, struct str text, int *number_out)
{
    for (int i = 0; field->names && field->names[i]; i++) {
        if (str_equal_nocase(text, str_from(field->names[i]))) {
            *number_out = field->low + i;
            return true;
        }
    }
    uint64_t number;
    if (text.len == 0 || text.len > 2 || text.ptr[0] == '+' || !str_to_u64(text, &number) || (int)number < field->low ||
        (int)number > field->high)
        return false;
    *number_out = (int)number;
    return true;
}

/* "*", "5", "mon-fri", any of them with "/2" behind it. */
static bool cron_part(const struct cron_field *field, struct str part, uint64_t *set, struct err *err)
{
    int low = field->low, high = field->high, step = 1;
    ptrdiff_t slash = str_find_char(part, '/');
    struct str range = slash < 0 ? part : str_slice(part, 0, (size_t)slash);
    ptrdiff_t dash = str_find_char(range, '-');
    if (dash >= 0) {
        if (!cron_number(field, str_slice(range, 0, (size_t)dash), &low) ||
            !cron_number(field, str_from_index(range, (size_t)dash + 1), &high))
            return cron_bad(field, part, err);
        if (field->low == 0 && field->high == 7 && high == 0) /* fri-sun */
            high = 7;
        if (low > high) {
            cron_bad(field, part, err);
            return err_hint(err, "a range goes up; write two of them with a comma between");
        }
    } else if (!str_equal(range, S("*"))) {
        if (!cron_number(field, range, &low))
            return cron_bad(field, part, err);
        high = low;
    }
    if (slash >= 0) {
        uint64_t number;
        if (!str_to_u64(str_from_index(part, (size_t)slash + 1), &number) || number == 0 || number > 59)
            return cron_bad(field, part, err);
        if (dash < 0 && low == high) {
            cron_bad(field, part, err);
            return err_hint(err, "a step needs a range: %d-%d/%d", low, field->high, (int)number);
        }
        step = (int)number;
    }
    for (int i = low; i <= high; i += step)
        *set |= UINT64_C(1) << i;
    return true;
}

static bool cron_list(const struct cron_field *field, struct str text, uint64_t *set_out, struct err *err)
{
    *set_out = 0;
    struct str part, rest = text;
    while (str_split_next(&rest, ',', &part)) {
        if (!cron_part(field, part, set_out, err))
            return false;
    }
    return str_ends_with(text, S(",")) ? cron_bad(field, text, err) : true;
}

static bool cron_word(struct str text, struct str *fields_out, struct err *err)
{
    const char *known[sizeof(cron_words) / sizeof(cron_words[0]) + 1] = {0};
    for (size_t i = 0; i < sizeof(cron_words) / sizeof(cron_words[0]); i++) {
        known[i] = cron_words[i].name.ptr;
        if (str_equal_nocase(text, cron_words[i].name)) {
            *fields_out = cron_words[i].text;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "'%.*s' is no cron expression", STR_ARG(text));
    if (str_starts_with(text, S("@every")))
        return err_hint(err, "an interval stands for itself: every: 5m");
    const char *nearest = nearest_name(text, known);
    if (!nearest)
        return err_hint(err, "there are @hourly, @daily, @weekly, @monthly and @yearly");
    return err_hint(err, "did you mean %s?", nearest);
}

/* Splits at blanks. */
static size_t cron_split(struct str text, struct str *parts_out, size_t max)
{
    size_t count = 0, at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && text.ptr[at] != ' ' && text.ptr[at] != '\t')
            at++;
        if (at > start && count < max)
            parts_out[count] = str_slice(text, start, at - start);
        count += at > start;
        at++;
    }
    return count;
}

static bool cron_day_fits(const struct cron *cron, const struct zone_civil *day)
{
    bool by_month = cron->days >> day->day & 1, by_week = cron->weekdays >> day->weekday & 1;
    return cron->either_day ? by_month || by_week : by_month && by_week;
}

/* The first civil minute from this one (seconds 0) on that fits; CLOCK_NEVER: none before the calendar repeats. */
static int64_t cron_civil_next(const struct cron *cron, int64_t civil_us)
{
    struct zone_civil at = zone_split(civil_us);
    int last_year = at.year + CRON_YEARS;
    while (at.year <= last_year) {
        if (!(cron->months >> at.month & 1)) {
            at = (struct zone_civil){
                .year = at.year + (at.month == 12), .month = at.month == 12 ? 1 : at.month + 1, .day = 1};
            at = zone_split(zone_join(&at));
            continue;
        }
        if (cron_day_fits(cron, &at)) {
            uint64_t hours = cron->hours >> at.hour;
            uint64_t minutes = hours & 1 ? cron->minutes >> at.minute : 0;
            if (minutes) {
                at.minute += __builtin_ctzll(minutes);
                return zone_join(&at);
            }
            hours &= ~UINT64_C(1); /* nothing more in this hour */
            if (hours) {
                at.hour += __builtin_ctzll(hours);
                at.minute = __builtin_ctzll(cron->minutes);
                return zone_join(&at);
            }
        }
        at.hour = at.minute = 0;
        at = zone_split(zone_join(&at) + CRON_DAY);
    }
    return CLOCK_NEVER;
}

bool cron_parse(struct str text, struct cron *cron_out, struct err *err)
{
    struct str parts[CRON_FIELDS];
    uint64_t sets[CRON_FIELDS];
    text = str_trim(text);
    if (text.len > CRON_TEXT_MAX)
        return err_set(err, ERR_INVALID, "a cron expression has at most %d characters", CRON_TEXT_MAX);
    struct str fields = text;
    if (str_starts_with(text, S("@")) && !cron_word(text, &fields, err))
        return false;
    size_t count = cron_split(fields, parts, CRON_FIELDS);
    if (count != CRON_FIELDS) {
        err_set(err, ERR_INVALID, "the cron expression '%.*s' has %zu fields", STR_ARG(text), count);
        return err_hint(err, "five are known: minute, hour, day of the month, month, day of the week; as in 30 6 * * "
                             "mon-fri");
    }
    for (size_t i = 0; i < CRON_FIELDS; i++) {
        if (!cron_list(&cron_fields[i], parts[i], &sets[i], err))
            return false;
    }
    sets[4] = (sets[4] | sets[4] >> 7) & 0x7f; /* 7 is Sunday too */
    struct cron cron = {.minutes = sets[0],
                        .hours = (uint32_t)sets[1],
                        .days = (uint32_t)sets[2],
                        .months = (uint16_t)sets[3],
                        .weekdays = (uint8_t)sets[4]};
    cron.either_day = !str_starts_with(parts[2], S("*")) && !str_starts_with(parts[4], S("*"));
    cron.is_interval = str_starts_with(parts[0], S("*")) || cron.hours == (UINT32_C(1) << 24) - 1;
    if (cron_civil_next(&cron, 0) == CLOCK_NEVER) {
        err_set(err, ERR_INVALID, "the cron expression '%.*s' never comes true", STR_ARG(text));
        return err_hint(err, "no such day is in those months");
    }
    *cron_out = cron;
    return true;
}

/* --- The next time --- */

/* How far the clock goes back around this time; 0: it does not. */
static int64_t cron_repeated_us(const struct zone *zone, int64_t wall_us)
{
    int64_t before = zone_civil_us(zone, wall_us - CRON_DAY) + CRON_DAY;
    int64_t after = zone_civil_us(zone, wall_us + CRON_DAY) - CRON_DAY;
    return before > after ? before - after : 0;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_us)
{
    /* Civil minutes one after the other. When clocks go back, the second time of an earlier one may come before the
     * first time of a later one, so the search begins before it and ends where nothing can be earlier any more. */
    int64_t civil = zone_civil_us(zone, after_us) - cron_repeated_us(zone, after_us);
    civil -= ((civil % CRON_MINUTE) + CRON_MINUTE) % CRON_MINUTE;
    int64_t best = CLOCK_NEVER, end = civil + CRON_YEARS * 366 * CRON_DAY;
    for (; civil < end; civil += CRON_MINUTE) {
        civil = cron_civil_next(cron, civil);
        if (civil == CLOCK_NEVER)
            break;
        int64_t first, second;
        enum zone_kind kind = zone_wall_us(zone, civil, &first, &second);
        if (first >= best)
            break;
        if (kind == ZONE_GAP && cron->is_interval)
            continue;
        if (first > after_us)
            best = first;
        else if (kind == ZONE_TWICE && cron->is_interval && second > after_us && second < best)
            best = second;
    }
    return best;
}
