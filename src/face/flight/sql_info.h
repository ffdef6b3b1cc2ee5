/* The answer to GetSqlInfo: what the server can do, for drivers (FlightSql.proto, SqlInfo). */
#pragma once
#include "face/flight/sql.h"
#include "platform/arrow/sql_shape.h"

/* The asked ids, or all, in rising order; unknown ones are left out. A writer of arrow_sql_info. */
void flight_sql_info_write(const struct flight_sql *sql, struct arrow_writer *writer);
