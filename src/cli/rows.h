/* Takes a JSON result of the server apart as it arrives: {"statement", "columns": [...], "rows": [[...], ...],
 * "row_count"}. Each row is handed out when it is whole, so a result of any length takes the memory of one row. Numbers
 * keep the text that the server wrote. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/table.h"

struct cli_rows_events {
    /* Once, before the first row. Columns live until it returns. */
    bool (*on_columns)(void *owner, const struct cli_column *columns, size_t count, struct err *err);
    /* One cell per column; they live until it returns. */
    bool (*on_row)(void *owner, const struct cli_cell *cells, size_t count, struct err *err);
    void *owner;
};

struct cli_rows {
    struct cli_rows_events events;
    struct arena *arena; /* of the row under way */
    struct cli_cell *cells;
    size_t column_count;
    struct buf value; /* bytes of the value under way */
    struct buf key;   /* of the member under way */
    int depth;        /* open brackets */
    int value_depth;  /* brackets around the value under way; -1: none */
    bool in_string, escaped, key_next, in_key;
    bool columns_given, whole;
    uint64_t row_count;
};

void cli_rows_init(struct cli_rows *rows, const struct cli_rows_events *events);
void cli_rows_done(struct cli_rows *rows);
bool cli_rows_feed(struct cli_rows *rows, struct str bytes, struct err *err) MUST_USE;
/* The answer has ended: ERR_DATA_LOSS when the document has not. */
bool cli_rows_finish(const struct cli_rows *rows, struct err *err) MUST_USE;
