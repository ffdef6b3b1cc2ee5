/* Parquet needs a file: DuckDB writes it into the temporary directory, which its lock leaves open to COPY, and the file
 * is gone from the directory before its first byte travels. */
#include "platform/engine/parquet.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/random.h"
#include "platform/engine/failure.h"
#include "platform/engine/parameter.h"
#include "platform/engine/statement.h"

/* The user's one statement inside COPY. Its closing semicolon has to go, and only DuckDB's parser knows which one that
 * is (others may stand in texts or comments): the last one without which the whole is one statement. */
static bool engine_parquet_sql(struct engine_session *session, struct arena *arena, struct str sql, struct str path,
                               duckdb_extracted_statements *copy_out, struct err *err)
{
    struct str target = engine_quote_text(arena, path);
    for (size_t len = sql.len;;) {
        struct str text = str_format(arena, "COPY (\n%.*s\n) TO %.*s (FORMAT parquet, COMPRESSION zstd)", (int)len,
                                     sql.ptr, STR_ARG(target));
        if (engine_db.extract_statements(session->connection, text.ptr, copy_out) == 1)
            return true;
        engine_db.destroy_extracted(copy_out);
        while (len > 0 && sql.ptr[len - 1] != ';')
            len--;
        if (len == 0)
            return err_set(err, ERR_INVALID, "a Parquet result needs a text of one query");
        len--;
    }
}

static bool engine_parquet_write(struct engine_session *session, const struct engine_request *request,
                                 const struct json *parameters, struct str path, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    duckdb_extracted_statements copy = NULL;
    duckdb_prepared_statement statement = NULL;
    duckdb_result result;
    if (!engine_parquet_sql(session, arena, request->sql, path, &copy, err))
        return false;
    bool ok = true;
    if (engine_db.prepare_extracted_statement(session->connection, copy, 0, &statement) == DuckDBError)
        ok = engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
    if (ok && engine_parameter_bind(statement, parameters, err) &&
        engine_statement_execute(session, statement, &result, err))
        engine_db.destroy_result(&result);
    else
        ok = false;
    engine_db.destroy_prepare(&statement);
    engine_db.destroy_extracted(&copy);
    return ok;
}

static bool engine_parquet_stream(int fd, size_t piece, const struct engine_output *output, struct engine_stats *stats,
                                  struct err *err)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return err_errno(err, "the Parquet file");
    if (file.st_size > limits_get(LIMIT_PARQUET_FILE))
        return limits_err(LIMIT_PARQUET_FILE, err);
    for (off_t left = file.st_size; left > 0;) {
        size_t wanted = left < (off_t)piece ? (size_t)left : piece;
        uint8_t *place = output->reserve(output->owner, wanted, err);
        if (!place)
            return false;
        ssize_t got = read(fd, place, wanted);
        if (got <= 0)
            return err_errno(err, "read the Parquet file");
        if (!output->send(output->owner, S(""), (size_t)got, 0, err))
            return false;
        stats->bytes += (uint64_t)got;
        left -= got;
    }
    return true;
}

bool engine_parquet_send(struct engine_session *session, const struct engine_request *request,
                         const struct json *parameters, const struct engine_output *output, struct engine_stats *stats,
                         struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str directory = session->engine->temp_directory;
    if (directory.len == 0)
        return err_set(err, ERR_UNIMPLEMENTED, "Parquet results need a temporary directory");
    struct str path = str_format(arena, "%.*s/result-%s.parquet", STR_ARG(directory), random_hex(arena, 8).ptr);
    mkdir(str_cstr(arena, directory), 0700); /* DuckDB makes it only when it spills; an old one is fine */
    if (!engine_parquet_write(session, request, parameters, path, err)) {
        unlink(path.ptr);
        return false;
    }
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    unlink(path.ptr);
    if (fd < 0)
        return err_errno(err, "open the Parquet file");
    bool ok = engine_parquet_stream(fd, request->batch_target, output, stats, err);
    close(fd);
    return ok;
}
