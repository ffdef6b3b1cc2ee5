/* The answer to GetXdbcTypeInfo: DuckDB's types as JDBC and ODBC see them (FlightSql.proto, CommandGetXdbcTypeInfo). */
#pragma once
#include "face/flight/sql.h"
#include "platform/arrow/sql_shape.h"

/* All types, or those of one data type, ordered by data type and name. A writer of arrow_sql_xdbc_types. */
void flight_xdbc_write(const struct flight_sql *sql, struct arrow_writer *writer);
