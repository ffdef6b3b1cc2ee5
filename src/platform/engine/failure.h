/* DuckDB's errors in our words: the kind, one line, and the rest as a hint. */
#pragma once
#include "base/err.h"
#include "platform/engine/engine_priv.h"

/* From DuckDB's message ("Binder Error: ..."). Always false. */
bool engine_failure_text(const struct engine *engine, const char *message, struct err *err);
/* From a result; destroys it. Always false. */
bool engine_failure_result(const struct engine *engine, duckdb_result *result, struct err *err);
/* From error data; true when it carries no error. Destroys it. */
bool engine_failure_data(const struct engine *engine, duckdb_error_data data, struct err *err);
