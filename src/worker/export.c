/* EXPORT: {"table": quoted name, "path": absolute, "format": "csv|parquet|json|arrow"}: the table as a file of the
 * project, whole or not at all. The answer's row: report, {"rows", "bytes"}.
 *
 * The worker itself writes the file: DuckDB may make none in the project. It is named ".NAME.HEX.part" until all of it
 * is on the disk, so what a killed worker left is never taken for a result, and goes with the next export. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/random.h"
#include "platform/json/json.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/worker_priv.h"

/* Of the memory that the engine encodes into. */
#define EXPORT_ALIGN 64

struct export_file {
    struct worker_statement *statement;
    struct str directory, name; /* of the file */
    struct str part;            /* its name until it is whole */
    int directory_fd, fd;       /* -1: not open */
    struct buf piece;           /* owned; with EXPORT_ALIGN bytes more than were asked for */
    uint8_t *aligned;           /* in it */
    uint64_t rows, bytes;
};

static const struct {
    const char *name;
    enum engine_format format;
} export_formats[] = {{"csv", ENGINE_FORMAT_CSV},
                      {"parquet", ENGINE_FORMAT_PARQUET},
                      {"json", ENGINE_FORMAT_JSON_LINES},
                      {"arrow", ENGINE_FORMAT_ARROW}};

static bool export_format(struct str name, enum engine_format *format_out, struct err *err)
{
    for (size_t i = 0; i < sizeof(export_formats) / sizeof(export_formats[0]); i++) {
        if (!str_equal(name, str_from(export_formats[i].name)))
            continue;
        *format_out = export_formats[i].format;
        return true;
    }
    return err_set(err, ERR_INVALID, "EXPORT does not know the format '%.*s'", STR_ARG(name));
}

/* --- The file --- */

static bool export_failed(struct err *err, const char *what)
{
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    err_errno(err, "%s", what);
    if (full)
        err->code = ERR_RESOURCE;
    return false;
}

/* Below data/processed or data/final, where the worker may write. */
static bool export_place(struct export_file *file, struct str path, struct err *err)
{
    static const char *const places[] = {"/data/processed/", "/data/final/"};
    struct str root = file->statement->worker->hello.project, part, rest = path;
    bool below = false;
    for (size_t i = 0; root.len && i < sizeof(places) / sizeof(places[0]); i++)
        below = below ||
                (str_starts_with(path, root) && str_starts_with(str_from_index(path, root.len), str_from(places[i])));
    while (below && str_split_next(&rest, '/', &part))
        below = !str_equal(part, S(".."));
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    if (!below || !slash || slash == path.ptr + path.len - 1)
        return err_set(err, ERR_DENIED, "exports go below data/processed or data/final of the tenant's project");
    size_t at = (size_t)(slash - path.ptr);
    file->directory = str_copy(file->statement->arena, str_slice(path, 0, at));
    file->name = str_copy(file->statement->arena, str_from_index(path, at + 1));
    return true;
}

/* The directory with those above it, as open to others as the project is. */
static bool export_make_directory(struct export_file *file, struct err *err)
{
    size_t from = file->statement->worker->hello.project.len + 1;
    char *path = str_cstr(file->statement->arena, file->directory);
    struct stat above;
    for (size_t i = from; i <= file->directory.len; i++) {
        if (i < file->directory.len && path[i] != '/')
            continue;
        path[i] = '\0';
        if (mkdir(path, 0700) == 0) {
            if (stat(file->statement->worker->hello.project.ptr, &above) != 0 || chmod(path, above.st_mode & 0777) != 0)
                return export_failed(err, "make the directory of the export");
        } else if (errno != EEXIST) {
            return export_failed(err, "make the directory of the export");
        }
        if (i < file->directory.len)
            path[i] = '/';
    }
    return true;
}

/* What killed workers left of this file: nobody else writes it now. */
static void export_clean(struct export_file *file)
{
    struct str start = str_format(file->statement->arena, ".%.*s.", STR_ARG(file->name));
    DIR *directory = opendir(file->directory.ptr);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        struct str name = str_from(entry->d_name);
        if (str_starts_with(name, start) && str_ends_with(name, S(".part")))
            unlinkat(file->directory_fd, entry->d_name, 0);
    }
    if (directory)
        closedir(directory);
}

