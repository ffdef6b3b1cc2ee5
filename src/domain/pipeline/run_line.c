/* Lines of a run's log, as those write them who carry out its steps. */
#include <stdarg.h>
#include <stdio.h>

#include "domain/pipeline/run_log.h"
#include "domain/pipeline/step.h"

#define STEP_LINE_MAX 4096

void step_log(struct step_work *work, int level, struct str text)
{
    const struct run_step *step = work->step;
    run_log_write(work->run->log, level, step->index, step->attempt, step->asset, text);
}

void step_logf(struct step_work *work, int level, const char *format, ...)
{
    char text[STEP_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    step_log(work, level, str_bytes(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1));
}
