/* Reading properties by their tables. */
#include "domain/pipeline/property.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/nearest.h"

#define PROPERTY_KNOWN_MAX 64

bool property_problem_err(struct property_reader *reader, int line, const struct err *err)
{
    asset_problem_add(reader->problems, reader->path, line, reader->asset, err);
    return false;
}

bool property_problem(struct property_reader *reader, int line, const char *format, ...)
{
    struct err err = {.code = ERR_INVALID};
    va_list args;
    va_start(args, format);
    vsnprintf(err.message, sizeof(err.message), format, args);
    va_end(args);
    return property_problem_err(reader, line, &err);
}

bool property_unknown(struct property_reader *reader, int line, const char *what, struct str name,
                      const char *const *known)
{
    struct err err = {0};
    (void)err_set(&err, ERR_INVALID, "unknown %s '%.*s'", what, STR_ARG(str_slice(name, 0, 64)));
    const char *nearest = nearest_name(name, known);
    if (nearest)
        (void)err_hint(&err, "did you mean '%s'?", nearest);
    return property_problem_err(reader, line, &err);
}

static const struct property *property_find(const struct property *table, struct str name)
{
    for (; table->name; table++)
        if (str_equal(name, str_from(table->name)))
            return table;
    return NULL;
}

static bool property_fits(const struct property_reader *reader, const struct property *property)
{
    return property->where == 0 || reader->where == 0 || (property->where & reader->where);
}

bool property_map(struct property_reader *reader, const char *name, const struct yaml *map,
                  const struct property *table, void *target)
{
    bool ok = true;
    if (yaml_kind(map) != YAML_MAP)
        return property_problem(reader, yaml_line(map), "%s must be a map of 'name: value'", name);
    const char *known[PROPERTY_KNOWN_MAX] = {NULL};
    size_t count = 0;
    for (const struct property *row = table; row->name && count + 1 < PROPERTY_KNOWN_MAX; row++)
        if (property_fits(reader, row))
            known[count++] = row->name;
    for (size_t i = 0; i < yaml_count(map); i++) {
        struct str key = yaml_key_at(map, i);
        const struct property *property = property_find(table, key);
        if (reader->beside && str_equal(key, str_from(reader->beside)))
            continue;
        if (!property)
            ok = property_unknown(reader, yaml_key_line(map, i), "property", key, known);
        else if (!property_fits(reader, property))
            ok = property_problem(reader, yaml_key_line(map, i), "'%s' does not belong to %s", property->name, name);
        else
            ok = property->read(reader, property, yaml_at(map, i), (char *)target + property->offset) && ok;
    }
    return ok;
}

static bool property_wrong(struct property_reader *reader, const struct property *property, const struct yaml *value,
                           const char *expected)
{
    struct str text = yaml_text(value);
    if (text.len == 0)
        return property_problem(reader, yaml_line(value), "%s must be %s", property->name, expected);
    return property_problem(reader, yaml_line(value), "%s must be %s, not '%.*s'", property->name, expected,
                            STR_ARG(str_slice(text, 0, 64)));
}

bool property_text(struct property_reader *reader, const struct property *property, const struct yaml *value,
                   void *field)
{
    struct str text = yaml_text(value);
    if (text.len == 0)
        return property_wrong(reader, property, value, "a text");
    memcpy(field, &text, sizeof(text));
    return true;
}

bool property_texts(struct property_reader *reader, const struct property *property, const struct yaml *value,
                    void *field)
{
    bool is_list = yaml_kind(value) == YAML_LIST;
    struct property_list list = {.count = is_list ? yaml_count(value) : 1};
    struct str *items = arena_array(reader->arena, list.count, sizeof(*items));
    for (size_t i = 0; i < list.count; i++) {
        const struct yaml *item = is_list ? yaml_at(value, i) : value;
        items[i] = yaml_text(item);
        if (items[i].len == 0)
            return property_wrong(reader, property, item, "a text or a list of texts");
    }
    list.items = items;
    memcpy(field, &list, sizeof(list));
    return true;
}

