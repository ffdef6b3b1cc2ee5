/* Rows of Arrow values, bound one after the other to a statement's parameters. */
#pragma once
#include "platform/engine/engine_priv.h"

struct engine_rows;

/* Decodes the schema and the first record batch. binds is borrowed. */
struct engine_rows *engine_rows_open(const struct engine_binds *binds, struct err *err);
/* Accepts NULL inside. */
void engine_rows_close(struct engine_rows **rows);

/* Gives each parameter its column: by name when all columns carry names of parameters, else by position. */
bool engine_rows_match(struct engine_rows *rows, duckdb_prepared_statement statement, struct err *err) MUST_USE;
/* There may be more than one row. */
bool engine_rows_are_many(const struct engine_rows *rows);
/* Binds NULLs of the columns' types. */
bool engine_rows_bind_nulls(const struct engine_rows *rows, duckdb_prepared_statement statement,
                            struct err *err) MUST_USE;
/* Binds the next row: 1; 0: there are no more; -1: *err is set. A schema without columns is one row. */
int engine_rows_bind(struct engine_rows *rows, duckdb_prepared_statement statement, struct err *err) MUST_USE;
