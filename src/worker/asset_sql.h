/* An asset's text as it runs: what it reads of ephemeral assets in front of it, and the way back from DuckDB's places. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct json;

/* Appends asset's "sql", under its "ephemerals" [{"name", "sql"}] if there are any: all of it before the text is on
 * one line, so that lines stay what they are. Returns how many characters were put before the text. */
size_t asset_sql_append(struct buf *out, const struct json *asset);
/* Takes " (line 3, column 8)" off the end of a message. before: characters in front of the text on its first line.
 * Both 0: the message names no place. */
void asset_sql_place(struct err *err, size_t before, int *line_out, int *column_out);
