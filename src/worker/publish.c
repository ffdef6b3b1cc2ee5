/* PUBLISH and SNAPSHOT: a consistent copy of the tenant's database while others read and write it.
 *
 * {"file": "publish-….duckdb", "with_iceberg": false}: the file is made in the directory of temporary files, the only
 * one in which DuckDB may make any, and the front puts it in its place.
 *
 * The bytes are copied, so nothing of the database can be left out (foreign keys, sequences, indexes, macros). DuckDB
 * changes what its last checkpoint refers to at the next checkpoint only, and there is none while a transaction that
 * has changed the catalog is open: so ours changes it, and is rolled back. What was committed since the checkpoint is
 * in the log, whose copy is taken first: all blocks that it refers to are in the file by then. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/worker_priv.h"

#define PUBLISH_CHUNK (1 << 20)

struct publish {
    struct worker_statement *statement;
    struct str source, target; /* paths */
    struct str name;           /* of the copy while it is attached */
    struct str catalog;        /* the database's own name, quoted */
    uint8_t *chunk;            /* PUBLISH_CHUNK bytes */
};

static bool publish_tell(struct publish *publish, struct err *err, const char *format, ...) PRINTF(3, 4);
static bool publish_tell(struct publish *publish, struct err *err, const char *format, ...)
{
    AUTO(buf) struct buf sql = {0};
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buf_append(&sql, text, len > 0 ? (size_t)len : 0);
    return engine_tell(publish->statement->session, buf_str(&sql), err);
}

/* --- Copying --- */

