/* An asset's text as it runs: let through by the gate, what it reads of ephemeral assets in front of it, and the way
 * back from DuckDB's places. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "domain/query/gate.h"

struct json;
struct worker_statement;

struct asset_sql {
    struct str written; /* "sql" as it is in its file */
    struct gate_result gate;
    int before; /* line ends in out in front of the text: DuckDB counts those as well */
};

/* What the gate lets a text of this worker's project do, whatever it is of: a query, an expression, a type. */
bool asset_sql_check(struct worker_statement *statement, struct str sql, struct gate_result *result_out,
                     struct err *err) MUST_USE;
/* Appends asset's "sql" on a line of its own, under its "ephemerals" [{"name", "sql"}] if there are any. ERR_INVALID
 * for what is no single query. Results live in the statement's arena; asset_out is set whatever comes. */
bool asset_sql_append(struct worker_statement *statement, struct buf *out, const struct json *asset,
                      struct asset_sql *asset_out, struct err *err) MUST_USE;
/* The text alone, of any number of statements. */
bool asset_sql_append_statements(struct worker_statement *statement, struct buf *out, const struct json *asset,
                                 struct asset_sql *asset_out, struct err *err) MUST_USE;
/* Takes the place in the text off an error's message: what DuckDB puts behind it, or the gate in front. Both 0: it
 * names none. */
void asset_sql_place(const struct asset_sql *asset, struct err *err, int *line_out, int *column_out);
