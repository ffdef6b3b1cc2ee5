/* Data files: the field ids that they carry, and the column figures that manifests keep of them. */
#include "worker/maintain_bound.h"
#include "worker/maintain_write.h"

static void maintain_append_type_ids(struct buf *sql, const struct json *type);

static void maintain_append_nested(struct buf *sql, const char *name, int64_t id, const struct json *type)
{
    buf_printf(sql, ", '%s': {'__duckdb_field_id': %lld", name, (long long)id);
    maintain_append_type_ids(sql, type);
    buf_append_char(sql, '}');
}

/* ", 'child': {…}" for each child of a nested type. */
static void maintain_append_type_ids(struct buf *sql, const struct json *type)
{
    struct str kind = json_text(json_get(type, "type"));
    const struct json *fields = json_get(type, "fields");
    if (str_equal(kind, S("list")))
        maintain_append_nested(sql, "element", json_i64(json_get(type, "element-id")), json_get(type, "element"));
    if (str_equal(kind, S("map"))) {
        maintain_append_nested(sql, "key", json_i64(json_get(type, "key-id")), json_get(type, "key"));
        maintain_append_nested(sql, "value", json_i64(json_get(type, "value-id")), json_get(type, "value"));
    }
    for (size_t i = 0; i < json_count(fields); i++) {
        const struct json *field = json_at(fields, i);
        buf_append_str(sql, S(", "));
        sql_append_text(sql, json_text(json_get(field, "name")));
        buf_printf(sql, ": {'__duckdb_field_id': %lld", (long long)json_i64(json_get(field, "id")));
        maintain_append_type_ids(sql, json_get(field, "type"));
        buf_append_char(sql, '}');
    }
}

void maintain_append_field_ids(struct buf *sql, const struct json *schema)
{
    AUTO(buf) struct buf children = {0};
    maintain_append_type_ids(&children, schema);
    buf_append_str(sql, str_from_index(buf_str(&children), 2)); /* the first ", " */
}

/* What is asked of one column: its smallest or largest value, as maintain_bound_hex reads it. */
static void maintain_append_extreme(struct buf *sql, const char *function, const char *column, struct str type)
{
    const char *sql_type = maintain_bound_sql_type(type);
    if (!sql_type) {
        buf_append_str(sql, S("NULL::VARCHAR"));
        return;
    }
    struct str value = str_from(sql_type);
    const char *before = str_equal(type, S("date"))              ? "date_diff('day', DATE '1970-01-01', "
                         : str_equal(type, S("timestamp_ns"))    ? "epoch_ns("
                         : str_starts_with(type, S("timestamp")) ? "epoch_us("
                                                                 : "(";
    /* Without figures of one row group nothing is known of the whole. */
    buf_printf(sql,
               "CASE WHEN bool_and(%s IS NOT NULL OR stats_null_count = num_values) THEN %s%s(%s::%s))::VARCHAR END",
               column, before, function, column, value.ptr);
}

static void maintain_append_column_figures(struct buf *sql, const struct json *field, struct str path)
{
    struct str type = json_text(json_get(field, "type"));
    buf_printf(sql,
               "SELECT %lld AS id, sum(total_compressed_size)::BIGINT AS size, sum(num_values)::BIGINT AS count, "
               "sum(stats_null_count)::BIGINT AS nulls, ",
               (long long)json_i64(json_get(field, "id")));
    maintain_append_extreme(sql, "min", "stats_min_value", type);
    buf_append_str(sql, S(" AS low, "));
    maintain_append_extreme(sql, "max", "stats_max_value", type);
    buf_append_str(sql, S(" AS high FROM parquet_metadata("));
    sql_append_text(sql, path);
    buf_append_str(sql, S(") WHERE path_in_schema = "));
    sql_append_text(sql, json_text(json_get(field, "name")));
}

/* 'name': MAP {1: 7, 2: 9}, or a NULL of its type. */
static void maintain_append_counts(struct buf *figures, const char *name, const struct json *rows, const char *member)
{
    size_t known = 0;
    buf_printf(figures, "'%s': ", name);
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i);
        int64_t number = sql_number(json_get(row, member), -1);
        if (number >= 0)
            buf_printf(figures, "%s%lld: %lld::BIGINT", known++ ? ", " : "MAP {",
                       (long long)sql_number(json_get(row, "id"), 0), (long long)number);
    }
    buf_append_str(figures, known ? S("}, ") : S("NULL::MAP(INTEGER, BIGINT), "));
}

static void maintain_append_bounds(struct buf *figures, struct arena *arena, const struct json *schema, bool upper,
                                   const struct json *rows)
{
    const struct json *fields = json_get(schema, "fields");
    size_t known = 0;
    buf_append_str(figures, upper ? S("'upper_bounds': ") : S("'lower_bounds': "));
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i), *value = json_get(row, upper ? "high" : "low");
        int64_t id = sql_number(json_get(row, "id"), 0);
        struct str type = json_text(json_get(maintain_by_id(fields, "id", id), "type"));
        struct str hex =
            json_kind(value) == JSON_TEXT ? maintain_bound_hex(arena, type, json_text(value), upper) : S("");
        if (hex.len)
            buf_printf(figures, "%s%lld: from_hex('%.*s')", known++ ? ", " : "MAP {", (long long)id, STR_ARG(hex));
    }
    buf_append_str(figures, known ? S("}") : S("NULL::MAP(INTEGER, BLOB)"));
}

static bool maintain_read_size(struct maintain *maintain, struct arena *arena, struct maintain_added *added,
                               struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    buf_append_str(&sql, S("SELECT num_rows AS n, file_size_bytes::BIGINT AS bytes FROM parquet_file_metadata("));
    sql_append_text(&sql, added->path);
    buf_append_char(&sql, ')');
    if (!sql_rows(maintain->statement, arena, buf_str(&sql), &rows, err))
        return false;
    added->rows = sql_number(json_get(json_at(rows, 0), "n"), -1);
    added->bytes = sql_number(json_get(json_at(rows, 0), "bytes"), -1);
    return true;
}

bool maintain_figures(struct maintain *maintain, struct arena *arena, const struct json *schema,
                      struct maintain_added *added, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf figures = {0};
    const struct json *fields = json_get(schema, "fields"), *rows = NULL;
    for (size_t i = 0; i < json_count(fields); i++) {
        if (json_kind(json_get(json_at(fields, i), "type")) != JSON_TEXT)
            continue;
        buf_append_str(&sql, buf_len(&sql) ? S(" UNION ALL ") : S(""));
        maintain_append_column_figures(&sql, json_at(fields, i), added->path);
    }
    if (!maintain_read_size(maintain, arena, added, err) ||
        (buf_len(&sql) && !sql_rows(maintain->statement, arena, buf_str(&sql), &rows, err)))
        return false;
    maintain_append_counts(&figures, "column_sizes", rows, "size");
    maintain_append_counts(&figures, "value_counts", rows, "count");
    maintain_append_counts(&figures, "null_value_counts", rows, "nulls");
    buf_append_str(&figures, S("'nan_value_counts': NULL::MAP(INTEGER, BIGINT), "));
    maintain_append_bounds(&figures, arena, schema, false, rows);
    buf_append_str(&figures, S(", "));
    maintain_append_bounds(&figures, arena, schema, true, rows);
    added->figures = str_copy(arena, buf_str(&figures));
    return true;
}
