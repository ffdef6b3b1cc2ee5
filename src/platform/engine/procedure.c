#include "platform/engine/procedure.h"

#include "platform/engine/engine_priv.h"
#include "platform/engine/failure.h"

struct str engine_catalog(const struct engine_session *session)
{
    return session->engine->catalog;
}

struct str engine_directory(const struct engine_session *session)
{
    return session->engine->directory;
}

struct str engine_temp_directory(const struct engine_session *session)
{
    return session->engine->temp_directory;
}

bool engine_tell(struct engine_session *session, struct str sql, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    return engine_query(session->connection, str_cstr(arena, sql), err);
}

static bool engine_tell_all(duckdb_database database, const struct str *texts, size_t count, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    duckdb_connection connection = NULL;
    bool ok = true;
    if (engine_db.connect(database, &connection) == DuckDBError)
        return err_set(err, ERR_INTERNAL, "DuckDB gives no connection");
    for (size_t i = 0; ok && i < count; i++)
        ok = engine_query(connection, str_cstr(arena, texts[i]), err);
    engine_db.disconnect(&connection);
    return ok;
}

bool engine_tell_file(struct str path, const struct str *texts, size_t count, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    duckdb_database database = NULL;
    duckdb_config config = NULL;
    char *message = NULL;
    if (engine_db.create_config(&config) == DuckDBError)
        return err_set(err, ERR_INTERNAL, "DuckDB gives no configuration");
    bool ok = engine_db.set_config(config, "enable_external_access", "false") == DuckDBSuccess &&
              engine_db.set_config(config, "threads", "1") == DuckDBSuccess;
    if (!ok)
        err_set(err, ERR_INTERNAL, "DuckDB refuses its configuration");
    if (ok && engine_db.open_ext(str_cstr(arena, path), &database, config, &message) == DuckDBError) {
        ok = engine_failure_text(NULL, message, err);
        engine_db.free(message);
    }
    engine_db.destroy_config(&config);
    ok = ok && engine_tell_all(database, texts, count, err);
    if (database)
        engine_db.close(&database);
    return ok;
}

/* Inside the transaction that is open. */
static bool engine_find_entry(struct engine_session *session, struct str name, struct arena *arena,
                              struct engine_found *found)
{
    duckdb_client_context context = NULL;
    engine_db.connection_get_client_context(session->connection, &context);
    duckdb_catalog catalog = engine_db.client_context_get_catalog(context, str_cstr(arena, session->engine->catalog));
    /* Tables and views share their names, so one question finds either. */
    duckdb_catalog_entry entry = catalog
                                     ? engine_db.catalog_get_entry(catalog, context, DUCKDB_CATALOG_ENTRY_TYPE_TABLE,
                                                                   "default", str_cstr(arena, name))
                                     : NULL;
    if (entry) {
        found->name = str_copy(arena, str_from(engine_db.catalog_entry_get_name(entry)));
        found->is_view = engine_db.catalog_entry_get_type(entry) == DUCKDB_CATALOG_ENTRY_TYPE_VIEW;
        engine_db.destroy_catalog_entry(&entry);
    }
    if (catalog)
        engine_db.destroy_catalog(&catalog);
    engine_db.destroy_client_context(&context);
    return found->name.ptr != NULL;
}

bool engine_find(struct engine_session *session, struct str name, struct arena *arena, struct engine_found *found_out,
                 struct err *err)
{
    struct engine_found found = {0};
    struct err ignored;
    if (!engine_tell(session, S("BEGIN TRANSACTION READ ONLY"), err))
        return false;
    bool there = engine_find_entry(session, name, arena, &found);
    bool ended = engine_tell(session, S("ROLLBACK"), &ignored);
    (void)ended;
    if (!there)
        return err_set(err, ERR_NOT_FOUND, "there is no table or view %.*s", STR_ARG(name));
    *found_out = found;
    return true;
}
