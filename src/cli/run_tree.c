/* A run on a terminal. */
#include <assert.h>

#include "base/clock.h"
#include "cli/run.h"
#include "cli/text.h"

/* Deeper steps stand no further to the right. */
#define DEPTH_MAX 6
#define NAME_MAX_CELLS 44
#define ROWS_CELLS 16
#define TIME_CELLS 10
/* Lines around the steps: what runs, and how far it is. */
#define FRAME_LINES 2
#define SPIN_US (100 * CLOCK_MILLISECOND)

static const char *const symbols[CLI_RUN_STATES] = {"·", "·", "", "↻", "✓", "!", "✗", "-", "×", "×"};
static const char *const colours[CLI_RUN_STATES] = {"2", "2", "36", "33", "32", "33", "31", "2", "33", "33"};
static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

static void pad(struct buf *out, size_t cells)
{
    while (cells-- > 0)
        buf_append_char(out, ' ');
}

static void append_right(struct buf *out, const struct buf *text, size_t cells)
{
    size_t width = cli_text_width(buf_str(text));
    pad(out, width < cells ? cells - width : 0);
    buf_append_str(out, buf_str(text));
}

static size_t indent_of(const struct cli_run_step *step, bool is_tree)
{
    return is_tree ? 2 * (step->depth < DEPTH_MAX ? step->depth : DEPTH_MAX) : 0;
}

/* Cells of the widest name with what stands before it. */
static size_t name_cells(const struct cli_run *run, bool is_tree)
{
    size_t widest = 0;
    for (size_t i = 0; i < run->steps.count; i++) {
        size_t cells = indent_of(&run->steps.items[i], is_tree) + cli_text_width(run->steps.items[i].asset);
        widest = cells > widest ? cells : widest;
    }
    return widest < NAME_MAX_CELLS ? widest : NAME_MAX_CELLS;
}

/* How long it has run, or ran. */
static void append_time(struct buf *out, const struct cli_run_step *step, int64_t now_us)
{
    AUTO(buf) struct buf text = {0};
    if (step->run_us >= 0 && cli_run_state_is_end(step->state))
        cli_text_duration(&text, step->run_us);
    else if (step->state == CLI_RUN_RUNNING && now_us > step->begun_us)
        cli_text_duration(&text, now_us - step->begun_us);
    append_right(out, &text, TIME_CELLS);
}

static void append_rows(struct buf *out, const struct cli_run_step *step)
{
    AUTO(buf) struct buf text = {0};
    if (step->rows >= 0 && cli_run_state_is_end(step->state)) {
        cli_text_number(&text, (uint64_t)step->rows);
        buf_append_str(&text, step->rows == 1 ? S(" row ") : S(" rows"));
    }
    append_right(out, &text, ROWS_CELLS);
}

/* What is worth saying about the state beyond its symbol. */
static void append_note(struct buf *out, const struct cli_run_step *step)
{
    struct str line = S(""), rest = step->error;
    (void)str_split_next(&rest, '\n', &line);
    if (step->state == CLI_RUN_RUNNING)
        line = str_bytes(step->last, step->last_len);
    else if (step->state >= CLI_RUN_SKIPPED)
        line = str_from(cli_run_state_name(step->state));
    if (step->attempt > 1)
        buf_printf(out, "  attempt %lld", (long long)step->attempt);
    if (line.len > 0)
        buf_printf(out, "  %.*s", STR_ARG(line));
}

