/* Members of JSON objects, with errors that name them. */
#include <assert.h>
#include <limits.h>

#include "domain/catalog/model.h"

void *model_grow(struct arena *arena, const void *items, size_t count, size_t *capacity, size_t item_size)
{
    *capacity = count < 4 ? 8 : count * 2;
    void *grown = arena_array(arena, *capacity, item_size);
    if (count)
        memcpy(grown, items, count * item_size);
    return grown;
}

static const struct json *model_member(const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return json_kind(value) == JSON_NULL ? NULL : value;
}

bool model_optional_i64(const struct json *object, const char *key, int64_t missing, int64_t *number_out,
                        struct err *err)
{
    const struct json *value = model_member(object, key);
    if (value && json_kind(value) != JSON_I64)
        return err_set(err, ERR_INVALID, "'%s' must be a whole number", key);
    *number_out = value ? json_i64(value) : missing;
    return true;
}

bool model_get_i64(const struct json *object, const char *key, int64_t *number_out, struct err *err)
{
    if (!model_member(object, key))
        return err_set(err, ERR_INVALID, "'%s' is missing", key);
    return model_optional_i64(object, key, 0, number_out, err);
}

bool model_optional_int(const struct json *object, const char *key, int missing, int *number_out, struct err *err)
{
    int64_t number;
    if (!model_optional_i64(object, key, missing, &number, err))
        return false;
    if (number < INT_MIN || number > INT_MAX)
        return err_set(err, ERR_INVALID, "'%s' is out of range: %lld", key, (long long)number);
    *number_out = (int)number;
    return true;
}

bool model_get_int(const struct json *object, const char *key, int *number_out, struct err *err)
{
    if (!model_member(object, key))
        return err_set(err, ERR_INVALID, "'%s' is missing", key);
    return model_optional_int(object, key, 0, number_out, err);
}

bool model_optional_text(const struct json *object, const char *key, struct str *text_out, struct err *err)
{
    const struct json *value = model_member(object, key);
    if (value && json_kind(value) != JSON_TEXT)
        return err_set(err, ERR_INVALID, "'%s' must be a text", key);
    *text_out = value ? json_text(value) : (struct str){0};
    return true;
}

bool model_get_text(const struct json *object, const char *key, struct str *text_out, struct err *err)
{
    if (!model_member(object, key))
        return err_set(err, ERR_INVALID, "'%s' is missing", key);
    return model_optional_text(object, key, text_out, err);
}

bool model_get_bool(const struct json *object, const char *key, bool *value_out, struct err *err)
{
    const struct json *value = model_member(object, key);
    if (json_kind(value) != JSON_BOOL)
        return err_set(err, ERR_INVALID, "'%s' must be true or false", key);
    *value_out = json_bool(value);
    return true;
}

bool model_optional_array(const struct json *object, const char *key, const struct json **array_out, struct err *err)
{
    const struct json *value = model_member(object, key);
    if (value && json_kind(value) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "'%s' must be an array", key);
    *array_out = value;
    return true;
}

bool model_get_array(const struct json *object, const char *key, const struct json **array_out, struct err *err)
{
    if (!model_member(object, key))
        return err_set(err, ERR_INVALID, "'%s' is missing", key);
    return model_optional_array(object, key, array_out, err);
}

bool model_get_object(const struct json *object, const char *key, const struct json **object_out, struct err *err)
{
    const struct json *value = model_member(object, key);
    if (json_kind(value) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, value ? "'%s' must be an object" : "'%s' is missing", key);
    *object_out = value;
    return true;
}

bool model_check_texts(const struct json *object, const char *what, struct err *err)
{
    if (json_kind(object) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "%s must be an object", what);
    for (size_t i = 0; i < json_count(object); i++) {
        if (json_kind(json_at(object, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "'%.64s' of %s must be a text", json_key_at(object, i).ptr, what);
    }
    return true;
}

bool model_check_objects(const struct json *array, const char *what, struct err *err)
{
    if (json_kind(array) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "%s must be an array", what);
    for (size_t i = 0; i < json_count(array); i++) {
        if (json_kind(json_at(array, i)) != JSON_OBJECT)
            return err_set(err, ERR_INVALID, "%s must hold objects", what);
    }
    return true;
}

bool model_pass_id(int used, int *id, struct err *err)
{
    if (used == INT_MAX)
        return err_set(err, ERR_INVALID, "there are no ids left");
    *id = used >= *id ? used + 1 : *id;
    return true;
}

bool model_is_uuid(struct str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

const struct json *model_reread(struct arena *arena, const struct buf *buf)
{
    struct err err = {0};
    const struct json *json = json_parse(arena, buf_str(buf), &err);
    assert(json);
    return json;
}
