/* One table of messages, each a table of fields that says where a value goes: decoding is a walk over both. A field
 * of a message that comes with another wire type than its own is refused, unknown fields are skipped. */
#include "face/flight/sql.h"

#define FLIGHT_SQL_ANY "type.googleapis.com/"
#define FLIGHT_SQL_PACKAGE "arrow.flight.protocol.sql."

enum flight_sql_type {
    FLIGHT_SQL_TEXT = 1, /* absent: empty */
    FLIGHT_SQL_OPTIONAL_TEXT,
    FLIGHT_SQL_BYTES,
    FLIGHT_SQL_BOOL,
    FLIGHT_SQL_ENUM,
    FLIGHT_SQL_TYPES,      /* repeated string: types */
    FLIGHT_SQL_IDS,        /* repeated uint32, packed or not: info */
    FLIGHT_SQL_DATA_TYPE,  /* optional int32: data_type */
    FLIGHT_SQL_DEFINITION, /* TableDefinitionOptions */
    FLIGHT_SQL_OPTIONS,    /* map<string, string>: option */
};

struct flight_sql_field {
    uint32_t number;
    enum flight_sql_type type;
    size_t at; /* of the member in struct flight_sql */
};

#define FLIGHT_SQL_FIELDS_MAX 8
#define FIELD(number, type, member)                                    \
    {                                                                  \
        number, FLIGHT_SQL_##type, offsetof(struct flight_sql, member) \
    }

struct flight_sql_message {
    const char *name;
    enum flight_sql_kind kind;
    struct flight_sql_field fields[FLIGHT_SQL_FIELDS_MAX]; /* number 0 ends them */
};

static const struct flight_sql_message flight_sql_messages[] = {
    {"CommandStatementQuery", FLIGHT_SQL_STATEMENT_QUERY, {FIELD(1, TEXT, query), FIELD(2, BYTES, transaction)}},
    {"CommandStatementUpdate", FLIGHT_SQL_STATEMENT_UPDATE, {FIELD(1, TEXT, query), FIELD(2, BYTES, transaction)}},
    {"CommandStatementSubstraitPlan", FLIGHT_SQL_STATEMENT_SUBSTRAIT, {FIELD(2, BYTES, transaction)}},
    {"CommandStatementIngest",
     FLIGHT_SQL_STATEMENT_INGEST,
     {FIELD(1, DEFINITION, if_not_exist), FIELD(2, TEXT, table), FIELD(3, OPTIONAL_TEXT, schema),
      FIELD(4, OPTIONAL_TEXT, catalog), FIELD(5, BOOL, temporary), FIELD(6, BYTES, transaction),
      FIELD(1000, OPTIONS, option)}},
    {"CommandPreparedStatementQuery", FLIGHT_SQL_PREPARED_QUERY, {FIELD(1, BYTES, handle)}},
    {"CommandPreparedStatementUpdate", FLIGHT_SQL_PREPARED_UPDATE, {FIELD(1, BYTES, handle)}},
    {"TicketStatementQuery", FLIGHT_SQL_TICKET_STATEMENT, {FIELD(1, BYTES, handle)}},
    {"CommandGetCatalogs", FLIGHT_SQL_GET_CATALOGS, {{0}}},
    {"CommandGetDbSchemas",
     FLIGHT_SQL_GET_SCHEMAS,
     {FIELD(1, OPTIONAL_TEXT, catalog), FIELD(2, OPTIONAL_TEXT, schema)}},
    {"CommandGetTables",
     FLIGHT_SQL_GET_TABLES,
     {FIELD(1, OPTIONAL_TEXT, catalog), FIELD(2, OPTIONAL_TEXT, schema), FIELD(3, OPTIONAL_TEXT, table),
      FIELD(4, TYPES, types), FIELD(5, BOOL, include_schema)}},
    {"CommandGetTableTypes", FLIGHT_SQL_GET_TABLE_TYPES, {{0}}},
    {"CommandGetPrimaryKeys",
     FLIGHT_SQL_GET_PRIMARY_KEYS,
     {FIELD(1, OPTIONAL_TEXT, catalog), FIELD(2, OPTIONAL_TEXT, schema), FIELD(3, TEXT, table)}},
    {"CommandGetExportedKeys",
     FLIGHT_SQL_GET_EXPORTED_KEYS,
     {FIELD(1, OPTIONAL_TEXT, catalog), FIELD(2, OPTIONAL_TEXT, schema), FIELD(3, TEXT, table)}},
    {"CommandGetImportedKeys",
     FLIGHT_SQL_GET_IMPORTED_KEYS,
     {FIELD(1, OPTIONAL_TEXT, catalog), FIELD(2, OPTIONAL_TEXT, schema), FIELD(3, TEXT, table)}},
    {"CommandGetCrossReference",
     FLIGHT_SQL_GET_CROSS_REFERENCE,
     {FIELD(1, OPTIONAL_TEXT, catalog), FIELD(2, OPTIONAL_TEXT, schema), FIELD(3, TEXT, table),
      FIELD(4, OPTIONAL_TEXT, fk_catalog), FIELD(5, OPTIONAL_TEXT, fk_schema), FIELD(6, TEXT, fk_table)}},
    {"CommandGetSqlInfo", FLIGHT_SQL_GET_SQL_INFO, {FIELD(1, IDS, info)}},
    {"CommandGetXdbcTypeInfo", FLIGHT_SQL_GET_XDBC_TYPE_INFO, {FIELD(1, DATA_TYPE, data_type)}},
    {"ActionCreatePreparedStatementRequest",
     FLIGHT_SQL_CREATE_PREPARED,
     {FIELD(1, TEXT, query), FIELD(2, BYTES, transaction)}},
    {"ActionCreatePreparedSubstraitPlanRequest", FLIGHT_SQL_CREATE_PREPARED_SUBSTRAIT, {FIELD(2, BYTES, transaction)}},
    {"ActionClosePreparedStatementRequest", FLIGHT_SQL_CLOSE_PREPARED, {FIELD(1, BYTES, handle)}},
    {"ActionBeginTransactionRequest", FLIGHT_SQL_BEGIN_TRANSACTION, {{0}}},
    {"ActionBeginSavepointRequest", FLIGHT_SQL_BEGIN_SAVEPOINT, {FIELD(1, BYTES, transaction)}},
    {"ActionEndTransactionRequest", FLIGHT_SQL_END_TRANSACTION, {FIELD(1, BYTES, transaction), FIELD(2, ENUM, action)}},
    {"ActionEndSavepointRequest", FLIGHT_SQL_END_SAVEPOINT, {FIELD(1, BYTES, handle), FIELD(2, ENUM, action)}},
    {"ActionCancelQueryRequest", FLIGHT_SQL_CANCEL_QUERY, {FIELD(1, BYTES, handle)}},
};

