/* Uploads. Batches are validated as they come, gathered into segments of some row groups, and each segment is inserted
 * by one INSERT over an arrow_scan, in parallel and in order; DuckDB's threads never wait for the network. All INSERTs
 * of an upload are one transaction.
 *
 * arrow_scan is reached through a view, which DuckDB can only make outside of the temporary catalog, and a transaction
 * may write one database only. So every upload has an in-memory database of its own, made on a connection of its own: a
 * running transaction of the session sees it, because it never looked into it before.
 *
 * Where a new table is kept may be decided while rows come: nothing but the first segment waits for that. */
#include <string.h>

#include "base/map.h"
#include "base/random.h"
#include "platform/engine/failure.h"
#include "platform/engine/guard.h"
#include "platform/engine/statement.h"
#include "platform/engine/upload_priv.h"

static bool engine_upload_scratch(struct engine_upload *upload, struct err *err)
{
    struct engine *engine = upload->session->engine;
    upload->scratch = str_format(upload->arena, "upload_%s", random_hex(upload->arena, 8).ptr);
    upload->source = str_format(upload->arena, "%s.main.incoming", upload->scratch.ptr);
    if (engine_db.connect(engine->database, &upload->scratch_connection) == DuckDBError)
        return err_set(err, ERR_INTERNAL, "DuckDB gives no connection");
    struct str attach = str_format(upload->arena, "ATTACH ':memory:' AS %s", upload->scratch.ptr);
    struct str path = str_format(upload->arena, "SET search_path = '%s.main'", upload->scratch.ptr);
    if (!engine_query(upload->scratch_connection, attach.ptr, err))
        return false;
    upload->attached = true;
    if (!engine_query(upload->scratch_connection, path.ptr, err))
        return false;
    if (engine_db.arrow_scan(upload->scratch_connection, "incoming",
                             (duckdb_arrow_stream)(void *)&upload->segment.stream) == DuckDBError)
        return err_set(err, ERR_UNIMPLEMENTED, "the upload has a column of a type that DuckDB cannot store");
    return true;
}

static struct str engine_upload_name(struct engine_upload *upload, struct str catalog, struct str schema)
{
    struct arena *arena = upload->arena;
    return str_format(arena, "%s.%s.%s", engine_quote_name(arena, catalog).ptr, engine_quote_name(arena, schema).ptr,
                      engine_quote_name(arena, upload->request.table).ptr);
}

/* --- Where to --- */

static void engine_upload_choose(struct engine_upload *upload, enum engine_target where, const char *reason)
{
    upload->where = where;
    upload->reason = str_from(reason);
}

/* What the mode says to a table that is there, or not. */
static bool engine_upload_mode(struct engine_upload *upload, bool there, struct err *err)
{
    struct str table = upload->request.table;
    upload->create =
        !there || (upload->request.mode == ENGINE_UPLOAD_REPLACE && upload->where != ENGINE_TARGET_ICEBERG);
    if (upload->request.mode == ENGINE_UPLOAD_CREATE && there) {
        err_set(err, ERR_EXISTS, "the table %.*s is there already", STR_ARG(table));
        return err_hint(err, "use the mode append or replace");
    }
    if (upload->request.mode == ENGINE_UPLOAD_APPEND && !there) {
        err_set(err, ERR_NOT_FOUND, "there is no table %.*s", STR_ARG(table));
        return err_hint(err, "use the mode create or create_append");
    }
    bool owns = upload->create || upload->request.mode == ENGINE_UPLOAD_REPLACE;
    if (owns && !upload->request.temporary && upload->request.policy.rights != ENGINE_MAY_OWN) {
        err_set(err, ERR_DENIED, "this user may not make or replace the table %.*s", STR_ARG(table));
        return err_hint(err, "append to a table that is there, or upload to a temporary one");
    }
    return true;
}

/* The tables of this name: at most one side has one. */
struct engine_upload_sides {
    bool local, lake; /* there is one */
    bool lake_known;  /* this worker has the catalog */
};

static bool engine_upload_other_side(const struct engine_upload *upload, const char *where, struct err *err)
{
    err_set(err, ERR_EXISTS, "%.*s is %s", STR_ARG(upload->request.table), where);
    return err_hint(err, "one name belongs to one side: leave the target out, or choose another name");
}

