/* Steps of running a statement that other files of this room need too. */
#pragma once
#include "platform/engine/engine_priv.h"
#include "platform/engine/text.h"

/* The statements of a text. DuckDB makes several of one PIVOT; what it adds before the last (CREATE TYPE, run it for
 * its effect) and the pair around them, which is left out here, are no business of the rights. */
struct engine_split {
    duckdb_extracted_statements all;
    idx_t from, to;                  /* at least one */
    bool cut;                        /* one PIVOT */
    duckdb_prepared_statement taken; /* the first, prepared already; or NULL */
};
bool engine_split_init(struct engine_split *split, struct engine_session *session, const char *sql,
                       const struct engine_text *text, struct err *err) MUST_USE;
void engine_split_done(struct engine_split *split);
/* True when this is what DuckDB added. */
bool engine_split_is_added(const struct engine_split *split, idx_t index, duckdb_prepared_statement statement);
/* Destroy *statement_out, also on error. */
bool engine_split_prepare(struct engine_split *split, struct engine_session *session, idx_t index,
                          duckdb_prepared_statement *statement_out, struct err *err) MUST_USE;
/* Executes without spinning while DuckDB's threads work; the result streams where it can. */
bool engine_statement_execute(struct engine_session *session, duckdb_prepared_statement statement,
                              duckdb_result *result_out, struct err *err) MUST_USE;
/* For its effect only; a result is thrown away. */
bool engine_statement_effect(struct engine_session *session, duckdb_prepared_statement statement,
                             struct err *err) MUST_USE;
/* Of a statement that changes data: RETURNING gives rows, where DuckDB else gives their count. */
bool engine_statement_returns(duckdb_prepared_statement statement);