static const struct flight_sql_message *flight_sql_message_named(struct str name)
{
    for (size_t i = 0; i < sizeof(flight_sql_messages) / sizeof(flight_sql_messages[0]); i++) {
        if (str_equal(name, str_from(flight_sql_messages[i].name)))
            return &flight_sql_messages[i];
    }
    return NULL;
}

static enum flight_wire flight_sql_wire(enum flight_sql_type type)
{
    switch (type) {
    case FLIGHT_SQL_BOOL:
    case FLIGHT_SQL_ENUM:
    case FLIGHT_SQL_DATA_TYPE:
        return FLIGHT_WIRE_VARINT;
    case FLIGHT_SQL_TEXT:
    case FLIGHT_SQL_OPTIONAL_TEXT:
    case FLIGHT_SQL_BYTES:
    case FLIGHT_SQL_TYPES:
    case FLIGHT_SQL_IDS:
    case FLIGHT_SQL_DEFINITION:
    case FLIGHT_SQL_OPTIONS:
        break;
    }
    return FLIGHT_WIRE_BYTES;
}

static bool flight_sql_text(struct str bytes, struct str *text_out, struct err *err)
{
    if (!str_is_utf8(bytes.ptr, bytes.len))
        return err_set(err, ERR_INVALID, "a text is not valid UTF-8");
    *text_out = bytes;
    return true;
}

static bool flight_sql_add_id(struct flight_sql *sql, uint64_t id, struct err *err)
{
    if (id > UINT32_MAX)
        return err_set(err, ERR_INVALID, "an info id is larger than 32 bits");
    if (sql->info_count == FLIGHT_SQL_INFO_MAX)
        return err_set(err, ERR_INVALID, "more than %d info ids; ask for none to get all", FLIGHT_SQL_INFO_MAX);
    sql->info[sql->info_count++] = (uint32_t)id;
    return true;
}

static bool flight_sql_add_ids(struct flight_sql *sql, struct str packed, struct err *err)
{
    struct reader reader = reader_from(packed);
    while (reader_left(&reader) > 0 && !reader.failed) {
        uint64_t id = reader_varint(&reader);
        if (!reader.failed && !flight_sql_add_id(sql, id, err))
            return false;
    }
    return !reader.failed || flight_proto_err("CommandGetSqlInfo", err);
}

static bool flight_sql_add_type(struct flight_sql *sql, struct str bytes, struct err *err)
{
    if (sql->type_count == QUERY_TABLE_TYPES_MAX)
        return err_set(err, ERR_INVALID, "more than %d table types; name none to get all", QUERY_TABLE_TYPES_MAX);
    return flight_sql_text(bytes, &sql->types[sql->type_count++], err);
}

/* TableDefinitionOptions {1 if_not_exist, 2 if_exists}. */
static bool flight_sql_definition(struct flight_sql *sql, struct str bytes, struct err *err)
{
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_VARINT)
            sql->if_not_exist = (int)field.value;
        if (field.number == 2 && field.wire == FLIGHT_WIRE_VARINT)
            sql->if_exists = (int)field.value;
    }
    return !reader.failed || flight_proto_err("TableDefinitionOptions", err);
}

