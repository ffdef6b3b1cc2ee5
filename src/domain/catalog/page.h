/* Pages of ordered lists. A token says after which name the next page begins, so names that come and go meanwhile
 * neither repeat nor hide others. Pure. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct str page_token(struct arena *arena, struct str last);
/* ERR_INVALID for what page_token did not make. */
bool page_after(struct arena *arena, struct str token, struct str *last_out, struct err *err) MUST_USE;
