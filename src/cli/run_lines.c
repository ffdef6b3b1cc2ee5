/* A run in lines: where there is no terminal, and in logs/execution.log. */
#include "cli/run.h"
#include "cli/text.h"

void cli_run_begin_line(struct buf *out, const struct cli_run *run)
{
    buf_printf(out, "run %lld of ", (long long)run->number);
    cli_text_clean(out, run->tenant);
    buf_append_str(out, S(" ("));
    cli_text_clean(out, run->environment);
    buf_printf(out, "): %zu %s\n", run->steps.count, run->steps.count == 1 ? "step" : "steps");
}

static void append_rows(struct buf *out, int64_t rows)
{
    cli_text_number(out, (uint64_t)rows);
    buf_append_str(out, rows == 1 ? S(" row") : S(" rows"));
}

void cli_run_step_line(struct buf *out, const struct cli_run_step *step)
{
    struct str error = S(""), rest = step->error;
    if (step->state == CLI_RUN_WAITING || step->state == CLI_RUN_READY)
        return;
    buf_printf(out, "%-11s %.*s", cli_run_state_name(step->state), STR_ARG(step->asset));
    if (step->attempt > 1)
        buf_printf(out, "  attempt %lld", (long long)step->attempt);
    if (cli_run_state_is_end(step->state) && step->rows >= 0) {
        buf_append_str(out, S("  "));
        append_rows(out, step->rows);
    }
    if (cli_run_state_is_end(step->state) && step->run_us >= 0) {
        buf_append_str(out, S("  "));
        cli_text_duration(out, step->run_us);
    }
    if (str_split_next(&rest, '\n', &error))
        buf_printf(out, "  %.*s", STR_ARG(error));
    buf_append_char(out, '\n');
}

void cli_run_end_line(struct buf *out, const struct cli_run *run)
{
    static const enum cli_run_state counted[] = {CLI_RUN_DONE,    CLI_RUN_WARNED,    CLI_RUN_FAILED,
                                                 CLI_RUN_SKIPPED, CLI_RUN_CANCELLED, CLI_RUN_INTERRUPTED};
    int64_t rows = 0;
    bool some = false;
    buf_printf(out, "run %lld %.*s:", (long long)run->number, STR_ARG(run->state));
    if (run->steps.count == 0) {
        buf_append_str(out, S(" nothing to do\n"));
        return;
    }
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
        size_t count = cli_run_count(run, counted[i]);
        if (count > 0)
            buf_printf(out, "%s %zu %s", some ? "," : "", count, cli_run_state_name(counted[i]));
        some = some || count > 0;
    }
    for (size_t i = 0; i < run->steps.count; i++)
        rows += run->steps.items[i].rows > 0 ? run->steps.items[i].rows : 0;
    buf_append_str(out, some ? S(" in ") : S(" nothing ended in "));
    cli_text_duration(out, run->run_us > 0 ? run->run_us : 0);
    buf_append_str(out, S(", "));
    append_rows(out, rows);
    buf_append_char(out, '\n');
}

void cli_run_error_lines(struct buf *out, const struct cli_run *run)
{
    if (run->error.len > 0)
        buf_printf(out, "%.*s\n", STR_ARG(run->error));
    for (size_t i = 0; i < run->steps.count; i++) {
        const struct cli_run_step *step = &run->steps.items[i];
        if (step->state == CLI_RUN_FAILED || step->state == CLI_RUN_WARNED)
            buf_append_str(out, step->error);
    }
}