static bool export_open(struct export_file *file, struct err *err)
{
    uint32_t luck;
    struct stat directory;
    if (!export_make_directory(file, err))
        return false;
    file->directory_fd = open(file->directory.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->directory_fd < 0 || fstat(file->directory_fd, &directory) != 0)
        return export_failed(err, "open the directory of the export");
    export_clean(file);
    random_bytes(&luck, sizeof(luck));
    file->part = str_format(file->statement->arena, ".%.*s.%08x.part", STR_ARG(file->name), luck);
    file->fd = openat(file->directory_fd, file->part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0 || fchmod(file->fd, directory.st_mode & 0666) != 0)
        return export_failed(err, "make the file of the export");
    return true;
}

static bool export_write(struct export_file *file, const uint8_t *bytes, size_t len, struct err *err)
{
    for (size_t at = 0; at < len;) {
        ssize_t count = write(file->fd, bytes + at, len - at);
        if (count < 0 && errno != EINTR)
            return export_failed(err, "write the export");
        at += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool export_publish(struct export_file *file, struct err *err)
{
    if (fsync(file->fd) != 0)
        return export_failed(err, "write the export");
    FAILPOINT("export.before_rename");
    if (renameat(file->directory_fd, file->part.ptr, file->directory_fd, file->name.ptr) != 0)
        return export_failed(err, "put the export in its place");
    file->part = S("");
    return fsync(file->directory_fd) == 0 || export_failed(err, "put the export in its place");
}

static void export_done(struct export_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->part.len && file->directory_fd >= 0)
        unlinkat(file->directory_fd, file->part.ptr, 0);
    if (file->directory_fd >= 0)
        close(file->directory_fd);
    buf_done(&file->piece);
}

/* --- Its rows --- */

static uint8_t *export_reserve(void *owner, size_t size, struct err *err)
{
    struct export_file *file = owner;
    if (worker_statement_is_cancelled(file->statement)) {
        err_set(err, ERR_CANCELLED, "the export was cancelled");
        return NULL;
    }
    uint8_t *memory = buf_reserve(&file->piece, size + EXPORT_ALIGN);
    file->aligned = memory + (EXPORT_ALIGN - (uintptr_t)memory % EXPORT_ALIGN);
    return file->aligned;
}

static bool export_send(void *owner, struct str header, size_t len, uint64_t rows, struct err *err)
{
    struct export_file *file = owner;
    (void)header;
    file->rows += rows;
    file->bytes += len;
    return export_write(file, file->aligned, len, err);
}

static bool export_rows(struct export_file *file, const struct json *arguments, struct err *err)
{
    const struct engine_output output = {.owner = file, .reserve = export_reserve, .send = export_send};
    struct engine_stats stats = {0};
    struct engine_request request = {.sql = str_format(file->statement->arena, "SELECT * FROM %.*s",
                                                       STR_ARG(json_text(json_get(arguments, "table")))),
                                     .parameters = S(""),
                                     .policy = {.rights = ENGINE_MAY_OWN},
                                     .batch_target = (size_t)limits_get(LIMIT_BATCH_TARGET)};
    if (!export_format(json_text(json_get(arguments, "format")), &request.format, err))
        return false;
    return engine_run(file->statement->session, &request, &output, &stats, err);
}

bool worker_export(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                   struct err *err)
{
    struct export_file file = {.statement = statement, .directory_fd = -1, .fd = -1, .part = S("")};
    struct str path = json_text(json_get(arguments, "path"));
    bool ok = export_place(&file, path, err) && export_open(&file, err) && export_rows(&file, arguments, err) &&
              export_publish(&file, err);
    export_done(&file);
    (void)answer_out;
    if (!ok)
        return false;
    AUTO(buf) struct buf lines = {0};
    procedure_row(&lines, "report",
                  str_format(statement->arena, "{\"rows\":%llu,\"bytes\":%llu}", (unsigned long long)file.rows,
                             (unsigned long long)file.bytes));
    return procedure_send(statement, buf_str(&lines), 1, err);
}
