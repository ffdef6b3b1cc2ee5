/* MIRROR: writes the rows of a DuckDB table, or of a view, as a new Iceberg table in the namespace "$mirror".
 *
 * {"name": "t", "staging": "t-1", "checksum": "…"}: nothing is written when the rows still have this checksum. One
 * transaction reads the table and writes the copy, so the copy is what the table was at one moment. The answer's row:
 * same, epoch, version, checksum. */
#include "platform/engine/change.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/statement.h"

/* Readers of one file want it large, readers in parallel want several. */
#define MIRROR_FILE_BYTES "134217728"

struct mirror {
    struct worker_statement *statement;
    struct engine_found found;
    struct str table; /* qualified */
    const struct engine_mirror_column *columns;
    size_t count;
    struct str checksum; /* empty: there is none for these types */
};

static bool mirror_look(struct mirror *mirror, struct str name, struct err *err)
{
    struct worker_statement *statement = mirror->statement;
    if (!engine_find(statement->session, name, statement->arena, &mirror->found, err))
        return false;
    mirror->table = procedure_locals_name(statement, mirror->found.name);
    struct str select = str_format(statement->arena, "SELECT * FROM %.*s", STR_ARG(mirror->table));
    return engine_mirror_columns(statement->session, select, statement->arena, &mirror->columns, &mirror->count, err);
}

/* The same rows, in any order, under the same names and types give the same text. */
static bool mirror_checksum(struct mirror *mirror, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf columns = {0};
    const struct json *rows;
    for (size_t i = 0; i < mirror->count; i++) {
        buf_append_quoted(&columns, mirror->columns[i].name, '"');
        buf_printf(&columns, " %.*s, ", STR_ARG(mirror->columns[i].type));
    }
    buf_append_str(&sql, S("SELECT concat_ws('-', count(*), coalesce(sum(hash(t)::HUGEINT), 0), "
                           "coalesce(bit_xor(hash(t)), 0), md5("));
    sql_append_text(&sql, buf_str(&columns));
    buf_printf(&sql, ")) AS checksum FROM %.*s AS t", STR_ARG(mirror->table));
    if (!sql_rows(mirror->statement, mirror->statement->arena, buf_str(&sql), &rows, err))
        return false;
    mirror->checksum = json_text(json_get(json_at(rows, 0), "checksum"));
    return true;
}

static void mirror_append_narrowed(const struct mirror *mirror, struct buf *sql)
{
    AUTO(buf) struct buf names = {0};
    for (size_t i = 0; i < mirror->count; i++) {
        if (!mirror->columns[i].narrowed)
            continue;
        buf_append_str(&names, buf_len(&names) ? S(", ") : S(""));
        buf_append_str(&names, mirror->columns[i].name);
    }
    if (buf_len(&names) == 0)
        return;
    buf_append_str(sql, S(", 'eider.mirror.narrowed' = "));
    sql_append_text(sql, buf_str(&names));
}

static bool mirror_write(struct mirror *mirror, struct str staging, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("CREATE TABLE iceberg.\"$mirror\"."));
    sql_append_name(&sql, staging);
    buf_append_str(&sql, S(" WITH ('write.target-file-size-bytes' = '" MIRROR_FILE_BYTES
                           "', 'write.parquet.compression-codec' = 'zstd', 'eider.mirror.of' = "));
    sql_append_text(&sql, mirror->found.name);
    mirror_append_narrowed(mirror, &sql);
    buf_append_str(&sql, S(") AS SELECT "));
    for (size_t i = 0; i < mirror->count; i++) {
        const struct engine_mirror_column *column = &mirror->columns[i];
        buf_append_str(&sql, i ? S(", ") : S(""));
        if (column->cast.len)
            buf_append_str(&sql, S("CAST("));
        sql_append_name(&sql, column->name);
        if (column->cast.len)
            buf_printf(&sql, " AS %.*s) AS ", STR_ARG(column->cast));
        if (column->cast.len)
            sql_append_name(&sql, column->name);
    }
    buf_printf(&sql, " FROM %.*s", STR_ARG(mirror->table));
    if (worker_statement_is_cancelled(mirror->statement))
        return err_set(err, ERR_CANCELLED, "the mirror was cancelled");
    return engine_tell(mirror->statement->session, buf_str(&sql), err);
}

/* Inside the transaction. */
static bool mirror_copy(struct mirror *mirror, const struct json *arguments, bool *same_out, struct err *err)
{
    if (!mirror_checksum(mirror, err))
        return false;
    *same_out = mirror->checksum.len && str_equal(mirror->checksum, json_text(json_get(arguments, "checksum")));
    return *same_out || mirror_write(mirror, json_text(json_get(arguments, "staging")), err);
}

bool worker_mirror(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                   struct err *err)
{
    AUTO(buf) struct buf answer = {0};
    struct engine_session *session = statement->session;
    struct mirror mirror = {.statement = statement};
    struct err ignored;
    bool same = false;
    /* Before the transaction: what changes meanwhile is perhaps in the copy, but it is not said to be. */
    struct engine_versions versions = engine_versions_read(session, statement->arena);
    struct str name = json_text(json_get(arguments, "name"));
    if (statement->run.refusal.len)
        return err_set(err, ERR_RESOURCE, "%.*s", STR_ARG(statement->run.refusal));
    if (!mirror_look(&mirror, name, err) || !engine_tell(session, S("BEGIN TRANSACTION"), err))
        return false;
    bool ok = mirror_copy(&mirror, arguments, &same, err) && engine_tell(session, S("COMMIT"), err);
    if (!ok && !engine_tell(session, S("ROLLBACK"), &ignored))
        ok = false; /* a COMMIT that failed has rolled back */
    if (!ok)
        return err_wrap(err, "mirror %.*s", STR_ARG(name));
    uint64_t version = procedure_locals_version(&versions, mirror.found.name, mirror.found.is_view);
    buf_printf(&answer, "SELECT %s AS same, %llu AS epoch, %llu AS version, ", same ? "true" : "false",
               (unsigned long long)versions.epoch, (unsigned long long)version);
    sql_append_text(&answer, mirror.checksum);
    buf_append_str(&answer, S(" AS checksum"));
    *answer_out = str_copy(statement->arena, buf_str(&answer));
    return true;
}
