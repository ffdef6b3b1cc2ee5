/* Uploads into Iceberg tables: one transaction and, for all but rare types, one INSERT that runs while rows come, so
 * that files get the size that the table asks for. Uploads into one table follow each other: DuckDB's commits would
 * refuse each other otherwise, and rows that came over the network cannot be sent again. */
#include <time.h>

#include "base/clock.h"
#include "platform/engine/failure.h"
#include "platform/engine/procedure.h"
#include "platform/engine/upload_priv.h"

/* What a file should have, instead of DuckDB's 3 MB. */
#define LAKE_FILE_BYTES "134217728"
/* How often a wait for a table looks whether it was cancelled. */
enum { LAKE_LOOK_MS = 100 };

struct engine_upload_lake {
    struct str insert;          /* the SQL */
    struct str name;            /* of the locked table; empty: none */
    struct engine_relay *relay; /* NULL: an INSERT per segment */
    pthread_t thread;
    bool runs;     /* the thread was started and not joined */
    bool inserted; /* the thread's answer, as the next two */
    uint64_t inserted_rows;
    struct err error;
};

/* --- One upload after the other into a table --- */

static pthread_mutex_t lake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t lake_unlocked = PTHREAD_COND_INITIALIZER;
static struct map lake_tables; /* guarded by lake_lock: those that are written */

static bool lake_take(struct engine_upload *upload, struct err *err)
{
    const struct engine_upload_request *request = &upload->request;
    bool cancelled = false;
    pthread_mutex_lock(&lake_lock);
    while (map_get(&lake_tables, upload->target) && !cancelled) {
        int64_t at_us = clock_wall_us() + LAKE_LOOK_MS * CLOCK_MILLISECOND;
        struct timespec until = {.tv_sec = at_us / CLOCK_SECOND, .tv_nsec = at_us % CLOCK_SECOND * 1000};
        pthread_cond_timedwait(&lake_unlocked, &lake_lock, &until);
        cancelled = request->is_cancelled && request->is_cancelled(request->owner);
    }
    if (!cancelled) {
        map_put(&lake_tables, upload->target, upload);
        upload->lake->name = upload->target;
    }
    pthread_mutex_unlock(&lake_lock);
    return !cancelled || err_set(err, ERR_CANCELLED, "the upload was cancelled while it waited for another one");
}

static void lake_give(struct engine_upload_lake *lake)
{
    if (lake->name.len == 0)
        return;
    pthread_mutex_lock(&lake_lock);
    map_remove(&lake_tables, lake->name);
    pthread_cond_broadcast(&lake_unlocked);
    pthread_mutex_unlock(&lake_lock);
    lake->name = S("");
}

/* --- The table --- */

bool engine_upload_lake_look(struct engine_upload *upload, struct str namespace_name, bool *known_out, bool *there_out,
                             struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_session *session = upload->session;
    duckdb_prepared_statement statement = NULL;
    *there_out = false;
    *known_out = session->engine->iceberg;
    if (!*known_out)
        return true;
    struct str sql = str_format(arena, "SELECT 1 FROM iceberg.%s.%s", engine_quote_name(arena, namespace_name).ptr,
                                engine_quote_name(arena, upload->request.table).ptr);
    bool ok = engine_db.prepare(session->connection, sql.ptr, &statement) != DuckDBError;
    *there_out = ok;
    if (!ok)
        engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
    engine_db.destroy_prepare(&statement);
    return ok || err->code == ERR_NOT_FOUND;
}

/* The expression for a column: cast to what Iceberg holds. Nanoseconds become microseconds where that loses nothing,
 * else the INSERT fails. */
static struct str lake_expression(struct arena *arena, const struct engine_mirror_column *column, struct str type_name)
{
    struct str name = engine_quote_name(arena, column->name);
    if (column->cast.len == 0)
        return name;
    struct str cast = str_format(arena, "CAST(%s AS %.*s)", name.ptr, STR_ARG(column->cast));
    if (!str_equal(type_name, S("TIMESTAMP_NS")))
        return cast;
    return str_format(
        arena,
        "CASE WHEN epoch_ns(%s) %% 1000 <> 0 THEN error('column ' || %s || ' has nanoseconds, and an Iceberg "
        "table keeps microseconds') ELSE %s END",
        name.ptr, engine_quote_text(arena, column->name).ptr, cast.ptr);
}

