/* A statement kind outside the list is refused, by name. */
#include "platform/engine/kind.h"

/* Names for the message only. */
static const char *engine_kind_name(duckdb_statement_type type)
{
    static const struct {
        duckdb_statement_type type;
        const char *name;
    } names[] = {
        {DUCKDB_STATEMENT_TYPE_PREPARE, "PREPARE"},
        {DUCKDB_STATEMENT_TYPE_EXECUTE, "EXECUTE"},
        {DUCKDB_STATEMENT_TYPE_COPY, "COPY"},
        {DUCKDB_STATEMENT_TYPE_EXPORT, "EXPORT and IMPORT"},
        {DUCKDB_STATEMENT_TYPE_PRAGMA, "PRAGMA"},
        {DUCKDB_STATEMENT_TYPE_CALL, "CALL"},
        {DUCKDB_STATEMENT_TYPE_LOAD, "LOAD and INSTALL"},
        {DUCKDB_STATEMENT_TYPE_EXTENSION, "an extension's statement"},
        {DUCKDB_STATEMENT_TYPE_ATTACH, "ATTACH"},
        {DUCKDB_STATEMENT_TYPE_DETACH, "DETACH"},
        {DUCKDB_STATEMENT_TYPE_COPY_DATABASE, "COPY DATABASE"},
        {DUCKDB_STATEMENT_TYPE_UPDATE_EXTENSIONS, "UPDATE EXTENSIONS"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].type == type)
            return names[i].name;
    return "this kind of statement";
}

bool engine_kind_unlisted(duckdb_statement_type type, enum engine_kind *kind_out, struct err *err)
{
    (void)kind_out;
    err_set(err, ERR_DENIED, "%s is not allowed here", engine_kind_name(type));
    if (type == DUCKDB_STATEMENT_TYPE_COPY)
        return err_hint(err, "upload with `eider ingest` or Arrow Flight, download by choosing the result's format");
    if (type == DUCKDB_STATEMENT_TYPE_PREPARE || type == DUCKDB_STATEMENT_TYPE_EXECUTE)
        return err_hint(err, "send parameters with the statement");
    return false;
}
