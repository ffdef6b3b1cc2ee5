/* Partitions of an asset: hours and days of UTC, keys. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "domain/pipeline/asset_property.h"
#include "domain/pipeline/plan.h"
#include "platform/zone/zone.h"

#define PARTITION_HOUR (3600 * CLOCK_SECOND)
#define PARTITION_DAY (24 * PARTITION_HOUR)

/* Exactly so many digits, which are taken off. */
static bool partition_digits(struct str *text, size_t count, int64_t *number_out)
{
    struct str digits = str_slice(*text, 0, count);
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
    *text = str_from_index(*text, count);
    return digits.len == count && str_to_i64(digits, number_out);
}

static bool partition_sign(struct str *text, char sign)
{
    if (text->len == 0 || text->ptr[0] != sign)
        return false;
    *text = str_from_index(*text, 1);
    return true;
}

bool asset_parse_moment(struct str text, bool is_hour, int64_t *us_out)
{
    int64_t year, month, day, hour = 0;
    if (!partition_digits(&text, 4, &year) || !partition_sign(&text, '-') || !partition_digits(&text, 2, &month) ||
        !partition_sign(&text, '-') || !partition_digits(&text, 2, &day))
        return false;
    if (is_hour && (!(partition_sign(&text, 'T') || partition_sign(&text, ' ')) || !partition_digits(&text, 2, &hour)))
        return false;
    if (text.len > 0 || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > zone_month_days((int)year, (int)month) || hour > 23)
        return false;
    struct zone_civil civil = {.year = (int)year, .month = (int)month, .day = (int)day, .hour = (int)hour};
    *us_out = zone_join(&civil);
    return true;
}

static struct str partition_name(struct arena *arena, bool is_hour, int64_t at_us)
{
    struct zone_civil civil = zone_split(at_us);
    if (is_hour)
        return str_format(arena, "%04d-%02d-%02dT%02d", civil.year, civil.month, civil.day, civil.hour);
    return str_format(arena, "%04d-%02d-%02d", civil.year, civil.month, civil.day);
}

static bool partition_wrong(const struct asset *asset, struct str name, struct err *err)
{
    bool by_hour = asset->partition.kind == ASSET_BY_HOUR, by_key = asset->partition.kind == ASSET_BY_KEY;
    (void)err_set(err, ERR_INVALID, "'%.*s' is no partition of '%.*s'", STR_ARG(str_slice(name, 0, 64)),
                  STR_ARG(asset->name));
    if (by_key)
        return err_hint(err, "its partitions are the values of partition_by");
    return err_hint(err, "its partitions are %s like %s", by_hour ? "hours" : "days",
                    by_hour ? "2026-01-31T05" : "2026-01-31");
}

static bool partition_key(const struct asset *asset, struct str name, size_t *index_out, struct err *err)
{
    for (size_t i = 0; i < asset->partition.value_count; i++) {
        if (!str_equal(asset->partition.values[i], name))
            continue;
        *index_out = i;
        return true;
    }
    return partition_wrong(asset, name, err);
}

/* A day or an hour, not before the asset's first one. */
static bool partition_time(const struct asset *asset, struct str name, int64_t *at_out, struct err *err)
{
    bool by_hour = asset->partition.kind == ASSET_BY_HOUR;
    if (!asset_parse_moment(name, by_hour, at_out))
        return partition_wrong(asset, name, err);
    if (*at_out >= asset->partition.start_us)
        return true;
    (void)err_set(err, ERR_INVALID, "'%.*s' is before the first partition of '%.*s'", STR_ARG(name),
                  STR_ARG(asset->name));
    return err_hint(err, "partition_by.start says where they begin");
}

static bool partition_is(const struct asset *asset, struct err *err)
{
    if (asset->partition.kind != ASSET_NOT_PARTITIONED)
        return true;
    (void)err_set(err, ERR_INVALID, "'%.*s' has no partitions", STR_ARG(asset->name));
    return err_hint(err, "partition_by makes them");
}

static bool partition_room(int64_t count, struct err *err)
{
    if (count <= limits_get(LIMIT_PIPELINE_PARTITIONS))
        return true;
    (void)limits_err(LIMIT_PIPELINE_PARTITIONS, err);
    err->code = ERR_RANGE;
    return err_wrap(err, "%" PRId64 " partitions", count);
}

static bool partition_list_keys(const struct asset *asset, struct str from, struct str to,
                                const struct str **partitions_out, size_t *count_out, struct err *err)
{
    size_t first = 0, last = asset->partition.value_count - 1;
    if (from.len > 0 && !partition_key(asset, from, &first, err))
        return false;
    if (from.len > 0 && to.len == 0)
        last = first;
    if (to.len > 0 && !partition_key(asset, to, &last, err))
        return false;
    if (last < first)
        return err_set(err, ERR_INVALID, "'%.*s' comes before '%.*s'", STR_ARG(to), STR_ARG(from));
    if (!partition_room((int64_t)(last - first + 1), err))
        return false;
    *partitions_out = asset->partition.values + first;
    *count_out = last - first + 1;
    return true;
}

bool plan_partitions(const struct asset *asset, struct str from, struct str to, int64_t now_us, struct arena *arena,
                     const struct str **partitions_out, size_t *count_out, struct err *err)
{
    bool by_hour = asset->partition.kind == ASSET_BY_HOUR;
    int64_t step = by_hour ? PARTITION_HOUR : PARTITION_DAY, first = asset->partition.start_us, last = now_us;
    if (!partition_is(asset, err))
        return false;
    if (asset->partition.kind == ASSET_BY_KEY)
        return partition_list_keys(asset, from, to, partitions_out, count_out, err);
    if (from.len > 0 && !partition_time(asset, from, &first, err))
        return false;
    if (from.len > 0 && to.len == 0)
        last = first;
    if (to.len > 0 && !partition_time(asset, to, &last, err))
        return false;
    if (last < first)
        return err_set(err, ERR_INVALID, "'%.*s' has no partition there", STR_ARG(asset->name));
    int64_t count = (last - first) / step + 1;
    if (!partition_room(count, err))
        return false;
    struct str *names = arena_array(arena, (size_t)count, sizeof(*names));
    for (int64_t i = 0; i < count; i++)
        names[i] = partition_name(arena, by_hour, first + i * step);
    *partitions_out = names;
    *count_out = (size_t)count;
    return true;
}

/* TIMESTAMP '2026-11-01 05:00:00' */
static struct str partition_literal(struct arena *arena, int64_t at_us)
{
    struct zone_civil civil = zone_split(at_us);
    return str_format(arena, "TIMESTAMP '%04d-%02d-%02d %02d:00:00'", civil.year, civil.month, civil.day, civil.hour);
}

bool plan_partition_bounds(const struct asset *asset, struct str partition, struct arena *arena, struct str *from_out,
                           struct str *to_out, struct err *err)
{
    int64_t at;
    size_t index;
    if (!partition_is(asset, err))
        return false;
    if (asset->partition.kind == ASSET_BY_KEY) {
        AUTO(buf) struct buf literal = {0};
        if (!partition_key(asset, partition, &index, err))
            return false;
        buf_append_quoted(&literal, partition, '\'');
        *from_out = str_copy(arena, buf_str(&literal));
        *to_out = S("");
        return true;
    }
    if (!partition_time(asset, partition, &at, err))
        return false;
    *from_out = partition_literal(arena, at);
    *to_out = partition_literal(arena, at + (asset->partition.kind == ASSET_BY_HOUR ? PARTITION_HOUR : PARTITION_DAY));
    return true;
}
