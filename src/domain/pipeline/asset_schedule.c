/* When an asset runs by itself, and what happens when it fails; a schedule of eider.yaml says the same. */
#include "base/clock.h"
#include "domain/pipeline/asset_property.h"
#include "domain/pipeline/schedule.h"

#define ASSET_RETRY_DELAY (10 * CLOCK_SECOND)
#define ASSET_STABLE (2 * CLOCK_SECOND)

/* One failure, several, or any. */
static bool asset_read_failures(struct property_reader *reader, const struct property *property,
                                const struct yaml *value, void *field)
{
    struct property_list list;
    unsigned set = 0;
    if (!property_texts(reader, property, value, &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        unsigned bit = 0;
        while (asset_failure_words[bit] && !str_equal(list.items[i], str_from(asset_failure_words[bit])))
            bit++;
        if (!asset_failure_words[bit])
            return property_unknown(reader, yaml_line(value), "failure", list.items[i], asset_failure_words);
        set |= 1U << bit < ASSET_FAILS_ANY ? 1U << bit : (unsigned)ASSET_FAILS_ANY;
    }
    memcpy(field, &set, sizeof(set));
    return true;
}

#define RETRIES(field) offsetof(struct asset_retries, field)
const struct property asset_retries_properties[] = {
    {"max", "number", "0", property_count, RETRIES(max), NULL, 0},
    {"delay", "time", "10s", property_duration, RETRIES(delay_us), NULL, 0},
    {"backoff", "word", "linear", property_word, RETRIES(backoff), asset_backoff_words, 0},
    {"cap", "time", "1h", property_duration, RETRIES(cap_us), NULL, 0},
    {"jitter", "share", "0", property_share, RETRIES(jitter), NULL, 0},
    {"on", "words", "any", asset_read_failures, RETRIES(on), asset_failure_words, 0},
    {0},
};

bool asset_read_retries(struct property_reader *reader, const struct property *property, const struct yaml *value,
                        void *field)
{
    struct asset_retries retries = {.delay_us = ASSET_RETRY_DELAY, .on = ASSET_FAILS_ANY};
    bool ok = yaml_kind(value) == YAML_MAP
                  ? property_map(reader, property->name, value, asset_retries_properties, &retries)
                  : property_count(reader, property, value, &retries.max);
    if (ok && yaml_kind(value) == YAML_MAP && !yaml_get(value, "max"))
        ok = property_problem(reader, yaml_line(value), "retries needs max: how many");
    memcpy(field, &retries, sizeof(retries));
    return ok;
}

static bool asset_read_glob(struct property_reader *reader, const struct property *property, const struct yaml *value,
                            void *field)
{
    static const char *const directories[] = {"data/source/", NULL};
    struct str path;
    if (!property_text(reader, property, value, &path))
        return false;
    if (!property_is_below(path, directories))
        return property_problem(reader, yaml_line(value), "%s must be a path below data/source/", property->name);
    memcpy(field, &path, sizeof(path));
    return true;
}

#define SCHEDULE(field) offsetof(struct asset_schedule, field)
const struct property asset_schedule_properties[] = {
    {"cron", "text", "", property_text, SCHEDULE(cron), NULL, 0},
    {"zone", "text", "UTC", property_text, SCHEDULE(zone), NULL, 0},
    {"every", "time", "", property_duration, SCHEDULE(every_us), NULL, 0},
    {"on_file", "path", "", asset_read_glob, SCHEDULE(on_file), NULL, 0},
    {"stable", "time", "2s", property_duration, SCHEDULE(stable_us), NULL, 0},
    {"after", "texts", "", property_texts, SCHEDULE(after), NULL, 0},
    {"catch_up", "word", "last", property_word, SCHEDULE(catch_up), asset_catch_up_words, 0},
    {"overlap", "word", "skip", property_word, SCHEDULE(overlap), asset_overlap_words, 0},
    {"jitter", "time", "0s", property_duration, SCHEDULE(jitter_us), NULL, 0},
    {"paused", "flag", "false", property_flag, SCHEDULE(paused), NULL, 0},
    {0},
};

static struct asset_schedule *asset_schedule_new(struct property_reader *reader, const struct yaml *value)
{
    struct asset_schedule *schedule = arena_new_object(reader->arena, struct asset_schedule);
    *schedule = (struct asset_schedule){
        .cron = S(""),
        .zone = S(""),
        .on_file = S(""),
        .stable_us = ASSET_STABLE,
        .catch_up = ASSET_CATCH_UP_LAST,
        .line = yaml_line(value),
    };
    return schedule;
}

/* One thing that starts it, and no other; sets the field. */
static bool asset_set_schedule(struct property_reader *reader, const struct property *property,
                               const struct asset_schedule *schedule, void *field)
{
    const struct asset_schedule *before;
    int line = schedule->line;
    memcpy(&before, field, sizeof(before));
    if (before)
        return property_problem(reader, line, "%s beside the schedule in line %d: one of them can be", property->name,
                                before->line);
    int ways =
        (schedule->cron.len > 0) + (schedule->every_us > 0) + (schedule->on_file.len > 0) + (schedule->after_count > 0);
    if (ways != 1)
        return property_problem(reader, line, "%s needs one of cron, every, on_file, after", property->name);
    if (schedule->zone.len > 0 && schedule->cron.len == 0)
        return property_problem(reader, line, "zone belongs to cron");
    if (schedule->every_us > 0 && schedule->every_us < CLOCK_SECOND)
        return property_problem(reader, line, "every must be a second at least");
    struct err wrong;
    if (!schedule_check(schedule, &wrong))
        return property_problem_err(reader, line, &wrong);
    memcpy(field, &schedule, sizeof(schedule));
    return true;
}

bool asset_read_schedule(struct property_reader *reader, const struct property *property, const struct yaml *value,
                         void *field)
{
    struct asset_schedule *schedule = asset_schedule_new(reader, value);
    if (yaml_kind(value) != YAML_MAP && !property_text(reader, property, value, &schedule->cron))
        return false;
    if (yaml_kind(value) == YAML_MAP &&
        !property_map(reader, property->name, value, asset_schedule_properties, schedule))
        return false;
    if (yaml_kind(value) == YAML_TEXT && property_parse_duration(schedule->cron, &schedule->every_us))
        schedule->cron = S("");
    return asset_set_schedule(reader, property, schedule, field);
}

bool asset_read_every(struct property_reader *reader, const struct property *property, const struct yaml *value,
                      void *field)
{
    struct asset_schedule *schedule = asset_schedule_new(reader, value);
    return property_duration(reader, property, value, &schedule->every_us) &&
           asset_set_schedule(reader, property, schedule, field);
}

bool asset_read_on_file(struct property_reader *reader, const struct property *property, const struct yaml *value,
                        void *field)
{
    struct asset_schedule *schedule = asset_schedule_new(reader, value);
    return asset_read_glob(reader, property, value, &schedule->on_file) &&
           asset_set_schedule(reader, property, schedule, field);
}

bool asset_read_after(struct property_reader *reader, const struct property *property, const struct yaml *value,
                      void *field)
{
    struct asset_schedule *schedule = asset_schedule_new(reader, value);
    return property_texts(reader, property, value, &schedule->after) &&
           asset_set_schedule(reader, property, schedule, field);
}
