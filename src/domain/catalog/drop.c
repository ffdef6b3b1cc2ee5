/* Dropping, the way back, and deleting what nobody wanted back in time. */
#include "domain/catalog/drop.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "domain/catalog/backup.h"
#include "domain/catalog/catalog_priv.h"
#include "domain/catalog/removal.h"

/* Deletions at once, so that they do not take all threads of the pool. */
#define DROP_DELETIONS_MAX 2
#define DROP_RETRY_US (60 * CLOCK_SECOND)

struct drop_operation {
    struct operation operation;
    struct str key, name;
    struct catalog_drop how;
    struct index_item *item; /* ours while the name is */
    int64_t dropped_us, delete_us;
};

static bool drop_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct drop_operation *self = (const void *)operation;
    const struct store_value values[] = {STORE_NUMBER(self->item->id), STORE_NUMBER(self->dropped_us),
                                         STORE_NUMBER(self->delete_us)};
    FAILPOINT("catalog.drop.before_row");
    if (self->how.forget)
        return store_run(db, "DELETE FROM catalog_items WHERE id = ?", values, 1, NULL, NULL, err);
    return store_run(db, "UPDATE catalog_items SET dropped_us = ?2, delete_us = ?3 WHERE id = ?1", values, 3, NULL,
                     NULL, err);
}

static void drop_stored(struct operation *operation)
{
    struct drop_operation *self = (void *)operation;
    FAILPOINT("catalog.drop.stored");
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    if (self->how.forget) {
        index_item_remove(self->item);
    } else {
        index_item_drop(self->item, self->dropped_us, self->delete_us);
        drop_schedule(operation->catalog);
    }
    operation_end(operation);
}

static void drop_locked(struct operation *operation)
{
    struct drop_operation *self = (void *)operation;
    self->item = table_find(operation, operation->kind, self->key, self->name);
    if (!self->item) {
        table_fail_missing(operation, operation->kind, self->key, self->name);
        return;
    }
    self->dropped_us = clock_wall_us();
    self->delete_us = self->dropped_us + (self->how.now ? 0 : limits_get(LIMIT_CATALOG_RETENTION) * CLOCK_SECOND);
    if (self->how.forget)
        table_show(operation, self->item->metadata, self->item->location, NULL, false);
    operation_store(operation, drop_apply, drop_stored);
}

void catalog_drop(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                  const struct catalog_name *name, const struct catalog_drop *drop)
{
    struct drop_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    operation->kind = kind;
    self->key = index_key(operation->arena, &name->in);
    self->name = name->name;
    self->how = *drop;
    operation_audit(operation, AUDIT_TABLE_DROP, operation_show(operation, self->key, self->name));
    if (!operation_ready(operation))
        return;
    if (operation_is_mirror(operation, &name->in)) {
        operation_fail_mirror(operation);
        return;
    }
    const struct operation_name lock = {self->key, self->name};
    operation_lock(operation, &lock, 1, drop_locked);
}

/* --- The way back --- */

struct undrop_operation {
    struct operation operation;
    struct str key, name, id; /* of what was dropped */
    struct str to_key, to_name;
    struct index_item *item; /* busy while we have it */
};

static bool undrop_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct undrop_operation *self = (const void *)operation;
    const struct store_value values[] = {STORE_NUMBER(self->item->id), STORE_STRING(self->to_key),
                                         STORE_STRING(self->to_name), STORE_STRING(operation->request.tenant)};
    size_t count;
    if (!rows_space(operation, db, self->to_key, err) ||
        !rows_count(
            db,
            "UPDATE catalog_items SET dropped_us = 0, delete_us = 0, namespace = ?2, name = ?3 WHERE id = ?1 AND "
            "EXISTS (SELECT 1 FROM catalog_namespaces WHERE tenant = ?4 AND name = ?2) RETURNING id",
            values, 4, &count, err))
        return false;
    operation->refusal = count ? CATALOG_FINE : CATALOG_NO_NAMESPACE;
    return count || err_set(err, ERR_NOT_FOUND, "Namespace does not exist: %.*s",
                            STR_ARG(index_show(operation->arena, self->to_key)));
}

static void undrop_stored(struct operation *operation)
{
    struct undrop_operation *self = (void *)operation;
    self->item->busy = false;
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    index_item_rename(self->item, index_space_find(operation->tenant, self->to_key), self->to_name);
    table_answer(operation, self->item, NULL);
}

