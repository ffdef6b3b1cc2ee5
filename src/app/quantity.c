/* Quantities with units, as people write them in configuration. */
#include <inttypes.h>
#include <stdio.h>

#include "app/config.h"

struct config_unit {
    const char *name;
    int64_t factor;
};

static const struct config_unit config_sizes[] = {
    {"", 1},
    {"B", 1},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", 1024},
    {"MiB", 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {"TiB", INT64_C(1024) * 1024 * 1024 * 1024},
    {NULL, 0},
};
static const struct config_unit config_seconds[] = {{"", 1},     {"s", 1},     {"min", 60}, {"m", 60},
                                                    {"h", 3600}, {"d", 86400}, {NULL, 0}};
static const struct config_unit config_milliseconds[] = {{"", 1},      {"ms", 1},      {"s", 1000}, {"min", 60000},
                                                         {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct config_unit config_percent[] = {{"", 1}, {"%", 1}, {NULL, 0}};
static const struct config_unit config_count[] = {{"", 1}, {NULL, 0}};

static const struct config_unit *config_units(struct str unit)
{
    if (str_starts_with(unit, S("bytes")))
        return config_sizes;
    if (str_equal(unit, S("s")))
        return config_seconds;
    if (str_equal(unit, S("ms")))
        return config_milliseconds;
    return str_starts_with(unit, S("%")) ? config_percent : config_count;
}

/* "B KB MB ..." for the message. */
static void config_list_units(const struct config_unit *units, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (; units->name; units++) {
        if (units->name[0] && len < size)
            len += (size_t)snprintf(text + len, size - len, " %s", units->name);
    }
}

bool config_quantity(struct str text, struct str unit, int64_t *value_out, struct err *err)
{
    const struct config_unit *units = config_units(unit);
    size_t digits = 0;
    text = str_trim(text);
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    struct str name = str_trim(str_from_index(text, digits));
    int64_t number;
    bool ok = str_to_i64(str_slice(text, 0, digits), &number);
    const struct config_unit *found = units;
    while (found->name && !str_equal_nocase(name, str_from(found->name)))
        found++;
    if (ok && found->name && !__builtin_mul_overflow(number, found->factor, value_out))
        return true;
    char known[80];
    config_list_units(units, known, sizeof(known));
    err_set(err, ERR_INVALID, "'%.*s' is not a number of %.*s", STR_ARG(str_slice(text, 0, 40)), STR_ARG(unit));
    return known[0] ? err_hint(err, "units:%s", known) : false;
}
