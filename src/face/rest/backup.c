/* Making a backup is a chain: second names for the warehouse's files, the server's tables (a job of the store), second
 * names for what came meanwhile, then tenant by tenant. It goes on when the client who asked goes away, and is then
 * found by GET or forgotten an hour after its last file was asked for. */
#include "face/rest/backup.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#define REST_BACKUP_PREFIX "backup-"

static struct str rest_backup_store_file(struct rest *rest, struct str id, struct arena *arena)
{
    return str_format(arena, "%.*s/" REST_BACKUP_PREFIX "%.*s.db", STR_ARG(rest->data), STR_ARG(id));
}

static struct str rest_backup_list_file(struct rest *rest, struct str id, struct arena *arena)
{
    return str_format(arena, "%.*s/" REST_BACKUP_PREFIX "%.*s.list", STR_ARG(rest->data), STR_ARG(id));
}

static struct str rest_backup_tenant_file(struct rest *rest, struct str id, struct str tenant, struct arena *arena)
{
    return str_format(arena, "%.*s/tenants/%.*s/" REST_BACKUP_PREFIX "%.*s.duckdb", STR_ARG(rest->data),
                      STR_ARG(tenant), STR_ARG(id));
}

static void rest_backup_unlink(const struct rest_backup_file *file)
{
    /* str_format ends its texts with NUL. A file that is gone with its tenant is as good as removed. */
    if (unlink(file->file.ptr) != 0 && errno != ENOENT)
        log_warn("backup.file_left", LOG_STR("file", file->path), LOG_I64("errno", errno));
}

void rest_backup_drop(struct rest *rest)
{
    struct rest_backup *backup = rest->backup;
    if (!backup)
        return;
    for (size_t i = 0; i < backup->files.count; i++)
        rest_backup_unlink(&backup->files.items[i]);
    catalog_backup_end(&backup->kept);
    loop_timer_cancel(rest->loop, &backup->forget);
    vec_done(&backup->files);
    vec_done(&backup->tenants);
    vec_done(&backup->skipped);
    arena_free(&backup->arena);
    mem_free(backup);
    rest->backup = NULL;
}

/* The copy of the server's tables is the first file of a backup, and its name tells the others'. */
void rest_backup_sweep(struct rest *rest)
{
    struct arena *arena = arena_new();
    DIR *directory = opendir(str_cstr(arena, rest->data));
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        struct str name = str_from(entry->d_name);
        if (!str_starts_with(name, S(REST_BACKUP_PREFIX)) || !str_ends_with(name, S(".db")))
            continue;
        size_t around = sizeof(REST_BACKUP_PREFIX) - 1 + sizeof(".db") - 1;
        struct str id = str_slice(name, sizeof(REST_BACKUP_PREFIX) - 1, name.len - around);
        for (size_t i = 0; i < tenant_count(rest->tenants); i++)
            unlink(rest_backup_tenant_file(rest, id, tenant_at(rest->tenants, i)->id, arena).ptr);
        unlink(rest_backup_list_file(rest, id, arena).ptr);
        unlink(rest_backup_store_file(rest, id, arena).ptr);
    }
    if (directory)
        closedir(directory);
    arena_free(&arena);
}

static void rest_backup_encode_warehouse(struct json_writer *writer, const struct rest_backup *backup)
{
    uint64_t files = 0, bytes = 0;
    json_begin_object(writer, "warehouse");
    json_write_text(writer, "location", catalog_warehouse_of(backup->rest->catalog)->root);
    json_write_bool(writer, "included", backup->kept != NULL);
    if (backup->kept)
        catalog_backup_size(backup->kept, &files, &bytes);
    json_write_i64(writer, "files", (int64_t)files);
    json_write_i64(writer, "bytes", (int64_t)bytes);
    json_end_object(writer);
}

static void rest_backup_encode(struct buf *buf, const struct rest_backup *backup)
{
    struct json_writer writer = {.buf = buf};
    char created[28];
    clock_format(backup->created_wall_us, created);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", backup->id);
    json_write_text(&writer, "created", str_from(created));
    json_write_text(&writer, "state", backup->done ? S("done") : S("running"));
    json_begin_array(&writer, "files");
    for (size_t i = 0; backup->done && i < backup->files.count; i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "path", backup->files.items[i].path);
        json_write_i64(&writer, "size", backup->files.items[i].size);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_begin_array(&writer, "skipped");
    for (size_t i = 0; i < backup->skipped.count; i++)
        json_write_text(&writer, NULL, backup->skipped.items[i]);
    json_end_array(&writer);
    if (backup->done)
        rest_backup_encode_warehouse(&writer, backup);
    json_end_object(&writer);
}

