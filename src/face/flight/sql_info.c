/* One row for each id. Which child of the union a value takes is a part of the contract: drivers cast without asking.
 * Numbers that are 0 in a maximum mean "no limit, or not known". */
#include "face/flight/sql_info.h"

#include "base/limits.h"
#include "face/flight/sql_words.h"

struct flight_sql_info {
    uint32_t id;
    enum arrow_sql_value type;
    int64_t number;           /* BOOL, BIGINT, INT32 */
    const char *text;         /* STRING */
    const char *const *words; /* STRINGS */
};

/* Bits of a mask: the values of an enum of FlightSql.proto. */
#define BIT(number) (1 << (number))

/* SqlSupportsConvert. */
enum {
    CONVERT_BIGINT,
    CONVERT_BINARY,
    CONVERT_BIT,
    CONVERT_CHAR,
    CONVERT_DATE,
    CONVERT_DECIMAL,
    CONVERT_FLOAT,
    CONVERT_INTEGER,
    CONVERT_INTERVAL_DAY_TIME,
    CONVERT_INTERVAL_YEAR_MONTH,
    CONVERT_LONGVARBINARY,
    CONVERT_LONGVARCHAR,
    CONVERT_NUMERIC,
    CONVERT_REAL,
    CONVERT_SMALLINT,
    CONVERT_TIME,
    CONVERT_TIMESTAMP,
    CONVERT_TINYINT,
    CONVERT_VARBINARY,
    CONVERT_VARCHAR,
    CONVERT_COUNT
};

#define CONVERT_TEXTS (BIT(CONVERT_CHAR) | BIT(CONVERT_LONGVARCHAR) | BIT(CONVERT_VARCHAR))
#define CONVERT_BYTES (BIT(CONVERT_BINARY) | BIT(CONVERT_LONGVARBINARY) | BIT(CONVERT_VARBINARY))
#define CONVERT_NUMBERS                                                                                          \
    (BIT(CONVERT_BIGINT) | BIT(CONVERT_BIT) | BIT(CONVERT_DECIMAL) | BIT(CONVERT_FLOAT) | BIT(CONVERT_INTEGER) | \
     BIT(CONVERT_NUMERIC) | BIT(CONVERT_REAL) | BIT(CONVERT_SMALLINT) | BIT(CONVERT_TINYINT))
#define CONVERT_INTERVALS (BIT(CONVERT_INTERVAL_DAY_TIME) | BIT(CONVERT_INTERVAL_YEAR_MONTH))

/* What DuckDB can cast a type to; a text to anything. */
static int flight_sql_info_converts(int from)
{
    if (BIT(from) & CONVERT_TEXTS)
        return BIT(CONVERT_COUNT) - 1;
    if (BIT(from) & CONVERT_NUMBERS)
        return CONVERT_NUMBERS | CONVERT_TEXTS;
    if (BIT(from) & CONVERT_BYTES)
        return CONVERT_BYTES | CONVERT_TEXTS;
    if (BIT(from) & CONVERT_INTERVALS)
        return CONVERT_INTERVALS | CONVERT_TEXTS;
    if (from == CONVERT_TIMESTAMP)
        return BIT(CONVERT_DATE) | BIT(CONVERT_TIME) | BIT(CONVERT_TIMESTAMP) | CONVERT_TEXTS;
    if (from == CONVERT_DATE)
        return BIT(CONVERT_DATE) | BIT(CONVERT_TIMESTAMP) | CONVERT_TEXTS;
    return BIT(CONVERT_TIME) | CONVERT_TEXTS;
}

#define STRING(id, text)              \
    {                                 \
        id, ARROW_SQL_STRING, 0, text \
    }
#define BOOL(id, value)           \
    {                             \
        id, ARROW_SQL_BOOL, value \
    }
#define BIGINT(id, value)           \
    {                               \
        id, ARROW_SQL_BIGINT, value \
    }
#define INT32(id, value)           \
    {                              \
        id, ARROW_SQL_INT32, value \
    }
#define STRINGS(id, words)                    \
    {                                         \
        id, ARROW_SQL_STRINGS, 0, NULL, words \
    }

