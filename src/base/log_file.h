/* Log lines in a file that stays small: before it grows beyond its size it becomes FILE.1, FILE.1 becomes FILE.2, and
 * the oldest is removed. Descriptors 1 and 2 follow it where they are the same file, so that what a crash says is there
 * too. Lines may come from any thread. */
#pragma once
#include "base/err.h"

/* Lines go there from now on; the file is made when it is missing. files: how many there may be, itself among them,
 * from
 * 1. Before threads start. ERR_UNAVAILABLE and the like when it cannot be opened. */
bool log_file_open(struct str path, int64_t size_max_bytes, int64_t files, struct err *err) MUST_USE;
/* Lines go to descriptor 2 again. */
void log_file_close(void);
/* Called by log.c after each line. */
void log_file_grew(int64_t bytes);