bool property_flag(struct property_reader *reader, const struct property *property, const struct yaml *value,
                   void *field)
{
    struct str text = yaml_text(value);
    bool flag = str_equal(text, S("true"));
    if (!flag && !str_equal(text, S("false")))
        return property_wrong(reader, property, value, "true or false");
    memcpy(field, &flag, sizeof(flag));
    return true;
}

bool property_integer(struct property_reader *reader, const struct property *property, const struct yaml *value,
                      void *field)
{
    int64_t number;
    if (!str_to_i64(yaml_text(value), &number) || number < 0)
        return property_wrong(reader, property, value, "a whole number");
    memcpy(field, &number, sizeof(number));
    return true;
}

bool property_count(struct property_reader *reader, const struct property *property, const struct yaml *value,
                    void *field)
{
    uint64_t number;
    if (!str_to_u64(yaml_text(value), &number) || number > 1000)
        return property_wrong(reader, property, value, "a number up to 1000");
    uint32_t count = (uint32_t)number;
    memcpy(field, &count, sizeof(count));
    return true;
}

bool property_share(struct property_reader *reader, const struct property *property, const struct yaml *value,
                    void *field)
{
    double share;
    if (!str_to_double(yaml_text(value), &share) || !isfinite(share) || share < 0 || share > 1)
        return property_wrong(reader, property, value, "a number from 0 to 1");
    memcpy(field, &share, sizeof(share));
    return true;
}

bool property_parse_duration(struct str text, int64_t *us_out)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {
        {"ms", CLOCK_MILLISECOND},  {"s", CLOCK_SECOND},         {"min", 60 * CLOCK_SECOND},   {"m", 60 * CLOCK_SECOND},
        {"h", 3600 * CLOCK_SECOND}, {"d", 86400 * CLOCK_SECOND}, {"w", 604800 * CLOCK_SECOND}, {"", CLOCK_SECOND},
    };
    int64_t total = 0;
    for (text = str_trim(text); text.len > 0; text = str_trim(text)) {
        size_t digits = 0, end;
        int64_t number, part;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        for (end = digits; end < text.len && text.ptr[end] >= 'a' && text.ptr[end] <= 'z';)
            end++;
        struct str unit = str_slice(text, digits, end - digits);
        size_t at = 0;
        while (at < sizeof(units) / sizeof(units[0]) && !str_equal(unit, str_from(units[at].name)))
            at++;
        if (at == sizeof(units) / sizeof(units[0]) || !str_to_i64(str_slice(text, 0, digits), &number) ||
            (unit.len == 0 && end < text.len) || __builtin_mul_overflow(number, units[at].us, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
        text = str_from_index(text, end);
        *us_out = total;
        if (text.len == 0)
            return true;
    }
    return false;
}

bool property_duration(struct property_reader *reader, const struct property *property, const struct yaml *value,
                       void *field)
{
    int64_t us;
    if (!property_parse_duration(yaml_text(value), &us))
        return property_wrong(reader, property, value, "a time like 30s, 5m, 2h or 1d");
    memcpy(field, &us, sizeof(us));
    return true;
}

bool property_word(struct property_reader *reader, const struct property *property, const struct yaml *value,
                   void *field)
{
    struct str text = yaml_text(value);
    for (int i = 0; property->words[i]; i++) {
        if (!str_equal(text, str_from(property->words[i])))
            continue;
        memcpy(field, &i, sizeof(i));
        return true;
    }
    if (text.len == 0)
        return property_wrong(reader, property, value, "a word");
    return property_unknown(reader, yaml_line(value), property->name, text, property->words);
}

bool property_is_below(struct str path, const char *const *directories)
{
    struct str rest = path, part;
    bool below = false;
    for (size_t i = 0; directories[i]; i++) {
        struct str directory = str_from(directories[i]);
        below = below || (str_starts_with(path, directory) && path.len > directory.len);
    }
    while (below && str_split_next(&rest, '/', &part))
        below = !str_equal(part, S("..")) && !memchr(part.ptr, '\0', part.len);
    return below;
}
