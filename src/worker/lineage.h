/* From which columns of which tables a query's columns come, by the plan that DuckDB binds it to. Views are looked
 * through: what lies beneath them is named. */
#pragma once
#include "base/str.h"

struct json;
struct json_writer;
struct worker_statement;

/* Appends "lineage": [{"column", "from": [{"table", "column", "direct"}]}], a member per column of this SELECT, in
 * order; columns: those of the SELECT [{"name"}] where they are known, else NULL; direct: the value as it is, else
 * computed from it. Only values count, not what filters, joins or orders. Appends nothing where DuckDB does not write
 * its plan down (it reads CSV files, or is a PIVOT). */
void lineage_append(struct worker_statement *statement, struct str sql, const struct json *columns,
                    struct json_writer *writer);
