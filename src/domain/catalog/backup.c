/* What a backup needs of a warehouse on this machine. Files never change, so a second name for each is a copy of it
 * that costs nothing and that nobody can delete. It is made in two passes, before and after the copy of the pointers:
 * what the pointers name was there in the first pass, or is new, and then it is there in the second one, because in
 * between nothing is deleted. Clients that delete by themselves are not asked to wait: the first pass, which is the
 * long one, keeps from them what is not new, and the metadata files that are current (pyiceberg deletes those that its
 * commits replace) get their names before another commit can come. */
#include "domain/catalog/backup.h"

#include <assert.h>
#include <stdio.h>

#include "base/vec.h"
#include "domain/catalog/catalog_priv.h"
#include "platform/json/json.h"

/* No tenant's name begins with a dot. */
#define BACKUP_DIRECTORY ".backup"

struct catalog_backup {
    struct arena *arena; /* owns this */
    struct catalog *catalog;
    struct str place; /* "<root>/.backup" */
    VEC(struct str) tenants;
    struct work_job job;
    bool running; /* the job */
    bool ended;   /* nobody wants it any more */
    struct str list;
    FILE *file; /* the list, while it is written */
    uint64_t files, bytes;
    struct err error;
    catalog_backup_done *done;
    void *owner;
};

void backup_submit_deletion(struct catalog *catalog, struct work_job *job)
{
    if (catalog->is_held)
        list_append(&catalog->held, &job->node);
    else
        work_submit(catalog->pool, job);
}

static void backup_release(struct catalog *catalog)
{
    catalog->is_held = false;
    while (!list_is_empty(&catalog->held)) {
        struct work_job *job = list_object(catalog->held.next, struct work_job, node);
        list_remove(&job->node);
        work_submit(catalog->pool, job);
    }
}

static void backup_free(struct catalog_backup *backup)
{
    struct arena *arena = backup->arena;
    vec_done(&backup->tenants);
    arena_free(&arena);
}

static struct catalog_backup *backup_new(struct catalog *catalog)
{
    struct arena *arena = arena_new();
    struct catalog_backup *backup = arena_new_object(arena, struct catalog_backup);
    backup->arena = arena;
    backup->catalog = catalog;
    backup->place = str_format(arena, "%.*s/" BACKUP_DIRECTORY, STR_ARG(catalog->warehouse.root));
    return backup;
}

static void backup_submit(struct catalog_backup *backup, void (*run)(struct work_job *),
                          void (*done)(struct work_job *))
{
    backup->job = (struct work_job){.run = run, .done = done};
    backup->running = true;
    work_submit(backup->catalog->pool, &backup->job);
}

/* --- Its end --- */

static void backup_run_delete(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    backup->error = (struct err){0};
    /* What stays goes when the server starts again. */
    if (!object_delete_below(backup->catalog->objects, backup->place, &backup->error))
        return;
}

static void backup_keep(struct catalog_backup *backup, void (*kept)(struct work_job *job));
static void backup_kept_first(struct work_job *job);

static void backup_deleted(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    struct catalog *catalog = backup->catalog;
    backup_free(backup);
    catalog->backup = catalog->backup_next;
    catalog->backup_next = NULL;
    if (catalog->backup)
        backup_keep(catalog->backup, backup_kept_first);
}

static void backup_delete(struct catalog_backup *backup)
{
    if (backup->catalog->is_held)
        backup_release(backup->catalog);
    backup_submit(backup, backup_run_delete, backup_deleted);
}

void catalog_backup_end(struct catalog_backup **backup_ptr)
{
    struct catalog_backup *backup = *backup_ptr;
    *backup_ptr = NULL;
    if (!backup)
        return;
    backup->ended = true;
    if (backup == backup->catalog->backup_next) {
        backup->catalog->backup_next = NULL;
        backup_free(backup);
    } else if (!backup->running) {
        backup_delete(backup);
    }
}

/* A job has ended: what was asked for is done, unless nobody is there to hear it. */
static void backup_tell(struct catalog_backup *backup)
{
    if (backup->ended)
        backup_delete(backup);
    else
        backup->done(backup->owner, backup->error.code ? &backup->error : NULL);
}

void backup_start(struct catalog *catalog)
{
    if (!object_is_local(catalog->objects))
        return;
    catalog->backup = backup_new(catalog);
    catalog->backup->ended = true;
    backup_delete(catalog->backup);
}

void backup_done(struct catalog *catalog)
{
    if (catalog->backup)
        backup_free(catalog->backup);
    if (catalog->backup_next)
        backup_free(catalog->backup_next);
}

/* --- Second names --- */

static void backup_run_keep(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    struct catalog *catalog = backup->catalog;
    for (size_t i = 0; i < backup->tenants.count; i++) {
        AUTO(arena) struct arena *arena = arena_new_small();
        struct str tenant = backup->tenants.items[i];
        struct str from = str_format(arena, "%.*s/%.*s", STR_ARG(catalog->warehouse.root), STR_ARG(tenant));
        struct str to = str_format(arena, "%.*s/%.*s", STR_ARG(backup->place), STR_ARG(tenant));
        if (!object_keep(catalog->objects, from, to, &backup->error))
            return;
    }
}

