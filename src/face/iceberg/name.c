/* Names and small values from paths, parameters and bodies. */
#include "face/iceberg/iceberg_priv.h"

/* Between the levels of a namespace, in a path or a parameter: the unit separator. */
#define ICEBERG_SEPARATOR '\x1f'

bool iceberg_check_name(struct str name, struct err *err)
{
    if (name.len > 0 && str_is_utf8(name.ptr, name.len))
        return true;
    return err_set(err, ERR_INVALID, name.len ? "a name is not UTF-8" : "a name is empty");
}

static bool iceberg_levels_full(size_t count, struct err *err)
{
    return count < CATALOG_LEVELS_MAX ||
           err_set(err, ERR_INVALID, "a namespace has more than %d levels", CATALOG_LEVELS_MAX);
}

bool iceberg_split_namespace(struct arena *arena, struct str text, struct catalog_namespace *name_out, struct err *err)
{
    struct str *levels = arena_array(arena, CATALOG_LEVELS_MAX, sizeof(*levels));
    size_t count = 0;
    for (struct str rest = text;;) {
        ptrdiff_t at = str_find_char(rest, ICEBERG_SEPARATOR);
        struct str level = at < 0 ? rest : str_slice(rest, 0, (size_t)at);
        if (!iceberg_levels_full(count, err) || !iceberg_check_name(level, err))
            return false;
        levels[count++] = level;
        if (at < 0)
            break;
        rest = str_from_index(rest, (size_t)at + 1);
    }
    *name_out = (struct catalog_namespace){levels, count};
    return true;
}

bool iceberg_parse_texts(struct arena *arena, const struct json *object, const char *key, struct str **texts_out,
                         size_t *count_out, struct err *err)
{
    const struct json *array = json_get(object, key);
    size_t count = json_count(array);
    if (array && json_kind(array) != JSON_ARRAY && json_kind(array) != JSON_NULL)
        return err_set(err, ERR_INVALID, "%s has to be an array of texts", key);
    struct str *texts = arena_array(arena, count, sizeof(*texts));
    for (size_t i = 0; i < count; i++) {
        if (json_kind(json_at(array, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "%s has to be an array of texts", key);
        texts[i] = json_text(json_at(array, i));
    }
    *texts_out = texts;
    *count_out = count;
    return true;
}

void iceberg_texts_encode(struct json_writer *writer, const char *key, const struct str *texts, size_t count)
{
    json_begin_array(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, texts[i]);
    json_end_array(writer);
}

bool iceberg_parse_namespace(struct arena *arena, const struct json *object, const char *key,
                             struct catalog_namespace *name_out, struct err *err)
{
    struct str *levels;
    size_t count;
    if (!iceberg_parse_texts(arena, object, key, &levels, &count, err))
        return false;
    if (count == 0)
        return err_set(err, ERR_INVALID, "%s has to have a level", key);
    for (size_t i = 0; i < count; i++) {
        if (!iceberg_levels_full(i, err) || !iceberg_check_name(levels[i], err))
            return err_wrap(err, "%s", key);
        if (str_find_char(levels[i], ICEBERG_SEPARATOR) >= 0)
            return err_set(err, ERR_INVALID, "%s: a level contains the separator of levels", key);
    }
    *name_out = (struct catalog_namespace){levels, count};
    return true;
}

void iceberg_namespace_encode(struct json_writer *writer, const char *key, const struct catalog_namespace *name)
{
    iceberg_texts_encode(writer, key, name->levels, name->count);
}

bool iceberg_parse_identifier(struct arena *arena, const struct json *object, const char *key,
                              struct catalog_name *name_out, struct err *err)
{
    const struct json *identifier = json_get(object, key);
    if (json_kind(identifier) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "%s has to be an object with namespace and name", key);
    if (!iceberg_parse_namespace(arena, identifier, "namespace", &name_out->in, err) ||
        !json_get_text(identifier, "name", &name_out->name, err) || !iceberg_check_name(name_out->name, err))
        return err_wrap(err, "%s", key);
    return true;
}

bool iceberg_parse_pairs(struct arena *arena, const struct json *object, const char *key,
                         struct catalog_pair **pairs_out, size_t *count_out, struct err *err)
{
    const struct json *map = json_get(object, key);
    size_t count = json_count(map);
    if (map && json_kind(map) != JSON_OBJECT && json_kind(map) != JSON_NULL)
        return err_set(err, ERR_INVALID, "%s has to be an object of texts", key);
    struct catalog_pair *pairs = arena_array(arena, count, sizeof(*pairs));
    for (size_t i = 0; i < count; i++) {
        if (json_kind(json_at(map, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "%s: the value of '%.*s' has to be a text", key,
                           STR_ARG(str_slice(json_key_at(map, i), 0, 64)));
        pairs[i] = (struct catalog_pair){json_key_at(map, i), json_text(json_at(map, i))};
    }
    *pairs_out = pairs;
    *count_out = count;
    return true;
}

void iceberg_pairs_encode(struct arena *arena, struct json_writer *writer, const char *key,
                          const struct catalog_pair *pairs, size_t count)
{
    json_begin_object(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, str_cstr(arena, pairs[i].key), pairs[i].value);
    json_end_object(writer);
}

struct str iceberg_parse_etag(struct str header)
{
    struct str first = S("");
    str_split_next(&header, ',', &first);
    first = str_trim(first);
    if (str_starts_with(first, S("W/")))
        first = str_from_index(first, 2);
    if (first.len < 2 || first.ptr[0] != '"' || first.ptr[first.len - 1] != '"')
        return S("");
    return str_slice(first, 1, first.len - 2);
}

bool iceberg_parse_page(struct arena *arena, struct str query, struct catalog_page *page_out, struct err *err)
{
    struct str token = http_form_value(arena, query, S("pageToken"));
    struct str size = http_form_value(arena, query, S("pageSize"));
    uint64_t number = 0;
    if (size.ptr && (!str_to_u64(size, &number) || number == 0))
        return err_set(err, ERR_INVALID, "pageSize has to be a positive number");
    *page_out = (struct catalog_page){.token = token.ptr ? token : S(""),
                                      .size = number < SIZE_MAX ? (size_t)number : SIZE_MAX,
                                      .all = !token.ptr && !size.ptr};
    return true;
}