/* The one that is meant: of the id, else the latest of the name. */
static struct index_item *undrop_find(const struct undrop_operation *self)
{
    struct index_item *found = NULL;
    int64_t id = 0;
    if (self->id.len && !str_to_i64(self->id, &id))
        return NULL;
    list_each(&self->operation.tenant->dropped, node)
    {
        struct index_item *item = list_object(node, struct index_item, node);
        if (str_equal(item->in, self->key) && str_equal(item->name, self->name) && (!id || item->id == id) &&
            !item->busy)
            found = item;
    }
    return found;
}

static void undrop_allowed(struct operation *operation)
{
    struct undrop_operation *self = (void *)operation;
    self->item = undrop_find(self);
    if (!self->item) {
        err_hint(&operation->error, "what was dropped is kept for catalog.retention seconds");
        operation_fail(operation, CATALOG_NO_TABLE, "nothing that was dropped is called %.*s",
                       STR_ARG(str_slice(operation_show(operation, self->key, self->name), 0, 300)));
        return;
    }
    const struct catalog_namespace levels = index_levels(operation->arena, self->to_key);
    operation->kind = self->item->kind;
    if (!operation_space(operation, &levels, &self->to_key) ||
        !table_check_free(operation, operation->kind, self->to_key, self->to_name))
        return;
    self->item->busy = true;
    operation->answer.metadata_location = str_copy(operation->arena, self->item->metadata);
    operation_store(operation, undrop_apply, undrop_stored);
}

static void undrop_locked(struct operation *operation)
{
    const struct undrop_operation *self = (const void *)operation;
    table_check_local(operation, self->to_key, self->to_name, undrop_allowed);
}

void catalog_undrop(struct catalog *catalog, struct catalog_call *call, const struct catalog_name *name, struct str id,
                    const struct catalog_name *as)
{
    struct undrop_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    const struct catalog_name *to = as ? as : name;
    self->key = index_key(operation->arena, &name->in);
    self->name = name->name;
    self->id = id;
    self->to_key = index_key(operation->arena, &to->in);
    self->to_name = to->name;
    operation_audit(operation, AUDIT_TABLE_UNDROP, operation_show(operation, self->to_key, self->to_name));
    if (!operation_ready(operation) || !operation_check_name(operation, self->to_name))
        return;
    if (operation_is_mirror(operation, &to->in)) {
        operation_fail_mirror(operation);
        return;
    }
    const struct operation_name lock = {self->to_key, self->to_name};
    operation_lock(operation, &lock, 1, undrop_locked);
}

/* --- What was dropped --- */

struct drop_listing {
    struct arena *arena; /* owns this */
    struct catalog *catalog;
    const struct principal *who;
    struct str tenant;
    catalog_dropped_done *done;
    void *owner;
};

static void drop_on_list(void *owner)
{
    struct drop_listing *listing = owner;
    struct arena *arena = listing->arena;
    struct err error = {0};
    if (!tenant_find(listing->catalog->tenants, listing->tenant, &error) ||
        !principal_need(listing->who, listing->tenant, ROLE_READER, &error)) {
        listing->done(listing->owner, NULL, 0, &error);
        arena_free(&arena);
        return;
    }
    const struct index_tenant *tenant = catalog_tenant_need(listing->catalog, listing->tenant);
    size_t count = 0;
    list_each(&tenant->dropped, counted) count++;
    struct catalog_dropped *dropped = arena_array(arena, count + 1, sizeof(*dropped));
    size_t used = 0;
    for (struct list *node = tenant->dropped.prev; node != &tenant->dropped; node = node->prev) {
        const struct index_item *item = list_object(node, struct index_item, node);
        if (!index_is_hidden(item->in))
            dropped[used++] = (struct catalog_dropped){.id = str_format(arena, "%lld", (long long)item->id),
                                                       .name = {index_levels(arena, item->in), item->name},
                                                       .kind = item->kind,
                                                       .dropped_us = item->dropped_us,
                                                       .deleted_us = item->delete_us};
    }
    listing->done(listing->owner, dropped, used, NULL);
    arena_free(&arena);
}

void catalog_list_dropped(struct catalog *catalog, const struct principal *who, struct str tenant,
                          catalog_dropped_done *done, void *owner)
{
    struct arena *arena = arena_new();
    struct drop_listing *listing = arena_new_object(arena, struct drop_listing);
    *listing = (struct drop_listing){.arena = arena,
                                     .catalog = catalog,
                                     .who = principal_copy(arena, who),
                                     .tenant = str_copy(arena, tenant),
                                     .done = done,
                                     .owner = owner};
    loop_post(catalog->loop, drop_on_list, listing);
}

/* --- Deleting --- */

struct drop_deletion {
    struct list node; /* in the catalog's deletions */
    struct work_job work;
    struct store_job store;
    struct arena *arena; /* owns this */
    struct catalog *catalog;
    struct index_tenant *tenant;
    int64_t id;
    struct str location;
    struct err error;
};