/* Names of the ids are those of FlightSql.proto, without SQL_ and FLIGHT_SQL_SERVER_. */
static const struct flight_sql_info flight_sql_infos[] = {
    STRING(0, "eider"),        /* NAME */
    STRING(1, FLIGHT_VERSION), /* VERSION */
    STRING(2, "1.5"),          /* ARROW_VERSION, of the columnar format */
    BOOL(3, false),            /* READ_ONLY */
    BOOL(4, true),             /* SQL */
    BOOL(5, false),            /* SUBSTRAIT */
    STRING(6, ""),             /* SUBSTRAIT_MIN_VERSION; ADBC wants a string here, not null */
    STRING(7, ""),             /* SUBSTRAIT_MAX_VERSION */
    INT32(8, 1),               /* TRANSACTION: transactions, no savepoints; ADBC reads this child only */
    BOOL(9, true),             /* CANCEL */
    BOOL(10, true),            /* BULK_INGESTION */
    BOOL(11, true),            /* INGEST_TRANSACTIONS_SUPPORTED */
    INT32(100, 0),             /* STATEMENT_TIMEOUT, ms: see flight_sql_info_number */
    INT32(101, 0),             /* TRANSACTION_TIMEOUT, ms: as above */
    BOOL(500, false),          /* DDL_CATALOG: tenants are made elsewhere */
    BOOL(501, true),           /* DDL_SCHEMA */
    BOOL(502, true),           /* DDL_TABLE */
    BIGINT(503, 1),            /* IDENTIFIER_CASE: case insensitive */
    STRING(504, "\""),         /* IDENTIFIER_QUOTE_CHAR */
    BIGINT(505, 1),            /* QUOTED_IDENTIFIER_CASE: case insensitive */
    BOOL(506, true),           /* ALL_TABLES_ARE_SELECTABLE */
    BIGINT(507, 3),            /* NULL_ORDERING: at the end */
    STRINGS(508, flight_sql_keywords),
    STRINGS(509, flight_sql_numeric_functions),
    STRINGS(510, flight_sql_string_functions),
    STRINGS(511, flight_sql_system_functions),
    STRINGS(512, flight_sql_datetime_functions),
    STRING(513, "\\"),                    /* SEARCH_STRING_ESCAPE */
    STRING(514, ""),                      /* EXTRA_NAME_CHARACTERS */
    BOOL(515, true),                      /* SUPPORTS_COLUMN_ALIASING */
    BOOL(516, true),                      /* NULL_PLUS_NULL_IS_NULL */
    {517, ARROW_SQL_MAP},                 /* SUPPORTS_CONVERT */
    BOOL(518, true),                      /* SUPPORTS_TABLE_CORRELATION_NAMES */
    BOOL(519, false),                     /* SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES: they need not differ */
    BOOL(520, true),                      /* SUPPORTS_EXPRESSIONS_IN_ORDER_BY */
    BOOL(521, true),                      /* SUPPORTS_ORDER_BY_UNRELATED */
    INT32(522, BIT(0) | BIT(1)),          /* SUPPORTED_GROUP_BY: unrelated, beyond select */
    BOOL(523, true),                      /* SUPPORTS_LIKE_ESCAPE_CLAUSE */
    BOOL(524, true),                      /* SUPPORTS_NON_NULLABLE_COLUMNS */
    INT32(525, BIT(0) | BIT(1) | BIT(2)), /* SUPPORTED_GRAMMAR: minimum, core, extended */
    INT32(526, BIT(0)),                   /* ANSI92_SUPPORTED_LEVEL: entry */
    BOOL(527, true),                      /* SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY */
    INT32(528, BIT(1) | BIT(2)),          /* OUTER_JOINS_SUPPORT_LEVEL: limited, full */
    STRING(529, "schema"),                /* SCHEMA_TERM */
    STRING(530, "procedure"),             /* PROCEDURE_TERM; there are none */
    STRING(531, "catalog"),               /* CATALOG_TERM */
    BOOL(532, true),                      /* CATALOG_AT_START */
    INT32(533, BIT(0) | BIT(1)),          /* SCHEMAS_SUPPORTED_ACTIONS: procedure calls, index definitions */
    INT32(534, BIT(0) | BIT(1)),          /* CATALOGS_SUPPORTED_ACTIONS */
    INT32(535, 0),                        /* SUPPORTED_POSITIONED_COMMANDS: none */
    BOOL(536, false),                     /* SELECT_FOR_UPDATE_SUPPORTED */
    BOOL(537, false),                     /* STORED_PROCEDURES_SUPPORTED */
    INT32(538, BIT(0) | BIT(1) | BIT(2) | BIT(3)), /* SUPPORTED_SUBQUERIES: comparisons, EXISTS, IN, quantified */
    BOOL(539, true),                               /* CORRELATED_SUBQUERIES_SUPPORTED */
    INT32(540, BIT(0) | BIT(1)),                   /* SUPPORTED_UNIONS: UNION, UNION ALL */
    BIGINT(541, 0),                                /* MAX_BINARY_LITERAL_LENGTH */
    BIGINT(542, 0),                                /* MAX_CHAR_LITERAL_LENGTH */
    BIGINT(543, 0),                                /* MAX_COLUMN_NAME_LENGTH */
    BIGINT(544, 0),                                /* MAX_COLUMNS_IN_GROUP_BY */
    BIGINT(545, 0),                                /* MAX_COLUMNS_IN_INDEX */
    BIGINT(546, 0),                                /* MAX_COLUMNS_IN_ORDER_BY */
    BIGINT(547, 0),                                /* MAX_COLUMNS_IN_SELECT */
    BIGINT(548, 0),                                /* MAX_COLUMNS_IN_TABLE */
    BIGINT(549, 0),                                /* MAX_CONNECTIONS: see flight_sql_info_number */
    BIGINT(550, 0),                                /* MAX_CURSOR_NAME_LENGTH */
    BIGINT(551, 0),                                /* MAX_INDEX_LENGTH */
    BIGINT(552, 0),                                /* DB_SCHEMA_NAME_LENGTH */
    BIGINT(553, 0),                                /* MAX_PROCEDURE_NAME_LENGTH */
    BIGINT(554, 63),                               /* MAX_CATALOG_NAME_LENGTH: of a tenant's id */
    BIGINT(555, 0),                                /* MAX_ROW_SIZE */
    BOOL(556, true),                               /* MAX_ROW_SIZE_INCLUDES_BLOBS */
    BIGINT(557, 0),                                /* MAX_STATEMENT_LENGTH: see flight_sql_info_number */
    BIGINT(558, 0),                                /* MAX_STATEMENTS: as above */
    BIGINT(559, 0),                                /* MAX_TABLE_NAME_LENGTH */
    BIGINT(560, 0),                                /* MAX_TABLES_IN_SELECT */
    BIGINT(561, 0),                                /* MAX_USERNAME_LENGTH */
    BIGINT(562, 3),                                /* DEFAULT_TRANSACTION_ISOLATION: repeatable read, by snapshots */
    BOOL(563, true),                               /* TRANSACTIONS_SUPPORTED */
    INT32(564, BIT(1) | BIT(2) | BIT(3)),          /* SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS: up to repeatable read */
    BOOL(565, false),                              /* DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT */
    BOOL(566, false),                              /* DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED */
    INT32(567, BIT(1)),                            /* SUPPORTED_RESULT_SET_TYPES: forward only */
    INT32(568, 0),                                 /* SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED */
    INT32(569, BIT(1)),                            /* ..._FORWARD_ONLY: read only */
    INT32(570, 0),                                 /* ..._SCROLL_SENSITIVE */
    INT32(571, 0),                                 /* ..._SCROLL_INSENSITIVE */
    BOOL(572, true),                               /* BATCH_UPDATES_SUPPORTED */
    BOOL(573, false),                              /* SAVEPOINTS_SUPPORTED */
    BOOL(574, false),                              /* NAMED_PARAMETERS_SUPPORTED, in callable statements */
    BOOL(575, false),                              /* LOCATORS_UPDATE_COPY */
    BOOL(576, false),                              /* STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED */
};

