/* An asset's text as it runs: what it reads of ephemeral assets in front of it, and the way back from DuckDB's places.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct json;

/* Appends asset's "sql" on a line of its own, under its "ephemerals" [{"name", "sql"}] if there are any. Returns how
 * many line ends out has before the text: DuckDB counts those as well. */
int asset_sql_append(struct buf *out, const struct json *asset);
/* Takes " (line 3, column 8)" off the end of a message; before: what asset_sql_append gave. Both 0: the message names
 * no place in the text. */
void asset_sql_place(struct err *err, int before, int *line_out, int *column_out);
