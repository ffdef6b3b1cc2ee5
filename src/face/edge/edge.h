/* What every face does at its edge, once per request: name who asks, and log one line when it is over.
 * Loop thread only. */
#pragma once
#include "base/err.h"
#include "domain/tenant/tenant.h"

struct json;

enum edge_protocol { EDGE_HTTP1, EDGE_HTTP2, EDGE_GRPC };
#define EDGE_PROTOCOL_COUNT 3
const char *edge_protocol_name(enum edge_protocol protocol);

/* A method or a route. Static memory. */
struct edge_method {
    const char *name; /* "DoGet", "GET /api/v1/tenants" */
    bool quiet;       /* probes: logged at debug level only */
};

/* One request on its way; embedded in its owner. */
struct edge_request {
    const struct edge_method *method;
    enum edge_protocol protocol;
    uint64_t id;
    int64_t started_us; /* clock_now_us */
    char tenant[64];    /* empty: none; NUL-terminated, as the next */
    char statement[64];
    uint64_t bytes_in, bytes_out;
};

/* Notes what the request turned out to be about; longer texts are cut. */
void edge_set_tenant(struct edge_request *request, struct str tenant);
void edge_set_statement(struct edge_request *request, struct str statement);
/* The tenant that a refused request meant, if who may know that it exists. */
void edge_set_meant(struct edge_request *request, struct tenant_list *tenants, const struct principal *who,
                    struct str tenant);

/* The last thing done for a request: counts its bytes and logs request.finished. error NULL: success. http_status 0:
 * not HTTP.
 */
void edge_finish(const struct edge_request *request, const struct err *error, int http_status);

/* The member "parameters" of a request (array: by position, object: by name; may be absent) as JSON text, in the arena.
 */
bool edge_parameters(struct arena *arena, const struct json *request, struct str *parameters_out,
                     struct err *err) MUST_USE;

/* `"text"` with quotes doubled, and `'text'`, as SQL wants them. In the arena. */
struct str edge_sql_name(struct arena *arena, struct str text);
struct str edge_sql_text(struct arena *arena, struct str text);

/* SQL that lists the tables and views of the tenant it runs in, as schema, name and kind ("table", "view", "iceberg"),
 * in that order. pattern: SQL LIKE on the name; empty = all. In the arena. */
struct str edge_sql_tables(struct arena *arena, struct str pattern);
