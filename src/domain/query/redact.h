/* Text of statements as lists and logs show it: bounded, and without what looks like a secret. Pure. */
#pragma once
#include "base/arena.h"

/* The first len_max bytes, cut at a character; texts that follow a word like password, secret or token read '***'.
 * The text itself when there is nothing to change. */
struct str query_redact(struct arena *arena, struct str sql, size_t len_max);
