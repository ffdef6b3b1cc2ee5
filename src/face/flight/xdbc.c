/* The table is in the order of the answer. Types that JDBC has no number for are XDBC_UNKNOWN_TYPE. */
#include "face/flight/xdbc.h"

/* XdbcDataType. */
enum {
    XDBC_TINYINT = -6,
    XDBC_BIGINT = -5,
    XDBC_VARBINARY = -3,
    XDBC_BIT = -7,
    XDBC_UNKNOWN = 0,
    XDBC_NUMERIC = 2,
    XDBC_DECIMAL = 3,
    XDBC_INTEGER = 4,
    XDBC_SMALLINT = 5,
    XDBC_REAL = 7,
    XDBC_DOUBLE = 8,
    XDBC_DATETIME = 9,
    XDBC_INTERVAL = 10,
    XDBC_VARCHAR = 12,
    XDBC_DATE = 91,
    XDBC_TIME = 92,
    XDBC_TIMESTAMP = 93,
};

/* XdbcDatetimeSubcode. */
enum {
    XDBC_SUBCODE_DATE = 1,
    XDBC_SUBCODE_TIME,
    XDBC_SUBCODE_TIMESTAMP,
    XDBC_SUBCODE_TIME_TZ,
    XDBC_SUBCODE_TIMESTAMP_TZ
};

/* Searchable: with any operator but LIKE, or with any. */
enum { XDBC_SEARCH_BASIC = 2, XDBC_SEARCH_FULL = 3 };

enum flight_xdbc_class {
    XDBC_IS_OTHER,
    XDBC_IS_TEXT,   /* literals in quotes */
    XDBC_IS_SIGNED, /* exact numbers */
    XDBC_IS_UNSIGNED,
    XDBC_IS_BINARY_FLOAT, /* numbers whose size counts bits */
    XDBC_IS_TIME,         /* literals in quotes after the type's name */
};

struct flight_xdbc_type {
    const char *name;
    int32_t data_type;
    int32_t size; /* digits, bits or characters; 0: not known */
    enum flight_xdbc_class class;
    int32_t scale_max; /* times: digits of the fraction */
    int32_t subcode;   /* times */
};

static const struct flight_xdbc_type flight_xdbc_types[] = {
    {"BOOLEAN", XDBC_BIT, 1},
    {"TINYINT", XDBC_TINYINT, 3, XDBC_IS_SIGNED},
    {"UTINYINT", XDBC_TINYINT, 3, XDBC_IS_UNSIGNED},
    {"BIGINT", XDBC_BIGINT, 19, XDBC_IS_SIGNED},
    {"UBIGINT", XDBC_BIGINT, 20, XDBC_IS_UNSIGNED},
    {"BIT", XDBC_VARBINARY, 0, XDBC_IS_TEXT},
    {"BLOB", XDBC_VARBINARY, 0, XDBC_IS_TEXT},
    {"ARRAY", XDBC_UNKNOWN},
    {"BIGNUM", XDBC_UNKNOWN, 0, XDBC_IS_TEXT},
    {"GEOMETRY", XDBC_UNKNOWN},
    {"LIST", XDBC_UNKNOWN},
    {"MAP", XDBC_UNKNOWN},
    {"STRUCT", XDBC_UNKNOWN},
    {"UNION", XDBC_UNKNOWN},
    {"VARIANT", XDBC_UNKNOWN},
    {"HUGEINT", XDBC_NUMERIC, 39, XDBC_IS_SIGNED},
    {"UHUGEINT", XDBC_NUMERIC, 39, XDBC_IS_UNSIGNED},
    {"DECIMAL", XDBC_DECIMAL, 38, XDBC_IS_SIGNED, 38},
    {"INTEGER", XDBC_INTEGER, 10, XDBC_IS_SIGNED},
    {"UINTEGER", XDBC_INTEGER, 10, XDBC_IS_UNSIGNED},
    {"SMALLINT", XDBC_SMALLINT, 5, XDBC_IS_SIGNED},
    {"USMALLINT", XDBC_SMALLINT, 5, XDBC_IS_UNSIGNED},
    {"FLOAT", XDBC_REAL, 24, XDBC_IS_BINARY_FLOAT},
    {"DOUBLE", XDBC_DOUBLE, 53, XDBC_IS_BINARY_FLOAT},
    {"INTERVAL", XDBC_INTERVAL, 0, XDBC_IS_TIME},
    {"ENUM", XDBC_VARCHAR, 0, XDBC_IS_TEXT},
    {"JSON", XDBC_VARCHAR, 0, XDBC_IS_TEXT},
    {"UUID", XDBC_VARCHAR, 36, XDBC_IS_TEXT},
    {"VARCHAR", XDBC_VARCHAR, INT32_MAX, XDBC_IS_TEXT},
    {"DATE", XDBC_DATE, 10, XDBC_IS_TIME, 0, XDBC_SUBCODE_DATE},
    {"TIME", XDBC_TIME, 15, XDBC_IS_TIME, 6, XDBC_SUBCODE_TIME},
    {"TIME WITH TIME ZONE", XDBC_TIME, 21, XDBC_IS_TIME, 6, XDBC_SUBCODE_TIME_TZ},
    {"TIME_NS", XDBC_TIME, 18, XDBC_IS_TIME, 9, XDBC_SUBCODE_TIME},
    {"TIMESTAMP", XDBC_TIMESTAMP, 26, XDBC_IS_TIME, 6, XDBC_SUBCODE_TIMESTAMP},
    {"TIMESTAMP WITH TIME ZONE", XDBC_TIMESTAMP, 32, XDBC_IS_TIME, 6, XDBC_SUBCODE_TIMESTAMP_TZ},
    {"TIMESTAMP_MS", XDBC_TIMESTAMP, 23, XDBC_IS_TIME, 3, XDBC_SUBCODE_TIMESTAMP},
    {"TIMESTAMP_NS", XDBC_TIMESTAMP, 29, XDBC_IS_TIME, 9, XDBC_SUBCODE_TIMESTAMP},
    {"TIMESTAMP_S", XDBC_TIMESTAMP, 19, XDBC_IS_TIME, 0, XDBC_SUBCODE_TIMESTAMP},
};

