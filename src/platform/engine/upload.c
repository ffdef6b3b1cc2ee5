/* Uploads. Batches are validated as they come, gathered into segments of some row groups, and each segment is inserted
 * by one INSERT over an arrow_scan, in parallel and in order; DuckDB's threads never wait for the network. All INSERTs
 * of an upload are one transaction.
 *
 * arrow_scan is reached through a view, which DuckDB can only make outside of the temporary catalog, and a transaction
 * may write one database only. So every upload has an in-memory database of its own, made on a connection of its own: a
 * running transaction of the session sees it, because it never looked into it before. */
#include <string.h>

#include "base/map.h"
#include "base/random.h"
#include "platform/engine/failure.h"
#include "platform/engine/guard.h"
#include "platform/engine/segment.h"
#include "platform/engine/statement.h"
#include "platform/engine/table.h"

struct engine_upload {
    struct engine_session *session;
    struct arena *arena;
    struct arrow_field *schema;
    struct arrow_decoder *decoder;
    enum engine_upload_mode mode;
    bool temporary;
    struct str target;  /* "catalog"."schema"."table", quoted */
    struct str table;   /* for messages */
    struct str scratch; /* name of the in-memory database */
    struct str source;  /* the view in it */
    duckdb_connection scratch_connection;
    bool attached;
    bool create;          /* the first segment makes the table */
    bool begun;           /* the first segment was there */
    bool own_transaction; /* open, and ours to end */
    uint64_t rows;
    struct engine_segment segment;
};

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

