/* Rows to a descriptor in one of four forms. */
#include "cli/output.h"

#include "base/arena.h"
#include "base/csv.h"
#include "cli/terminal.h"
#include "platform/json/json.h"

#define FLUSH_SIZE (256 * 1024)
/* Lines of a table that are not rows: three rules, the header, the shell's prompt and the count. */
#define TABLE_FRAME_LINES 6

struct cli_output {
    enum cli_format format;
    int fd;
    bool page;
    struct cli_terminal terminal;
    int pager_fd, pager_pid; /* -1 without a pager */
    struct arena *arena;     /* column names */
    struct cli_column *columns;
    size_t column_count;
    uint64_t row_count;
    struct cli_table *table; /* CLI_FORMAT_TABLE only */
    struct buf out;
};

enum cli_format cli_format_of(struct str name)
{
    if (str_equal(name, S("json")))
        return CLI_FORMAT_JSON;
    if (str_equal(name, S("jsonl")))
        return CLI_FORMAT_JSON_LINES;
    return str_equal(name, S("csv")) ? CLI_FORMAT_CSV : CLI_FORMAT_TABLE;
}

struct cli_output *cli_output_open(enum cli_format format, int fd, bool page, const struct cli_column *columns,
                                   size_t count)
{
    struct cli_output *output = mem_new(struct cli_output);
    output->format = format;
    output->fd = fd;
    output->page = page;
    output->terminal = cli_terminal_of(fd);
    output->pager_fd = output->pager_pid = -1;
    output->arena = arena_new();
    output->columns = arena_array(output->arena, count, sizeof(*columns));
    output->column_count = count;
    for (size_t i = 0; i < count; i++)
        output->columns[i] = (struct cli_column){str_copy(output->arena, columns[i].name), columns[i].right};
    if (format == CLI_FORMAT_TABLE)
        output->table = cli_table_new(columns, count, output->terminal.colour);
    if (format == CLI_FORMAT_CSV) {
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                buf_append_char(&output->out, ',');
            csv_append(&output->out, columns[i].name);
        }
        buf_append_char(&output->out, '\n');
    }
    return output;
}

static bool flush(struct cli_output *output, struct err *err)
{
    bool written =
        cli_terminal_write(output->pager_fd >= 0 ? output->pager_fd : output->fd, buf_str(&output->out), err);
    buf_clear(&output->out);
    return written;
}

static void start_table(struct cli_output *output)
{
    const struct cli_terminal *terminal = &output->terminal;
    bool long_one = cli_table_kept(output->table) + TABLE_FRAME_LINES > terminal->height;
    if (terminal->present && output->page && long_one)
        output->pager_fd = cli_terminal_page(&output->pager_pid);
    cli_table_start(output->table, output->pager_fd >= 0 ? 0 : terminal->width, &output->out);
}

static void append_json_value(struct buf *out, const struct cli_cell *cell)
{
    if (cell->kind == CLI_CELL_NULL)
        buf_append_str(out, S("null"));
    else if (cell->kind == CLI_CELL_RAW)
        buf_append_str(out, cell->text);
    else
        json_escape(out, cell->text);
}

static void append_object(struct cli_output *output, const struct cli_cell *cells)
{
    buf_append_char(&output->out, '{');
    for (size_t i = 0; i < output->column_count; i++) {
        if (i > 0)
            buf_append_str(&output->out, S(", "));
        json_escape(&output->out, output->columns[i].name);
        buf_append_str(&output->out, S(": "));
        append_json_value(&output->out, &cells[i]);
    }
    buf_append_char(&output->out, '}');
}

static void append_csv_row(struct cli_output *output, const struct cli_cell *cells)
{
    for (size_t i = 0; i < output->column_count; i++) {
        if (i > 0)
            buf_append_char(&output->out, ',');
        if (cells[i].kind != CLI_CELL_NULL)
            csv_append(&output->out, cells[i].text);
    }
    buf_append_char(&output->out, '\n');
}

bool cli_output_row(struct cli_output *output, const struct cli_cell *cells, struct err *err)
{
    switch (output->format) {
    case CLI_FORMAT_TABLE:
        cli_table_row(output->table, cells, &output->out);
        if (cli_table_is_full(output->table))
            start_table(output);
        break;
    case CLI_FORMAT_JSON:
        buf_append_str(&output->out, output->row_count ? S(",\n ") : S("["));
        append_object(output, cells);
        break;
    case CLI_FORMAT_JSON_LINES:
        append_object(output, cells);
        buf_append_char(&output->out, '\n');
        break;
    case CLI_FORMAT_CSV:
        append_csv_row(output, cells);
        break;
    }
    output->row_count++;
    return buf_len(&output->out) < FLUSH_SIZE || flush(output, err);
}

bool cli_output_finish(struct cli_output *output, struct err *err)
{
    if (output->format == CLI_FORMAT_TABLE) {
        if (!cli_table_is_started(output->table))
            start_table(output);
        cli_table_finish(output->table, &output->out);
    } else if (output->format == CLI_FORMAT_JSON) {
        buf_append_str(&output->out, output->row_count ? S("]\n") : S("[]\n"));
    }
    return flush(output, err);
}

void cli_output_close(struct cli_output **output)
{
    struct cli_output *closed = *output;
    if (!closed)
        return;
    if (closed->pager_fd >= 0)
        cli_terminal_page_end(closed->pager_fd, closed->pager_pid);
    cli_table_free(&closed->table);
    buf_done(&closed->out);
    arena_free(&closed->arena);
    mem_free(closed);
    *output = NULL;
}
