/* From a command to a running statement, for everything that Flight SQL can start: text, a prepared statement with
 * values, inside a session or a transaction. */
#pragma once
#include "face/flight/call.h"
#include "face/flight/sql.h"

/* What a request asks for: Flight SQL's STATEMENT_QUERY and PREPARED_QUERY, or (kind NONE) the bytes as SQL or JSON.
 * The tenant is the command's own, else the one of the call's headers. ERR_INVALID for other kinds, ERR_UNIMPLEMENTED
 * for Substrait. */
bool flight_run_command(struct flight_call *call, const struct flight_sql *sql, struct str bytes,
                        struct flight_command *command_out, struct err *err) MUST_USE;
/* What a descriptor asks for: the same, or a PATH as the SELECT of a table. The command of metadata is left alone. */
bool flight_run_descriptor(struct flight_call *call, const struct flight_descriptor *descriptor,
                           struct flight_sql *sql_out, struct flight_command *command_out, struct err *err) MUST_USE;
/* *err for a kind that has no business in this method. Always false. */
bool flight_run_refuse(enum flight_sql_kind kind, const char *method, struct err *err);

/* No ORDER BY at its end orders the rows, so that they may be dealt out in any order. A guess on the careful side. */
bool flight_run_is_unordered(struct str sql);

/* Starts it for the one who asks. detached: it may outlive the call, and the call's deadline is not its own; progress
 * will be asked. Else it becomes the call's statement. */
struct statement *flight_run(struct flight_call *call, const struct flight_command *command, enum query_purpose purpose,
                             bool detached, const struct query_sink *sink, struct err *err);
