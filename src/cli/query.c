/* eider query: one SQL text to the server's REST interface, its result as a table or as a file, streamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/cli_priv.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "cli/text.h"

/* What the result is converted to here. */
enum conversion {
    CONVERT_TABLE,  /* from a JSON document */
    CONVERT_ARRAY,  /* from JSON lines to an array of objects */
    CONVERT_LINES,  /* nothing; lines are counted */
    CONVERT_CSV,    /* nothing; records are counted */
    CONVERT_BINARY, /* nothing */
};

static const struct form {
    const char *name;
    const char *accept;
    enum conversion conversion;
} forms[] = {
    {"table", "application/json", CONVERT_TABLE},
    {"json", "application/x-ndjson", CONVERT_ARRAY},
    {"jsonl", "application/x-ndjson", CONVERT_LINES},
    {"csv", "text/csv", CONVERT_CSV},
    {"parquet", "application/vnd.apache.parquet", CONVERT_BINARY},
    {"arrow", "application/vnd.apache.arrow.stream", CONVERT_BINARY},
};

/* The result on its way. */
struct result {
    enum conversion conversion;
    int fd;
    struct cli_rows rows;      /* CONVERT_TABLE */
    struct cli_output *output; /* the same; NULL until the columns are known */
    uint64_t lines;            /* line ends outside of CSV quotes */
    bool in_quotes;            /* CSV */
    bool line_open;            /* a line has begun (JSON lines) */
    uint64_t bytes;
    struct buf scratch;
};

/* --- The answer's bytes. --- */

static bool on_columns(void *owner, const struct cli_column *columns, size_t count, struct err *err)
{
    (void)err;
    struct result *result = owner;
    result->output = cli_output_open(CLI_FORMAT_TABLE, result->fd, true, columns, count);
    return true;
}

static bool on_row(void *owner, const struct cli_cell *cells, size_t count, struct err *err)
{
    (void)count;
    struct result *result = owner;
    return cli_output_row(result->output, cells, err);
}

static void count_lines(struct result *result, struct str bytes)
{
    bool quotes = result->conversion == CONVERT_CSV;
    for (size_t i = 0; i < bytes.len; i++) {
        if (quotes && bytes.ptr[i] == '"')
            result->in_quotes = !result->in_quotes;
        else if (bytes.ptr[i] == '\n' && !result->in_quotes)
            result->lines++;
    }
}

/* JSON lines into the elements of an array: a comma goes before each line but the first. */
static bool write_elements(struct result *result, struct str bytes, struct err *err)
{
    buf_clear(&result->scratch);
    while (bytes.len > 0) {
        ptrdiff_t end = str_find_char(bytes, '\n');
        struct str part = str_slice(bytes, 0, end < 0 ? bytes.len : (size_t)end);
        if (part.len > 0 && !result->line_open)
            buf_append_str(&result->scratch, result->lines ? S(",\n ") : S("["));
        result->line_open |= part.len > 0;
        buf_append_str(&result->scratch, part);
        if (end < 0)
            break;
        result->lines += result->line_open;
        result->line_open = false;
        bytes = str_from_index(bytes, (size_t)end + 1);
    }
    return cli_terminal_write(result->fd, buf_str(&result->scratch), err);
}

static bool on_body(void *owner, struct str bytes, struct err *err)
{
    struct result *result = owner;
    result->bytes += bytes.len;
    switch (result->conversion) {
    case CONVERT_TABLE:
        return cli_rows_feed(&result->rows, bytes, err);
    case CONVERT_ARRAY:
        return write_elements(result, bytes, err);
    case CONVERT_LINES:
    case CONVERT_CSV:
        count_lines(result, bytes);
        break;
    case CONVERT_BINARY:
        break;
    }
    return cli_terminal_write(result->fd, bytes, err);
}

static bool finish_result(struct result *result, struct err *err)
{
    if (result->conversion == CONVERT_TABLE)
        return cli_rows_finish(&result->rows, err) && cli_output_finish(result->output, err);
    if (result->conversion != CONVERT_ARRAY)
        return true;
    bool open = result->lines > 0 || result->line_open;
    return cli_terminal_write(result->fd, open ? S("]\n") : S("[]\n"), err);
}

static void close_result(struct result *result)
{
    cli_output_close(&result->output);
    if (result->conversion == CONVERT_TABLE)
        cli_rows_done(&result->rows);
    buf_done(&result->scratch);
}