/* An entry of a map {1 key, 2 value}. */
static bool flight_sql_option(struct flight_sql *sql, struct str bytes, struct err *err)
{
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    sql->option = S("");
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES && !flight_sql_text(field.bytes, &sql->option, err))
            return false;
    }
    return !reader.failed || flight_proto_err("options", err);
}

static bool flight_sql_set(struct flight_sql *sql, const struct flight_sql_field *to, const struct flight_field *from,
                           struct err *err)
{
    /* Repeated numbers come packed or one by one. */
    if (to->type == FLIGHT_SQL_IDS && from->wire == FLIGHT_WIRE_VARINT)
        return flight_sql_add_id(sql, from->value, err);
    if (from->wire != flight_sql_wire(to->type))
        return err_set(err, ERR_INVALID, "field %u has another type", to->number);
    char *at = (char *)sql + to->at;
    switch (to->type) {
    case FLIGHT_SQL_TEXT:
    case FLIGHT_SQL_OPTIONAL_TEXT:
        return flight_sql_text(from->bytes, (struct str *)(void *)at, err);
    case FLIGHT_SQL_BYTES:
        *(struct str *)(void *)at = from->bytes;
        return true;
    case FLIGHT_SQL_BOOL:
        *(bool *)(void *)at = from->value != 0;
        return true;
    case FLIGHT_SQL_ENUM:
        *(int *)(void *)at = (int)from->value;
        return true;
    case FLIGHT_SQL_DATA_TYPE:
        sql->has_data_type = true;
        sql->data_type = (int32_t)from->value;
        return true;
    case FLIGHT_SQL_TYPES:
        return flight_sql_add_type(sql, from->bytes, err);
    case FLIGHT_SQL_IDS:
        return flight_sql_add_ids(sql, from->bytes, err);
    case FLIGHT_SQL_DEFINITION:
        return flight_sql_definition(sql, from->bytes, err);
    case FLIGHT_SQL_OPTIONS:
        return flight_sql_option(sql, from->bytes, err);
    }
    mem_panic("flight_sql: a field of no type");
}

static bool flight_sql_fields(const struct flight_sql_message *message, struct str value, struct flight_sql *sql,
                              struct err *err)
{
    const struct flight_sql_field *fields = message->fields;
    for (size_t i = 0; i < FLIGHT_SQL_FIELDS_MAX && fields[i].number; i++) {
        if (fields[i].type == FLIGHT_SQL_TEXT)
            *(struct str *)(void *)((char *)sql + fields[i].at) = S("");
    }
    struct reader reader = reader_from(value);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        for (size_t i = 0; i < FLIGHT_SQL_FIELDS_MAX && fields[i].number; i++) {
            if (fields[i].number == field.number && !flight_sql_set(sql, &fields[i], &field, err))
                return err_wrap(err, "%s", message->name);
        }
    }
    return !reader.failed || flight_proto_err(message->name, err);
}

/* {1 type_url, 2 value}; every encoder writes the name first, and it has less than 128 bytes. */
static bool flight_sql_is_any(struct str bytes)
{
    return bytes.len > 2 && bytes.ptr[0] == '\n' && str_starts_with(str_from_index(bytes, 2), S(FLIGHT_SQL_ANY));
}

bool flight_sql_decode(struct str bytes, struct flight_sql *sql_out, struct err *err)
{
    *sql_out = (struct flight_sql){0};
    if (!flight_sql_is_any(bytes))
        return true;
    struct str url = S(""), value = S("");
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES)
            url = field.bytes;
        if (field.number == 2 && field.wire == FLIGHT_WIRE_BYTES)
            value = field.bytes;
    }
    if (reader.failed)
        return flight_proto_err("google.protobuf.Any", err);
    struct str name = str_from_index(url, sizeof(FLIGHT_SQL_ANY FLIGHT_SQL_PACKAGE) - 1);
    const struct flight_sql_message *message =
        str_starts_with(url, S(FLIGHT_SQL_ANY FLIGHT_SQL_PACKAGE)) ? flight_sql_message_named(name) : NULL;
    if (!message)
        return err_set(err, ERR_UNIMPLEMENTED, "unknown message '%.*s'",
                       STR_ARG(str_slice(str_from_index(url, sizeof(FLIGHT_SQL_ANY) - 1), 0, 100)));
    struct flight_sql sql = {.kind = message->kind};
    if (!flight_sql_fields(message, value, &sql, err))
        return false;
    *sql_out = sql;
    return true;
}

void flight_sql_encode_any(struct buf *buf, const char *name, struct str message)
{
    static const struct str prefix = {FLIGHT_SQL_ANY FLIGHT_SQL_PACKAGE, sizeof(FLIGHT_SQL_ANY FLIGHT_SQL_PACKAGE) - 1};
    writer_varint(buf, FLIGHT_TAG(1, FLIGHT_WIRE_BYTES));
    writer_varint(buf, prefix.len + strlen(name));
    buf_append_str(buf, prefix);
    buf_append_str(buf, str_from(name));
    flight_proto_put_bytes(buf, 2, message);
}
