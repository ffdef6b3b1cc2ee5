/* A table drawn with characters. It gathers the first rows, measures them, and from then on draws each row as it comes,
 * so a result of any length takes bounded memory. Pure: appends to a buf.
 *
 *   ┌─────────┬─────────┐
 *   │ carrier │ flights │
 *   ├─────────┼─────────┤
 *   │ UA      │   58665 │
 *   └─────────┴─────────┘ */
#pragma once
#include "base/buf.h"

struct cli_cell {
    enum { CLI_CELL_NULL, CLI_CELL_TEXT, CLI_CELL_RAW /* a JSON number, true, false, array or object */ } kind;
    struct str text;
};
#define CLI_TEXT(value) ((struct cli_cell){CLI_CELL_TEXT, (value)})
#define CLI_RAW(value) ((struct cli_cell){CLI_CELL_RAW, (value)})

struct cli_column {
    struct str name;
    bool right; /* numbers stand on the right */
};

struct cli_table;

/* Copies the columns. */
struct cli_table *cli_table_new(const struct cli_column *columns, size_t count, bool colour);
/* Accepts NULL inside. */
void cli_table_free(struct cli_table **table);

/* Adds a row: kept while the table is not started, drawn afterwards. Copied. */
void cli_table_row(struct cli_table *table, const struct cli_cell *cells, struct buf *out);
/* Rows kept so far; 0 once started. */
size_t cli_table_kept(const struct cli_table *table);
/* As many rows are kept as the table keeps at most: start it. */
bool cli_table_is_full(const struct cli_table *table);

/* Fixes the widths by the rows kept so far and draws them. width_max: cells of the terminal, to which columns shrink,
 * the widest first (a shortened cell ends in …); 0: as wide as it takes; later cells that are
 * wider stick out. */
void cli_table_start(struct cli_table *table, size_t width_max, struct buf *out);
bool cli_table_is_started(const struct cli_table *table);
/* The line below the last row; the table must be started. */
void cli_table_finish(struct cli_table *table, struct buf *out);