static void engine_upload_auto(struct engine_upload *upload, const struct engine_upload_sides *sides)
{
    const struct engine_upload_request *request = &upload->request;
    if (sides->local)
        engine_upload_choose(upload, ENGINE_TARGET_DUCKDB, "the table is there");
    else if (sides->lake)
        engine_upload_choose(upload, ENGINE_TARGET_ICEBERG, "the table is there");
    else if (!sides->lake_known)
        engine_upload_choose(upload, ENGINE_TARGET_DUCKDB, "this worker runs without Iceberg");
    else if (request->target == ENGINE_TARGET_STAY)
        engine_upload_choose(upload, ENGINE_TARGET_DUCKDB, "a new table");
    else if (upload->session->in_transaction)
        engine_upload_choose(upload, ENGINE_TARGET_DUCKDB, "a new table inside a transaction");
    else if (request->partition_by.len)
        engine_upload_choose(upload, ENGINE_TARGET_ICEBERG, "partition_by asks for it");
}

/* Decides, or leaves it to the number of rows. schema and lake: where it would be on either side; empty: not there. */
static bool engine_upload_decide(struct engine_upload *upload, struct str catalog, struct str schema, struct str lake,
                                 struct err *err)
{
    const struct engine_upload_request *request = &upload->request;
    struct engine_upload_sides sides = {0};
    enum engine_table_state state = ENGINE_TABLE_ABSENT;
    if (schema.len && !engine_table_look(upload->session, catalog, schema, request->table, &state, err))
        return false;
    if (state == ENGINE_TABLE_IS_VIEW)
        return err_set(err, ERR_PRECONDITION, "%.*s is a view, not a table", STR_ARG(request->table));
    sides.local = state == ENGINE_TABLE_PRESENT;
    if (lake.len && !sides.local && !engine_upload_lake_look(upload, lake, &sides.lake_known, &sides.lake, err))
        return false;
    if (upload->where == ENGINE_TARGET_AUTO)
        engine_upload_auto(upload, &sides);
    if (upload->where == ENGINE_TARGET_ICEBERG && sides.local)
        return engine_upload_other_side(upload, "a DuckDB table", err);
    if (upload->where == ENGINE_TARGET_DUCKDB && sides.lake)
        return engine_upload_other_side(upload, "an Iceberg table", err);
    if (upload->where == ENGINE_TARGET_ICEBERG && !sides.lake_known) {
        err_set(err, ERR_UNAVAILABLE, "the tenant's worker runs without Iceberg");
        return err_hint(err, "close the tenant's sessions, or try again when it is idle");
    }
    if (upload->where == ENGINE_TARGET_DUCKDB && request->partition_by.len)
        return err_set(err, ERR_INVALID, "partition_by is for Iceberg tables");
    if (upload->where != ENGINE_TARGET_ICEBERG)
        upload->target = engine_upload_name(upload, catalog, schema);
    else
        upload->target = engine_upload_name(upload, S("iceberg"), lake);
    return engine_upload_mode(upload, sides.local || sides.lake, err);
}

/* "iceberg" and "iceberg.sales" are namespaces of the Iceberg catalog. */
static bool engine_upload_place(struct engine_upload *upload, struct err *err)
{
    const struct engine_upload_request *request = &upload->request;
    struct str schema = request->schema;
    bool is_lake = str_equal_nocase(schema, S("iceberg")) || str_starts_with(schema, S("iceberg."));
    upload->where = request->target == ENGINE_TARGET_STAY ? ENGINE_TARGET_AUTO : request->target;
    upload->reason = S("asked for");
    if (request->temporary) {
        if (upload->where == ENGINE_TARGET_ICEBERG)
            return err_set(err, ERR_INVALID, "an Iceberg table cannot be temporary");
        engine_upload_choose(upload, ENGINE_TARGET_DUCKDB, "a temporary table");
        return engine_upload_decide(upload, S("temp"), S("main"), S(""), err);
    }
    struct str catalog = upload->session->engine->catalog;
    if (schema.len == 0)
        return engine_upload_decide(upload, catalog, S("default"), S("iceberg"), err);
    if (upload->where != ENGINE_TARGET_AUTO && is_lake != (upload->where == ENGINE_TARGET_ICEBERG))
        return err_set(err, ERR_INVALID, "the target and the schema %.*s contradict each other", STR_ARG(schema));
    if (upload->where == ENGINE_TARGET_AUTO)
        engine_upload_choose(upload, is_lake ? ENGINE_TARGET_ICEBERG : ENGINE_TARGET_DUCKDB, "the schema says so");
    if (!is_lake)
        return engine_upload_decide(upload, catalog, schema, S(""), err);
    struct str space = schema.len > sizeof("iceberg.") - 1 ? str_from_index(schema, sizeof("iceberg.") - 1) : schema;
    return engine_upload_decide(upload, catalog, S(""), space, err);
}

