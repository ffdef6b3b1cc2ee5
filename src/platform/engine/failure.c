/* Translation of DuckDB's error texts. The kind is in front of the text: "Catalog Error: Table with name ...". Prepare
 * gives the text alone, so the text is what decides everywhere. */
#include "platform/engine/failure.h"

#include <ctype.h>
#include <string.h>

#include "base/limits.h"
#include "platform/engine/iceberg.h"

static const struct {
    const char *prefix;
    enum err_code code;
} engine_failure_kinds[] = {
    {"Parser Error: ", ERR_INVALID},
    {"Syntax Error: ", ERR_INVALID},
    {"Binder Error: ", ERR_INVALID},
    {"Catalog Error: ", ERR_NOT_FOUND},
    {"Conversion Error: ", ERR_INVALID},
    {"Invalid Input Error: ", ERR_INVALID},
    {"Invalid type Error: ", ERR_INVALID},
    {"Mismatch Type Error: ", ERR_INVALID},
    {"Parameter Not Resolved Error: ", ERR_INVALID},
    {"Parameter Not Allowed Error: ", ERR_INVALID},
    {"Expression Error: ", ERR_INVALID},
    {"Divide by Zero Error: ", ERR_INVALID},
    {"Out of Range Error: ", ERR_RANGE},
    {"Sequence Error: ", ERR_RANGE},
    {"Object Size Error: ", ERR_RESOURCE},
    {"Out of Memory Error: ", ERR_RESOURCE},
    {"Constraint Error: ", ERR_PRECONDITION},
    {"Dependency Error: ", ERR_PRECONDITION},
    {"TransactionContext Error: ", ERR_CONFLICT},
    {"Transaction Error: ", ERR_CONFLICT},
    {"INTERRUPT Error: ", ERR_CANCELLED},
    {"Interrupt Error: ", ERR_CANCELLED},
    {"Permission Error: ", ERR_DENIED},
    {"Not implemented Error: ", ERR_UNIMPLEMENTED},
    {"Missing Extension Error: ", ERR_UNIMPLEMENTED},
    {"Extension Autoloading Error: ", ERR_UNIMPLEMENTED},
    {"IO Error: ", ERR_UNAVAILABLE},
    {"HTTP Error: ", ERR_UNAVAILABLE},
    {"Connection Error: ", ERR_UNAVAILABLE},
    {"INTERNAL Error: ", ERR_INTERNAL},
    {"Serialization Error: ", ERR_INTERNAL},
};

/* Texts that say more than their kind. */
static const struct {
    const char *text;
    enum err_code code;
} engine_failure_words[] = {
    {"FATAL Error: ", ERR_INTERNAL}, /* the word stays in the message: the worker looks for it */
    {"already exists", ERR_EXISTS},
    {"Current transaction is aborted", ERR_PRECONDITION},
    {"cannot start a transaction within a transaction", ERR_PRECONDITION},
    {"no transaction is active", ERR_PRECONDITION},
    {"transaction is launched in read-only mode", ERR_DENIED},
    {"No space left on device", ERR_RESOURCE},
    {"File too large", ERR_RESOURCE}, /* RLIMIT_FSIZE: see engine_failure_text */
    {"No files found", ERR_NOT_FOUND},
};

static enum err_code engine_failure_code(const char **message)
{
    enum err_code code = ERR_UNKNOWN;
    for (size_t i = 0; i < sizeof(engine_failure_kinds) / sizeof(engine_failure_kinds[0]); i++) {
        size_t len = strlen(engine_failure_kinds[i].prefix);
        if (strncmp(*message, engine_failure_kinds[i].prefix, len) == 0) {
            code = engine_failure_kinds[i].code;
            *message += len;
            break;
        }
    }
    for (size_t i = 0; i < sizeof(engine_failure_words) / sizeof(engine_failure_words[0]); i++)
        if (strstr(*message, engine_failure_words[i].text))
            return engine_failure_words[i].code;
    return code;
}

/* One line without control characters, and without the directory of the tenant: where files lie is nobody's business.
 */
static struct str engine_failure_line(const struct engine *engine, struct arena *arena, struct str text)
{
    struct buf line = {0};
    struct str directory = engine ? engine->directory : S("");
    for (size_t i = 0; i < text.len; i++) {
        if (directory.len > 1 && str_starts_with(str_from_index(text, i), directory)) {
            buf_append_str(&line, S("…"));
            i += directory.len - 1;
        } else {
            buf_append_char(&line, iscntrl((unsigned char)text.ptr[i]) ? ' ' : text.ptr[i]);
        }
    }
    struct str copy = str_trim(str_copy(arena, buf_str(&line)));
    buf_done(&line);
    return copy;
}

