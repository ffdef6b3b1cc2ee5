#include "worker/asset_sql.h"

#include "platform/json/json.h"
#include "worker/sql.h"

static int asset_sql_lines(struct str text)
{
    int count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

int asset_sql_append(struct buf *out, const struct json *asset)
{
    const struct json *ephemerals = json_get(asset, "ephemerals");
    size_t count = json_count(ephemerals);
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i ? S(", ") : S("WITH "));
        sql_append_name(out, json_text(json_get(json_at(ephemerals, i), "name")));
        buf_append_str(out, S(" AS ("));
        buf_append_str(out, json_text(json_get(json_at(ephemerals, i), "sql")));
        buf_append_str(out, S("\n)")); /* the text may end in a comment */
    }
    buf_append_str(out, count ? S(" SELECT * FROM (\n") : S("\n"));
    int before = asset_sql_lines(buf_str(out));
    buf_append_str(out, json_text(json_get(asset, "sql")));
    buf_append_str(out, count ? S("\n)") : S("\n"));
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

void asset_sql_place(struct err *err, int before, int *line_out, int *column_out)
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
    if (line <= before)
        return;
    *line_out = (int)line - before;
    *column_out = has_column ? (int)column : 0;
}
