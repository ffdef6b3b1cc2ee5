/* Arrow values as DuckDB's: what a record batch binds to a statement's parameters. */
#pragma once
#include "platform/arrow/schema.h"
#include "platform/engine/symbols.h"

/* DuckDB's type for a column; destroy it. NULL with *err (ERR_UNIMPLEMENTED, naming the column) for types that cannot
 * be bound: unions and run ends. */
duckdb_logical_type engine_bind_type(const struct arrow_field *field, struct err *err);

/* A NULL of that type (a bare NULL would change the types of a result from row to row). Destroy it. */
duckdb_value engine_bind_null(duckdb_logical_type type);

/* A whole number in one of the integer types; NULL when it is none of them or the number does not fit. */
duckdb_value engine_bind_integer(__int128 number, duckdb_type type);

/* The value in a row of a decoded batch; destroy it. target: the type that the parameter has, DUCKDB_TYPE_INVALID when
 * it is not known: whole numbers take it where they fit, which spares DuckDB a new plan. NULL with *err when DuckDB
 * refuses the value. */
duckdb_value engine_bind_value(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                               duckdb_type target, struct err *err);