/* "LINE 2: select x\n               ^" gives line 2 and the column of the mark. */
static void engine_failure_place(struct str rest, int *line_out, int *column_out)
{
    *line_out = *column_out = 0;
    ptrdiff_t at = str_find(rest, S("LINE "));
    if (at < 0)
        return;
    struct str tail = str_from_index(rest, (size_t)at + 5);
    struct str number, source, mark;
    int64_t line;
    if (!str_split_next(&tail, ':', &number) || !str_to_i64(number, &line))
        return;
    *line_out = (int)line;
    size_t indent = 5 + number.len + 2; /* "LINE 2: " */
    if (str_split_next(&tail, '\n', &source) && str_split_next(&tail, '\n', &mark) &&
        !str_starts_with(str_trim(source), S("..."))) {
        ptrdiff_t caret = str_find_char(mark, '^');
        if (caret >= (ptrdiff_t)indent)
            *column_out = (int)((size_t)caret - indent) + 1;
    }
}

/* "CSV Error on Line: 7\nOriginal Line: x,3\nError when converting column "a". ...": the reason is the third line. */
static struct str engine_failure_reason(struct str first, struct str rest)
{
    struct str original, reason;
    bool csv = str_starts_with(first, S("CSV Error on Line"));
    bool known = csv && str_split_next(&rest, '\n', &original) && str_split_next(&rest, '\n', &reason);
    return known ? reason : S("");
}

/* A task that fails between two of our calls makes DuckDB complain of the second call, the reason behind it. */
static const char *engine_failure_cause(const char *message)
{
    static const char complaint[] = "unsuccessful or closed pending query result\nError: ";
    const char *found = strstr(message, complaint);
    return found ? found + sizeof(complaint) - 1 : message;
}

bool engine_failure_text(const struct engine *engine, const char *message, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    if (!message || !*message)
        return err_set(err, ERR_UNKNOWN, "DuckDB failed without a message");
    message = engine_failure_cause(message);
    if (engine && engine->iceberg && engine_iceberg_failure(message, err))
        return false;
    enum err_code code = engine_failure_code(&message);
    struct str rest = str_from(message), first, second;
    if (!str_split_next(&rest, '\n', &first))
        first = S("DuckDB failed");
    int line, column;
    engine_failure_place(rest, &line, &column);
    struct str text = engine_failure_line(engine, arena, first);
    struct str reason = engine_failure_line(engine, arena, engine_failure_reason(first, rest));
    if (reason.len > 0)
        text = str_format(arena, "%.*s: %.*s", STR_ARG(text), STR_ARG(reason));
    /* "Table" gives "table"; "SQL" and "UNION" stay. */
    bool lower = text.len > 1 && isupper((unsigned char)text.ptr[0]) && !isupper((unsigned char)text.ptr[1]);
    char initial = text.len ? (char)(lower ? tolower((unsigned char)text.ptr[0]) : text.ptr[0]) : ' ';
    struct str tail = str_from_index(text, 1);
    if (line > 0 && column > 0)
        err_set(err, code, "%c%.*s (line %d, column %d)", initial, STR_ARG(tail), line, column);
    else if (line > 1)
        err_set(err, code, "%c%.*s (line %d)", initial, STR_ARG(tail), line);
    else
        err_set(err, code, "%c%.*s", initial, STR_ARG(tail));
    err->hint[0] = '\0';
    if (str_find(text, S("File too large")) >= 0)
        err_hint(err, "limit %s reached", limits_name(LIMIT_DISK_QUOTA)); /* what a worker's file size is limited by */
    else if (str_split_next(&rest, '\n', &second) && second.len > 0 && !str_starts_with(second, S("LINE ")))
        err_hint(err, "%.*s", STR_ARG(engine_failure_line(engine, arena, second)));
    return false;
}

bool engine_failure_result(const struct engine *engine, duckdb_result *result, struct err *err)
{
    engine_failure_text(engine, engine_db.result_error(result), err);
    engine_db.destroy_result(result);
    return false;
}

bool engine_failure_data(const struct engine *engine, duckdb_error_data data, struct err *err)
{
    bool failed = data && engine_db.error_data_has_error(data);
    if (failed)
        engine_failure_text(engine, engine_db.error_data_message(data), err);
    if (data)
        engine_db.destroy_error_data(&data);
    return !failed;
}
