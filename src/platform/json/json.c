/* What values of a parsed document answer. */
#include "platform/json/json.h"

#include <assert.h>

#include "base/nearest.h"
#include "platform/json/json_priv.h"

/* Objects with more members are compared in their order: looking each one up would take too long. */
#define JSON_UNORDERED_MAX 1000

enum json_kind json_kind(const struct json *value)
{
    return value ? value->kind : JSON_NULL;
}

struct str json_text(const struct json *value)
{
    return value && value->kind == JSON_TEXT ? str_bytes(value->text, value->count) : S("");
}

int64_t json_i64(const struct json *value)
{
    return value && value->kind == JSON_I64 ? value->number : 0;
}

double json_double(const struct json *value)
{
    if (json_kind(value) == JSON_I64)
        return (double)value->number;
    return json_kind(value) == JSON_DOUBLE ? value->real : 0;
}

bool json_bool(const struct json *value)
{
    return json_kind(value) == JSON_BOOL && value->boolean;
}

size_t json_count(const struct json *value)
{
    return value && (value->kind == JSON_ARRAY || value->kind == JSON_OBJECT) ? value->count : 0;
}

const struct json *json_at(const struct json *value, size_t index)
{
    assert(index < json_count(value));
    return value->kind == JSON_ARRAY ? &value->items[index] : &value->members[index].value;
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
    struct str wanted = str_from(key);
    for (size_t i = 0; i < value->count; i++) {
        if (str_equal(value->members[i].key, wanted))
            return &value->members[i].value;
    }
    return NULL;
}

/* The member of the same key, which stands at the same place where the order is the same. */
static const struct json *json_counterpart(const struct json *object, struct str key, size_t index)
{
    if (str_equal(object->members[index].key, key))
        return &object->members[index].value;
    return object->count > JSON_UNORDERED_MAX ? NULL : json_get(object, key.ptr);
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
        return str_equal(json_text(a), json_text(b));
    case JSON_ARRAY:
        for (size_t i = 0; i < a->count; i++) {
            if (!json_is_equal(&a->items[i], &b->items[i]))
                return false;
        }
        return true;
    case JSON_OBJECT:
        for (size_t i = 0; i < a->count; i++) {
            const struct json *other = json_counterpart(b, a->members[i].key, i);
            if (!other || !json_is_equal(&a->members[i].value, other))
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
    if (json_kind(value) != JSON_NULL && json_kind(value) != JSON_TEXT)
        return err_set(err, ERR_INVALID, "'%s' must be a text", key);
    *text_out = json_text(value);
    return true;
}
