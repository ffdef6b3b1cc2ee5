/* Which tables have changed, so that nobody copies one that has not. Counted after the commit and before the client
 * hears of it; whatever is not certainly about one table counts for all. */
#pragma once
#include "platform/engine/engine.h"

/* How often. Tables are told apart by their name alone, whatever the schema. */
struct engine_versions {
    uint64_t epoch;          /* of this engine; below 2^53 */
    uint64_t any;            /* changes of anything: the version of a view */
    uint64_t rest;           /* what every table's version includes */
    size_t count;            /* tables with more: version = rest + more */
    const struct str *names; /* lower case */
    const uint64_t *more;
};
/* In the arena. */
struct engine_versions engine_versions_read(const struct engine_session *session, struct arena *arena);