static void drop_deletion_end(struct drop_deletion *deletion, bool gone)
{
    struct catalog *catalog = deletion->catalog;
    struct index_tenant *tenant = deletion->tenant;
    struct index_item *item = index_dropped_find(tenant, deletion->id);
    if (gone) {
        index_item_remove(item);
    } else { /* later again */
        item->busy = false;
        item->delete_us = clock_wall_us() + DROP_RETRY_US;
    }
    struct arena *arena = deletion->arena;
    list_remove(&deletion->node);
    arena_free(&arena);
    catalog->deletions--;
    drop_schedule(catalog);
    removal_left(tenant);
}

static bool drop_forget_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct drop_deletion *deletion = job->owner;
    return store_run(db, "DELETE FROM catalog_items WHERE id = ?", &STORE_NUMBER(deletion->id), 1, NULL, NULL, err);
}

static void drop_forgotten(struct store_job *job, const struct err *error)
{
    drop_deletion_end(job->owner, !error);
}

static void drop_delete_run(struct work_job *job)
{
    struct drop_deletion *deletion = list_object(job, struct drop_deletion, work);
    FAILPOINT("catalog.delete.before");
    if (!object_delete_below(deletion->catalog->objects, deletion->location, &deletion->error))
        return;
    FAILPOINT("catalog.delete.files");
}

static void drop_deleted(struct work_job *job)
{
    struct drop_deletion *deletion = list_object(job, struct drop_deletion, work);
    if (deletion->error.code) {
        drop_deletion_end(deletion, false);
        return;
    }
    deletion->store = (struct store_job){.apply = drop_forget_apply, .done = drop_forgotten, .owner = deletion};
    store_submit(deletion->catalog->store, &deletion->store);
}

static void drop_delete(struct catalog *catalog, struct index_item *item)
{
    struct arena *arena = arena_new_small();
    struct drop_deletion *deletion = arena_new_object(arena, struct drop_deletion);
    *deletion = (struct drop_deletion){.arena = arena,
                                       .catalog = catalog,
                                       .tenant = item->tenant,
                                       .id = item->id,
                                       .location = str_copy(arena, item->location)};
    deletion->work = (struct work_job){.run = drop_delete_run, .done = drop_deleted};
    item->busy = true;
    item->tenant->running++;
    catalog->deletions++;
    list_append(&catalog->deleting, &deletion->node);
    backup_submit_deletion(catalog, &deletion->work);
}

/* Begins what is due; the time of the next one, or CLOCK_NEVER. */
static int64_t drop_sweep_tenant(struct catalog *catalog, struct index_tenant *tenant, int64_t now_us)
{
    int64_t next_us = CLOCK_NEVER;
    list_each(&tenant->dropped, node)
    {
        struct index_item *item = list_object(node, struct index_item, node);
        if (item->busy)
            continue;
        if (item->delete_us <= now_us && catalog->deletions < DROP_DELETIONS_MAX)
            drop_delete(catalog, item);
        else if (item->delete_us < next_us)
            next_us = item->delete_us;
    }
    return next_us;
}

static void drop_on_sweep(struct loop_timer *timer)
{
    struct catalog *catalog = timer->owner;
    int64_t now_us = clock_wall_us(), next_us = CLOCK_NEVER;
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&catalog->by_tenant, &position))) {
        struct index_tenant *tenant = entry->value;
        int64_t due_us = tenant->ending ? CLOCK_NEVER : drop_sweep_tenant(catalog, tenant, now_us);
        next_us = due_us < next_us ? due_us : next_us;
    }
    if (next_us != CLOCK_NEVER && catalog->deletions < DROP_DELETIONS_MAX)
        loop_timer_set(catalog->loop, timer, next_us > now_us ? next_us - now_us : 0);
}

void drop_schedule(struct catalog *catalog)
{
    if (!catalog->draining)
        loop_timer_set(catalog->loop, &catalog->sweep_dropped, 0);
}

void drop_start(struct catalog *catalog)
{
    catalog->sweep_dropped = (struct loop_timer){.on_time = drop_on_sweep, .owner = catalog};
    drop_schedule(catalog);
}

void drop_stop(struct catalog *catalog)
{
    loop_timer_cancel(catalog->loop, &catalog->sweep_dropped);
    loop_timer_cancel(catalog->loop, &catalog->sweep_keys);
}

void drop_done(struct catalog *catalog)
{
    list_each(&catalog->deleting, node)
    {
        struct drop_deletion *deletion = list_object(node, struct drop_deletion, node);
        list_remove(node);
        struct arena *arena = deletion->arena;
        arena_free(&arena);
    }
}