/* SQL does not tell names apart by case, and DuckDB would rename the second one. */
static bool engine_upload_names(const struct arrow_field *schema, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct map seen = {0};
    bool ok = schema->child_count > 0 || err_set(err, ERR_INVALID, "the upload has no columns");
    for (size_t i = 0; ok && i < schema->child_count; i++) {
        struct str name = str_from(schema->children[i].c.name);
        if (name.len == 0)
            ok = err_set(err, ERR_INVALID, "column %zu of the upload has no name", i + 1);
        else if (map_put(&seen, str_lower(arena, name), arena))
            ok = err_set(err, ERR_INVALID, "the upload has two columns named %.*s", STR_ARG(name));
    }
    map_done(&seen);
    return ok;
}

bool engine_upload_fits(struct engine_upload *upload, struct str source, struct err *err)
{
    struct engine_table_columns sent, kept;
    if (upload->create)
        return true;
    if (!engine_table_describe(upload->session, source, upload->arena, &sent, err))
        return false;
    for (size_t i = 0; i < sent.count && i < upload->schema->child_count; i++)
        sent.items[i].untyped = upload->schema->children[i].layout == ARROW_LAYOUT_NULL;
    return engine_table_describe(upload->session, upload->target, upload->arena, &kept, err) &&
           engine_table_fits(&sent, &kept, upload->request.table, err);
}

static bool engine_upload_prepare(struct engine_upload *upload, const struct engine_upload_request *request,
                                  struct str schema_header, struct err *err)
{
    struct arena *arena = upload->arena;
    struct str order;
    if (request->policy.rights == ENGINE_MAY_READ)
        return engine_guard_read_only(err);
    if (request->policy.writes_refused)
        return err_set(err, ERR_RESOURCE, "%.*s", STR_ARG(request->policy.refusal));
    if (request->table.len == 0)
        return err_set(err, ERR_INVALID, "the upload names no table");
    upload->request = *request;
    upload->request.schema = str_copy(arena, request->schema);
    upload->request.table = str_copy(arena, request->table);
    if (!engine_lake_partition(arena, request->partition_by, &upload->request.partition_by, err) ||
        !engine_lake_order(arena, request->sort_by, &order, err))
        return false;
    upload->request.sort_by = order;
    if (!(upload->schema = arrow_schema_decode(arena, schema_header, err)) ||
        !(upload->decoder = arrow_decoder_new(upload->schema, err)) || !engine_upload_names(upload->schema, err))
        return false;
    engine_segment_init(&upload->segment, upload->schema, upload->decoder);
    if (!engine_upload_place(upload, err) || !engine_upload_scratch(upload, err))
        return false;
    if (upload->where == ENGINE_TARGET_ICEBERG)
        return engine_upload_lake_start(upload, err);
    return engine_upload_fits(upload, upload->source, err);
}

struct engine_upload *engine_upload_open(struct engine_session *session, const struct engine_upload_request *request,
                                         struct str schema_header, struct err *err)
{
    struct engine_upload *upload = mem_new(struct engine_upload);
    upload->session = session;
    upload->arena = arena_new();
    if (!engine_upload_prepare(upload, request, schema_header, err))
        engine_upload_close(&upload);
    return upload;
}

bool engine_upload_execute(struct engine_upload *upload, struct str sql, uint64_t *rows_out, struct err *err)
{
    struct engine_session *session = upload->session;
    duckdb_prepared_statement statement = NULL;
    duckdb_result result;
    bool ok = true;
    if (engine_db.prepare(session->connection, sql.ptr, &statement) == DuckDBError)
        ok = engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
    ok = ok && engine_statement_execute(session, statement, &result, err);
    if (ok) {
        *rows_out = engine_db.rows_changed(&result);
        engine_db.destroy_result(&result);
    }
    engine_db.destroy_prepare(&statement);
    return ok;
}

bool engine_upload_open_transaction(struct engine_upload *upload, struct err *err)
{
    if (upload->session->in_transaction)
        return true;
    if (!engine_query(upload->session->connection, "BEGIN TRANSACTION", err))
        return false;
    upload->own_transaction = true;
    return true;
}

/* Opens the transaction and makes the table. */
static bool engine_upload_begin(struct engine_upload *upload, struct err *err)
{
    struct arena *arena = upload->arena;
    uint64_t rows;
    upload->begun = true;
    engine_change_note(upload->session, upload->request.table);
    if (!engine_upload_open_transaction(upload, err) || !upload->create)
        return upload->session->in_transaction || upload->own_transaction;
    /* WITH NO DATA although the segment is not started and the scan would give no row: after a CREATE TABLE AS that ran
     * over no rows, DuckDB 1.5.5 hides what a large INSERT of the same transaction adds until the file is reopened. */
    struct str sql = str_format(arena, "CREATE %s%sTABLE %s AS SELECT * FROM %s WITH NO DATA",
                                upload->request.mode == ENGINE_UPLOAD_REPLACE ? "OR REPLACE " : "",
                                upload->request.temporary ? "TEMP " : "", upload->target.ptr, upload->source.ptr);
    upload->session->defined = upload->session->defined || upload->request.temporary;
    return engine_upload_execute(upload, sql, &rows, err);
}

