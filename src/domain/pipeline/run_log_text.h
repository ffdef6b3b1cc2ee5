/* What becomes of a program's output before it is a line of a log, and how lines are searched. Pure. */
#pragma once
#include <stdint.h>

#include "base/buf.h"

/* Takes the next line out of *rest, which may hold any bytes: lines end with LF, CR LF or CR. Escape sequences of
 * terminals are left out, other control bytes but tabs become '?', and what is longer than len_max is cut at a whole
 * character and marked. Appended to *out; false when *rest is exhausted. */
bool run_log_text_next(struct str *rest, size_t len_max, struct buf *out);

/* Where the first, or last, occurrence of needle starts, or -1. needle: lower case, not empty; upper-case ASCII letters
 * of the text equal lower-case ones. A few gigabytes per second. */
ptrdiff_t run_log_text_find_first(struct str text, struct str needle);
ptrdiff_t run_log_text_find_last(struct str text, struct str needle);