static void draw_step(struct buf *out, const struct cli_run_step *step, const struct cli_run_screen *screen,
                      size_t names, bool is_tree)
{
    AUTO(buf) struct buf text = {0};
    size_t indent = indent_of(step, is_tree), width;
    size_t frame = (size_t)(screen->now_us / SPIN_US) % (sizeof(spinner) / sizeof(spinner[0]));
    const char *symbol = step->state == CLI_RUN_RUNNING ? spinner[frame] : symbols[step->state];
    pad(out, indent);
    if (screen->colour)
        buf_printf(out, "\033[%sm%s\033[0m ", colours[step->state], symbol);
    else
        buf_printf(out, "%s ", symbol);
    struct str name = cli_text_cut(step->asset, names > indent ? names - indent : 1, &width);
    buf_append_str(&text, name);
    pad(&text, names > indent + width ? names - indent - width : 0);
    append_rows(&text, step);
    append_time(&text, step, screen->now_us);
    append_note(&text, step);
    size_t room = screen->width > indent + 3 ? screen->width - indent - 3 : 1;
    struct str line = cli_text_cut(buf_str(&text), room, &width);
    while (str_ends_with(line, S(" ")))
        line.len--;
    buf_append_str(out, line);
    buf_append_char(out, '\n');
}

/* The more it matters now, the smaller. */
static int rank(enum cli_run_state state)
{
    static const int ranks[CLI_RUN_STATES] = {
        [CLI_RUN_RUNNING] = 0,   [CLI_RUN_RETRYING] = 0,   [CLI_RUN_FAILED] = 1,  [CLI_RUN_WARNED] = 2,
        [CLI_RUN_DONE] = 3,      [CLI_RUN_READY] = 4,      [CLI_RUN_WAITING] = 4, [CLI_RUN_SKIPPED] = 5,
        [CLI_RUN_CANCELLED] = 5, [CLI_RUN_INTERRUPTED] = 5};
    return ranks[state];
}

/* Where there is no room for all: what runs, then what failed, then what was done last. */
static size_t draw_some(struct buf *out, const struct cli_run *run, const struct cli_run_screen *screen, size_t room)
{
    size_t names = name_cells(run, false), drawn = 0;
    for (int level = 0; level <= 3; level++) {
        for (size_t i = run->steps.count; i-- > 0 && drawn < room;) {
            if (rank(run->steps.items[i].state) != level)
                continue;
            draw_step(out, &run->steps.items[i], screen, names, false);
            drawn++;
        }
    }
    return drawn;
}

static void append_count(struct buf *out, size_t count, const char *what)
{
    if (count > 0)
        buf_printf(out, ", %zu %s", count, what);
}

static void draw_frame(struct buf *out, const struct cli_run_screen *screen, const struct buf *line)
{
    size_t width;
    buf_append_str(out, cli_text_cut(buf_str(line), screen->width > 1 ? screen->width - 1 : 1, &width));
    buf_append_char(out, '\n');
}

size_t cli_run_draw(struct buf *out, const struct cli_run *run, const struct cli_run_screen *screen)
{
    AUTO(buf) struct buf head = {0};
    AUTO(buf) struct buf foot = {0};
    size_t room = screen->height > FRAME_LINES + 1 ? screen->height - FRAME_LINES - 1 : 1;
    size_t drawn = run->steps.count, names = name_cells(run, true), ended = 0;
    cli_run_begin_line(&head, run);
    draw_frame(out, screen, &(struct buf){.ptr = head.ptr, .start = head.start, .end = head.end - 1});
    if (run->steps.count > room || run->order_count != run->steps.count)
        drawn = draw_some(out, run, screen, room);
    else
        for (size_t i = 0; i < run->order_count; i++)
            draw_step(out, &run->steps.items[run->order[i]], screen, names, true);
    for (size_t i = 0; i < run->steps.count; i++)
        ended += cli_run_state_is_end(run->steps.items[i].state);
    buf_printf(&foot, "%zu of %zu", ended, run->steps.count);
    append_count(&foot, cli_run_count(run, CLI_RUN_RUNNING), "running");
    append_count(&foot, cli_run_count(run, CLI_RUN_RETRYING), "to be tried again");
    append_count(&foot, cli_run_count(run, CLI_RUN_FAILED), "failed");
    append_count(&foot, cli_run_count(run, CLI_RUN_SKIPPED), "skipped");
    buf_append_str(&foot, S("  "));
    cli_text_duration(&foot, screen->now_us > run->begun_us ? screen->now_us - run->begun_us : 0);
    draw_frame(out, screen, &foot);
    assert(drawn <= room);
    return drawn + FRAME_LINES;
}
