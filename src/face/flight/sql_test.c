/* Flight SQL's messages: each field goes where it belongs, absent is not empty, and bad bytes are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/flight/sql.h"

#define DECODES(sql, name, literal) decodes((sql), (name), S(literal))

/* Around the bytes of a message goes the Any that names it. */
static bool decode(struct flight_sql *sql, const char *name, struct str message, struct err *err)
{
    AUTO(buf) struct buf bytes = {0};
    flight_sql_encode_any(&bytes, name, message);
    /* Texts are borrowed: they have to outlive the buf. */
    static char kept[4096];
    assert_true(buf_len(&bytes) <= sizeof(kept));
    memcpy(kept, buf_str(&bytes).ptr, buf_len(&bytes));
    return flight_sql_decode(str_bytes(kept, buf_len(&bytes)), sql, err);
}

static void decodes(struct flight_sql *sql, const char *name, struct str message)
{
    struct err err = {0};
    if (!decode(sql, name, message, &err))
        fail_msg("%s: %s", name, err.message);
}

static void assert_text(struct str text, const char *expected)
{
    assert_non_null(text.ptr);
    assert_true(str_equal(text, str_from(expected)));
}

static void other_bytes_are_no_flight_sql(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "\n", "select 1", "{\"sql\": \"select 1\"}", "\nselect 1", "eider-ticket-00"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct flight_sql sql;
        struct err err;
        assert_true(flight_sql_decode(str_from(texts[i]), &sql, &err));
        assert_int_equal(sql.kind, FLIGHT_SQL_NONE);
    }
}

static void statements_have_text_and_transaction(void **state)
{
    (void)state;
    struct flight_sql sql;
    DECODES(&sql, "CommandStatementQuery", "\x0a\x08select 1");
    assert_int_equal(sql.kind, FLIGHT_SQL_STATEMENT_QUERY);
    assert_text(sql.query, "select 1");
    assert_null(sql.transaction.ptr);
    DECODES(&sql, "CommandStatementUpdate", "\x0a\x01x\x12\x02tx");
    assert_int_equal(sql.kind, FLIGHT_SQL_STATEMENT_UPDATE);
    assert_text(sql.transaction, "tx");
    DECODES(&sql, "CommandStatementQuery", "");
    assert_text(sql.query, "");
    DECODES(&sql, "CommandPreparedStatementQuery", "\x0a\x02h1");
    assert_int_equal(sql.kind, FLIGHT_SQL_PREPARED_QUERY);
    assert_text(sql.handle, "h1");
    DECODES(&sql, "ActionEndTransactionRequest", "\x0a\x01t\x10\x02");
    assert_int_equal(sql.kind, FLIGHT_SQL_END_TRANSACTION);
    assert_int_equal(sql.action, 2);
    assert_text(sql.transaction, "t");
    DECODES(&sql, "ActionBeginTransactionRequest", "");
    assert_int_equal(sql.kind, FLIGHT_SQL_BEGIN_TRANSACTION);
}

static void absent_filters_are_not_empty_ones(void **state)
{
    (void)state;
    struct flight_sql sql;
    DECODES(&sql, "CommandGetTables", "\x0a\x00\x1a\x02t%\x22\x05TABLE\x22\x04VIEW\x28\x01");
    assert_int_equal(sql.kind, FLIGHT_SQL_GET_TABLES);
    assert_text(sql.catalog, "");
    assert_null(sql.schema.ptr);
    assert_text(sql.table, "t%");
    assert_int_equal(sql.type_count, 2);
    assert_text(sql.types[1], "VIEW");
    assert_true(sql.include_schema);
    DECODES(&sql, "CommandGetCrossReference",
            "\x1a\x01p\x22\x01"
            "c\x32\x01"
            "f");
    assert_null(sql.catalog.ptr);
    assert_text(sql.table, "p");
    assert_text(sql.fk_catalog, "c");
    assert_null(sql.fk_schema.ptr);
    assert_text(sql.fk_table, "f");
}

