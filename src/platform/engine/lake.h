/* Clauses of SQL for Iceberg tables, from what a client wrote into an option: names, numbers and the words named here,
 * nothing else gets through. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* "day(at), bucket(16, id), region" gives `PARTITIONED BY (day("at"), bucket(16, "id"), "region")`; empty text: empty.
 * In the arena. ERR_INVALID names the part. */
bool engine_lake_partition(struct arena *arena, struct str text, struct str *clause_out, struct err *err) MUST_USE;
/* "region, at desc" gives `ORDER BY "region", "at" DESC`. */
bool engine_lake_order(struct arena *arena, struct str text, struct str *clause_out, struct err *err) MUST_USE;