static void print_summary(const struct result *result, int64_t elapsed_us)
{
    struct buf line = {0};
    struct err ignored;
    uint64_t rows = result->conversion == CONVERT_TABLE ? result->rows.row_count : result->lines;
    if (result->conversion == CONVERT_CSV && rows > 0)
        rows--; /* the header */
    if (result->conversion == CONVERT_BINARY) {
        cli_text_bytes(&line, (double)result->bytes);
    } else {
        cli_text_number(&line, rows);
        buf_append_str(&line, rows == 1 ? S(" row") : S(" rows"));
    }
    buf_append_str(&line, S(" in "));
    cli_text_duration(&line, elapsed_us);
    buf_append_char(&line, '\n');
    (void)!cli_terminal_write(STDERR_FILENO, buf_str(&line), &ignored);
    buf_done(&line);
}

/* --- The request. --- */

static bool read_all(struct arena *arena, int fd, struct str *text_out, struct err *err)
{
    struct buf text = {0};
    ssize_t len;
    size_t max = (size_t)limits_get(LIMIT_SQL);
    do {
        len = read(fd, buf_reserve(&text, 65536), 65536);
        if (len > 0)
            buf_commit(&text, (size_t)len);
    } while (len > 0 && buf_len(&text) <= max);
    bool fits = buf_len(&text) <= max;
    if (len >= 0 && fits)
        *text_out = str_copy(arena, buf_str(&text));
    buf_done(&text);
    if (len < 0)
        return err_errno(err, "read the SQL text");
    return fits || limits_err(LIMIT_SQL, err);
}

static bool read_sql(struct cli *cli, struct str *sql_out, struct err *err)
{
    struct str file = cli_option(cli, "file");
    bool given = cli->options.argument_count == 1;
    if (given && file.ptr)
        return cli_wrong_use(cli, err, "SQL comes from the command line or from --file, not from both");
    struct str text = given ? cli->options.arguments[0] : S("-");
    if (given && !str_equal(text, S("-"))) {
        *sql_out = text;
        return true;
    }
    if (file.ptr && !str_equal(file, S("-"))) {
        int fd = open(str_cstr(cli->arena, file), O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_errno(err, "open %.*s", STR_ARG(file));
        bool done = read_all(cli->arena, fd, sql_out, err);
        (void)close(fd);
        return done;
    }
    if (!given && !file.ptr && isatty(STDIN_FILENO)) {
        *sql_out = S("");
        return true;
    }
    return read_all(cli->arena, STDIN_FILENO, sql_out, err);
}

/* A value that reads as a JSON number, boolean, null or string is that, everything else is text. */
static void write_parameter(struct cli *cli, struct json_writer *writer, struct str name, struct str value)
{
    struct err ignored;
    const char *key = str_cstr(cli->arena, name);
    const struct json *scalar = json_parse(cli->arena, value, &ignored);
    enum json_kind kind = scalar ? json_kind(scalar) : JSON_TEXT;
    if (kind == JSON_I64)
        json_write_i64(writer, key, json_i64(scalar));
    else if (kind == JSON_DOUBLE)
        json_write_double(writer, key, json_double(scalar));
    else if (kind == JSON_BOOL)
        json_write_bool(writer, key, json_bool(scalar));
    else if (kind == JSON_NULL)
        json_write_null(writer, key);
    else
        json_write_text(writer, key, scalar && kind == JSON_TEXT ? json_text(scalar) : value);
}

static bool write_body(struct cli *cli, struct str sql, struct buf *body, struct err *err)
{
    struct json_writer writer = {.buf = body};
    bool any = false;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "sql", sql);
    if (cli_tenant(cli).len > 0)
        json_write_text(&writer, "tenant", cli_tenant(cli));
    for (size_t i = 0; i < cli->options.value_count; i++) {
        const struct cli_value *value = &cli->options.values[i];
        if (strcmp(value->option->name, "parameter") != 0)
            continue;
        ptrdiff_t equals = str_find_char(value->text, '=');
        if (equals <= 0)
            return cli_wrong_use(cli, err, "a parameter is name=value, not '%.*s'", STR_ARG(value->text));
        if (!any)
            json_begin_object(&writer, "parameters");
        any = true;
        write_parameter(cli, &writer, str_slice(value->text, 0, (size_t)equals),
                        str_from_index(value->text, (size_t)equals + 1));
    }
    if (any)
        json_end_object(&writer);
    json_end_object(&writer);
    return true;
}

