/* Can the warehouse that the configuration names be used? For `eider doctor` and `eider restore`. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* Reads the configuration as the server would, with this data directory; writes, reads and deletes a file. detail_out:
 * where it lies and how clients reach it, in the arena. */
bool warehouse_check(struct arena *arena, struct str data, struct str *detail_out, struct err *err) MUST_USE;

/* Which of these files are not in the warehouse of this location? ERR_INVALID when the configuration names another one.
 */
bool warehouse_misses(struct arena *arena, struct str data, struct str root, const struct str *files, size_t count,
                      bool *missing_out, struct err *err) MUST_USE;
