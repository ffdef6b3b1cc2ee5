/* Types that are written as one word, and the values that defaults of them may have. iceberg format/spec.md "Schemas
 * and Data Types" and "JSON single-value serialization". */
#include "domain/catalog/model.h"

static const struct {
    const char *name;
    enum model_kind kind;
} model_words[] = {
    {"boolean", MODEL_BOOLEAN},
    {"int", MODEL_INT},
    {"long", MODEL_LONG},
    {"float", MODEL_FLOAT},
    {"double", MODEL_DOUBLE},
    {"date", MODEL_DATE},
    {"time", MODEL_TIME},
    {"timestamp", MODEL_TIMESTAMP},
    {"timestamptz", MODEL_TIMESTAMPTZ},
    {"timestamp_ns", MODEL_TIMESTAMP_NS},
    {"timestamptz_ns", MODEL_TIMESTAMPTZ_NS},
    {"string", MODEL_STRING},
    {"uuid", MODEL_UUID},
    {"binary", MODEL_BINARY},
    {"unknown", MODEL_UNKNOWN},
    {"variant", MODEL_VARIANT},
    {"geometry", MODEL_GEOMETRY},
    {"geography", MODEL_GEOGRAPHY},
};

/* What stands between the brackets after the name; false: it is another name or has other brackets. */
static bool model_type_inside(struct str text, struct str name, char open, char close, struct str *inside_out)
{
    if (!str_equal_nocase(str_slice(text, 0, name.len), name))
        return false;
    struct str rest = str_trim(str_from_index(text, name.len));
    if (rest.len < 2 || rest.ptr[0] != open || rest.ptr[rest.len - 1] != close)
        return false;
    *inside_out = str_trim(str_slice(rest, 1, rest.len - 2));
    return true;
}

static bool model_type_digits(struct str text, int64_t *number_out)
{
    text = str_trim(text);
    return text.len > 0 && text.len < 10 && text.ptr[0] >= '0' && text.ptr[0] <= '9' && str_to_i64(text, number_out);
}

static bool model_type_decimal(struct arena *arena, struct str inside, struct model_type *type)
{
    struct str rest = inside, part;
    int64_t precision, scale;
    if (!str_split_next(&rest, ',', &part) || !model_type_digits(part, &precision) || !model_type_digits(rest, &scale))
        return false;
    if (precision < 1 || precision > 38 || scale > precision)
        return false;
    type->kind = MODEL_DECIMAL;
    type->precision = (int)precision;
    type->scale = (int)scale;
    type->text = str_format(arena, "decimal(%d, %d)", type->precision, type->scale);
    return true;
}

bool model_type_parse(struct arena *arena, struct str text, struct model_type *type_out, struct err *err)
{
    struct model_type type = {0};
    struct str inside;
    int64_t length;
    for (size_t i = 0; i < sizeof(model_words) / sizeof(model_words[0]); i++) {
        if (str_equal_nocase(text, str_from(model_words[i].name))) {
            type.kind = model_words[i].kind;
            type.text = str_from(model_words[i].name);
            *type_out = type;
            return true;
        }
    }
    if (model_type_inside(text, S("decimal"), '(', ')', &inside) && model_type_decimal(arena, inside, &type)) {
        *type_out = type;
        return true;
    }
    if (model_type_inside(text, S("fixed"), '[', ']', &inside) && model_type_digits(inside, &length)) {
        type.kind = MODEL_FIXED;
        type.precision = (int)length;
        type.text = str_format(arena, "fixed[%d]", type.precision);
        *type_out = type;
        return true;
    }
    bool geometry = model_type_inside(text, S("geometry"), '(', ')', &inside);
    if (geometry || model_type_inside(text, S("geography"), '(', ')', &inside)) {
        type.kind = geometry ? MODEL_GEOMETRY : MODEL_GEOGRAPHY;
        type.text = text;
        *type_out = type;
        return true;
    }
    return err_set(err, ERR_INVALID, "'%.*s' is no type of Iceberg", (int)(text.len > 64 ? 64 : text.len), text.ptr);
}

bool model_type_equal(const struct model_type *a, const struct model_type *b)
{
    if (a->kind != b->kind || a->precision != b->precision || a->scale != b->scale)
        return false;
    return (a->kind != MODEL_GEOMETRY && a->kind != MODEL_GEOGRAPHY) || str_equal(a->text, b->text);
}

int model_type_format(const struct model_type *type)
{
    static const bool third[MODEL_MAP + 1] = {
        [MODEL_TIMESTAMP_NS] = true, [MODEL_TIMESTAMPTZ_NS] = true, [MODEL_UNKNOWN] = true,
        [MODEL_GEOMETRY] = true,     [MODEL_GEOGRAPHY] = true,      [MODEL_VARIANT] = true};
    return third[type->kind] ? 3 : 1;
}

/* --- Default values --- */