static bool send_query(struct cli *cli, const struct form *form, struct str body, int fd, struct err *err)
{
    struct result result = {.conversion = form->conversion, .fd = fd};
    struct cli_rows_events events = {on_columns, on_row, &result};
    if (form->conversion == CONVERT_TABLE)
        cli_rows_init(&result.rows, &events);
    struct http_client_request request = {
        .method = S("POST"),
        .url = str_format(cli->arena, "%.*s/api/v1/query", STR_ARG(cli->server.url)),
        .accept = str_from(form->accept),
        .content_type = S("application/json"),
        .body = body,
        .is_cancelled = cli_interrupt_came,
        .on_body = on_body,
        .owner = &result,
    };
    struct http_client_answer answer;
    int64_t started_us = clock_now_us();
    bool done = cli_send(cli, &request, &answer, err);
    int64_t elapsed_us = clock_now_us() - started_us;
    if (done && (answer.status < 200 || answer.status > 299))
        done = cli_call_error(cli, &answer, err);
    done = done && finish_result(&result, err);
    /* Waits until the user leaves the pager. */
    cli_output_close(&result.output);
    if (done)
        print_summary(&result, elapsed_us);
    close_result(&result);
    return done;
}

/* Into FILE.part, which becomes FILE when it is whole. */
static bool query_to_file(struct cli *cli, const struct form *form, struct str body, struct err *err)
{
    struct str path = cli_option(cli, "out");
    const char *part = str_format(cli->arena, "%.*s.part", STR_ARG(path)).ptr;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(err, "create %s", part);
    bool done = send_query(cli, form, body, fd, err);
    if (close(fd) != 0 && done)
        done = err_errno(err, "write %s", part);
    if (done && rename(part, str_cstr(cli->arena, path)) != 0)
        done = err_errno(err, "rename %s", part);
    if (!done)
        (void)unlink(part);
    return done;
}

static bool run(struct cli *cli, struct err *err)
{
    struct str name = cli_option(cli, "output"), sql;
    const struct form *form = &forms[0];
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (str_equal(name, str_from(forms[i].name)))
            form = &forms[i];
    bool to_file = cli_option(cli, "out").len > 0;
    if (form->conversion == CONVERT_BINARY && !to_file && isatty(STDOUT_FILENO))
        return cli_wrong_use(cli, err, "%s is not for a terminal; say --out FILE", form->name);
    cli_interrupt_catch(NULL);
    struct buf body = {0};
    bool done = read_sql(cli, &sql, err);
    if (done && str_trim(sql).len == 0)
        done = cli_wrong_use(cli, err, "the SQL text is missing");
    done = done && write_body(cli, sql, &body, err) && cli_connect(cli, true, err) &&
           (to_file ? query_to_file(cli, form, buf_str(&body), err)
                    : send_query(cli, form, buf_str(&body), STDOUT_FILENO, err));
    buf_done(&body);
    return done;
}

static const struct cli_option options[] = {
    CLI_TENANT_OPTION,
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .help = "how to print",
     .choices = "table|json|jsonl|csv|parquet|arrow"},
    {.name = "out", .value = "FILE", .help = "write the result into a file"},
    {.name = "file", .letter = 'f', .value = "FILE", .help = "read the SQL text from a file"},
    {.name = "parameter",
     .letter = 'p',
     .value = "NAME=VALUE",
     .help = "a value for $NAME; numbers, true, false and null"
             " are that, the rest is text",
     .many = true},
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_query = {
    .name = "query",
    .summary = "run SQL and show the result",
    .usage = "SQL|- [OPTION]...",
    .details = "On a terminal a long table goes through $PAGER. Ctrl-C cancels the statement.\n",
    .examples = "  eider query 'SELECT carrier, count(*) FROM flights GROUP BY ALL' --tenant tenant_acme\n"
                "  eider query 'SELECT * FROM orders WHERE day >= $day::DATE' -p day=2026-01-01 --output csv\n"
                "  eider query --file report.sql --output parquet --out report.parquet\n",
    .options = options,
    .arguments_max = 1,
    .run = run,
};
