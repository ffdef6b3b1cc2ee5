/* A scanner that knows just enough of JSON to see where a value ends; the values themselves are parsed properly. */
#include "cli/rows.h"

#include "platform/json/json.h"

/* One row (or the list of columns) in memory. */
#define VALUE_MAX ((size_t)512 << 20)

void cli_rows_init(struct cli_rows *rows, const struct cli_rows_events *events)
{
    *rows = (struct cli_rows){.events = *events, .arena = arena_new(), .value_depth = -1};
}

void cli_rows_done(struct cli_rows *rows)
{
    arena_free(&rows->arena);
    mem_free(rows->cells);
    buf_done(&rows->value);
    buf_done(&rows->key);
}

static bool is_number(struct str type)
{
    static const char *const types[] = {"TINYINT",   "SMALLINT", "INTEGER", "BIGINT",   "HUGEINT", "UTINYINT",
                                        "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT",   "DOUBLE"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_equal(type, str_from(types[i])))
            return true;
    return str_starts_with(type, S("DECIMAL")) && !str_ends_with(type, S("]"));
}

static bool take_columns(struct cli_rows *rows, struct err *err)
{
    const struct json *list = json_parse(rows->arena, buf_str(&rows->value), err);
    if (!list)
        return err_wrap(err, "columns of the result");
    rows->column_count = json_count(list);
    struct cli_column *columns = arena_array(rows->arena, rows->column_count, sizeof(*columns));
    for (size_t i = 0; i < rows->column_count; i++) {
        columns[i].name = json_text(json_get(json_at(list, i), "name"));
        columns[i].right = is_number(json_text(json_get(json_at(list, i), "type")));
    }
    rows->cells = mem_array(rows->column_count + 1, sizeof(*rows->cells));
    rows->columns_given = true;
    bool taken = rows->events.on_columns(rows->events.owner, columns, rows->column_count, err);
    arena_reset(rows->arena);
    return taken;
}

/* The end of the JSON value that begins at `start`: the comma or the closing bracket behind it. */
static size_t value_end(struct str text, size_t start)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = start; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && depth-- == 0) {
            return i;
        } else if (c == ',' && depth == 0) {
            return i;
        }
    }
    return text.len;
}

static bool take_cell(struct cli_rows *rows, struct str raw, struct cli_cell *cell_out, struct err *err)
{
    if (str_equal(raw, S("null"))) {
        *cell_out = (struct cli_cell){0};
        return true;
    }
    *cell_out = CLI_RAW(raw);
    if (!str_starts_with(raw, S("\"")))
        return true;
    if (!memchr(raw.ptr, '\\', raw.len)) {
        *cell_out = CLI_TEXT(str_slice(raw, 1, raw.len - 2));
        return raw.len >= 2 || err_set(err, ERR_DATA_LOSS, "a value of the result is cut off");
    }
    const struct json *text = json_parse(rows->arena, raw, err);
    if (!text)
        return err_wrap(err, "a value of the result");
    *cell_out = CLI_TEXT(json_text(text));
    return true;
}

static bool take_row(struct cli_rows *rows, struct err *err)
{
    struct str text = buf_str(&rows->value);
    size_t count = 0;
    for (size_t at = 1; at < text.len;) {
        size_t end = value_end(text, at);
        struct str raw = str_trim(str_slice(text, at, end - at));
        if (raw.len == 0 && count == 0)
            break;
        if (count == rows->column_count)
            return err_set(err, ERR_DATA_LOSS, "a row of the result has more values than there are columns");
        if (!take_cell(rows, raw, &rows->cells[count++], err))
            return false;
        at = end + 1;
    }
    if (count != rows->column_count)
        return err_set(err, ERR_DATA_LOSS, "a row of the result has fewer values than there are columns");
    rows->row_count++;
    bool taken = rows->events.on_row(rows->events.owner, rows->cells, count, err);
    arena_reset(rows->arena);
    return taken;
}