static void rest_backup_on_forget(struct loop_timer *timer)
{
    struct rest_backup *backup = timer->owner;
    if (backup->readers > 0)
        loop_timer_set(backup->rest->loop, timer, REST_BACKUP_KEEP_US);
    else
        rest_backup_drop(backup->rest);
}

static void rest_backup_end(struct rest_backup *backup, const struct err *error)
{
    struct rest *rest = backup->rest;
    struct rest_exchange *exchange = rest_wait_end(backup->wait);
    backup->wait = NULL;
    if (error) {
        const struct err copy = *error;
        rest_backup_drop(rest);
        if (exchange)
            rest_fail(exchange, &copy);
        return;
    }
    backup->done = true;
    loop_timer_set(rest->loop, &backup->forget, REST_BACKUP_KEEP_US);
    if (!exchange)
        return;
    AUTO(buf) struct buf body = {0};
    rest_backup_encode(&body, backup);
    rest_answer_json(exchange, 201, &body);
}

/* Measures the file added last. */
static bool rest_backup_measure(struct rest_backup *backup, struct err *err)
{
    struct rest_backup_file *file = &backup->files.items[backup->files.count - 1];
    struct stat status;
    if (stat(file->file.ptr, &status) != 0)
        return err_errno(err, "copy of %.*s", STR_ARG(file->path));
    file->size = status.st_size;
    return true;
}

static void rest_backup_next(struct rest_backup *backup);

static void rest_backup_on_snapshot(void *owner, const struct err *error)
{
    struct rest_backup *backup = owner;
    struct err err;
    if (error && error->code == ERR_NOT_FOUND) {
        /* Deleted since the list was taken. */
        vec_push(&backup->skipped, backup->tenants.items[backup->tenant]);
        backup->files.count--;
    } else if (error) {
        err = *error;
        err_wrap(&err, "backup of %.*s", STR_ARG(backup->tenants.items[backup->tenant]));
        rest_backup_end(backup, &err);
        return;
    } else if (!rest_backup_measure(backup, &err)) {
        rest_backup_end(backup, &err);
        return;
    }
    backup->tenant++;
    rest_backup_next(backup);
}

static void rest_backup_next(struct rest_backup *backup)
{
    struct rest *rest = backup->rest;
    for (; backup->tenant < backup->tenants.count; backup->tenant++) {
        struct str tenant = backup->tenants.items[backup->tenant];
        struct str path = str_format(backup->arena, "tenants/%.*s/%.*s.duckdb", STR_ARG(tenant), STR_ARG(tenant));
        /* A tenant that was never used has no database, and is whole without one. */
        if (access(str_format(backup->arena, "%.*s/%.*s", STR_ARG(rest->data), STR_ARG(path)).ptr, F_OK) != 0)
            continue;
        const struct rest_backup_file file = {
            .path = path,
            .file = rest_backup_tenant_file(rest, backup->id, tenant, backup->arena),
            .size = -1,
        };
        vec_push(&backup->files, file);
        query_snapshot(rest->query, tenant, file.file, rest_backup_on_snapshot, backup);
        return;
    }
    rest_backup_end(backup, NULL);
}

static void rest_backup_on_listed(void *owner, const struct err *error)
{
    struct rest_backup *backup = owner;
    struct err err;
    if (error)
        rest_backup_end(backup, error);
    else if (!rest_backup_measure(backup, &err))
        rest_backup_end(backup, &err);
    else
        rest_backup_next(backup);
}

static void rest_backup_list(struct rest_backup *backup)
{
    const struct rest_backup_file file = {.path = S(REST_BACKUP_LIST),
                                          .file = rest_backup_list_file(backup->rest, backup->id, backup->arena),
                                          .size = -1};
    vec_push(&backup->files, file);
    catalog_backup_finish(backup->kept, file.file, rest_backup_on_listed, backup);
}

static bool rest_backup_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct rest_backup *backup = job->owner;
    struct str copy = backup->files.items[0].file;
    return store_copy(db, copy, err) && (!backup->kept || catalog_backup_pointers(backup->kept, copy, err));
}

static void rest_backup_on_store(struct store_job *job, const struct err *error)
{
    struct rest_backup *backup = job->owner;
    struct err err;
    if (error)
        rest_backup_end(backup, error);
    else if (!rest_backup_measure(backup, &err))
        rest_backup_end(backup, &err);
    else if (!backup->kept)
        rest_backup_next(backup);
    else
        rest_backup_list(backup);
}

static void rest_backup_copy_store(struct rest_backup *backup)
{
    backup->job = (struct store_job){.apply = rest_backup_apply, .done = rest_backup_on_store, .owner = backup};
    store_submit(backup->rest->store, &backup->job);
}

