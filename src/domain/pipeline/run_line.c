/* Lines of a run's log: of the run itself, and of those who carry out its steps. */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "domain/pipeline/run_log.h"
#include "domain/pipeline/run_priv.h"

#define RUN_LINE_MAX 4096

static PRINTF(2, 0) struct str run_line_format(char text[RUN_LINE_MAX], const char *format, va_list arguments)
{
    int length = vsnprintf(text, RUN_LINE_MAX, format, arguments);
    if (length < 0)
        return S("");
    return str_bytes(text, (size_t)length < RUN_LINE_MAX ? (size_t)length : RUN_LINE_MAX - 1);
}

void run_line(struct run_flow *flow, int level, const char *format, ...)
{
    char text[RUN_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    struct str line = run_line_format(text, format, arguments);
    va_end(arguments);
    if (flow->run.log)
        run_log_write(flow->run.log, level, RUN_LOG_NO_STEP, 0, S(""), line);
}

static void run_line_write(const struct run *run, const struct run_step *step, int level, struct str text)
{
    if (run->log)
        run_log_write(run->log, level, step->index, step->attempt, step->asset, text);
}

void run_step_line(struct run_slot *slot, int level, const char *format, ...)
{
    char text[RUN_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    struct str line = run_line_format(text, format, arguments);
    va_end(arguments);
    run_line_write(&slot->flow->run, slot->step, level, line);
}

void run_line_error(struct run_slot *slot, int level, const struct err *error)
{
    run_step_line(slot, level, "%s", error->message);
    if (error->hint[0])
        run_step_line(slot, level, "hint: %s", error->hint);
}

void step_log(struct step_work *work, int level, struct str text)
{
    run_line_write(work->run, work->step, level, text);
}

void step_logf(struct step_work *work, int level, const char *format, ...)
{
    char text[RUN_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    struct str line = run_line_format(text, format, arguments);
    va_end(arguments);
    step_log(work, level, line);
}
