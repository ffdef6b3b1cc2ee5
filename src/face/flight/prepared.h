/* Prepared statements: made and closed by actions, bound by DoPut, run by GetFlightInfo and DoGet, or by DoPut. The
 * session has them (domain/query/session.h); what was bound last hangs on them. */
#pragma once
#include "face/flight/call.h"

/* One of the call's session. NULL with ERR_NOT_FOUND. */
const struct query_prepared *flight_prepared_find(struct flight_call *call, struct str handle, struct err *err);

/* As a command, with what is bound to it now. */
bool flight_prepared_command(struct flight_call *call, struct str handle, struct flight_command *command_out,
                             struct err *err) MUST_USE;

/* Binds values instead of those before; takes the reference. ERR_NOT_FOUND: it was closed meanwhile. */
bool flight_prepared_bind(struct flight_call *call, struct str handle, struct flight_binds *binds,
                          struct err *err) MUST_USE;
