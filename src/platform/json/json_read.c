/* Reading JSON: jansson checks the text and builds its own tree, which is copied into the arena and given back at once,
 * so nobody else sees jansson or has to free anything. Depth is checked before jansson recurses. */
#include <assert.h>

#include "platform/json/json_priv.h"

/* Three of jansson's constants have the names of ours; its macros that use them are not used here. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_NULL

#include "base/limits.h"

/* Where brackets nest too deeply: jansson would recurse, and its own bound is not ours. */
static bool json_check_depth(struct str text, int64_t most, struct err *err)
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
            if (++depth > most)
                return err_set(err, ERR_INVALID, "JSON nested deeper than %lld levels at line %lld, column %zu",
                               (long long)most, (long long)line, i - line_start + 1);
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

static void json_take(struct arena *arena, json_t *from, struct json *value_out);

static void json_take_array(struct arena *arena, const json_t *from, struct json *value)
{
    value->kind = JSON_ARRAY;
    value->count = json_array_size(from);
    struct json *items = arena_array(arena, value->count, sizeof(*items));
    for (size_t i = 0; i < value->count; i++)
        json_take(arena, json_array_get(from, i), &items[i]);
    value->items = items;
}

static void json_take_object(struct arena *arena, json_t *from, struct json *value)
{
    value->kind = JSON_OBJECT;
    value->count = json_object_size(from);
    struct json_member *members = arena_array(arena, value->count, sizeof(*members));
    size_t i = 0;
    for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at), i++) {
        members[i].key = str_copy(arena, str_from(json_object_iter_key(at)));
        json_take(arena, json_object_iter_value(at), &members[i].value);
    }
    assert(i == value->count);
    value->members = members;
}

static void json_take(struct arena *arena, json_t *from, struct json *value)
{
    switch (json_typeof(from)) {
    case JANSSON_OBJECT:
        json_take_object(arena, from, value);
        break;
    case JANSSON_ARRAY:
        json_take_array(arena, from, value);
        break;
    case JSON_STRING:
        value->kind = JSON_TEXT;
        value->count = json_string_length(from);
        value->text = str_copy(arena, str_bytes(json_string_value(from), value->count)).ptr;
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
}

static const struct json *json_load(struct arena *arena, struct str text, struct err *err)
{
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
    struct json *value = arena_new_object(arena, struct json);
    json_take(arena, root, value);
    json_decref(root);
    return value;
}

const struct json *json_parse(struct arena *arena, struct str text, struct err *err)
{
    if (json_check_depth(text, limits_get(LIMIT_JSON_DEPTH), err))
        return json_load(arena, text, err);
    err_hint(err, "the limit is %s", limits_name(LIMIT_JSON_DEPTH));
    return NULL;
}

const struct json *json_parse_deep(struct arena *arena, struct str text, int64_t depth, struct err *err)
{
    return json_check_depth(text, depth, err) ? json_load(arena, text, err) : NULL;
}
