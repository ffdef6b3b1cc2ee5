/* The catalog as a whole: its life, its tenants, and what others in the domain ask of it. */
#include "domain/catalog/catalog.h"

#include <assert.h>

#include "base/metric.h"
#include "domain/catalog/backup.h"
#include "domain/catalog/catalog_priv.h"
#include "domain/catalog/drop.h"
#include "domain/catalog/idempotency.h"
#include "domain/catalog/removal.h"

static void catalog_copy_options(struct catalog *catalog, const struct catalog_options *options)
{
    catalog->arena = arena_new_small();
    catalog->loop = options->loop;
    catalog->store = options->store;
    catalog->tenants = options->tenants;
    catalog->audit = options->audit;
    catalog->pool = options->pool;
    catalog->warehouse = *options->warehouse;
    struct str root = options->warehouse->root;
    while (root.len && root.ptr[root.len - 1] == '/')
        root.len--;
    catalog->warehouse.root = str_copy(catalog->arena, root);
    cache_init(&catalog->cache);
    list_init(&catalog->operations);
    list_init(&catalog->mirror_waits);
    list_init(&catalog->discards);
    list_init(&catalog->deleting);
    list_init(&catalog->removals);
    list_init(&catalog->held);
}

struct catalog *catalog_new(const struct catalog_options *options, struct err *err)
{
    struct catalog *catalog = mem_new(struct catalog);
    catalog_copy_options(catalog, options);
    const struct object_options objects = {.root = catalog->warehouse.root, .s3 = options->warehouse->s3};
    catalog->objects = object_open(&objects, err);
    if (!catalog->objects || !mirror_start(catalog, err) || !rows_load(catalog, err)) {
        err_wrap(err, "catalog");
        catalog_free(&catalog);
        return NULL;
    }
    idempotency_start(catalog);
    drop_start(catalog);
    removal_start(catalog);
    backup_start(catalog);
    return catalog;
}

/* What still runs is forgotten: its jobs have ended or never come. */
static void catalog_forget_operations(struct catalog *catalog)
{
    list_each(&catalog->operations, node)
    {
        struct operation *operation = list_object(node, struct operation, node);
        if (operation->asking && catalog->engine)
            catalog->engine->cancel(catalog->engine->owner, operation);
        loop_defer_cancel(&operation->later);
        if (operation->call)
            operation->call->work = NULL;
        lock_forget(&operation->locks);
        list_remove(&operation->node);
        slice_release(&operation->answer.metadata);
        struct arena *arena = operation->arena;
        arena_free(&arena);
    }
}

void catalog_free(struct catalog **catalog_ptr)
{
    struct catalog *catalog = *catalog_ptr;
    *catalog_ptr = NULL;
    if (!catalog)
        return;
    drop_stop(catalog);
    mirror_stop(catalog);
    catalog_forget_operations(catalog);
    mirror_done(catalog);
    file_discards_done(catalog);
    drop_done(catalog);
    removal_done(catalog);
    backup_done(catalog);
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&catalog->by_tenant, &position))) {
        struct index_tenant *tenant = entry->value;
        index_tenant_free(&tenant);
    }
    map_done(&catalog->by_tenant);
    lock_table_done(&catalog->locks);
    catalog_forget_passes(catalog);
    object_close(&catalog->objects);
    arena_free(&catalog->arena);
    mem_free(catalog);
}

void catalog_set_engine(struct catalog *catalog, const struct catalog_engine *engine)
{
    catalog->engine = engine;
}

/* --- Draining --- */

void catalog_drain(struct catalog *catalog, void (*done)(void *owner), void *owner)
{
    catalog->draining = true;
    catalog->drained = done;
    catalog->drained_owner = owner;
    drop_stop(catalog);
    if (catalog->changes == 0) {
        catalog->drained = NULL;
        loop_post(catalog->loop, done, owner);
    }
}

void catalog_change_ended(struct catalog *catalog)
{
    assert(catalog->changes);
    if (--catalog->changes || !catalog->drained)
        return;
    void (*done)(void *owner) = catalog->drained;
    catalog->drained = NULL;
    done(catalog->drained_owner);
}

/* --- Tenants --- */

struct index_tenant *catalog_tenant(struct catalog *catalog, struct str id)
{
    return map_get(&catalog->by_tenant, id);
}

struct index_tenant *catalog_tenant_need(struct catalog *catalog, struct str id)
{
    struct index_tenant *tenant = map_get(&catalog->by_tenant, id);
    if (!tenant) {
        tenant = index_tenant_new(id, &catalog->cache);
        map_put(&catalog->by_tenant, id, tenant);
    }
    return tenant;
}

size_t catalog_locations(struct catalog *catalog, struct str tenant_id, struct arena *arena,
                         const struct str **locations_out)
{
    const struct index_tenant *tenant = catalog_tenant(catalog, tenant_id);
    size_t count = tenant ? tenant->places.count : 0;
    struct str *locations = arena_array(arena, count + 1, sizeof(*locations));
    for (size_t i = 0; i < count; i++)
        locations[i] = str_copy(arena, tenant->places.items[i]->location);
    *locations_out = locations;
    return count;
}

struct str catalog_root(struct catalog *catalog, struct str tenant, struct arena *arena)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(catalog->warehouse.root), STR_ARG(tenant));
}

const struct catalog_warehouse *catalog_warehouse_of(const struct catalog *catalog)
{
    return &catalog->warehouse;
}

bool catalog_is_used(struct catalog *catalog, struct str tenant_id)
{
    const struct index_tenant *tenant = catalog_tenant(catalog, tenant_id);
    if (!tenant)
        return false;
    for (size_t i = 0; i < tenant->spaces.count; i++) {
        const struct index_space *space = tenant->spaces.items[i];
        if (!index_is_hidden(space->key) && (space->items.count || !str_equal(space->key, S("iceberg"))))
            return true;
    }
    return false;
}

size_t catalog_count(struct catalog *catalog, struct str tenant_id)
{
    const struct index_tenant *tenant = catalog_tenant(catalog, tenant_id);
    return tenant ? tenant->items : 0;
}

bool catalog_has(struct catalog *catalog, struct str tenant_id, struct str namespace_name, struct str name)
{
    const struct index_tenant *tenant = catalog_tenant(catalog, tenant_id);
    const struct index_space *space = tenant ? index_space_find(tenant, namespace_name) : NULL;
    return space && index_item_find(space, name);
}