/* The view over the incoming rows with their columns as an Iceberg table holds them. */
static bool lake_view(struct engine_upload *upload, struct str from, struct str *view_out, struct err *err)
{
    struct arena *arena = upload->arena;
    const struct engine_mirror_column *kept;
    struct engine_table_columns sent;
    size_t count;
    AUTO(buf) struct buf select = {0};
    struct str all = str_format(arena, "SELECT * FROM %s", from.ptr);
    if (!engine_mirror_columns(upload->session, all, arena, &kept, &count, err) ||
        !engine_table_describe(upload->session, from, arena, &sent, err))
        return false;
    for (size_t i = 0; i < count && i < sent.count; i++)
        buf_printf(&select, "%s%s AS %s", i ? ", " : "", lake_expression(arena, &kept[i], sent.items[i].type_name).ptr,
                   engine_quote_name(arena, kept[i].name).ptr);
    *view_out = str_format(arena, "%s.main.kept", upload->scratch.ptr);
    struct str view =
        str_format(arena, "CREATE VIEW %s AS SELECT %.*s FROM %s", view_out->ptr, STR_ARG(buf_str(&select)), from.ptr);
    return engine_query(upload->scratch_connection, view.ptr, err);
}

/* Not CREATE TABLE AS: nothing may scan what arrives but the INSERT. */
static bool lake_create(struct engine_upload *upload, struct str view, struct err *err)
{
    struct arena *arena = upload->arena;
    struct engine_table_columns columns;
    uint64_t rows;
    AUTO(buf) struct buf list = {0};
    if (!engine_table_describe(upload->session, view, arena, &columns, err))
        return false;
    for (size_t i = 0; i < columns.count; i++)
        buf_printf(&list, "%s%s %.*s", i ? ", " : "", engine_quote_name(arena, columns.items[i].name).ptr,
                   STR_ARG(columns.items[i].type_name));
    /* DuckDB takes no size of files for partitioned tables. */
    bool partitioned = upload->request.partition_by.len > 0;
    struct str sql = str_format(arena, "CREATE TABLE %s (%.*s) %s %s", upload->target.ptr, STR_ARG(buf_str(&list)),
                                upload->request.partition_by.ptr,
                                partitioned ? "" : "WITH ('write.target-file-size-bytes'='" LAKE_FILE_BYTES "')");
    return engine_upload_execute(upload, sql, &rows, err);
}

static bool lake_table(struct engine_upload *upload, struct str view, struct err *err)
{
    uint64_t rows;
    if (upload->create)
        return lake_create(upload, view, err);
    if (upload->request.mode != ENGINE_UPLOAD_REPLACE)
        return true;
    /* With the new rows in one commit. */
    struct str sql = str_format(upload->arena, "DELETE FROM %s", upload->target.ptr);
    return engine_upload_execute(upload, sql, &rows, err);
}

/* --- The INSERT --- */

static void *lake_insert(void *owner)
{
    struct engine_upload *upload = owner;
    struct engine_upload_lake *lake = upload->lake;
    lake->inserted = engine_upload_execute(upload, lake->insert, &lake->inserted_rows, &lake->error);
    engine_relay_end(lake->relay);
    return NULL;
}

static void lake_join(struct engine_upload_lake *lake)
{
    if (!lake->runs)
        return;
    pthread_join(lake->thread, NULL);
    lake->runs = false;
}

static bool lake_relay(struct engine_upload *upload, struct err *err)
{
    struct engine_upload_lake *lake = upload->lake;
    lake->relay = engine_relay_new(upload->schema, upload->decoder);
    if (engine_db.arrow_scan(upload->scratch_connection, "arriving",
                             (duckdb_arrow_stream)(void *)engine_relay_stream(lake->relay)) == DuckDBError)
        return err_set(err, ERR_UNIMPLEMENTED, "the upload has a column of a type that DuckDB cannot store");
    return true;
}

