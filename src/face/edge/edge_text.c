/* Small texts that faces make: JSON that is passed on, and SQL with names from outside in it. */
#include "face/edge/edge.h"
#include "platform/json/json.h"

bool edge_parameters(struct arena *arena, const struct json *request, struct str *parameters_out, struct err *err)
{
    const struct json *parameters = json_get(request, "parameters");
    if (!parameters || json_kind(parameters) == JSON_NULL)
        return true;
    if (json_kind(parameters) != JSON_ARRAY && json_kind(parameters) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "parameters has to be an array (by position) or an object (by name)");
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_write_value(&writer, NULL, parameters);
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
