/* The metadata commands of Flight SQL: catalogs, schemas, tables, keys from the tenant's worker; GetSqlInfo and
 * GetXdbcTypeInfo from the server itself. Their tickets are the commands: nothing is kept between the two calls. */
#pragma once
#include "face/flight/call.h"
#include "face/flight/sql.h"

struct flight_get;

/* GET_CATALOGS to GET_XDBC_TYPE_INFO. */
bool flight_metadata_is(enum flight_sql_kind kind);
/* The reference schema of the command's result, as encapsulated IPC message; static memory or the arena. */
struct str flight_metadata_schema(struct arena *arena, const struct flight_sql *sql);
/* DoGet: answers at once, or runs a statement that does. The get has its tenant and session. */
bool flight_metadata_get(struct flight_get *get, const struct flight_sql *sql, struct err *err) MUST_USE;
