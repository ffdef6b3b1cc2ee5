/* Which types hold all values of which others. */
#pragma once
#include "platform/engine/symbols.h"

/* True when a cast loses nothing: equal types, wider ones, and types that DuckDB sends in another shape (UUID as text,
 * HUGEINT as decimal): for those each value is checked by the cast. */
bool engine_widening(duckdb_logical_type from, duckdb_logical_type to);
