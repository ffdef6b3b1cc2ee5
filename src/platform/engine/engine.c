/* Opening a database: configuration in the order of the design, then the lock. */
#include "platform/engine/engine.h"

#include <string.h>

#include "base/clock.h"
#include "platform/arrow/bits.h"
#include "platform/engine/engine_priv.h"
#include "platform/engine/failure.h"
#include "platform/engine/iceberg.h"

/* How old engine_usage's figures may be. */
enum { ENGINE_USAGE_AGE_MS = 200 };

static struct str engine_quote(struct arena *arena, struct str text, char quote)
{
    AUTO(buf) struct buf out = {0};
    buf_append_quoted(&out, text, quote);
    return str_copy(arena, buf_str(&out));
}

struct str engine_quote_name(struct arena *arena, struct str name)
{
    return engine_quote(arena, name, '"');
}

struct str engine_quote_text(struct arena *arena, struct str text)
{
    return engine_quote(arena, text, '\'');
}

struct str engine_text_at(struct arena *arena, duckdb_vector vector, idx_t row)
{
    const uint64_t *valid = engine_db.vector_get_validity(vector);
    const duckdb_string_t *text = (const duckdb_string_t *)engine_db.vector_get_data(vector) + row;
    uint32_t len = text->value.inlined.length;
    if (valid && !arrow_bit(valid, row))
        return S("");
    return str_copy(arena, str_bytes(len <= 12 ? text->value.inlined.inlined : text->value.pointer.ptr, len));
}

bool engine_query(duckdb_connection connection, const char *sql, struct err *err)
{
    duckdb_result result;
    if (engine_db.query(connection, sql, &result) == DuckDBError)
        return engine_failure_result(NULL, &result, err);
    engine_db.destroy_result(&result);
    return true;
}

bool engine_query_text(duckdb_connection connection, const char *sql, struct arena *arena, struct str *value_out,
                       struct err *err)
{
    duckdb_result result;
    if (engine_db.query(connection, sql, &result) == DuckDBError)
        return engine_failure_result(NULL, &result, err);
    *value_out = S("");
    duckdb_data_chunk chunk = engine_db.fetch_chunk(result);
    if (chunk && engine_db.data_chunk_get_size(chunk) > 0)
        *value_out = engine_text_at(arena, engine_db.data_chunk_get_vector(chunk, 0), 0);
    engine_db.destroy_data_chunk(&chunk);
    engine_db.destroy_result(&result);
    return true;
}

bool engine_query_i64(duckdb_connection connection, const char *sql, int64_t *value_out, struct err *err)
{
    duckdb_result result;
    if (engine_db.query(connection, sql, &result) == DuckDBError)
        return engine_failure_result(NULL, &result, err);
    *value_out = 0;
    duckdb_data_chunk chunk = engine_db.fetch_chunk(result);
    if (chunk && engine_db.data_chunk_get_size(chunk) > 0)
        memcpy(value_out, engine_db.vector_get_data(engine_db.data_chunk_get_vector(chunk, 0)), sizeof(*value_out));
    engine_db.destroy_data_chunk(&chunk);
    engine_db.destroy_result(&result);
    return true;
}

static bool engine_configure(duckdb_config config, const char *name, const char *value, struct err *err)
{
    if (engine_db.set_config(config, name, value) == DuckDBError)
        return err_set(err, ERR_INTERNAL, "DuckDB refuses the setting %s = %s", name, value);
    return true;
}

static bool engine_configure_all(duckdb_config config, const struct engine_options *options, struct arena *arena,
                                 struct err *err)
{
    bool extensions = options->extensions.len > 0;
    if (!engine_configure(config, "autoinstall_known_extensions", "false", err) ||
        !engine_configure(config, "autoload_known_extensions", "false", err) ||
        !engine_configure(config, "allow_community_extensions", "false", err) ||
        !engine_configure(config, "allow_unsigned_extensions", extensions ? "true" : "false", err))
        return false;
    /* With persistent secrets DuckDB looks into its secret directory before it makes any secret, also one in memory;
     * once files are locked that fails, so a tenant cannot make secrets at all. The Iceberg extension makes some. */
    bool secrets = options->external_access || options->iceberg.url.len;
    if (!engine_configure(config, "allow_persistent_secrets", secrets ? "false" : "true", err))
        return false;
    if (!engine_configure(config, "temp_directory", str_cstr(arena, options->temp_directory), err))
        return false;
    if (options->memory_limit_bytes > 0) {
        struct str limit = str_format(arena, "%lld B", (long long)options->memory_limit_bytes);
        if (!engine_configure(config, "memory_limit", limit.ptr, err))
            return false;
    }
    if (options->threads > 0 &&
        !engine_configure(config, "threads", str_format(arena, "%d", options->threads).ptr, err))
        return false;
    return true;
}

static bool engine_open_database(struct engine *engine, const struct engine_options *options, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    duckdb_config config = NULL;
    if (engine_db.create_config(&config) == DuckDBError)
        return err_set(err, ERR_INTERNAL, "DuckDB gives no configuration");
    bool ok = engine_configure_all(config, options, arena, err);
    char *message = NULL;
    const char *path = options->database.len ? str_cstr(arena, options->database) : NULL;
    if (ok && engine_db.open_ext(path, &engine->database, config, &message) == DuckDBError) {
        engine_failure_text(engine, message, err);
        ok = err_wrap(err, "open the database");
        engine_db.free(message);
    }
    engine_db.destroy_config(&config);
    return ok;
}

