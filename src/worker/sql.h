/* SQL of a procedure's own, run through its statement's session with an owner's rights and files allowed: the text is
 * ours, whatever the names in it are. Cancelling the statement interrupts it. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct json;
struct worker_statement;

/* For its effect only. */
bool sql_run(struct worker_statement *statement, struct str sql, struct err *err) MUST_USE;
/* The same for one that changes rows of these Iceberg tables: see engine_request.changed. */
bool sql_run_changing(struct worker_statement *statement, struct str sql, const struct str *tables, size_t count,
                      struct err *err) MUST_USE;
/* The rows as a JSON array of objects, in the arena. Whole numbers beyond 2^53 come as texts: read them with
 * sql_number. Bytes do not pass: let SQL make text of them. */
bool sql_rows(struct worker_statement *statement, struct arena *arena, struct str sql, const struct json **rows_out,
              struct err *err) MUST_USE;

/* A column of the first row; NULL: there is no row. */
const struct json *sql_cell(const struct json *rows, const char *column);
/* A whole number of a row; NULL gives fallback. */
int64_t sql_number(const struct json *value, int64_t fallback);
/* 'it''s' */
void sql_append_text(struct buf *sql, struct str text);
/* "a ""name""" */
void sql_append_name(struct buf *sql, struct str name);