static void rest_backup_on_kept(void *owner, const struct err *error)
{
    if (error)
        rest_backup_end(owner, error);
    else
        rest_backup_copy_store(owner);
}

static void rest_backup_start(struct rest *rest, struct edge_wait *wait)
{
    struct rest_backup *backup = mem_new(struct rest_backup);
    backup->rest = rest;
    backup->arena = arena_new();
    backup->id = random_hex(backup->arena, 8);
    backup->created_wall_us = clock_wall_us();
    backup->wait = wait;
    backup->forget = (struct loop_timer){.on_time = rest_backup_on_forget, .owner = backup};
    for (size_t i = 0; i < tenant_count(rest->tenants); i++)
        vec_push(&backup->tenants, str_copy(backup->arena, tenant_at(rest->tenants, i)->id));
    const struct rest_backup_file file = {
        .path = S("eider.db"), .file = rest_backup_store_file(rest, backup->id, backup->arena), .size = -1};
    vec_push(&backup->files, file);
    rest->backup = backup;
    if (catalog_warehouse_of(rest->catalog)->s3)
        rest_backup_copy_store(backup);
    else
        backup->kept = catalog_backup_begin(rest->catalog, rest_backup_on_kept, backup);
}

static void rest_backup_begin(struct edge_exchange *edge, const struct err *error)
{
    (void)error;
    rest_backup_start(list_object(edge, struct rest_exchange, edge)->rest, edge_wait_new(edge));
}

void rest_backups_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {NULL};
    struct rest *rest = exchange->rest;
    struct err err;
    if (!rest_body(exchange, keys, &err)) {
        rest_fail(exchange, &err);
    } else if (rest->backup) {
        err_set(&err, ERR_EXISTS, "backup %.*s exists already", STR_ARG(rest->backup->id));
        err_hint(&err, "fetch its files, then DELETE /api/v1/backups/%.*s", STR_ARG(rest->backup->id));
        rest_fail(exchange, &err);
    } else {
        edge_audit(&exchange->edge, rest->audit, AUDIT_BACKUP, S(""), S(""), NULL, rest_backup_begin);
    }
}

void rest_backups_get(struct rest_exchange *exchange)
{
    AUTO(buf) struct buf body = {0};
    buf_append_str(&body, S("{\"backups\":["));
    if (exchange->rest->backup)
        rest_backup_encode(&body, exchange->rest->backup);
    buf_append_str(&body, S("]}"));
    rest_answer_json(exchange, 200, &body);
}

/* The finished backup that the path names. */
static struct rest_backup *rest_backup_find(struct rest_exchange *exchange, struct err *err)
{
    struct rest_backup *backup = exchange->rest->backup;
    if (!backup || !str_equal(backup->id, exchange->parameters[0])) {
        err_set(err, ERR_NOT_FOUND, "no such backup: %.*s", STR_ARG(str_slice(exchange->parameters[0], 0, 64)));
        return NULL;
    }
    if (!backup->done) {
        err_set(err, ERR_CONFLICT, "the backup is still being made");
        return NULL;
    }
    return backup;
}

void rest_backup_delete(struct rest_exchange *exchange)
{
    struct err err;
    const struct rest_backup *backup = rest_backup_find(exchange, &err);
    if (backup && backup->readers > 0) {
        err_set(&err, ERR_CONFLICT, "a file of the backup is being fetched");
        backup = NULL;
    }
    if (!backup) {
        rest_fail(exchange, &err);
        return;
    }
    rest_backup_drop(exchange->rest);
    rest_answer(exchange, 204, S(""), S(""), NULL, 0);
}

void rest_backup_file_get(struct rest_exchange *exchange)
{
    struct err err;
    struct rest_backup *backup = rest_backup_find(exchange, &err);
    struct str path = exchange->parameters[1];
    if (backup)
        loop_timer_set(exchange->rest->loop, &backup->forget, REST_BACKUP_KEEP_US);
    for (size_t i = 0; backup && i < backup->files.count; i++) {
        if (str_equal(backup->files.items[i].path, path)) {
            rest_send_file(exchange, backup->files.items[i].file.ptr, &backup->readers);
            return;
        }
    }
    if (backup && backup->kept && str_starts_with(path, S(REST_BACKUP_WAREHOUSE))) {
        int fd = catalog_backup_open(backup->kept, str_from_index(path, sizeof(REST_BACKUP_WAREHOUSE) - 1), &err);
        if (fd < 0)
            rest_fail(exchange, &err);
        else
            rest_send_open(exchange, fd, &backup->readers);
        return;
    }
    if (backup)
        err_set(&err, ERR_NOT_FOUND, "the backup has no such file: %.*s",
                STR_ARG(str_slice(exchange->parameters[1], 0, 128)));
    rest_fail(exchange, &err);
}
