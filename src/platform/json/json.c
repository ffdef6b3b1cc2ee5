/* Reading JSON: jansson checks the text and builds its own tree, which is copied into the arena and given back at once,
 * so nobody else sees jansson or has to free anything. Depth is checked before jansson recurses. */
#include "platform/json/json.h"

#include <assert.h>

/* Three of jansson's constants have the names of ours; its macros that use them are not used here. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_NULL

#include "base/limits.h"
#include "base/nearest.h"

struct json_member {
    struct str key;
    const struct json *value;
};

struct json {
    enum json_kind kind;
    bool boolean;
    int64_t number;
    double real;
    struct str text;
    size_t count;                      /* of an array or object */
    const struct json **items;         /* array */
    const struct json_member *members; /* object */
};

/* Where brackets nest too deeply: jansson would recurse, and its own bound is not ours. */
static bool json_check_depth(struct str text, struct err *err)
{
    int64_t depth = 0, line = 1;
    size_t line_start = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
        } else if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limits_get(LIMIT_JSON_DEPTH)) {
                err_set(err, ERR_INVALID, "JSON nested deeper than %lld levels at line %lld, column %zu",
                        (long long)limits_get(LIMIT_JSON_DEPTH), (long long)line, i - line_start + 1);
                return err_hint(err, "the limit is %s", limits_name(LIMIT_JSON_DEPTH));
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

static const struct json *json_take(struct arena *arena, const json_t *from);

static void json_take_array(struct arena *arena, const json_t *from, struct json *value)
{
    value->kind = JSON_ARRAY;
    value->count = json_array_size(from);
    value->items = arena_array(arena, value->count, sizeof(*value->items));
    for (size_t i = 0; i < value->count; i++)
        value->items[i] = json_take(arena, json_array_get(from, i));
}

static void json_take_object(struct arena *arena, json_t *from, struct json *value)
{
    value->kind = JSON_OBJECT;
    value->count = json_object_size(from);
    struct json_member *members = arena_array(arena, value->count, sizeof(*members));
    size_t i = 0;
    for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at), i++) {
        members[i].key = str_copy(arena, str_from(json_object_iter_key(at)));
        members[i].value = json_take(arena, json_object_iter_value(at));
    }
    assert(i == value->count);
    value->members = members;
}

static const struct json *json_take(struct arena *arena, const json_t *from)
{
    struct json *value = arena_new_object(arena, struct json);
    switch (json_typeof(from)) {
    case JANSSON_OBJECT:
        /* jansson's iterators want a mutable object, but do not change it. */
        json_take_object(arena, (json_t *)(uintptr_t)from, value);
        break;
    case JANSSON_ARRAY:
        json_take_array(arena, from, value);
        break;
    case JSON_STRING:
        value->kind = JSON_TEXT;
        value->text = str_copy(arena, str_bytes(json_string_value(from), json_string_length(from)));
        break;
    case JSON_INTEGER:
        value->kind = JSON_I64;
        value->number = json_integer_value(from);
        break;
    case JSON_REAL:
        value->kind = JSON_DOUBLE;
        value->real = json_real_value(from);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        value->kind = JSON_BOOL;
        value->boolean = json_typeof(from) == JSON_TRUE;
        break;
    case JANSSON_NULL:
        value->kind = JSON_NULL;
        break;
    }
    return value;
}

const struct json *json_parse(struct arena *arena, struct str text, struct err *err)
{
    if (!json_check_depth(text, err))
        return NULL;
    json_error_t error;
    json_t *root = json_loadb(text.len ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root) {
        /* jansson quotes the text near the error; keep that on one line. */
        for (char *c = error.text; *c; c++) {
            if ((unsigned char)*c < ' ')
                *c = ' ';
        }
        err_set(err, ERR_INVALID, "not valid JSON at line %d, column %d: %s", error.line < 1 ? 1 : error.line,
                error.column < 0 ? 0 : error.column, error.text);
        return NULL;
    }
    const struct json *value = json_take(arena, root);
    json_decref(root);
    return value;
}

enum json_kind json_kind(const struct json *value)
{
    return value ? value->kind : JSON_NULL;
}

struct str json_text(const struct json *value)
{
    return value && value->kind == JSON_TEXT ? value->text : S("");
}

int64_t json_i64(const struct json *value)
{
    return value ? value->number : 0;
}

double json_double(const struct json *value)
{
    if (!value)
        return 0;
    return value->kind == JSON_I64 ? (double)value->number : value->real;
}

bool json_bool(const struct json *value)
{
    return value && value->boolean;
}

size_t json_count(const struct json *value)
{
    return value ? value->count : 0;
}

const struct json *json_at(const struct json *value, size_t index)
{
    assert(index < value->count);
    return value->kind == JSON_ARRAY ? value->items[index] : value->members[index].value;
}

struct str json_key_at(const struct json *value, size_t index)
{
    assert(value->kind == JSON_OBJECT && index < value->count);
    return value->members[index].key;
}

const struct json *json_get(const struct json *value, const char *key)
{
    if (!value || value->kind != JSON_OBJECT)
        return NULL;
    for (size_t i = 0; i < value->count; i++) {
        if (str_equal(value->members[i].key, str_from(key)))
            return value->members[i].value;
    }
    return NULL;
}

bool json_is_equal(const struct json *a, const struct json *b)
{
    if (a == b)
        return true;
    if (json_kind(a) != json_kind(b) || json_count(a) != json_count(b))
        return false;
    switch (json_kind(a)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return a->boolean == b->boolean;
    case JSON_I64:
        return a->number == b->number;
    case JSON_DOUBLE:
        return !(a->real < b->real) && !(a->real > b->real);
    case JSON_TEXT:
        return str_equal(a->text, b->text);
    case JSON_ARRAY:
        for (size_t i = 0; i < a->count; i++) {
            if (!json_is_equal(a->items[i], b->items[i]))
                return false;
        }
        return true;
    case JSON_OBJECT:
        for (size_t i = 0; i < a->count; i++) {
            const struct json *other = json_get(b, a->members[i].key.ptr);
            if (!other || !json_is_equal(a->members[i].value, other))
                return false;
        }
        return true;
    }
    return false;
}

bool json_only_keys(const struct json *object, const char *const *keys, struct err *err)
{
    if (object->kind != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "expected a JSON object");
    for (size_t i = 0; i < object->count; i++) {
        struct str key = object->members[i].key;
        bool known = false;
        for (size_t k = 0; keys[k] && !known; k++)
            known = str_equal(key, str_from(keys[k]));
        if (known)
            continue;
        err_set(err, ERR_INVALID, "unknown key '%.*s'", (int)(key.len > 64 ? 64 : key.len), key.ptr);
        const char *nearest = nearest_name(key, keys);
        return nearest ? err_hint(err, "did you mean '%s'?", nearest) : false;
    }
    return true;
}

bool json_get_text(const struct json *object, const char *key, struct str *text_out, struct err *err)
{
    const struct json *value = json_get(object, key);
    if (value && value->kind != JSON_TEXT)
        return err_set(err, ERR_INVALID, "'%s' must be a text", key);
    *text_out = value ? value->text : S("");
    return true;
}