/* Text that follows a pattern: d a digit, everything else itself. Returns what is left, or ptr NULL. */
static struct str model_value_follows(struct str text, const char *pattern)
{
    for (; *pattern; pattern++, text = str_from_index(text, 1)) {
        if (text.len == 0)
            return (struct str){0};
        bool digit = text.ptr[0] >= '0' && text.ptr[0] <= '9';
        if (*pattern == 'd' ? !digit : text.ptr[0] != *pattern)
            return (struct str){0};
    }
    return text.ptr ? text : S("");
}

/* "dd:dd[:dd[.d…]]" at the start; ptr NULL: it is not. */
static struct str model_value_clock(struct str text, size_t fraction_digits)
{
    struct str rest = model_value_follows(text, "dd:dd");
    struct str seconds = rest.ptr ? model_value_follows(rest, ":dd") : rest;
    if (!seconds.ptr || seconds.len == 0 || seconds.ptr[0] != '.')
        return seconds.ptr ? seconds : rest;
    size_t digits = 1;
    while (digits < seconds.len && seconds.ptr[digits] >= '0' && seconds.ptr[digits] <= '9')
        digits++;
    return digits == 1 || digits - 1 > fraction_digits ? (struct str){0} : str_from_index(seconds, digits);
}

static bool model_value_timestamp(struct str text, size_t fraction_digits, bool zone)
{
    struct str rest = model_value_follows(text, "dddd-dd-ddT");
    rest = rest.ptr ? model_value_clock(rest, fraction_digits) : rest;
    if (!rest.ptr)
        return false;
    return zone ? str_equal(rest, S("+00:00")) || str_equal(rest, S("Z")) : rest.len == 0;
}

static bool model_value_hex(struct str text, int64_t bytes)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return text.len % 2 == 0 && (bytes < 0 || (int64_t)text.len == bytes * 2);
}

static bool model_value_decimal(struct str text, const struct model_type *type)
{
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = str_from_index(text, 1);
    int digits = 0, after = -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' && after < 0)
            after = 0;
        else if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        else if (after >= 0)
            after++, digits++;
        else if (digits > 0 || text.ptr[i] != '0')
            digits++;
    }
    return text.len > 0 && (after < 0 ? 0 : after) == type->scale && digits <= type->precision;
}

static bool model_value_is_text(const struct model_type *type, struct str text)
{
    struct str rest;
    switch (type->kind) {
    case MODEL_STRING:
        return true;
    case MODEL_UUID:
        return model_is_uuid(text);
    case MODEL_DECIMAL:
        return model_value_decimal(text, type);
    case MODEL_DATE:
        rest = model_value_follows(text, "dddd-dd-dd");
        return rest.ptr && rest.len == 0;
    case MODEL_TIME:
        rest = model_value_clock(text, 6);
        return rest.ptr && rest.len == 0;
    case MODEL_TIMESTAMP:
    case MODEL_TIMESTAMPTZ:
        return model_value_timestamp(text, 6, type->kind == MODEL_TIMESTAMPTZ);
    case MODEL_TIMESTAMP_NS:
    case MODEL_TIMESTAMPTZ_NS:
        return model_value_timestamp(text, 9, type->kind == MODEL_TIMESTAMPTZ_NS);
    case MODEL_FIXED:
        return model_value_hex(text, type->precision);
    case MODEL_BINARY:
        return model_value_hex(text, -1);
    case MODEL_BOOLEAN:
    case MODEL_INT:
    case MODEL_LONG:
    case MODEL_FLOAT:
    case MODEL_DOUBLE:
    case MODEL_UNKNOWN:
    case MODEL_GEOMETRY:
    case MODEL_GEOGRAPHY:
    case MODEL_VARIANT:
    case MODEL_STRUCT:
    case MODEL_LIST_TYPE:
    case MODEL_MAP:
        return false;
    }
    return false;
}

bool model_type_check_value(const struct model_type *type, const struct json *value, struct err *err)
{
    bool fits = false;
    switch (json_kind(value)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        fits = type->kind == MODEL_BOOLEAN;
        break;
    case JSON_I64:
        fits = type->kind == MODEL_LONG ||
               (type->kind == MODEL_INT && json_i64(value) >= INT32_MIN && json_i64(value) <= INT32_MAX);
        break;
    case JSON_DOUBLE:
        fits = type->kind == MODEL_FLOAT || type->kind == MODEL_DOUBLE;
        break;
    case JSON_TEXT:
        fits = model_value_is_text(type, json_text(value));
        break;
    case JSON_ARRAY:
        fits = type->kind == MODEL_LIST_TYPE;
        break;
    case JSON_OBJECT:
        fits = type->kind == MODEL_STRUCT || type->kind == MODEL_MAP;
        break;
    }
    if (fits)
        return true;
    return err_set(err, ERR_INVALID, "the value is no %.64s", type->text.ptr ? type->text.ptr : "such type");
}