/* A value that was collected is whole. */
static bool take_value(struct cli_rows *rows, struct err *err)
{
    struct str key = buf_str(&rows->key);
    rows->value_depth = -1;
    bool taken = true;
    if (str_equal(key, S("columns")) && !rows->columns_given)
        taken = take_columns(rows, err);
    else if (str_equal(key, S("rows")) && rows->columns_given)
        taken = take_row(rows, err);
    else if (str_equal(key, S("rows")))
        taken = err_set(err, ERR_DATA_LOSS, "the result has rows before columns");
    buf_clear(&rows->value);
    return taken;
}

/* Whether a bracket that opens now, inside `depth` others, begins a value to collect. */
static bool begins_value(const struct cli_rows *rows)
{
    if (rows->value_depth >= 0)
        return false;
    struct str key = buf_str(&rows->key);
    return (rows->depth == 1 && str_equal(key, S("columns"))) || (rows->depth == 2 && str_equal(key, S("rows")));
}

static void scan_string(struct cli_rows *rows, char c)
{
    if (rows->escaped) {
        rows->escaped = false;
    } else if (c == '\\') {
        rows->escaped = true;
    } else if (c == '"') {
        rows->in_string = rows->in_key = false;
        return;
    }
    if (rows->in_key)
        buf_append_char(&rows->key, c);
}

enum scan { SCAN_ON, SCAN_VALUE_BEGINS, SCAN_VALUE_ENDS, SCAN_BROKEN };

static enum scan scan_bracket(struct cli_rows *rows, bool opens)
{
    if (opens) {
        bool begins = begins_value(rows);
        if (begins)
            rows->value_depth = rows->depth;
        rows->depth++;
        rows->key_next = rows->depth == 1;
        return begins ? SCAN_VALUE_BEGINS : SCAN_ON;
    }
    rows->depth--;
    rows->whole = rows->depth == 0;
    if (rows->depth < 0)
        return SCAN_BROKEN;
    return rows->value_depth == rows->depth ? SCAN_VALUE_ENDS : SCAN_ON;
}

static enum scan scan(struct cli_rows *rows, char c)
{
    if (rows->in_string) {
        scan_string(rows, c);
        return SCAN_ON;
    }
    switch (c) {
    case '"':
        rows->in_string = true;
        rows->in_key = rows->depth == 1 && rows->key_next;
        if (rows->in_key)
            buf_clear(&rows->key);
        return SCAN_ON;
    case '[':
    case '{':
        return scan_bracket(rows, true);
    case ']':
    case '}':
        return scan_bracket(rows, false);
    case ',':
    case ':':
        if (rows->depth == 1)
            rows->key_next = c == ',';
        return SCAN_ON;
    default:
        return SCAN_ON;
    }
}

bool cli_rows_feed(struct cli_rows *rows, struct str bytes, struct err *err)
{
    size_t start = 0; /* of the value under way in these bytes */
    for (size_t i = 0; i < bytes.len; i++) {
        enum scan found = scan(rows, bytes.ptr[i]);
        if (found == SCAN_VALUE_BEGINS) {
            start = i;
        } else if (found == SCAN_VALUE_ENDS) {
            buf_append(&rows->value, bytes.ptr + start, i + 1 - start);
            if (!take_value(rows, err))
                return false;
        } else if (found == SCAN_BROKEN) {
            return err_set(err, ERR_DATA_LOSS, "the result is no JSON document");
        }
    }
    if (rows->value_depth >= 0)
        buf_append(&rows->value, bytes.ptr + start, bytes.len - start);
    return buf_len(&rows->value) <= VALUE_MAX || err_set(err, ERR_RESOURCE, "a row of the result is too long to print");
}

bool cli_rows_finish(const struct cli_rows *rows, struct err *err)
{
    return (rows->whole && rows->columns_given) || err_set(err, ERR_DATA_LOSS, "the result was cut off");
}
