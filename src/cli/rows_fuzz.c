/* A result from a hostile server: any bytes, in pieces whose size the first byte chooses. */
#include "cli/rows.h"

static bool on_columns(void *owner, const struct cli_column *columns, size_t count, struct err *err)
{
    (void)owner;
    (void)columns;
    (void)count;
    (void)err;
    return true;
}

static bool on_row(void *owner, const struct cli_cell *cells, size_t count, struct err *err)
{
    (void)owner;
    (void)cells;
    (void)count;
    (void)err;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct cli_rows_events events = {on_columns, on_row, NULL};
    struct str text = str_bytes(data + 1, size - 1);
    size_t step = (size_t)data[0] + 1;
    struct cli_rows rows;
    struct err err;
    cli_rows_init(&rows, &events);
    bool fine = true;
    for (size_t at = 0; at < text.len && fine; at += step)
        fine = cli_rows_feed(&rows, str_slice(text, at, step), &err);
    fine = fine && cli_rows_finish(&rows, &err);
    cli_rows_done(&rows);
    return 0;
}