bool engine_upload_lake_start(struct engine_upload *upload, struct err *err)
{
    struct arena *arena = upload->arena;
    struct str from = upload->source, view;
    upload->lake = mem_new(struct engine_upload_lake);
    bool relays = engine_relay_knows(upload->schema);
    if (relays && !lake_relay(upload, err))
        return false;
    if (relays)
        from = str_format(arena, "%s.main.arriving", upload->scratch.ptr);
    if (!lake_view(upload, from, &view, err))
        return false;
    upload->lake->insert = str_format(arena, "INSERT INTO %s BY NAME SELECT * FROM %s %s", upload->target.ptr, view.ptr,
                                      upload->request.sort_by.ptr);
    upload->begun = true;
    if (!engine_upload_fits(upload, view, err) || !lake_take(upload, err) ||
        !engine_upload_open_transaction(upload, err) || !lake_table(upload, view, err))
        return false;
    if (!relays)
        return true;
    int failed = pthread_create(&upload->lake->thread, NULL, lake_insert, upload);
    upload->lake->runs = failed == 0;
    return !failed || err_set(err, ERR_RESOURCE, "cannot start a thread: %s", strerror(failed));
}

/* The INSERT's own error says more than that the relay has ended. */
static bool lake_failed(struct engine_upload_lake *lake, struct err *err)
{
    lake_join(lake);
    if (!lake->inserted)
        *err = lake->error;
    return false;
}

static bool lake_pass_relay(struct engine_upload *upload, struct err *err)
{
    struct engine_upload_lake *lake = upload->lake;
    size_t count;
    const struct ArrowArray *pieces = engine_segment_pieces(&upload->segment, &count, err);
    for (size_t i = 0; pieces && i < count; i++)
        if (!engine_relay_add(lake->relay, &pieces[i], err))
            return err->code == ERR_CANCELLED ? lake_failed(lake, err) : false;
    return pieces != NULL;
}

static bool lake_pass_segment(struct engine_upload *upload, struct err *err)
{
    uint64_t rows = 0;
    if (upload->segment.rows == 0)
        return true;
    if (!engine_segment_start(&upload->segment, err) ||
        !engine_upload_execute(upload, upload->lake->insert, &rows, err))
        return false;
    upload->lake->inserted_rows += rows;
    return true;
}

bool engine_upload_lake_pass(struct engine_upload *upload, bool all, struct err *err)
{
    bool relays = upload->lake->relay != NULL;
    bool ripe = relays ? engine_segment_is_ripe(&upload->segment) : engine_segment_is_full(&upload->segment);
    if (!ripe && !all)
        return true;
    upload->rows += upload->segment.rows;
    bool ok = relays ? lake_pass_relay(upload, err) : lake_pass_segment(upload, err);
    engine_segment_clear(&upload->segment);
    return ok;
}

bool engine_upload_lake_finish(struct engine_upload *upload, struct err *err)
{
    struct engine_upload_lake *lake = upload->lake;
    if (lake->relay) {
        engine_relay_finish(lake->relay);
        lake_join(lake);
        if (!lake->inserted)
            return lake_failed(lake, err);
    }
    if (lake->inserted_rows != upload->rows)
        return err_set(err, ERR_INTERNAL, "DuckDB stored %llu of %llu rows", (unsigned long long)lake->inserted_rows,
                       (unsigned long long)upload->rows);
    return true;
}

void engine_upload_lake_stop(struct engine_upload *upload)
{
    struct engine_upload_lake *lake = upload->lake;
    if (!lake)
        return;
    if (lake->runs) {
        engine_relay_break(lake->relay);
        lake_join(lake);
    }
    lake_give(lake);
    engine_relay_free(&lake->relay);
    mem_free(lake);
    upload->lake = NULL;
}
