/* What the catalog asks of a tenant's engine, as procedures of its worker: a struct catalog_engine over a struct query.
 * Loop thread only. */
#pragma once
#include "domain/catalog/engine.h"
#include "domain/query/query.h"

struct query_catalog;

/* query outlives it. */
struct query_catalog *query_catalog_new(struct query *query, struct loop *loop);
/* Nobody is told any more. After the catalog, before the query. Accepts NULL inside. */
void query_catalog_free(struct query_catalog **catalog);
const struct catalog_engine *query_catalog_engine(struct query_catalog *catalog);