static void info_ids_come_packed_or_one_by_one(void **state)
{
    (void)state;
    struct flight_sql sql;
    DECODES(&sql, "CommandGetSqlInfo", "\x0a\x03\x08\xf4\x03\x08\x09");
    assert_int_equal(sql.info_count, 3);
    assert_int_equal(sql.info[0], 8);
    assert_int_equal(sql.info[1], 500);
    assert_int_equal(sql.info[2], 9);
    DECODES(&sql, "CommandGetSqlInfo", "");
    assert_int_equal(sql.info_count, 0);
    DECODES(&sql, "CommandGetXdbcTypeInfo", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_true(sql.has_data_type);
    assert_int_equal(sql.data_type, -1);
    DECODES(&sql, "CommandGetXdbcTypeInfo", "");
    assert_false(sql.has_data_type);
}

static void ingest_says_what_becomes_of_the_table(void **state)
{
    (void)state;
    struct flight_sql sql;
    DECODES(&sql, "CommandStatementIngest", "\x0a\x04\x08\x01\x10\x03\x12\x01t\x28\x01\xc2\x3e\x06\x0a\x01k\x12\x01v");
    assert_int_equal(sql.kind, FLIGHT_SQL_STATEMENT_INGEST);
    assert_int_equal(sql.if_not_exist, 1);
    assert_int_equal(sql.if_exists, 3);
    assert_text(sql.table, "t");
    assert_true(sql.temporary);
    assert_null(sql.schema.ptr);
    assert_text(sql.option, "k");
    DECODES(&sql, "CommandStatementIngest", "\x12\x01t");
    assert_null(sql.option.ptr);
}

static void bad_bytes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str message;
        enum err_code code;
    } bad[] = {
        {"CommandStatementQuery", {"\x0a\x09select 1", 10}, ERR_INVALID},
        {"CommandStatementQuery", {"\x0a\x02\xff\xfe", 4}, ERR_INVALID},
        {"CommandStatementQuery", {"\x08\x01", 2}, ERR_INVALID},
        {"CommandGetSqlInfo", {"\x0a\x01\x80", 3}, ERR_INVALID},
        {"CommandGetSqlInfo", {"\x08\x80\x80\x80\x80\x10", 6}, ERR_INVALID},
        {"CommandStatementIngest", {"\x0a\x01\x08", 3}, ERR_INVALID},
        {"CommandStatementIngest", {"\xc2\x3e\x03\x0a\x01\xff", 6}, ERR_INVALID},
        {"CommandGetWeather", {"", 0}, ERR_UNIMPLEMENTED},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct flight_sql sql;
        struct err err = {0};
        assert_false(decode(&sql, bad[i].name, bad[i].message, &err));
        assert_int_equal(err.code, bad[i].code);
    }
    struct flight_sql sql;
    struct err err;
    assert_false(flight_sql_decode(S("\n\x18type.googleapis.com/a.B\x12\x05xy"), &sql, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_false(flight_sql_decode(S("\n\x17type.googleapis.com/a.B"), &sql, &err));
    assert_int_equal(err.code, ERR_UNIMPLEMENTED);
}

static void lists_that_are_too_long_are_refused(void **state)
{
    (void)state;
    struct flight_sql sql;
    struct err err;
    AUTO(buf) struct buf bytes = {0};
    for (int i = 0; i <= FLIGHT_SQL_INFO_MAX; i++)
        buf_append_str(&bytes, S("\x08\x08"));
    assert_false(decode(&sql, "CommandGetSqlInfo", buf_str(&bytes), &err));
    assert_int_equal(err.code, ERR_INVALID);
    buf_clear(&bytes);
    for (int i = 0; i <= QUERY_TABLE_TYPES_MAX; i++)
        buf_append_str(&bytes, S("\x22\x01x"));
    assert_false(decode(&sql, "CommandGetTables", buf_str(&bytes), &err));
    assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_bytes_are_no_flight_sql),         cmocka_unit_test(statements_have_text_and_transaction),
        cmocka_unit_test(absent_filters_are_not_empty_ones),     cmocka_unit_test(info_ids_come_packed_or_one_by_one),
        cmocka_unit_test(ingest_says_what_becomes_of_the_table), cmocka_unit_test(bad_bytes_are_refused),
        cmocka_unit_test(lists_that_are_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
