#include "domain/query/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "domain/query/query_priv.h"
#include "platform/json/json.h"

/* Lives until done. */
struct query_publish {
    struct arena *arena; /* owns this */
    struct query *query;
    struct str tenant;
    struct str file;      /* that the worker makes, in the tenant's directory of temporary files */
    struct str directory; /* that it goes to */
    struct str path;      /* its name there */
    struct work_job job;
    uint64_t bytes;
    struct err error;
    query_publish_done *done;
    void *owner;
};

struct str query_published_path(const struct query *query, struct str tenant, struct arena *arena)
{
    return str_format(arena, "%.*s/snapshots/%.*s.duckdb", STR_ARG(query->options.data), STR_ARG(tenant));
}

void query_unpublish(const struct query *query, struct str tenant)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    if (unlink(query_published_path(query, tenant, arena).ptr) != 0 && errno != ENOENT)
        log_warn("publish.file_left", LOG_STR("tenant", tenant), LOG_I64("errno", errno));
}

static void query_publish_end(struct query_publish *publish, const struct err *error)
{
    struct query_published published = {.path = publish->path, .bytes = publish->bytes};
    publish->done(publish->owner, error ? NULL : &published, error);
    struct arena *arena = publish->arena;
    arena_free(&arena);
}

/* --- Putting it in its place, on a thread of the pool --- */

static bool query_publish_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        err_errno(err, "sync the directory of published files");
    if (fd >= 0)
        close(fd);
    return ok;
}

/* What the worker made is in the tenant's hands: a plain file, or nothing that is moved. */
static bool query_publish_look(struct query_publish *publish)
{
    struct stat stat;
    if (lstat(publish->file.ptr, &stat) != 0)
        return err_errno(&publish->error, "look at the copy");
    if (!S_ISREG(stat.st_mode) || stat.st_nlink != 1)
        return err_set(&publish->error, ERR_INTERNAL, "the tenant's worker made something that is no file of its own");
    publish->bytes = (uint64_t)stat.st_size;
    return true;
}

static void query_publish_place(struct work_job *job)
{
    struct query_publish *publish = list_object(job, struct query_publish, job);
    publish->error = (struct err){0};
    if (mkdir(publish->directory.ptr, 0700) != 0 && errno != EEXIST) {
        err_errno(&publish->error, "create the directory of published files");
        return;
    }
    if (!query_publish_look(publish))
        return;
    if (rename(publish->file.ptr, publish->path.ptr) != 0)
        err_errno(&publish->error, "put the copy in its place");
    else if (!query_publish_sync(publish->directory.ptr, &publish->error))
        return;
}

static void query_publish_placed(struct work_job *job)
{
    struct query_publish *publish = list_object(job, struct query_publish, job);
    if (!publish->error.code && !tenant_find(publish->query->tenants, publish->tenant, &publish->error))
        query_unpublish(publish->query, publish->tenant);
    query_publish_end(publish, publish->error.code ? &publish->error : NULL);
}

/* --- Asking the worker --- */

static void query_publish_on_end(void *owner, const struct query_end *end)
{
    struct query_publish *publish = owner;
    if (end->error) {
        query_publish_end(publish, end->error);
        return;
    }
    publish->job = (struct work_job){.run = query_publish_place, .done = query_publish_placed};
    work_submit(publish->query->iceberg.pool, &publish->job);
}

struct statement *query_publish(struct query *query, const struct query_publish_request *asked,
                                query_publish_done *done, void *owner, struct err *err)
{
    struct tenant *tenant = tenant_find(query->tenants, asked->tenant, err);
    if (!tenant)
        return NULL;
    struct arena *arena = arena_new_small();
    struct query_publish *publish = arena_new_object(arena, struct query_publish);
    struct str name = str_format(arena, "publish-%.*s.duckdb", STR_ARG(random_hex(arena, 8)));
    *publish = (struct query_publish){.arena = arena, .query = query, .done = done, .owner = owner};
    publish->tenant = str_copy(arena, tenant->id);
    publish->file =
        str_format(arena, "%.*s/tmp/%.*s", STR_ARG(tenant_directory(query->tenants, tenant, arena)), STR_ARG(name));
    publish->directory = str_format(arena, "%.*s/snapshots", STR_ARG(query->options.data));
    publish->path = query_published_path(query, tenant->id, arena);
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "file", name);
    json_write_bool(&writer, "with_iceberg", asked->with_iceberg);
    json_end_object(&writer);
    struct query_procedure_request request = {.who = asked->who,
                                              .tenant = asked->tenant,
                                              .kind = QUERY_PUBLISH,
                                              .arguments = buf_str(&arguments),
                                              .format = QUERY_FORMAT_JSON_LINES,
                                              .deadline_us = asked->deadline_us,
                                              .protocol = asked->protocol,
                                              .request_id = asked->request_id};
    struct query_sink sink = {.on_end = query_publish_on_end, .owner = publish};
    struct statement *statement = query_procedure(query, &request, &sink, err);
    if (!statement)
        arena_free(&arena);
    return statement;
}
