/* Flight SQL's commands, tickets and action bodies (FlightSql.proto): the messages that travel as google.protobuf.Any,
 * {1 type_url "type.googleapis.com/arrow.flight.protocol.sql.<Name>", 2 value}. Decode and encode side by side in
 * sql.c. */
#pragma once
#include "domain/query/query.h"
#include "face/flight/proto.h"

enum flight_sql_kind {
    FLIGHT_SQL_NONE, /* not an Any of Flight SQL: SQL text, JSON or a name of ours */
    FLIGHT_SQL_STATEMENT_QUERY,
    FLIGHT_SQL_STATEMENT_UPDATE,
    FLIGHT_SQL_STATEMENT_SUBSTRAIT,
    FLIGHT_SQL_STATEMENT_INGEST,
    FLIGHT_SQL_PREPARED_QUERY,
    FLIGHT_SQL_PREPARED_UPDATE,
    FLIGHT_SQL_TICKET_STATEMENT,
    FLIGHT_SQL_GET_CATALOGS,
    FLIGHT_SQL_GET_SCHEMAS,
    FLIGHT_SQL_GET_TABLES,
    FLIGHT_SQL_GET_TABLE_TYPES,
    FLIGHT_SQL_GET_PRIMARY_KEYS,
    FLIGHT_SQL_GET_EXPORTED_KEYS,
    FLIGHT_SQL_GET_IMPORTED_KEYS,
    FLIGHT_SQL_GET_CROSS_REFERENCE,
    FLIGHT_SQL_GET_SQL_INFO,
    FLIGHT_SQL_GET_XDBC_TYPE_INFO,
    FLIGHT_SQL_CREATE_PREPARED, /* the rest are bodies of actions */
    FLIGHT_SQL_CREATE_PREPARED_SUBSTRAIT,
    FLIGHT_SQL_CLOSE_PREPARED,
    FLIGHT_SQL_BEGIN_TRANSACTION,
    FLIGHT_SQL_BEGIN_SAVEPOINT,
    FLIGHT_SQL_END_TRANSACTION,
    FLIGHT_SQL_END_SAVEPOINT,
    FLIGHT_SQL_CANCEL_QUERY,
};

#define FLIGHT_SQL_INFO_MAX 256

/* One decoded message: which fields count depends on the kind. Optional fields that are absent have ptr NULL. Texts are
 * borrowed from the bytes. */
struct flight_sql {
    enum flight_sql_kind kind;
    struct str query;
    struct str transaction; /* also EndTransaction's */
    struct str handle; /* prepared_statement_handle, statement_handle, savepoint_id; CANCEL_QUERY: the FlightInfo */
    int action;        /* EndTransaction: 1 commit, 2 roll back */
    struct str catalog, schema, table; /* patterns for GET_TABLES and GET_SCHEMAS; keys: the (primary key's) table */
    struct str fk_catalog, fk_schema, fk_table;
    struct str types[QUERY_TABLE_TYPES_MAX];
    size_t type_count;
    bool include_schema;
    uint32_t info[FLIGHT_SQL_INFO_MAX]; /* GetSqlInfo; none: all */
    size_t info_count;
    bool has_data_type; /* GetXdbcTypeInfo */
    int32_t data_type;
    int if_not_exist, if_exists; /* ingest: the enums of TableDefinitionOptions */
    bool temporary;
    struct str option; /* ingest: the name of one of its options, none of which eider knows; ptr NULL: none */
};

/* Also for bytes that are no Any of Flight SQL: then kind is NONE. ERR_INVALID for a known name with bad bytes,
 * ERR_UNIMPLEMENTED for an unknown name below arrow.flight.protocol.sql. */
bool flight_sql_decode(struct str bytes, struct flight_sql *sql_out, struct err *err) MUST_USE;
/* The Any around a message, e.g. "TicketStatementQuery" with its encoded fields. */
void flight_sql_encode_any(struct buf *buf, const char *name, struct str message);