/* Columns of arrow_sql_xdbc_types, in order. */
enum {
    XDBC_TYPE_NAME,
    XDBC_DATA_TYPE,
    XDBC_COLUMN_SIZE,
    XDBC_LITERAL_PREFIX,
    XDBC_LITERAL_SUFFIX,
    XDBC_CREATE_PARAMS,
    XDBC_NULLABLE,
    XDBC_CASE_SENSITIVE,
    XDBC_SEARCHABLE,
    XDBC_UNSIGNED,
    XDBC_FIXED_PREC_SCALE,
    XDBC_AUTO_INCREMENT,
    XDBC_LOCAL_TYPE_NAME,
    XDBC_MINIMUM_SCALE,
    XDBC_MAXIMUM_SCALE,
    XDBC_SQL_DATA_TYPE,
    XDBC_SUBCODE,
    XDBC_RADIX,
    XDBC_INTERVAL_PRECISION,
};

static void flight_xdbc_number(struct arrow_writer *writer, size_t column, bool known, int64_t value)
{
    struct ArrowArray *cell = arrow_writer_cell(writer, column);
    if (known)
        arrow_put_i64(cell, value);
    else
        arrow_put_null(cell);
}

static void flight_xdbc_literal(const struct flight_xdbc_type *type, struct arrow_writer *writer)
{
    struct ArrowArray *prefix = arrow_writer_cell(writer, XDBC_LITERAL_PREFIX);
    struct ArrowArray *suffix = arrow_writer_cell(writer, XDBC_LITERAL_SUFFIX);
    AUTO(buf) struct buf text = {0};
    if (type->class == XDBC_IS_TIME)
        buf_printf(&text, "%s ", type->name);
    buf_append_char(&text, '\'');
    if (type->class == XDBC_IS_TEXT || type->class == XDBC_IS_TIME) {
        arrow_put_text(prefix, buf_str(&text));
        arrow_put_text(suffix, S("'"));
    } else {
        arrow_put_null(prefix);
        arrow_put_null(suffix);
    }
}

static void flight_xdbc_row(const struct flight_xdbc_type *type, struct arrow_writer *writer)
{
    struct ArrowArray *parameters = arrow_writer_cell(writer, XDBC_CREATE_PARAMS);
    bool decimal = type->data_type == XDBC_DECIMAL, dated = type->subcode > 0;
    bool exact = type->class == XDBC_IS_SIGNED || type->class == XDBC_IS_UNSIGNED;
    bool number = exact || type->class == XDBC_IS_BINARY_FLOAT;
    bool text = type->data_type == XDBC_VARCHAR;
    arrow_put_text(arrow_writer_cell(writer, XDBC_TYPE_NAME), str_from(type->name));
    arrow_put_i64(arrow_writer_cell(writer, XDBC_DATA_TYPE), type->data_type);
    flight_xdbc_number(writer, XDBC_COLUMN_SIZE, type->size > 0, type->size);
    flight_xdbc_literal(type, writer);
    if (decimal) {
        arrow_put_text(parameters->children[0], S("precision"));
        arrow_put_text(parameters->children[0], S("scale"));
        arrow_put_end(parameters);
    } else {
        arrow_put_null(parameters);
    }
    arrow_put_i64(arrow_writer_cell(writer, XDBC_NULLABLE), 1);
    arrow_put_i64(arrow_writer_cell(writer, XDBC_CASE_SENSITIVE), text && type->size != 36);
    arrow_put_i64(arrow_writer_cell(writer, XDBC_SEARCHABLE), text ? XDBC_SEARCH_FULL : XDBC_SEARCH_BASIC);
    flight_xdbc_number(writer, XDBC_UNSIGNED, number, type->class == XDBC_IS_UNSIGNED);
    arrow_put_i64(arrow_writer_cell(writer, XDBC_FIXED_PREC_SCALE), exact && !decimal);
    flight_xdbc_number(writer, XDBC_AUTO_INCREMENT, number, false);
    arrow_put_text(arrow_writer_cell(writer, XDBC_LOCAL_TYPE_NAME), str_from(type->name));
    flight_xdbc_number(writer, XDBC_MINIMUM_SCALE, exact || dated, dated ? type->scale_max : 0);
    flight_xdbc_number(writer, XDBC_MAXIMUM_SCALE, exact || dated, type->scale_max);
    arrow_put_i64(arrow_writer_cell(writer, XDBC_SQL_DATA_TYPE), dated ? XDBC_DATETIME : type->data_type);
    flight_xdbc_number(writer, XDBC_SUBCODE, dated, type->subcode);
    flight_xdbc_number(writer, XDBC_RADIX, number, exact ? 10 : 2);
    flight_xdbc_number(writer, XDBC_INTERVAL_PRECISION, false, 0);
    arrow_writer_row(writer);
}

void flight_xdbc_write(const struct flight_sql *sql, struct arrow_writer *writer)
{
    for (size_t i = 0; i < sizeof(flight_xdbc_types) / sizeof(flight_xdbc_types[0]); i++)
        if (!sql->has_data_type || flight_xdbc_types[i].data_type == sql->data_type)
            flight_xdbc_row(&flight_xdbc_types[i], writer);
}
