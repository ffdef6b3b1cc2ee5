/* DuckDB's words, each list ended by NULL. */
#pragma once
#include <stddef.h>

extern const char *const flight_sql_keywords[];
extern const char *const flight_sql_numeric_functions[];
extern const char *const flight_sql_string_functions[];
extern const char *const flight_sql_system_functions[];
extern const char *const flight_sql_datetime_functions[];
