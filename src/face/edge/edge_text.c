/* Small texts that faces make: JSON that is passed on, and SQL with names from outside in it. */
#include "face/edge/edge.h"
#include "platform/json/json.h"

static void edge_json_value(struct json_writer *writer, const char *key, const struct json *value);

static void edge_json_members(struct json_writer *writer, const struct json *value, bool keyed)
{
    for (size_t i = 0; i < json_count(value); i++) {
        /* Keys are NUL-terminated: json_key_at gives text from the arena of json_parse. */
        const char *key = keyed ? json_key_at(value, i).ptr : NULL;
        edge_json_value(writer, key, json_at(value, i));
    }
}

static void edge_json_value(struct json_writer *writer, const char *key, const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_NULL:
        json_write_null(writer, key);
        return;
    case JSON_BOOL:
        json_write_bool(writer, key, json_bool(value));
        return;
    case JSON_I64:
        json_write_i64(writer, key, json_i64(value));
        return;
    case JSON_DOUBLE:
        json_write_double(writer, key, json_double(value));
        return;
    case JSON_TEXT:
        json_write_text(writer, key, json_text(value));
        return;
    case JSON_ARRAY:
        json_begin_array(writer, key);
        edge_json_members(writer, value, false);
        json_end_array(writer);
        return;
    case JSON_OBJECT:
        json_begin_object(writer, key);
        edge_json_members(writer, value, true);
        json_end_object(writer);
        return;
    }
}

bool edge_parameters(struct arena *arena, const struct json *request, struct str *parameters_out, struct err *err)
{
    const struct json *parameters = json_get(request, "parameters");
    if (!parameters || json_kind(parameters) == JSON_NULL)
        return true;
    if (json_kind(parameters) != JSON_ARRAY && json_kind(parameters) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "parameters has to be an array (by position) or an object (by name)");
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    edge_json_value(&writer, NULL, parameters);
    *parameters_out = str_copy(arena, buf_str(&text));
    return true;
}

static struct str edge_sql_quoted(struct arena *arena, struct str text, char quote)
{
    AUTO(buf) struct buf quoted = {0};
    buf_append_quoted(&quoted, text, quote);
    return str_copy(arena, buf_str(&quoted));
}

struct str edge_sql_name(struct arena *arena, struct str text)
{
    return edge_sql_quoted(arena, text, '"');
}

struct str edge_sql_text(struct arena *arena, struct str text)
{
    return edge_sql_quoted(arena, text, '\'');
}

struct str edge_sql_tables(struct arena *arena, struct str pattern)
{
    struct str like = edge_sql_text(arena, pattern.len ? pattern : S("%"));
    return str_format(arena,
                      "SELECT CASE WHEN table_catalog = 'iceberg' AND table_schema <> 'iceberg' "
                      "THEN 'iceberg.' || table_schema ELSE table_schema END AS schema, table_name AS name, "
                      "CASE WHEN table_type = 'VIEW' THEN 'view' WHEN table_catalog = 'iceberg' THEN 'iceberg' "
                      "ELSE 'table' END AS kind FROM information_schema.tables "
                      "WHERE table_catalog IN (current_database(), 'iceberg') AND table_name LIKE %.*s "
                      "ORDER BY schema, name",
                      STR_ARG(like));
}
