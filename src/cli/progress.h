/* How far an upload is: a bar on the terminal that is drawn over itself, several times a second at most. Draws nothing
 * where standard error is no terminal. */
#pragma once
#include "base/str.h"

struct cli_progress {
    struct str title;
    bool visible;
    size_t width; /* of the terminal */
    int64_t started_us;
    int64_t drawn_us;
    uint64_t rows_expected; /* an estimate; 0: unknown */
};

void cli_progress_start(struct cli_progress *progress, struct str title, uint64_t rows_expected);
void cli_progress_update(struct cli_progress *progress, uint64_t rows, uint64_t bytes);
/* Takes the bar away. */
void cli_progress_end(struct cli_progress *progress);

struct buf;
/* The line itself. Pure. elapsed_us > 0; width: cells of the terminal. */
void cli_progress_draw(struct buf *out, struct str title, uint64_t rows, uint64_t rows_expected, uint64_t bytes,
                       int64_t elapsed_us, size_t width);