static void backup_keep(struct catalog_backup *backup, void (*kept)(struct work_job *job))
{
    size_t position = 0;
    struct map_entry *entry;
    backup->tenants.count = 0;
    while ((entry = map_next(&backup->catalog->by_tenant, &position)))
        vec_push(&backup->tenants, str_copy(backup->arena, entry->key));
    backup_submit(backup, backup_run_keep, kept);
}

static void backup_kept_first(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    backup->running = false;
    backup->catalog->is_held = !backup->ended && !backup->error.code;
    backup_tell(backup);
}

struct catalog_backup *catalog_backup_begin(struct catalog *catalog, catalog_backup_done *done, void *owner)
{
    struct catalog_backup *backup = backup_new(catalog);
    backup->done = done;
    backup->owner = owner;
    if (catalog->backup) {
        assert(catalog->backup->ended && !catalog->backup_next);
        catalog->backup_next = backup;
    } else {
        catalog->backup = backup;
        backup_keep(backup, backup_kept_first);
    }
    return backup;
}

/* --- The list --- */

static bool backup_write_file(void *owner, const struct object_info *info)
{
    struct catalog_backup *backup = owner;
    struct str path = str_from_index(info->location, backup->place.len + 1);
    if (!str_is_utf8(path.ptr, path.len)) /* no metadata can name it */
        return true;
    AUTO(buf) struct buf line = {0};
    struct json_writer writer = {.buf = &line};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "path", path);
    json_write_i64(&writer, "size", (int64_t)info->size);
    json_end_object(&writer);
    buf_append_char(&line, '\n');
    backup->files++;
    backup->bytes += info->size;
    return fwrite(buf_str(&line).ptr, 1, buf_len(&line), backup->file) == buf_len(&line);
}

static void backup_run_list(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    struct err *err = &backup->error;
    backup->file = fopen(backup->list.ptr, "wxe");
    if (!backup->file) {
        err_errno(err, "create %.*s", STR_ARG(backup->list));
        return;
    }
    bool listed = object_list(backup->catalog->objects, backup->place, backup_write_file, backup, err);
    if (fclose(backup->file) != 0 || (!listed && err->code == ERR_CANCELLED))
        err_errno(err, "write %.*s", STR_ARG(backup->list));
}

static void backup_listed(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    backup->running = false;
    backup_tell(backup);
}

static void backup_kept_second(struct work_job *job)
{
    struct catalog_backup *backup = list_object(job, struct catalog_backup, job);
    backup_release(backup->catalog);
    backup->running = false;
    if (backup->ended || backup->error.code)
        backup_tell(backup);
    else
        backup_submit(backup, backup_run_list, backup_listed);
}

struct backup_pointers {
    struct catalog_backup *backup;
    struct err *err;
    bool ok;
};

static void backup_keep_pointer(void *owner, const struct store_value *columns, size_t count)
{
    struct backup_pointers *pointers = owner;
    const struct catalog_backup *backup = pointers->backup;
    struct catalog *catalog = backup->catalog;
    AUTO(arena) struct arena *arena = arena_new_small();
    struct str location, root = catalog->warehouse.root;
    struct err elsewhere; /* what lies outside of the warehouse is no part of the backup */
    (void)count;
    if (!pointers->ok || !location_normal(arena, columns[0].text, &location, &elsewhere) ||
        !location_is_below(root, location))
        return;
    struct str to = str_format(arena, "%.*s%.*s", STR_ARG(backup->place), STR_ARG(str_from_index(location, root.len)));
    pointers->ok = object_keep_file(catalog->objects, location, to, pointers->err);
}

bool catalog_backup_pointers(struct catalog_backup *backup, struct str copy, struct err *err)
{
    struct store *store = store_open(copy, err);
    struct backup_pointers pointers = {.backup = backup, .err = err, .ok = true};
    bool ok = store && store_run(store_db(store), "SELECT metadata FROM catalog_items WHERE dropped_us = 0", NULL, 0,
                                 backup_keep_pointer, &pointers, err);
    store_close(&store);
    return ok && pointers.ok;
}

void catalog_backup_finish(struct catalog_backup *backup, struct str list, catalog_backup_done *done, void *owner)
{
    assert(backup->catalog->is_held && !backup->running);
    backup->list = str_copy(backup->arena, list);
    backup->done = done;
    backup->owner = owner;
    backup_keep(backup, backup_kept_second);
}

void catalog_backup_size(const struct catalog_backup *backup, uint64_t *files_out, uint64_t *bytes_out)
{
    *files_out = backup->files;
    *bytes_out = backup->bytes;
}

int catalog_backup_open(struct catalog_backup *backup, struct str path, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct str location = str_format(arena, "%.*s/%.*s", STR_ARG(backup->place), STR_ARG(path));
    return object_open_file(backup->catalog->objects, location, err);
}

bool catalog_is_held(const struct catalog *catalog)
{
    return catalog->is_held;
}
