/* JSON documents on their way to somebody else: posted to an address one by one, or appended to a file as lines, which
 * becomes FILE.1 when it is large. They wait in a bounded queue and leave it by the work pool, in order; what is not
 * taken is tried again, ever later, and in the end dropped, counted and logged. Loop thread only. */
#pragma once
#include "base/err.h"

struct delivery;
struct http_outgoing;
struct loop;
struct work_pool;

struct delivery_options {
    struct loop *loop;
    struct work_pool *pool;
    const struct http_outgoing *outgoing; /* which addresses may be connected to */
    struct str url, path;                 /* one of them; path is absolute */
    const char *name;                     /* in log lines: "lineage" */
    /* count documents have left (delivered), or were dropped. May be NULL. */
    void (*on_gone)(bool delivered, uint64_t count);
};
/* Texts are copied. */
struct delivery *delivery_new(const struct delivery_options *options);
/* Copies the document, which has no line ends. */
void delivery_put(struct delivery *delivery, struct str document);
/* After the work pool's threads have returned: what waits is tried once more, for a few seconds. Accepts NULL inside.
 */
void delivery_free(struct delivery **delivery);
