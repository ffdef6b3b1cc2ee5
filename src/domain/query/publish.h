/* A tenant's database as a file for others to read: "snapshots/<tenant>.duckdb" in the data directory, consistent, and
 * replaced as a whole, so that who has opened the one before goes on reading it. Loop thread only. */
#pragma once
#include "domain/query/query.h"

struct query_publish_request {
    const struct principal *who; /* NULL: the server itself; needs the role owner */
    struct str tenant;
    bool with_iceberg; /* tables of the namespace "iceberg" as DuckDB tables of a schema of that name */
    int64_t deadline_us;
    struct str protocol;
    uint64_t request_id;
};
struct query_published {
    struct str path; /* valid during done */
    uint64_t bytes;
};
/* done comes later, exactly once. With the error NULL the file is in its place and durable. */
typedef void query_publish_done(void *owner, const struct query_published *published, const struct err *error);
/* Refused at once: NULL. Else what query_cancel takes, until the file begins to be put in its place. */
struct statement *query_publish(struct query *query, const struct query_publish_request *request,
                                query_publish_done *done, void *owner, struct err *err);
/* The tenant is being deleted: so is its file. */
void query_unpublish(const struct query *query, struct str tenant);
/* The path for a tenant, in the arena; whether there is such a file is another question. */
struct str query_published_path(const struct query *query, struct str tenant, struct arena *arena);