/* What a tenant may still change afterwards. Everything else is fixed by lock_configuration. */
#define ENGINE_FREE_SETTINGS                                                                              \
    "['TimeZone', 'Calendar', 'default_null_order', 'null_order', 'default_order', 'default_collation', " \
    "'integer_division', 'ieee_floating_point_ops', 'lambda_syntax', "                                    \
    "'enable_progress_bar', 'enable_progress_bar_print', 'progress_bar_time']" /* engine_session_watch */

static bool engine_lock(duckdb_connection connection, const struct engine_options *options, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str list = S("");
    for (size_t i = 0; i < options->allowed_directory_count; i++)
        list = str_format(arena, "%.*s%s%s", STR_ARG(list), i ? ", " : "",
                          engine_quote_text(arena, options->allowed_directories[i]).ptr);
    if (options->iceberg.url.len)
        list = str_format(arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
                          engine_quote_text(arena, options->iceberg.warehouse).ptr);
    if (!engine_query(connection, "SET GLOBAL TimeZone = 'UTC'", err))
        return false;
    if (list.len &&
        !engine_query(connection, str_format(arena, "SET GLOBAL allowed_directories = [%.*s]", STR_ARG(list)).ptr, err))
        return false;
    /* CREATE TABLE AS in Iceberg makes this directory, empty, where the process stands, before it knows the right one.
     */
    if (options->iceberg.url.len && !engine_query(connection, "SET GLOBAL allowed_paths = ['data']", err))
        return false;
    if (!engine_query(connection, "SET GLOBAL allowed_configs = " ENGINE_FREE_SETTINGS, err))
        return false;
    if (!options->external_access && !engine_query(connection, "SET GLOBAL enable_external_access = false", err))
        return false;
    return engine_query(connection, "SET GLOBAL lock_configuration = true", err);
}

static bool engine_prepare_catalog(struct engine *engine, const struct engine_options *options, struct err *err)
{
    duckdb_connection connection = engine->usage_connection;
    if (!engine_query_text(connection, "SELECT current_database()", engine->arena, &engine->catalog, err) ||
        !engine_iceberg_open(engine, options, err))
        return false;
    if (!engine_query(connection, "CREATE SCHEMA IF NOT EXISTS \"default\"", err))
        return false;
    if (options->setup.len && !engine_query(connection, str_cstr(engine->arena, options->setup), err))
        return false;
    return engine_lock(connection, options, err);
}

struct engine *engine_open(const struct engine_options *options, struct err *err)
{
    if (!engine_symbols_load(options->library, err))
        return NULL;
    struct engine *engine = mem_new(struct engine);
    engine->arena = arena_new();
    pthread_mutex_init(&engine->usage_lock, NULL);
    pthread_mutex_init(&engine->turn_lock, NULL);
    engine_changes_init(&engine->changes);
    engine->temp_directory = str_copy(engine->arena, options->temp_directory);
    engine->directory = S("");
    for (size_t i = options->database.len; i > 0 && engine->directory.len == 0; i--)
        if (options->database.ptr[i - 1] == '/')
            engine->directory = str_copy(engine->arena, str_slice(options->database, 0, i));
    bool ok = engine_open_database(engine, options, err);
    if (ok && engine_db.connect(engine->database, &engine->usage_connection) == DuckDBError)
        ok = err_set(err, ERR_INTERNAL, "DuckDB gives no connection");
    if (!ok || !engine_prepare_catalog(engine, options, err))
        engine_close(&engine);
    return engine;
}

void engine_close(struct engine **engine)
{
    if (!*engine)
        return;
    if ((*engine)->usage_connection)
        engine_db.disconnect(&(*engine)->usage_connection);
    if ((*engine)->database)
        engine_db.close(&(*engine)->database);
    pthread_mutex_destroy(&(*engine)->usage_lock);
    pthread_mutex_destroy(&(*engine)->turn_lock);
    engine_changes_done(&(*engine)->changes);
    arena_free(&(*engine)->arena);
    mem_free(*engine);
    *engine = NULL;
}

const char *engine_version(const struct engine *engine)
{
    (void)engine;
    return engine_db.library_version();
}

void engine_usage(struct engine *engine, struct engine_usage *usage_out)
{
    static const char memory[] = "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT FROM duckdb_memory()";
    static const char spill[] = "SELECT coalesce(sum(size), 0)::BIGINT FROM duckdb_temporary_files()";
    struct err ignored; /* an old figure is better than none */
    pthread_mutex_lock(&engine->usage_lock);
    int64_t now = clock_now_us();
    if (engine->usage_read_us == 0 || now - engine->usage_read_us > ENGINE_USAGE_AGE_MS * CLOCK_MILLISECOND) {
        int64_t value;
        if (engine_query_i64(engine->usage_connection, memory, &value, &ignored))
            engine->usage.memory_bytes = value;
        if (engine_query_i64(engine->usage_connection, spill, &value, &ignored))
            engine->usage.spill_bytes = value;
        engine->usage_read_us = now;
    }
    *usage_out = engine->usage;
    pthread_mutex_unlock(&engine->usage_lock);
}
