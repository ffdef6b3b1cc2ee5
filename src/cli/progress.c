/* The progress bar. */
#include "cli/progress.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define DRAW_EVERY_US (100 * CLOCK_MILLISECOND)
#define BAR_CELLS 24u
/* The estimate may be too low; the bar does not claim the end before it is there. */
#define PERCENT_MAX 99u

static void draw_bar(struct buf *out, unsigned percent)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned filled = percent * BAR_CELLS * 8 / 100;
    for (unsigned i = 0; i < filled / 8; i++)
        buf_append_str(out, S("█"));
    buf_append_str(out, str_from(eighths[filled % 8]));
    for (unsigned i = (filled + 7) / 8; i < BAR_CELLS; i++)
        buf_append_str(out, S("░"));
}

void cli_progress_draw(struct buf *out, const struct cli_progress *progress, uint64_t count, uint64_t bytes,
                       int64_t elapsed_us)
{
    uint64_t expected = progress->expected;
    struct buf line = {0};
    double seconds = (double)elapsed_us / 1e6;
    buf_append_str(&line, progress->title);
    if (expected > 0) {
        uint64_t percent = count * 100 / expected;
        percent = percent < PERCENT_MAX ? percent : PERCENT_MAX;
        buf_append_str(&line, S("  "));
        draw_bar(&line, (unsigned)percent);
        buf_printf(&line, " %2u %%", (unsigned)percent);
    }
    buf_append_str(&line, S("  "));
    cli_text_number(&line, count);
    buf_printf(&line, " %s  ", progress->unit);
    cli_text_bytes(&line, (double)bytes / seconds);
    buf_append_str(&line, S("/s"));
    if (expected > count && count > 0) {
        double left = seconds * (double)(expected - count) / (double)count;
        buf_append_str(&line, S("  ETA "));
        cli_text_duration(&line, (int64_t)(left + 1) * CLOCK_SECOND);
    }
    size_t shown;
    buf_append_str(out, cli_text_cut(buf_str(&line), progress->width > 1 ? progress->width - 1 : 1, &shown));
    buf_done(&line);
}

static void write_line(struct buf *line)
{
    struct err ignored;
    (void)!cli_terminal_write(STDERR_FILENO, buf_str(line), &ignored);
    buf_done(line);
}

void cli_progress_start(struct cli_progress *progress, struct str title, const char *unit, uint64_t expected)
{
    struct cli_terminal terminal = cli_terminal_of(STDERR_FILENO);
    *progress = (struct cli_progress){
        .title = title,
        .unit = unit,
        .visible = terminal.present,
        .width = terminal.width,
        .started_us = clock_now_us(),
        .expected = expected,
    };
}

void cli_progress_update(struct cli_progress *progress, uint64_t count, uint64_t bytes)
{
    int64_t now_us = clock_now_us();
    if (!progress->visible || now_us - progress->drawn_us < DRAW_EVERY_US || now_us == progress->started_us)
        return;
    progress->drawn_us = now_us;
    struct buf line = {0};
    buf_append_str(&line, S("\r\033[K"));
    cli_progress_draw(&line, progress, count, bytes, now_us - progress->started_us);
    write_line(&line);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->visible && progress->drawn_us > 0) {
        struct buf line = {0};
        buf_append_str(&line, S("\r\033[K"));
        write_line(&line);
    }
    progress->visible = false;
}
