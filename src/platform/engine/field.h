/* Schemas as Flight SQL announces them: each field says which type of SQL it has. */
#pragma once
#include "platform/engine/engine_priv.h"

/* Appends the encapsulated IPC message. Metadata of the field that is there already (extension types) stays; added are
 * ARROW:FLIGHT:SQL:TYPE_NAME, PRECISION, SCALE, IS_AUTO_INCREMENT, IS_CASE_SENSITIVE, IS_READ_ONLY, IS_SEARCHABLE. */
bool engine_field_schema(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                         size_t count, struct buf *message, struct err *err) MUST_USE;
/* The same for parameters. Times and timestamps are announced in milliseconds, whatever their type: Arrow's JDBC driver
 * writes milliseconds into any unit it is asked for. What is bound may have every unit. */
bool engine_field_parameters(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                             size_t count, struct buf *message, struct err *err) MUST_USE;