/* Whether the table has to be made, and whether it may be. */
static bool engine_upload_target(struct engine_upload *upload, struct str catalog, struct str schema, struct err *err)
{
    enum engine_table_state state;
    struct str table = upload->table;
    if (!engine_table_look(upload->session, catalog, schema, table, &state, err))
        return false;
    if (state == ENGINE_TABLE_IS_VIEW)
        return err_set(err, ERR_PRECONDITION, "%.*s is a view, not a table", STR_ARG(table));
    switch (upload->mode) {
    case ENGINE_UPLOAD_CREATE:
        if (state == ENGINE_TABLE_PRESENT) {
            err_set(err, ERR_EXISTS, "the table %.*s is there already", STR_ARG(table));
            return err_hint(err, "use the mode append or replace");
        }
        upload->create = true;
        return true;
    case ENGINE_UPLOAD_APPEND:
        if (state == ENGINE_TABLE_ABSENT) {
            err_set(err, ERR_NOT_FOUND, "there is no table %.*s", STR_ARG(table));
            return err_hint(err, "use the mode create or create_append");
        }
        return true;
    case ENGINE_UPLOAD_REPLACE:
        upload->create = true;
        return true;
    case ENGINE_UPLOAD_CREATE_APPEND:
        upload->create = state == ENGINE_TABLE_ABSENT;
        return true;
    }
    return err_set(err, ERR_INVALID, "unknown upload mode");
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

static bool engine_upload_columns(struct engine_upload *upload, struct err *err)
{
    struct engine_table_columns sent, kept;
    if (upload->create)
        return true;
    if (!engine_table_describe(upload->session, upload->source, upload->arena, &sent, err))
        return false;
    for (size_t i = 0; i < sent.count && i < upload->schema->child_count; i++)
        sent.items[i].untyped = upload->schema->children[i].layout == ARROW_LAYOUT_NULL;
    return engine_table_describe(upload->session, upload->target, upload->arena, &kept, err) &&
           engine_table_fits(&sent, &kept, upload->table, err);
}

static bool engine_upload_prepare(struct engine_upload *upload, const struct engine_upload_request *request,
                                  struct str schema_header, struct err *err)
{
    struct arena *arena = upload->arena;
    struct str catalog = request->temporary ? S("temp") : upload->session->engine->catalog;
    struct str schema = request->temporary    ? S("main")
                        : request->schema.len ? str_copy(arena, request->schema)
                                              : S("default");
    if (request->policy.rights == ENGINE_MAY_READ)
        return engine_guard_read_only(err);
    if (request->policy.writes_refused)
        return err_set(err, ERR_RESOURCE, "%.*s", STR_ARG(request->policy.refusal));
    if (request->table.len == 0)
        return err_set(err, ERR_INVALID, "the upload names no table");
    upload->mode = request->mode;
    upload->table = str_copy(arena, request->table);
    upload->temporary = request->temporary;
    upload->target = str_format(arena, "%s.%s.%s", engine_quote_name(arena, catalog).ptr,
                                engine_quote_name(arena, schema).ptr, engine_quote_name(arena, request->table).ptr);
    if (!(upload->schema = arrow_schema_decode(arena, schema_header, err)) ||
        !(upload->decoder = arrow_decoder_new(upload->schema, err)) || !engine_upload_names(upload->schema, err))
        return false;
    engine_segment_init(&upload->segment, upload->schema, upload->decoder);
    if (!engine_upload_target(upload, catalog, schema, err))
        return false;
    if (upload->create && !upload->temporary && request->policy.rights != ENGINE_MAY_OWN) {
        err_set(err, ERR_DENIED, "this user may not make or replace the table %.*s", STR_ARG(upload->table));
        return err_hint(err, "append to a table that is there, or upload to a temporary one");
    }
    return engine_upload_scratch(upload, err) && engine_upload_columns(upload, err);
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

/* Executes our own statement; what DuckDB says of conflicts and constraints goes to the user. */
static bool engine_upload_execute(struct engine_upload *upload, struct str sql, uint64_t *rows_out, struct err *err)
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

/* Opens the transaction, unless the session has one, and makes the table. */
static bool engine_upload_begin(struct engine_upload *upload, struct err *err)
{
    struct arena *arena = upload->arena;
    uint64_t rows;
    upload->begun = true;
    engine_change_note(upload->session, upload->table);
    if (!upload->session->in_transaction) {
        if (!engine_query(upload->session->connection, "BEGIN TRANSACTION", err))
            return false;
        upload->own_transaction = true;
    }
    if (!upload->create)
        return true;
    /* WITH NO DATA although the segment is not started and the scan would give no row: after a CREATE TABLE AS that ran
     * over no rows, DuckDB 1.5.5 hides what a large INSERT of the same transaction adds until the file is reopened. */
    struct str sql = str_format(arena, "CREATE %s%sTABLE %s AS SELECT * FROM %s WITH NO DATA",
                                upload->mode == ENGINE_UPLOAD_REPLACE ? "OR REPLACE " : "",
                                upload->temporary ? "TEMP " : "", upload->target.ptr, upload->source.ptr);
    upload->session->defined = upload->session->defined || upload->temporary;
    return engine_upload_execute(upload, sql, &rows, err);
}

static bool engine_upload_insert(struct engine_upload *upload, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    uint64_t rows = 0;
    if (!upload->begun && !engine_upload_begin(upload, err))
        return false;
    if (upload->segment.rows > 0) {
        struct str sql =
            str_format(arena, "INSERT INTO %s BY NAME SELECT * FROM %s", upload->target.ptr, upload->source.ptr);
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

bool engine_upload_batch(struct engine_upload *upload, struct str header, const uint8_t *body, size_t body_len,
                         void (*release)(void *owner), void *owner, struct err *err)
{
    struct engine_body taken = {.release = release, .owner = owner};
    if (!engine_segment_add(&upload->segment, header, body, body_len, taken, err))
        return false;
    return !engine_segment_is_full(&upload->segment) || engine_upload_insert(upload, err);
}

bool engine_upload_commit(struct engine_upload *upload, uint64_t *rows_out, struct err *err)
{
    if (!engine_upload_insert(upload, err))
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

void engine_upload_close(struct engine_upload **upload)
{
    struct engine_upload *old = *upload;
    struct err ignored; /* nothing is left to be done about it */
    if (!old)
        return;
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