/* Never opened again: closing any descriptor of the file would drop DuckDB's lock on it. -1: not open. */
static int publish_descriptor(const char *path)
{
    struct stat wanted, seen;
    long most = sysconf(_SC_OPEN_MAX);
    if (stat(path, &wanted) != 0)
        return -1;
    for (int fd = 0; fd < most; fd++)
        if (fstat(fd, &seen) == 0 && seen.st_ino == wanted.st_ino && seen.st_dev == wanted.st_dev &&
            (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
            return fd;
    return -1;
}

static bool publish_write(int to, const uint8_t *bytes, size_t len, struct err *err)
{
    for (size_t at = 0; at < len;) {
        ssize_t count = write(to, bytes + at, len - at);
        if (count < 0 && errno != EINTR)
            return err_errno(err, "write the copy");
        at += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* Where both lie in one file system that can, nothing is copied. */
static bool publish_copy(struct publish *publish, int from, int to, struct err *err)
{
    off_t at = 0;
    for (;;) {
        if (worker_statement_is_cancelled(publish->statement))
            return err_set(err, ERR_CANCELLED, "publishing was cancelled");
        ssize_t count = copy_file_range(from, &at, to, NULL, PUBLISH_CHUNK * 64, 0);
        if (count > 0)
            continue;
        if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
            break;
        return count == 0 || err_errno(err, "copy the database");
    }
    ssize_t count;
    while ((count = pread(from, publish->chunk, PUBLISH_CHUNK, at)) > 0) {
        if (worker_statement_is_cancelled(publish->statement))
            return err_set(err, ERR_CANCELLED, "publishing was cancelled");
        if (!publish_write(to, publish->chunk, (size_t)count, err))
            return false;
        at += count;
    }
    return count == 0 || err_errno(err, "read the database");
}

static bool publish_copy_to(struct publish *publish, int from, struct str path, struct err *err)
{
    int to = open(path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return err_errno(err, "create the copy");
    bool ok = publish_copy(publish, from, to, err);
    close(to);
    return ok;
}

/* No log: the checkpoint has everything. */
static bool publish_copy_log(struct publish *publish, struct err *err)
{
    struct arena *arena = publish->statement->arena;
    int from = open(str_format(arena, "%.*s.wal", STR_ARG(publish->source)).ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return errno == ENOENT || err_errno(err, "open the database's log");
    bool ok = publish_copy_to(publish, from, str_format(arena, "%.*s.wal", STR_ARG(publish->target)), err);
    close(from);
    return ok;
}

static bool publish_copy_all(struct publish *publish, struct err *err)
{
    int from = publish_descriptor(publish->source.ptr);
    if (from < 0)
        return err_set(err, ERR_INTERNAL, "the database's file is not open");
    return publish_copy_log(publish, err) && publish_copy_to(publish, from, publish->target, err);
}

/* --- One moment --- */

static bool publish_hold(struct publish *publish, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    struct engine_session *session = publish->statement->session;
    struct err ignored;
    bool short_log = publish_tell(publish, &ignored, "CHECKPOINT %s",
                                  publish->catalog.ptr); /* others write: the log is copied as well */
    (void)short_log;
    buf_append_str(&sql, S("CREATE SEQUENCE "));
    buf_append_str(&sql, procedure_locals_name(publish->statement, publish->name));
    if (!engine_tell(session, S("BEGIN TRANSACTION"), err))
        return false;
    bool ok = engine_tell(session, buf_str(&sql), err) && publish_copy_all(publish, err);
    bool ended = engine_tell(session, S("ROLLBACK"), ok ? err : &ignored);
    return ok && ended;
}

/* --- Making one file of it --- */

/* Views say iceberg.iceberg.orders for such a table; in the copy, where that is a schema, they have to say
 * iceberg.orders, which only the copy alone understands. *texts_out: what to tell it. */
static bool publish_views(struct publish *publish, const struct str **texts_out, size_t *count_out, struct err *err)
{
    struct worker_statement *statement = publish->statement;
    AUTO(buf) struct buf sql = {0};
    const struct json *views;
    buf_append_str(&sql, S("SELECT replace(regexp_replace(sql, '^CREATE VIEW ', 'CREATE OR REPLACE VIEW '), "
                           "'iceberg.iceberg.', 'iceberg.') AS made, comment, view_name AS name FROM duckdb_views() "
                           "WHERE schema_name = 'default' AND contains(sql, 'iceberg.iceberg.') AND database_name = "));
    sql_append_text(&sql, publish->name);
    if (!sql_rows(statement, statement->arena, buf_str(&sql), &views, err))
        return false;
    struct str *texts = arena_array(statement->arena, json_count(views) * 2 + 2, sizeof(*texts));
    size_t count = 0;
    texts[count++] = S("USE \"default\"");
    for (size_t i = 0; i < json_count(views); i++) {
        const struct json *view = json_at(views, i);
        AUTO(buf) struct buf comment = {0};
        texts[count++] = json_text(json_get(view, "made"));
        if (json_text(json_get(view, "comment")).len == 0)
            continue;
        buf_append_str(&comment, S("COMMENT ON VIEW "));
        sql_append_name(&comment, json_text(json_get(view, "name")));
        buf_append_str(&comment, S(" IS "));
        sql_append_text(&comment, json_text(json_get(view, "comment")));
        texts[count++] = str_copy(statement->arena, buf_str(&comment));
    }
    texts[count++] = S("CHECKPOINT");
    *texts_out = texts;
    *count_out = json_count(views) ? count : 0;
    return true;
}

/* Tables of the namespace "iceberg" become tables of a schema of that name. */
static bool publish_iceberg(struct publish *publish, struct err *err)
{
    struct worker_statement *statement = publish->statement;
    const struct json *tables;
    if (!sql_rows(statement, statement->arena,
                  S("SELECT table_name AS name FROM duckdb_tables() WHERE database_name = 'iceberg' AND "
                    "schema_name = 'iceberg' ORDER BY 1"),
                  &tables, err) ||
        !publish_tell(publish, err, "CREATE SCHEMA IF NOT EXISTS %s.iceberg", publish->name.ptr))
        return false;
    for (size_t i = 0; i < json_count(tables); i++) {
        AUTO(buf) struct buf name = {0};
        AUTO(buf) struct buf sql = {0};
        sql_append_name(&name, json_text(json_get(json_at(tables, i), "name")));
        buf_printf(&sql, "CREATE TABLE %s.iceberg.%.*s AS SELECT * FROM iceberg.iceberg.%.*s", publish->name.ptr,
                   STR_ARG(buf_str(&name)), STR_ARG(buf_str(&name)));
        if (worker_statement_is_cancelled(statement))
            return err_set(err, ERR_CANCELLED, "publishing was cancelled");
        if (!engine_tell(statement->session, buf_str(&sql), err))
            return err_wrap(err, "publish the Iceberg table %.*s", STR_ARG(buf_str(&name)));
    }
    return true;
}

/* Opening the copy plays the log in; the checkpoint leaves one file. */
static bool publish_fold(struct publish *publish, bool with_iceberg, struct err *err)
{
    AUTO(buf) struct buf attach = {0};
    const struct str *texts = NULL;
    size_t count = 0;
    struct err ignored;
    buf_append_str(&attach, S("ATTACH "));
    sql_append_text(&attach, publish->target);
    buf_printf(&attach, " AS %s", publish->name.ptr);
    if (!engine_tell(publish->statement->session, buf_str(&attach), err))
        return err_wrap(err, "open the copy");
    bool ok = (!with_iceberg || (publish_iceberg(publish, err) && publish_views(publish, &texts, &count, err))) &&
              publish_tell(publish, err, "CHECKPOINT %s", publish->name.ptr);
    ok = publish_tell(publish, ok ? err : &ignored, "DETACH %s", publish->name.ptr) && ok;
    return ok && (count == 0 || engine_tell_file(publish->target, texts, count, err));
}

static bool publish_sync(const char *path, int flags, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        err_errno(err, "sync the copy");
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A file of this name in the directory of temporary files, whole and synced, or none. */
static bool publish_make(struct worker_statement *statement, struct str file, bool with_iceberg, struct str *path_out,
                         struct err *err)
{
    struct arena *arena = statement->arena;
    struct str directory = engine_temp_directory(statement->session);
    struct publish publish = {.statement = statement,
                              .source = statement->worker->hello.database,
                              .target = str_format(arena, "%.*s/%.*s", STR_ARG(directory), STR_ARG(file)),
                              .name = str_format(arena, "publish_%.*s", STR_ARG(random_hex(arena, 8))),
                              .chunk = arena_alloc(arena, PUBLISH_CHUNK)};
    AUTO(buf) struct buf catalog = {0};
    sql_append_name(&catalog, engine_catalog(statement->session));
    publish.catalog = str_copy(arena, buf_str(&catalog));
    mkdir(str_cstr(arena, directory), 0700); /* may be there */
    bool ok = publish_hold(&publish, err) && publish_fold(&publish, with_iceberg, err) &&
              publish_sync(publish.target.ptr, O_NOFOLLOW, err);
    unlink(str_format(arena, "%.*s.wal", STR_ARG(publish.target)).ptr); /* is empty, or of a copy that failed */
    if (!ok)
        unlink(publish.target.ptr);
    *path_out = publish.target;
    return ok;
}

bool worker_publish(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                    struct err *err)
{
    struct str file = json_text(json_get(arguments, "file")), path;
    *answer_out = S("SELECT true AS published");
    if (statement->run.refusal.len)
        return err_set(err, ERR_RESOURCE, "%.*s", STR_ARG(statement->run.refusal));
    return publish_make(statement, file, json_bool(json_get(arguments, "with_iceberg")), &path, err);
}

bool worker_snapshot(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                     struct err *err)
{
    struct arena *arena = statement->arena;
    struct str directory = statement->worker->hello.directory, made;
    struct str path =
        str_format(arena, "%.*s/%.*s", STR_ARG(directory), STR_ARG(json_text(json_get(arguments, "file"))));
    struct str file = str_format(arena, "snapshot-%.*s.duckdb", STR_ARG(random_hex(arena, 8)));
    *answer_out = S("SELECT true AS copied");
    if (!publish_make(statement, file, false, &made, err))
        return false;
    if (rename(made.ptr, path.ptr) == 0)
        return publish_sync(str_cstr(arena, directory), O_DIRECTORY, err);
    err_errno(err, "put the snapshot in its place");
    unlink(made.ptr);
    return false;
}
