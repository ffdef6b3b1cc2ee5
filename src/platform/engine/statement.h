/* Steps of running a statement that other files of this room need too. */
#pragma once
#include "platform/engine/engine_priv.h"

/* Splits a text; at least one statement, else an error. Destroy *all_out. */
bool engine_statement_extract(struct engine_session *session, const char *sql, duckdb_extracted_statements *all_out,
                              idx_t *count_out, struct err *err) MUST_USE;
/* Executes without spinning while DuckDB's threads work; the result streams where it can. */
bool engine_statement_execute(struct engine_session *session, duckdb_prepared_statement statement,
                              duckdb_result *result_out, struct err *err) MUST_USE;
/* For its effect only; a result is thrown away. */
bool engine_statement_effect(struct engine_session *session, duckdb_prepared_statement statement,
                             struct err *err) MUST_USE;
