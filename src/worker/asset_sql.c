#include "worker/asset_sql.h"

#include "platform/json/json.h"
#include "worker/sql.h"

static size_t asset_sql_characters(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

/* A comment at its end would take what follows along; a line end would shift lines. DuckDB's lexer takes a carriage
 * return as white space that ends such a comment and begins no line. */
static void asset_sql_flat(struct buf *out, struct str sql)
{
    for (size_t i = 0; i < sql.len; i++)
        buf_append_char(out, sql.ptr[i] == '\n' ? '\r' : sql.ptr[i]);
    buf_append_char(out, '\r');
}

size_t asset_sql_append(struct buf *out, const struct json *asset)
{
    const struct json *ephemerals = json_get(asset, "ephemerals");
    size_t start = buf_len(out), count = json_count(ephemerals);
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i ? S(", ") : S("WITH "));
        sql_append_name(out, json_text(json_get(json_at(ephemerals, i), "name")));
        buf_append_str(out, S(" AS ("));
        asset_sql_flat(out, json_text(json_get(json_at(ephemerals, i), "sql")));
        buf_append_char(out, ')');
    }
    if (count)
        buf_append_str(out, S(" SELECT * FROM ("));
    size_t before = asset_sql_characters(str_from_index(buf_str(out), start));
    buf_append_str(out, str_trim(json_text(json_get(asset, "sql"))));
    if (count)
        buf_append_str(out, S("\n)"));
    return before;
}

/* The number behind word, which is moved over. */
static bool asset_sql_number(struct str *rest, struct str word, int64_t *number_out)
{
    size_t digits = 0;
    if (!str_starts_with(*rest, word))
        return false;
    *rest = str_from_index(*rest, word.len);
    while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9')
        digits++;
    bool ok = str_to_i64(str_slice(*rest, 0, digits), number_out);
    *rest = str_from_index(*rest, digits);
    return ok;
}

void asset_sql_place(struct err *err, size_t before, int *line_out, int *column_out)
{
    struct str message = err_message(err);
    int64_t line, column = 0;
    *line_out = *column_out = 0;
    size_t at = message.len;
    while (at > 0 && message.ptr[at - 1] != '(')
        at--;
    struct str rest = str_from_index(message, at);
    if (at < 2 || !asset_sql_number(&rest, S("line "), &line))
        return;
    bool has_column = asset_sql_number(&rest, S(", column "), &column);
    if (!str_equal(rest, S(")")))
        return;
    err->message[at - 2] = '\0';
    *line_out = (int)line;
    if (has_column)
        *column_out = line == 1 && column > (int64_t)before ? (int)(column - (int64_t)before) : (int)column;
}
