#include "base/limits.h"

#include <inttypes.h>

struct limit_row {
    const char *name;
    const char *unit;
    int64_t value;
};

static struct limit_row limits[LIMIT_COUNT] = {
#define LIMIT_ROW(constant, name, value, unit, effect) [constant] = {name, unit, value},
    LIMITS_TABLE(LIMIT_ROW)
#undef LIMIT_ROW
};

int64_t limits_get(enum limit limit)
{
    return limits[limit].value;
}

const char *limits_name(enum limit limit)
{
    return limits[limit].name;
}

const char *limits_unit(enum limit limit)
{
    return limits[limit].unit;
}

bool limits_set(struct str name, int64_t value, struct err *err)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (!str_equal(str_from(limits[i].name), name))
            continue;
        if (value < 0)
            return err_set(err, ERR_INVALID, "limit %s cannot be negative", limits[i].name);
        limits[i].value = value;
        return true;
    }
    return err_set(err, ERR_INVALID, "unknown limit '%.*s'", STR_ARG(name));
}

bool limits_err(enum limit limit, struct err *err)
{
    err_set(err, ERR_RESOURCE, "limit %s reached (%" PRId64 " %s)", limits_name(limit), limits_get(limit),
            limits_unit(limit));
    return err_hint(err, "the server's eider.yaml can raise it: limits: {%s: ...}", limits_name(limit));
}