/* Some are limits of this server. */
static int64_t flight_sql_info_number(const struct flight_sql_info *info)
{
    int64_t idle_ms = limits_get(LIMIT_SESSION_IDLE) * 1000;
    switch (info->id) {
    case 100:
    case 101:
        return idle_ms < INT32_MAX ? idle_ms : INT32_MAX;
    case 549:
        return limits_get(LIMIT_CONNECTIONS);
    case 557:
        return limits_get(LIMIT_SQL);
    case 558:
        return limits_get(LIMIT_SESSION_STATEMENTS);
    default:
        return info->number;
    }
}

static void flight_sql_info_map(struct ArrowArray *map)
{
    struct ArrowArray *entries = map->children[0], *targets = entries->children[1];
    for (int from = 0; from < CONVERT_COUNT; from++) {
        arrow_put_i64(entries->children[0], from);
        for (int to = 0; to < CONVERT_COUNT; to++)
            if (flight_sql_info_converts(from) & BIT(to))
                arrow_put_i64(targets->children[0], to);
        arrow_put_end(targets);
        arrow_put_end(entries);
    }
    arrow_put_end(map);
}

static void flight_sql_info_row(const struct flight_sql_info *info, struct arrow_writer *writer)
{
    struct ArrowArray *value = arrow_writer_cell(writer, 1), *child = value->children[info->type];
    arrow_put_i64(arrow_writer_cell(writer, 0), info->id);
    switch (info->type) {
    case ARROW_SQL_STRING:
        arrow_put_text(child, str_from(info->text));
        break;
    case ARROW_SQL_BOOL:
    case ARROW_SQL_BIGINT:
    case ARROW_SQL_INT32:
        arrow_put_i64(child, flight_sql_info_number(info));
        break;
    case ARROW_SQL_STRINGS:
        for (const char *const *word = info->words; *word; word++)
            arrow_put_text(child->children[0], str_from(*word));
        arrow_put_end(child);
        break;
    case ARROW_SQL_MAP:
        flight_sql_info_map(child);
        break;
    }
    arrow_put_choice(value, (int8_t)info->type);
    arrow_writer_row(writer);
}

static bool flight_sql_info_is_asked(const struct flight_sql *sql, uint32_t id)
{
    bool asked = sql->info_count == 0;
    for (size_t i = 0; i < sql->info_count; i++)
        asked |= sql->info[i] == id;
    return asked;
}

void flight_sql_info_write(const struct flight_sql *sql, struct arrow_writer *writer)
{
    for (size_t i = 0; i < sizeof(flight_sql_infos) / sizeof(flight_sql_infos[0]); i++)
        if (flight_sql_info_is_asked(sql, flight_sql_infos[i].id))
            flight_sql_info_row(&flight_sql_infos[i], writer);
}
