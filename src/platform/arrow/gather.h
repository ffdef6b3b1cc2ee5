/* Joins pieces of Arrow arrays of one type into one column of a message body: what a record batch of several chunks
 * needs for nested and rare types. Knows the formats that DuckDB exports. */
#pragma once
#include "base/arena.h"
#include "platform/arrow/message.h"

struct arrow_piece {
    const struct ArrowArray *array;
    int64_t from; /* first row, not counting array->offset */
    int64_t count;
};

/* Runs twice over a body, for planning and for writing. ERR_RESOURCE when 32-bit offsets do not reach. Scratch holds
 * the pieces of children. */
bool arrow_gather(struct arrow_body *body, const struct ArrowSchema *schema, const struct arrow_piece *pieces,
                  size_t count, struct arena *scratch, struct err *err) MUST_USE;

/* True when pieces of this type, from whatever source, can be joined: no views, runs, dictionaries. */
bool arrow_gather_knows(const struct ArrowSchema *schema);
