/* Table layout: measure, shrink, draw. */
#include "cli/table.h"

#include <assert.h>

#include "base/arena.h"
#include "base/vec.h"
#include "cli/text.h"

#define ROWS_KEPT_MAX 1000
/* A column is never made narrower than this to fit a terminal. */
#define WIDTH_MIN 6
/* One cell of a row that was not measured may not push the others out of sight. */
#define WIDTH_MAX 400

#define DIM "\033[2m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct cli_table {
    struct arena *arena; /* columns and kept rows */
    struct cli_column *columns;
    size_t *widths;
    size_t column_count;
    VEC(struct cli_cell *) kept; /* text already clean */
    bool colour;
    bool started;
    bool cuts;          /* cells that are too wide are shortened, else they stick out */
    struct buf scratch; /* a cell being cleaned */
};

static struct str clean_copy(struct cli_table *table, struct str text)
{
    buf_clear(&table->scratch);
    cli_text_clean(&table->scratch, text);
    return str_copy(table->arena, buf_str(&table->scratch));
}

struct cli_table *cli_table_new(const struct cli_column *columns, size_t count, bool colour)
{
    struct cli_table *table = mem_new(struct cli_table);
    table->arena = arena_new();
    table->columns = arena_array(table->arena, count, sizeof(*columns));
    table->widths = arena_array(table->arena, count, sizeof(*table->widths));
    table->column_count = count;
    table->colour = colour;
    for (size_t i = 0; i < count; i++) {
        table->columns[i] = (struct cli_column){clean_copy(table, columns[i].name), columns[i].right};
        table->widths[i] = cli_text_width(table->columns[i].name);
    }
    return table;
}

void cli_table_free(struct cli_table **table)
{
    if (!*table)
        return;
    vec_done(&(*table)->kept);
    buf_done(&(*table)->scratch);
    arena_free(&(*table)->arena);
    mem_free(*table);
    *table = NULL;
}

size_t cli_table_kept(const struct cli_table *table)
{
    return table->kept.count;
}

bool cli_table_is_full(const struct cli_table *table)
{
    return !table->started && table->kept.count >= ROWS_KEPT_MAX;
}

bool cli_table_is_started(const struct cli_table *table)
{
    return table->started;
}

static void draw_rule(const struct cli_table *table, const char *left, const char *middle, const char *right,
                      struct buf *out)
{
    if (table->colour)
        buf_append_str(out, S(DIM));
    buf_append_str(out, str_from(left));
    for (size_t i = 0; i < table->column_count; i++) {
        if (i > 0)
            buf_append_str(out, str_from(middle));
        for (size_t cell = 0; cell < table->widths[i] + 2; cell++)
            buf_append_str(out, S("─"));
    }
    buf_append_str(out, str_from(right));
    if (table->colour)
        buf_append_str(out, S(PLAIN));
    buf_append_char(out, '\n');
}

static void draw_bar(const struct cli_table *table, struct buf *out)
{
    buf_append_str(out, table->colour ? S(DIM "│" PLAIN) : S("│"));
}

static void draw_spaces(struct buf *out, size_t count)
{
    memset(buf_reserve(out, count + 1), ' ', count);
    buf_commit(out, count);
}

/* style: an escape sequence that is switched off again, or NULL. */
static void draw_cell(const struct cli_table *table, size_t column, struct str clean, const char *style,
                      struct buf *out)
{
    size_t room = table->widths[column], width;
    struct str shown = cli_text_cut(clean, table->cuts ? room : SIZE_MAX, &width);
    bool cut = shown.len < clean.len;
    room = width > room ? width : room;
    if (cut) {
        shown = cli_text_cut(clean, room - 1, &width);
        width++;
    }
    draw_bar(table, out);
    draw_spaces(out, 1 + (table->columns[column].right ? room - width : 0));
    if (table->colour && style)
        buf_append_str(out, str_from(style));
    buf_append_str(out, shown);
    if (cut)
        buf_append_str(out, S("…"));
    if (table->colour && style)
        buf_append_str(out, S(PLAIN));
    draw_spaces(out, 1 + (table->columns[column].right ? 0 : room - width));
}

static void draw_end_of_row(const struct cli_table *table, struct buf *out)
{
    draw_bar(table, out);
    buf_append_char(out, '\n');
}

static void draw_row(struct cli_table *table, const struct cli_cell *cells, bool clean, struct buf *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        bool null = cells[i].kind == CLI_CELL_NULL;
        struct str text = null ? S("NULL") : cells[i].text;
        if (!clean && !null) {
            buf_clear(&table->scratch);
            cli_text_clean(&table->scratch, text);
            text = buf_str(&table->scratch);
        }
        draw_cell(table, i, text, null ? DIM : NULL, out);
    }
    draw_end_of_row(table, out);
}

static void keep_row(struct cli_table *table, const struct cli_cell *cells)
{
    struct cli_cell *copy = arena_array(table->arena, table->column_count, sizeof(*copy));
    for (size_t i = 0; i < table->column_count; i++) {
        copy[i].kind = cells[i].kind;
        size_t width = 4; /* NULL */
        if (cells[i].kind != CLI_CELL_NULL) {
            copy[i].text = clean_copy(table, cells[i].text);
            width = cli_text_width(copy[i].text);
        }
        if (width > table->widths[i])
            table->widths[i] = width < WIDTH_MAX ? width : WIDTH_MAX;
    }
    vec_push(&table->kept, copy);
}

void cli_table_row(struct cli_table *table, const struct cli_cell *cells, struct buf *out)
{
    if (table->started)
        draw_row(table, cells, false, out);
    else
        keep_row(table, cells);
}

/* Takes cells away from the widest columns until the table fits or every column is at its least. */
static void shrink(struct cli_table *table, size_t width_max)
{
    size_t total = 1;
    for (size_t i = 0; i < table->column_count; i++)
        total += table->widths[i] + 3;
    while (total > width_max) {
        size_t widest = 0;
        for (size_t i = 1; i < table->column_count; i++)
            if (table->widths[i] > table->widths[widest])
                widest = i;
        if (table->widths[widest] <= WIDTH_MIN)
            return;
        table->widths[widest]--;
        total--;
    }
}

void cli_table_start(struct cli_table *table, size_t width_max, struct buf *out)
{
    assert(!table->started);
    table->started = true;
    table->cuts = width_max > 0;
    for (size_t i = 0; i < table->column_count; i++)
        table->widths[i] = table->widths[i] ? table->widths[i] : 1;
    if (width_max > 0 && table->column_count > 0)
        shrink(table, width_max);
    draw_rule(table, "┌", "┬", "┐", out);
    for (size_t i = 0; i < table->column_count; i++)
        draw_cell(table, i, table->columns[i].name, BOLD, out);
    draw_end_of_row(table, out);
    draw_rule(table, "├", "┼", "┤", out);
    for (size_t i = 0; i < table->kept.count; i++)
        draw_row(table, table->kept.items[i], true, out);
    vec_done(&table->kept);
}

void cli_table_finish(struct cli_table *table, struct buf *out)
{
    assert(table->started);
    draw_rule(table, "└", "┴", "┘", out);
}