static bool engine_upload_insert(struct engine_upload *upload, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    uint64_t rows = 0;
    if (!upload->begun && !engine_upload_begin(upload, err))
        return false;
    if (upload->segment.rows > 0) {
        struct str sql = str_format(arena, "INSERT INTO %s BY NAME SELECT * FROM %s %s", upload->target.ptr,
                                    upload->source.ptr, upload->request.sort_by.ptr);
        if (!engine_segment_start(&upload->segment, err) || !engine_upload_execute(upload, sql, &rows, err))
            return false;
        if (rows != upload->segment.rows)
            return err_set(err, ERR_INTERNAL, "DuckDB stored %llu of %llu rows", (unsigned long long)rows,
                           (unsigned long long)upload->segment.rows);
        upload->rows += rows;
    }
    engine_segment_clear(&upload->segment);
    return true;
}

/* The number of rows decides, once it is known or large. */
static bool engine_upload_settle(struct engine_upload *upload, bool all, struct err *err)
{
    unsigned long long most = upload->request.auto_rows;
    bool large = upload->segment.rows > most || engine_segment_is_full(&upload->segment);
    if (upload->where != ENGINE_TARGET_AUTO || (!large && !all))
        return true;
    if (!large) {
        engine_upload_choose(upload, ENGINE_TARGET_DUCKDB, str_format(upload->arena, "%llu rows or less", most).ptr);
        return true;
    }
    engine_upload_choose(upload, ENGINE_TARGET_ICEBERG, str_format(upload->arena, "more than %llu rows", most).ptr);
    upload->target = engine_upload_name(upload, S("iceberg"), S("iceberg"));
    return engine_upload_lake_start(upload, err);
}

bool engine_upload_batch(struct engine_upload *upload, struct str header, const uint8_t *body, size_t body_len,
                         void (*release)(void *owner), void *owner, struct err *err)
{
    struct engine_body taken = {.release = release, .owner = owner};
    if (!engine_segment_add(&upload->segment, header, body, body_len, taken, err) ||
        !engine_upload_settle(upload, false, err))
        return false;
    if (upload->lake)
        return engine_upload_lake_pass(upload, false, err);
    return !engine_segment_is_full(&upload->segment) || engine_upload_insert(upload, err);
}

static bool engine_upload_store_rest(struct engine_upload *upload, struct err *err)
{
    if (!engine_upload_settle(upload, true, err))
        return false;
    if (!upload->lake)
        return engine_upload_insert(upload, err);
    return engine_upload_lake_pass(upload, true, err) && engine_upload_lake_finish(upload, err);
}

bool engine_upload_commit(struct engine_upload *upload, uint64_t *rows_out, struct err *err)
{
    if (!engine_upload_store_rest(upload, err))
        return false;
    if (upload->own_transaction) {
        /* A failed COMMIT has rolled back; closing tries again, which does no harm. */
        if (!engine_query(upload->session->connection, "COMMIT", err))
            return err_wrap(err, "commit");
        upload->own_transaction = false;
    }
    engine_change_settle(upload->session);
    *rows_out = upload->rows;
    return true;
}

enum engine_target engine_upload_where(const struct engine_upload *upload, struct str *reason_out)
{
    *reason_out = upload->reason;
    return upload->where;
}

void engine_upload_close(struct engine_upload **upload)
{
    struct engine_upload *old = *upload;
    struct err ignored; /* nothing is left to be done about it */
    if (!old)
        return;
    engine_upload_lake_stop(old);
    if (old->own_transaction && !engine_query(old->session->connection, "ROLLBACK", &ignored))
        engine_session_look(old->session);
    engine_session_settle(old->session);
    engine_change_settle(old->session);
    if (old->attached) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str detach = str_format(arena, "DETACH %s", old->scratch.ptr);
        if (!engine_query(old->scratch_connection, "SET search_path = ''", &ignored) ||
            !engine_query(old->scratch_connection, detach.ptr, &ignored))
            old->session->used = true; /* the name stays until the worker ends */
    }
    if (old->scratch_connection)
        engine_db.disconnect(&old->scratch_connection);
    engine_segment_done(&old->segment);
    arrow_decoder_free(&old->decoder);
    arena_free(&old->arena);
    mem_free(old);
    *upload = NULL;
}
