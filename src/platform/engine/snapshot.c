/* A consistent copy of the database. DuckDB may write into its temporary directory only, so the copy is made there and
 * renamed; both lie in the tenant's directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "platform/engine/engine_priv.h"
#include "platform/engine/failure.h"

static bool engine_sync(const char *path, int flags, struct err *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        err_errno(err, "sync the snapshot");
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

/* The copy is one statement over one snapshot of the source, so it runs on a connection of its own beside others. */
static bool engine_snapshot_copy(struct engine *engine, duckdb_connection connection, struct str path, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err ignored;
    struct str name = str_format(arena, "snapshot_%s", random_hex(arena, 4).ptr);
    struct str attach = str_format(arena, "ATTACH %s AS %s", engine_quote_text(arena, path).ptr, name.ptr);
    struct str copy =
        str_format(arena, "COPY FROM DATABASE %s TO %s", engine_quote_name(arena, engine->catalog).ptr, name.ptr);
    struct str checkpoint = str_format(arena, "FORCE CHECKPOINT %s", name.ptr);
    struct str detach = str_format(arena, "DETACH %s", name.ptr);
    if (!engine_query(connection, attach.ptr, err))
        return false;
    /* After the checkpoint the file is whole without a WAL. DETACH writes one as well, but only once no other
     * connection holds the database any more, which may be much later.
     * FORCE waits for transactions that look at it. */
    bool ok = engine_query(connection, copy.ptr, err) && engine_query(connection, checkpoint.ptr, err);
    return engine_query(connection, detach.ptr, ok ? err : &ignored) && ok;
}

static bool engine_snapshot_place(struct str made, struct str path, struct arena *arena, struct err *err)
{
    size_t slash = path.len;
    while (slash > 0 && path.ptr[slash - 1] != '/')
        slash--;
    if (!engine_sync(made.ptr, O_RDONLY, err))
        return false;
    if (rename(made.ptr, str_cstr(arena, path)) != 0)
        return err_errno(err, "put the snapshot in its place");
    return engine_sync(slash ? str_cstr(arena, str_slice(path, 0, slash)) : ".", O_RDONLY | O_DIRECTORY, err);
}

bool engine_snapshot(struct engine_session *session, struct str path, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine *engine = session->engine;
    duckdb_connection connection = NULL;
    if (engine->temp_directory.len == 0)
        return err_set(err, ERR_UNIMPLEMENTED, "a snapshot needs a temporary directory");
    struct str made =
        str_format(arena, "%.*s/snapshot-%s.duckdb", STR_ARG(engine->temp_directory), random_hex(arena, 8).ptr);
    mkdir(str_cstr(arena, engine->temp_directory), 0700); /* may be there */
    if (engine_db.connect(engine->database, &connection) == DuckDBError)
        return err_set(err, ERR_INTERNAL, "DuckDB gives no connection");
    bool ok = engine_snapshot_copy(engine, connection, made, err);
    engine_db.disconnect(&connection);
    ok = ok && engine_snapshot_place(made, path, arena, err);
    if (!ok)
        unlink(made.ptr);
    return ok;
}
