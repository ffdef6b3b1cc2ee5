/* Who owns a tenant's file: flock on `<directory>/lock`, with "pid start-time parent" inside. DuckDB's own lock dies
 * with any close of the file in the process (POSIX), so this one is the truth. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* Takes the lock for this process and keeps it until the process ends. A holder whose parent (the front that started
 * it) is gone is killed first; any other holder: ERR_UNAVAILABLE. Blocks for two seconds at most. */
bool worker_lock(struct str directory, struct err *err) MUST_USE;
