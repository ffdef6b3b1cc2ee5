/* Commands, tickets and action bodies of Flight SQL. */
#include "face/flight/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(struct str text)
{
    if (text.len > 0 && !str_is_utf8(text.ptr, text.len))
        mem_panic("fuzz: a text that is not UTF-8");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flight_sql sql;
    struct err err;
    if (!flight_sql_decode(str_bytes(data, size), &sql, &err))
        return 0;
    if (sql.info_count > FLIGHT_SQL_INFO_MAX || sql.type_count > QUERY_TABLE_TYPES_MAX)
        mem_panic("fuzz: more than there is room for");
    fuzz_text(sql.query);
    fuzz_text(sql.table);
    fuzz_text(sql.fk_catalog);
    fuzz_text(sql.option);
    for (size_t i = 0; i < sql.type_count; i++)
        fuzz_text(sql.types[i]);
    return 0;
}
