/* The end of a tenant. First its rows go, so that nothing of it comes back under the same name; the row of the
 * warehouse stays, with the time 0, until the files are gone as well. A new tenant of that name waits so long. */
#include "domain/catalog/removal.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/vec.h"
#include "domain/catalog/backup.h"
#include "domain/catalog/catalog_priv.h"

#define REMOVAL_RETRY_US (60 * CLOCK_SECOND)

struct removal {
    struct list node;    /* in the catalog's removals */
    struct arena *arena; /* owns this */
    struct catalog *catalog;
    struct index_tenant *tenant;
    struct str id, root;
    struct work_job work;
    struct store_job store;
    struct loop_timer retry;
    struct err error;
    void (*finished)(void *owner); /* NULL: nobody waits (any more) */
    void *owner;
};

static void removal_rows(struct removal *removal);

static void removal_tell(struct removal *removal)
{
    void (*finished)(void *owner) = removal->finished;
    removal->finished = NULL;
    if (finished)
        finished(removal->owner);
}

static void removal_on_retry(struct loop_timer *timer)
{
    removal_rows(timer->owner);
}

/* It is tried again; who waits is not kept. */
static void removal_later(struct removal *removal)
{
    removal->error = (struct err){0};
    loop_timer_set(removal->catalog->loop, &removal->retry, REMOVAL_RETRY_US);
    removal_tell(removal);
}

static bool removal_apply_end(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct removal *removal = job->owner;
    return store_run(db, "DELETE FROM catalog_warehouses WHERE tenant = ?", &STORE_STRING(removal->id), 1, NULL, NULL,
                     err);
}

static void removal_ended(struct store_job *job, const struct err *error)
{
    struct removal *removal = job->owner;
    struct catalog *catalog = removal->catalog;
    if (error) {
        removal_later(removal);
        return;
    }
    map_remove(&catalog->by_tenant, removal->id);
    index_tenant_free(&removal->tenant);
    list_remove(&removal->node);
    removal_tell(removal);
    struct arena *arena = removal->arena;
    arena_free(&arena);
}

static void removal_run(struct work_job *job)
{
    struct removal *removal = list_object(job, struct removal, work);
    FAILPOINT("catalog.removal.before_files");
    if (!object_delete_below(removal->catalog->objects, removal->root, &removal->error))
        return;
    FAILPOINT("catalog.removal.files");
}

static void removal_files_gone(struct work_job *job)
{
    struct removal *removal = list_object(job, struct removal, work);
    if (removal->error.code) {
        removal_later(removal);
        return;
    }
    removal->store = (struct store_job){.apply = removal_apply_end, .done = removal_ended, .owner = removal};
    store_submit(removal->catalog->store, &removal->store);
}

static bool removal_apply_rows(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct removal *removal = job->owner;
    const struct store_value tenant = STORE_STRING(removal->id);
    return store_run(db, "DELETE FROM catalog_items WHERE tenant = ?", &tenant, 1, NULL, NULL, err) &&
           store_run(db, "DELETE FROM catalog_namespaces WHERE tenant = ?", &tenant, 1, NULL, NULL, err) &&
           store_run(db, "DELETE FROM catalog_keys WHERE tenant = ?", &tenant, 1, NULL, NULL, err) &&
           store_run(db, "DELETE FROM catalog_mirrors WHERE tenant = ?", &tenant, 1, NULL, NULL, err) &&
           store_run(db, "UPDATE catalog_warehouses SET made_us = 0 WHERE tenant = ?", &tenant, 1, NULL, NULL, err);
}

static void removal_rows_gone(struct store_job *job, const struct err *error)
{
    struct removal *removal = job->owner;
    if (error) {
        removal_later(removal);
        return;
    }
    removal->work = (struct work_job){.run = removal_run, .done = removal_files_gone};
    backup_submit_deletion(removal->catalog, &removal->work);
}

static void removal_rows(struct removal *removal)
{
    removal->store = (struct store_job){.apply = removal_apply_rows, .done = removal_rows_gone, .owner = removal};
    store_submit(removal->catalog->store, &removal->store);
}

static void removal_begin(void *owner)
{
    struct removal *removal = owner;
    removal_rows(removal);
}

static void removal_start_tenant(struct catalog *catalog, struct index_tenant *tenant, void (*finished)(void *owner),
                                 void *owner)
{
    struct arena *arena = arena_new_small();
    struct removal *removal = arena_new_object(arena, struct removal);
    *removal = (struct removal){.arena = arena,
                                .catalog = catalog,
                                .tenant = tenant,
                                .id = str_copy(arena, tenant->id),
                                .root = catalog_root(catalog, tenant->id, arena),
                                .finished = finished,
                                .owner = owner};
    removal->retry = (struct loop_timer){.on_time = removal_on_retry, .owner = removal};
    list_append(&catalog->removals, &removal->node);
    tenant->ending = true;
    tenant->ended = removal_begin;
    tenant->ended_owner = removal;
    tenant->running++;
    removal_left(tenant);
}

void removal_left(struct index_tenant *tenant)
{
    void (*ended)(void *owner) = tenant->ended;
    if (--tenant->running || !ended)
        return;
    tenant->ended = NULL;
    ended(tenant->ended_owner);
}

/* The tenant's statements and workers have ended; no request of it comes any more. */
static void removal_on_tenant(void *owner, struct str id, void (*finished)(void *owner), void *finished_owner)
{
    struct catalog *catalog = owner;
    struct index_tenant *tenant = catalog_tenant(catalog, id);
    if (!tenant || tenant->ending) /* never used, or on its way already */
        finished(finished_owner);
    else
        removal_start_tenant(catalog, tenant, finished, finished_owner);
}

void removal_start(struct catalog *catalog)
{
    VEC(struct index_tenant *) gone = {0};
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&catalog->by_tenant, &position))) {
        struct index_tenant *tenant = entry->value;
        struct err error;
        if (tenant->ending || !tenant_find(catalog->tenants, tenant->id, &error))
            vec_push(&gone, tenant);
    }
    for (size_t i = 0; i < gone.count; i++)
        removal_start_tenant(catalog, gone.items[i], NULL, NULL);
    vec_done(&gone);
    tenant_on_remove(catalog->tenants, removal_on_tenant, catalog);
}

void removal_done(struct catalog *catalog)
{
    tenant_on_remove(catalog->tenants, NULL, NULL);
    list_each(&catalog->removals, node)
    {
        struct removal *removal = list_object(node, struct removal, node);
        loop_timer_cancel(catalog->loop, &removal->retry);
        list_remove(node);
        struct arena *arena = removal->arena;
        arena_free(&arena);
    }
}
