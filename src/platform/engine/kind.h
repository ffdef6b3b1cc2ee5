/* Which statements a worker runs at all. */
#pragma once
#include "platform/engine/engine_priv.h"

/* The kind of a prepared statement; ERR_DENIED for kinds outside the list and for what the policy forbids. */
bool engine_kind_check(duckdb_statement_type type, const struct engine_policy *policy, enum engine_kind *kind_out,
                       struct err *err) MUST_USE;
/* What becomes of a kind that the list does not hold: kind_refused.c, or kind_off.c in test builds. */
bool engine_kind_unlisted(duckdb_statement_type type, enum engine_kind *kind_out, struct err *err) MUST_USE;
