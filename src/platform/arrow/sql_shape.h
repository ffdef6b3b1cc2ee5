/* The result schemas of Flight SQL's metadata commands (FlightSql.proto; names, order and nullability as the reference
 * implementations have them, because clients compare). */
#pragma once
#include "platform/arrow/writer.h"

extern const struct arrow_shape arrow_sql_catalogs;
extern const struct arrow_shape arrow_sql_schemas;
extern const struct arrow_shape arrow_sql_tables;
extern const struct arrow_shape arrow_sql_tables_with_schema;
extern const struct arrow_shape arrow_sql_table_types;
extern const struct arrow_shape arrow_sql_primary_keys;
extern const struct arrow_shape arrow_sql_foreign_keys; /* exported, imported, cross reference */
extern const struct arrow_shape arrow_sql_info;
extern const struct arrow_shape arrow_sql_xdbc_types;

/* Children of arrow_sql_info's union, which are also its type codes. */
enum arrow_sql_value {
    ARROW_SQL_STRING,
    ARROW_SQL_BOOL,
    ARROW_SQL_BIGINT,
    ARROW_SQL_INT32,
    ARROW_SQL_STRINGS,
    ARROW_SQL_MAP,
};
