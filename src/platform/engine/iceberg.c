#include "platform/engine/iceberg.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "platform/engine/failure.h"
#include "platform/json/json.h"

/* --- Attaching --- */

/* In the order in which they need each other. */
static const char *const engine_iceberg_extensions[] = {"avro", "httpfs", "iceberg"};

/* A commit's answer may take as long as the disks of the warehouse do; DuckDB would take silence for a failure, and
 * delete the data files of a commit that succeeds a moment later. */
#define ENGINE_ICEBERG_TIMEOUT "SET GLOBAL http_timeout = 600"

static bool engine_iceberg_load(duckdb_connection connection, struct str directory, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(engine_iceberg_extensions) / sizeof(engine_iceberg_extensions[0]); i++) {
        const char *name = engine_iceberg_extensions[i];
        struct str path = str_format(arena, "%.*s/%s.duckdb_extension", STR_ARG(directory), name);
        if (!engine_query(connection, str_format(arena, "LOAD %s", engine_quote_text(arena, path).ptr).ptr, err))
            return err_wrap(err, "load the extension %s", name);
    }
    return true;
}

/* The warehouse there is called like the tenant's database. */
static bool engine_iceberg_attach(struct engine *engine, const struct engine_iceberg *catalog, struct err *err)
{
    duckdb_connection connection = engine->usage_connection;
    AUTO(arena) struct arena *arena = arena_new();
    bool local = catalog->warehouse.len && catalog->warehouse.ptr[0] == '/';
    struct str sql =
        str_format(arena,
                   "ATTACH %s AS " ENGINE_ICEBERG " (TYPE iceberg, ENDPOINT %s, AUTHORIZATION_TYPE 'oauth2', TOKEN %s, "
                   "DEFAULT_SCHEMA '" ENGINE_ICEBERG "', SUPPORT_NESTED_NAMESPACES true, ACCESS_DELEGATION_MODE '%s')",
                   engine_quote_text(arena, engine->catalog).ptr, engine_quote_text(arena, catalog->url).ptr,
                   engine_quote_text(arena, catalog->pass).ptr, local ? "none" : "vended_credentials");
    if (!engine_query(connection, ENGINE_ICEBERG_TIMEOUT, err) || !engine_query(connection, sql.ptr, err))
        return err_wrap(err, "attach the Iceberg catalog");
    return true;
}

bool engine_iceberg_open(struct engine *engine, const struct engine_options *options, struct err *err)
{
    if (options->iceberg.url.len == 0)
        return true;
    if (!engine_iceberg_load(engine->usage_connection, options->extensions, err))
        return false;
    engine->iceberg = true;
    return engine_iceberg_attach(engine, &options->iceberg, err);
}

/* --- One name, one side --- */

/* Preparing asks for this table alone, where a list would ask the catalog for all of its tables. */
bool engine_iceberg_are_free(struct engine_session *session, const struct str *names, size_t count, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str tenant = session->engine->catalog;
    for (size_t i = 0; i < count; i++) {
        duckdb_prepared_statement statement = NULL;
        struct str sql = str_format(arena, "SELECT 1 FROM %s.\"default\".%s", engine_quote_name(arena, tenant).ptr,
                                    engine_quote_name(arena, names[i]).ptr);
        bool there = engine_db.prepare(session->connection, sql.ptr, &statement) != DuckDBError;
        engine_db.destroy_prepare(&statement);
        if (!there)
            continue;
        err_set(err, ERR_EXISTS, "a DuckDB table or view has this name already: %.*s.default.%.*s", STR_ARG(tenant),
                STR_ARG(names[i]));
        return err_hint(err, "a name is on one side only, so that it means one thing: choose another one");
    }
    return true;
}

/* --- What the catalog answers --- */

#define ENGINE_ICEBERG_LOST "the Iceberg table was changed by somebody else meanwhile"

static const struct {
    const char *type;
    enum err_code code;
} engine_iceberg_types[] = {
    {"CommitFailedException", ERR_CONFLICT},
    {"AlreadyExistsException", ERR_EXISTS},
    {"NoSuchTableException", ERR_NOT_FOUND},
    {"NoSuchNamespaceException", ERR_NOT_FOUND},
    {"NoSuchViewException", ERR_NOT_FOUND},
    {"NamespaceNotEmptyException", ERR_PRECONDITION},
    {"ForbiddenException", ERR_DENIED},
    {"BadRequestException", ERR_INVALID},
    {"UnprocessableEntityException", ERR_INVALID},
    {"UnsupportedOperationException", ERR_UNIMPLEMENTED},
    {"ServiceUnavailableException", ERR_UNAVAILABLE},
};

/* What stands between the texts, or an empty text. */
static struct str engine_iceberg_between(struct str text, struct str before, struct str after)
{
    ptrdiff_t from = str_find(text, before);
    if (from < 0)
        return S("");
    struct str rest = str_from_index(text, (size_t)from + before.len);
    ptrdiff_t to = str_find(rest, after);
    return str_trim(to < 0 ? rest : str_slice(rest, 0, (size_t)to));
}

