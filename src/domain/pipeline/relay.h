/* What an import worker reads becomes a table of a tenant: Arrow messages go from the one worker into shared memory of
 * the other, and each waits for the other (flight.upload_buffer, channel.stream_blocks). Loop thread only. */
#pragma once
#include "domain/query/import.h"

struct relay;

/* rows and bytes as stored. done comes once, later; the relay may be freed there. */
typedef void relay_done(void *owner, uint64_t rows, uint64_t bytes, const struct err *error);
struct relay_options {
    struct loop *loop;
    struct query *query;
    const struct query_import_options *from;
    struct str sql; /* see query_import_start */
    const struct query_upload_request *to;
    relay_done *done;
    void *owner;
};
struct relay *relay_start(const struct relay_options *options, struct err *err);
/* done follows with ERR_CANCELLED, or with what happened first. */
void relay_cancel(struct relay *relay);
/* Not before done. Accepts NULL inside. */
void relay_free(struct relay **relay);
