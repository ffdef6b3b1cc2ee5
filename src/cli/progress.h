/* How far an upload or a download is: a bar on the terminal that is drawn over itself, several times a second at most.
 * Draws nothing where standard error is no terminal. */
#pragma once
#include "base/str.h"

struct cli_progress {
    struct str title;
    const char *unit; /* what is counted: "rows" */
    bool visible;
    size_t width; /* of the terminal */
    int64_t started_us;
    int64_t drawn_us;
    uint64_t expected; /* an estimate; 0: unknown */
};

void cli_progress_start(struct cli_progress *progress, struct str title, const char *unit, uint64_t expected);
void cli_progress_update(struct cli_progress *progress, uint64_t count, uint64_t bytes);
/* Takes the bar away. */
void cli_progress_end(struct cli_progress *progress);

struct buf;
/* The line itself. Pure. elapsed_us > 0; progress: its title, unit, expected and width (cells) are looked at. */
void cli_progress_draw(struct buf *out, const struct cli_progress *progress, uint64_t count, uint64_t bytes,
                       int64_t elapsed_us);
