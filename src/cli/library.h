/* Asks libduckdb.so for its version, in a child process: loading a library runs its code, and a broken one may crash.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* "v1.5.5". */
bool cli_library_version(struct arena *arena, struct str path, struct str *version_out, struct err *err) MUST_USE;
