/* Metadata files: reading, writing, and deleting those that nobody points at. */
#include "domain/catalog/file.h"

#include "base/failpoint.h"
#include "base/limits.h"
#include "domain/catalog/backup.h"
#include "domain/catalog/catalog_priv.h"

/* The store refuses the server, not the client: its keys or its bucket are wrong. */
static bool file_refused(struct err *err)
{
    if (err->code == ERR_DENIED || err->code == ERR_PRECONDITION)
        err->code = ERR_UNAVAILABLE;
    return false;
}

bool file_read(struct catalog *catalog, struct arena *arena, enum catalog_kind kind, struct str location,
               struct str *text_out, struct document *document_out, struct err *err)
{
    struct str bytes, normal;
    size_t max = (size_t)limits_get(LIMIT_CATALOG_METADATA);
    if (!location_normal(arena, location, &normal, err))
        return false;
    if (!object_read(catalog->objects, arena, normal, max, &bytes, err))
        return file_refused(err);
    if (document_unpack(arena, location, bytes, text_out, err) &&
        document_parse(arena, kind, *text_out, document_out, err))
        return true;
    if (err->code == ERR_INVALID)
        err->code = ERR_DATA_LOSS;
    return err_wrap(err, "%.*s", STR_ARG(str_slice(location, 0, 200)));
}

bool file_make_directories(struct catalog *catalog, struct arena *arena, enum catalog_kind kind, struct str location,
                           struct err *err)
{
    struct str metadata = str_format(arena, "%.*s/metadata", STR_ARG(location));
    struct str data = str_format(arena, "%.*s/data", STR_ARG(location));
    return object_make_directory(catalog->objects, metadata, err) &&
           (kind == CATALOG_VIEW || object_make_directory(catalog->objects, data, err));
}

bool file_write(struct catalog *catalog, struct arena *arena, const struct document *document, int64_t version,
                struct str *location_out, struct cache_document **cached_out, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    document_write(document, &text);
    struct str bytes, normal;
    struct str location = document_file(arena, document, version, table_uuid(arena));
    if (!location_normal(arena, location, &normal, err) || !document_pack(arena, location, buf_str(&text), &bytes, err))
        return false;
    FAILPOINT("catalog.file.before");
    if (!object_put(catalog->objects, normal, bytes, OBJECT_PUT_IF_ABSENT, err))
        return file_refused(err);
    FAILPOINT("catalog.file.written");
    /* As the client spells it, for clients that look for their own words. */
    *location_out = str_starts_with(location, S("file:/")) ? location : normal;
    *cached_out = cache_document_new(&text);
    return true;
}

/* --- Deleting --- */

struct file_discard {
    struct list node;
    struct work_job job;
    struct arena *arena; /* owns this */
    struct catalog *catalog;
    struct str *locations;
    size_t count;
};

static void file_on_discard(struct work_job *job)
{
    struct file_discard *discard = list_object(job, struct file_discard, job);
    struct err error; /* orphan removal finds what stays */
    if (!object_delete(discard->catalog->objects, discard->locations, discard->count, &error))
        return;
}

static void file_discard_free(struct file_discard *discard)
{
    list_remove(&discard->node);
    struct arena *arena = discard->arena;
    arena_free(&arena);
}

static void file_on_discarded(struct work_job *job)
{
    file_discard_free(list_object(job, struct file_discard, job));
}

void file_discard(struct catalog *catalog, const struct str *locations, size_t count)
{
    if (count == 0)
        return;
    struct arena *arena = arena_new_small();
    struct file_discard *discard = arena_new_object(arena, struct file_discard);
    discard->arena = arena;
    discard->catalog = catalog;
    discard->locations = arena_array(arena, count, sizeof(*discard->locations));
    for (size_t i = 0; i < count; i++)
        discard->locations[discard->count++] = str_copy(arena, locations[i]);
    discard->job = (struct work_job){.run = file_on_discard, .done = file_on_discarded};
    list_append(&catalog->discards, &discard->node);
    backup_submit_deletion(catalog, &discard->job);
}

void file_discards_done(struct catalog *catalog)
{
    list_each(&catalog->discards, node)
    {
        file_discard_free(list_object(node, struct file_discard, node));
    }
}
