/* Statements that a session keeps prepared. */
#pragma once
#include "base/limits.h"
#include "platform/engine/engine_priv.h"

/* Takes the statement out, so that one that fails is not found again; NULL: prepare it. */
duckdb_prepared_statement engine_prepared_take(struct engine_session *session, uint64_t number, struct str sql);
/* Keeps it under its number (0, or too many: destroys it). *statement is NULL afterwards. */
void engine_prepared_give(struct engine_session *session, uint64_t number, struct str sql,
                          duckdb_prepared_statement *statement);
void engine_prepared_done(struct engine_session *session);
