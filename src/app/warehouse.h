/* Can the warehouse that the configuration names be used? For `eider doctor`. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* Reads the configuration as the server would, with this data directory; writes, reads and deletes a file. detail_out:
 * where it lies and how clients reach it, in the arena. */
bool warehouse_check(struct arena *arena, struct str data, struct str *detail_out, struct err *err) MUST_USE;
