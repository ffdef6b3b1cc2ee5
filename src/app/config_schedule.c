/* maintain: and publish:, which the server does by itself every so often. */
#include "app/config_priv.h"
#include "base/clock.h"

/* "1d", or a map with every; false with the error. */
static bool config_every(struct config_reader *reader, const struct yaml *value, const char *key, int64_t *every_us)
{
    bool is_map = yaml_kind(value) == YAML_MAP;
    const struct yaml *every = is_map ? yaml_get(value, "every") : value;
    int64_t seconds;
    if (!every)
        return err_set(reader->err, ERR_INVALID, "line %d: %s.every is missing: 1h, 1d", yaml_line(value), key);
    if (!config_quantity(yaml_text(every), S("s"), &seconds, reader->err))
        return err_wrap(reader->err, "line %d: %s", yaml_line(every), key);
    if (seconds < 1 || seconds > INT64_MAX / CLOCK_SECOND)
        return err_set(reader->err, ERR_INVALID, "line %d: %s: that is no interval", yaml_line(every), key);
    *every_us = seconds * CLOCK_SECOND;
    return true;
}

static bool config_maintain(struct config_reader *reader, const struct yaml *value, struct query_schedule_plan *plan)
{
    static const char *const keys[] = {"every", "actions", NULL};
    const struct str *actions;
    size_t count;
    if (yaml_kind(value) == YAML_MAP && !yaml_only_keys(value, keys, reader->err))
        return false;
    if (!config_every(reader, value, "maintain", &plan->maintain_us))
        return false;
    const struct yaml *list = yaml_get(value, "actions");
    plan->compact = plan->expire = plan->orphans = !list;
    if (!list)
        return true;
    if (!config_texts(reader, list, "maintain.actions is a list of compact, expire, orphans", &actions, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        plan->compact = plan->compact || str_equal(actions[i], S("compact"));
        plan->expire = plan->expire || str_equal(actions[i], S("expire"));
        plan->orphans = plan->orphans || str_equal(actions[i], S("orphans"));
        if (!str_equal(actions[i], S("compact")) && !str_equal(actions[i], S("expire")) &&
            !str_equal(actions[i], S("orphans")))
            return config_bad(reader, list, "maintain.actions is a list of compact, expire, orphans");
    }
    return true;
}

static bool config_publish(struct config_reader *reader, const struct yaml *value, struct query_schedule_plan *plan)
{
    static const char *const keys[] = {"every", "tenants", "with_iceberg", NULL};
    if (yaml_kind(value) == YAML_MAP && !yaml_only_keys(value, keys, reader->err))
        return false;
    if (!config_every(reader, value, "publish", &plan->publish_us))
        return false;
    const struct yaml *tenants = yaml_get(value, "tenants"), *with = yaml_get(value, "with_iceberg");
    if (tenants && !config_texts(reader, tenants, "publish.tenants is a list of tenants", &plan->published,
                                 &plan->published_count))
        return false;
    plan->with_iceberg = with && str_equal(yaml_text(with), S("true"));
    if (with && !plan->with_iceberg && !str_equal(yaml_text(with), S("false")))
        return config_bad(reader, with, "publish.with_iceberg must be true or false");
    return true;
}

bool config_schedule_file(struct config_reader *reader, const struct yaml *maintain, const struct yaml *publish)
{
    struct query_schedule_plan *plan = &reader->config->schedule;
    return (!maintain || config_maintain(reader, maintain, plan)) &&
           (!publish || config_publish(reader, publish, plan));
}