/* The answer as JSON behind "body: ", or in lines that the extension made of it. */
static void engine_iceberg_answer(struct arena *arena, struct str text, struct str *message_out, struct str *type_out)
{
    struct err ignored; /* an answer that is cut, or not the catalog's */
    ptrdiff_t body = str_find(text, S("{\"error\":"));
    const struct json *document = body < 0 ? NULL : json_parse(arena, str_from_index(text, (size_t)body), &ignored);
    const struct json *error = document ? json_get(document, "error") : NULL;
    *message_out =
        error ? json_text(json_get(error, "message")) : engine_iceberg_between(text, S("\n message: "), S("\n type: "));
    *type_out = error ? json_text(json_get(error, "type")) : engine_iceberg_between(text, S("\n type: "), S("\n"));
}

static bool engine_iceberg_told(struct str message, struct str type, struct err *err)
{
    enum err_code code = ERR_UNAVAILABLE;
    for (size_t i = 0; i < sizeof(engine_iceberg_types) / sizeof(engine_iceberg_types[0]); i++)
        if (str_equal(type, str_from(engine_iceberg_types[i].type)))
            code = engine_iceberg_types[i].code;
    if (str_find(message, S("already exists")) >= 0)
        code = ERR_EXISTS;
    if (code != ERR_CONFLICT) {
        err_set(err, code, "the Iceberg catalog refused: %.*s", STR_ARG(message));
        return true;
    }
    err_set(err, code, ENGINE_ICEBERG_LOST ": %.*s", STR_ARG(message));
    err_hint(err, "nothing was changed; run the statement or the transaction again");
    return true;
}

/* What the extension cannot do, in words that say what to do instead. */
static const struct {
    const char *text;
    enum err_code code;
    const char *message, *hint;
} engine_iceberg_words[] = {
    {"CREATE OR REPLACE not supported in DuckDB-Iceberg", ERR_UNIMPLEMENTED,
     "CREATE OR REPLACE of an Iceberg table is not possible",
     "DROP TABLE and CREATE TABLE, or DELETE and INSERT in one transaction"},
    {"DROP TABLE <table_name> CASCADE is not supported", ERR_UNIMPLEMENTED,
     "DROP ... CASCADE is not possible for an Iceberg table", "nothing depends on one: leave CASCADE out"},
    {"CASCADE is not supported for Iceberg schemas", ERR_UNIMPLEMENTED,
     "DROP SCHEMA ... CASCADE is not possible for an Iceberg namespace", "drop its tables first"},
    {"Not implemented Error: Create View", ERR_UNIMPLEMENTED, "a view cannot be made in the Iceberg catalog from here",
     "make it beside the DuckDB tables, where it may read Iceberg tables: CREATE VIEW name AS SELECT ..."},
    {"IcebergCatalog BindCreateIndex", ERR_UNIMPLEMENTED, "an Iceberg table has no indexes",
     "partition it: ALTER TABLE ... SET PARTITIONED BY (...)"},
    {"Only ALTER TABLE is supported for Iceberg", ERR_UNIMPLEMENTED, "an Iceberg table takes no COMMENT from here",
     "ALTER TABLE ... SET ('comment' = '...') keeps one as a property"},
    {"Vacuum is only implemented for DuckDB tables", ERR_UNIMPLEMENTED, "VACUUM and ANALYZE are for DuckDB tables",
     "`eider maintain` looks after Iceberg tables"},
    {"ADD COLUMN for Nested Types not supported for Iceberg", ERR_UNIMPLEMENTED,
     "a column of a nested type cannot be added to an Iceberg table from here",
     "make a new table with it, or add it with pyiceberg, Spark or Trino"},
    {"Alter table type not supported: SET_SORTED_BY", ERR_UNIMPLEMENTED,
     "the order of an Iceberg table cannot be set from here", "Spark and Trino can"},
    {"non-null DEFAULT values are not supported for <V3 tables", ERR_UNIMPLEMENTED,
     "defaults need an Iceberg table of format version 3", "CREATE TABLE ... WITH ('format-version' = '3')"},
    {"RETURNING clause not yet supported", ERR_UNIMPLEMENTED, "RETURNING is not possible for an Iceberg table",
     "run a SELECT afterwards"},
    {"a single transaction can only write to a single attached database", ERR_PRECONDITION,
     "one transaction writes either DuckDB tables or Iceberg tables, not both",
     "COMMIT between the two; reading both is always possible"},
    {"Could not find snapshot with id", ERR_NOT_FOUND, NULL,
     "`eider snapshots TABLE` lists the snapshots that there are"},
};

static bool engine_iceberg_word(const char *message, struct err *err)
{
    for (size_t i = 0; i < sizeof(engine_iceberg_words) / sizeof(engine_iceberg_words[0]); i++) {
        const char *found = strstr(message, engine_iceberg_words[i].text);
        if (!found)
            continue;
        const char *text = engine_iceberg_words[i].message;
        if (text)
            err_set(err, engine_iceberg_words[i].code, "%s", text);
        else
            err_set(err, engine_iceberg_words[i].code, "%c%s", *found | 0x20, found + 1);
        err_hint(err, "%s", engine_iceberg_words[i].hint);
        return true;
    }
    return false;
}

