/* Parameters of a statement, given as JSON. */
#pragma once
#include "platform/engine/engine_priv.h"
#include "platform/json/json.h"

/* Binds an array by position or an object by name; NULL binds nothing. Too many, too few and unknown ones are errors.
 */
bool engine_parameter_bind(duckdb_prepared_statement statement, const struct json *parameters,
                           struct err *err) MUST_USE;