bool engine_iceberg_failure(const char *message, struct err *err)
{
    if (engine_iceberg_word(message, err))
        return true;
    struct str text = str_from(message);
    bool answer = str_find(text, S("Request to '")) >= 0 || str_find(text, S(" request to endpoint '")) >= 0;
    if (!answer && str_find(text, S("{\"error\":")) < 0)
        return false;
    AUTO(arena) struct arena *arena = arena_new();
    struct str told, type;
    engine_iceberg_answer(arena, text, &told, &type);
    if (told.len)
        return engine_iceberg_told(told, type, err);
    struct str status = engine_iceberg_between(text, S("(HTTP "), S(")"));
    err_set(err, ERR_UNAVAILABLE, "the Iceberg catalog does not answer%s%.*s", status.len ? ": HTTP " : "",
            STR_ARG(status));
    err_hint(err, "run the statement again");
    return true;
}

/* --- Losing a commit --- */

bool engine_iceberg_lost(const struct err *err)
{
    return err->code == ERR_CONFLICT && str_starts_with(err_message(err), S(ENGINE_ICEBERG_LOST));
}

/* The last snapshot; INT64_MAX when there is one that was made after the transaction began. %s: 'iceberg.ns.table' */
static const char engine_iceberg_seen_sql[] =
    "SELECT coalesce(system.main.max(CASE WHEN system.main.epoch_ms(timestamp_ms) > "
    "system.main.epoch_ms(system.main.now()) THEN 9223372036854775807 ELSE sequence_number::BIGINT END), 0)::BIGINT "
    "FROM iceberg_snapshots(%s)";

static bool engine_iceberg_lose(struct str table, struct err *err)
{
    err_set(err, ERR_CONFLICT, ENGINE_ICEBERG_LOST ": %.*s", STR_ARG(table));
    return err_hint(err, "nothing was changed; run the statement or the transaction again");
}

bool engine_iceberg_see(struct engine_session *session, const struct str *tables, size_t count,
                        struct engine_iceberg_seen *seen_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    assert(count <= sizeof(seen_out->snapshots) / sizeof(seen_out->snapshots[0]));
    for (size_t i = 0; i < count; i++) {
        struct str name = str_format(arena, ENGINE_ICEBERG ".%.*s", STR_ARG(tables[i]));
        struct str sql = str_format(arena, engine_iceberg_seen_sql, engine_quote_text(arena, name).ptr);
        if (!engine_query_i64(session->connection, sql.ptr, &seen_out->snapshots[i], err))
            return false;
        if (seen_out->snapshots[i] == INT64_MAX)
            return engine_iceberg_lose(tables[i], err);
    }
    return true;
}

bool engine_iceberg_saw(struct engine_session *session, const struct str *tables, size_t count,
                        const struct engine_iceberg_seen *seen, struct err *err)
{
    struct engine_iceberg_seen now;
    if (!engine_iceberg_see(session, tables, count, &now, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (now.snapshots[i] != seen->snapshots[i])
            return engine_iceberg_lose(tables[i], err);
    return true;
}

enum { ENGINE_TURN_POLL_MS = 5, ENGINE_TURN_FIRST_MS = 10, ENGINE_TURN_MOST_MS = 250 };

static void engine_iceberg_pause(int64_t milliseconds)
{
    struct timespec pause = {.tv_nsec = milliseconds * 1000000};
    nanosleep(&pause, NULL);
}

static bool engine_iceberg_take(struct engine *engine)
{
    pthread_mutex_lock(&engine->turn_lock);
    bool free = !engine->turn_taken;
    engine->turn_taken = true;
    pthread_mutex_unlock(&engine->turn_lock);
    return free;
}

bool engine_iceberg_turn(struct engine_session *session, unsigned tries)
{
    if (tries >= limits_get(LIMIT_ICEBERG_TRIES))
        return false;
    atomic_store(&session->interrupted, false); /* one that is meant for this statement comes again and again */
    int64_t longest = (int64_t)ENGINE_TURN_FIRST_MS << (tries < 5 ? tries : 5);
    uint32_t luck;
    random_bytes(&luck, sizeof(luck));
    engine_iceberg_pause(1 + luck % (longest < ENGINE_TURN_MOST_MS ? longest : ENGINE_TURN_MOST_MS));
    while (!atomic_load(&session->interrupted)) {
        if (engine_iceberg_take(session->engine))
            return true;
        engine_iceberg_pause(ENGINE_TURN_POLL_MS);
    }
    return false;
}

void engine_iceberg_turned(struct engine_session *session)
{
    pthread_mutex_lock(&session->engine->turn_lock);
    session->engine->turn_taken = false;
    pthread_mutex_unlock(&session->engine->turn_lock);
}
