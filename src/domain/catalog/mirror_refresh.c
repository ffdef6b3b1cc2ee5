/* Writing mirrors, and what the catalog keeps of them. The tenant's worker writes the rows and commits them to a new
 * item in "$mirror", as it would to any table; this file gives that commit the metadata of the generation before as its
 * base, and afterwards makes the item the current generation. */
#include <stdio.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/catalog/drop.h"
#include "domain/catalog/mirror.h"

/* The current one, and the one before for those who still read it. */
#define MIRROR_GENERATIONS 2

/* What a request may have been on its way to here. */
#define MIRROR_WAY_MS 1000

/* --- What there is --- */

static struct mirror_tenant *mirror_tenant_need(struct catalog *catalog, struct str id)
{
    struct mirror_tenant *tenant = map_get(&catalog->mirrors, id);
    if (tenant)
        return tenant;
    tenant = mem_new(struct mirror_tenant);
    tenant->catalog = catalog;
    tenant->id = str_bytes(mem_array(id.len, 1), id.len);
    memcpy((char *)(uintptr_t)tenant->id.ptr, id.ptr, id.len);
    list_init(&tenant->queue);
    map_put(&catalog->mirrors, id, tenant);
    return tenant;
}

struct mirror *mirror_find(struct catalog *catalog, struct str tenant_id, struct str name)
{
    const struct mirror_tenant *tenant = map_get(&catalog->mirrors, tenant_id);
    return tenant ? map_get(&tenant->mirrors, name) : NULL;
}

struct mirror *mirror_need(struct catalog *catalog, struct str tenant_id, struct str name)
{
    struct mirror_tenant *tenant = mirror_tenant_need(catalog, tenant_id);
    struct mirror *mirror = map_get(&tenant->mirrors, name);
    if (mirror)
        return mirror;
    mirror = mem_new(struct mirror);
    mirror->tenant = tenant;
    mirror->name = str_bytes(mem_array(name.len, 1), name.len);
    memcpy((char *)(uintptr_t)mirror->name.ptr, name.ptr, name.len);
    list_init(&mirror->node);
    list_init(&mirror->waits);
    map_put(&tenant->mirrors, name, mirror);
    return mirror;
}

const struct mirror_generation *mirror_current(const struct mirror *mirror)
{
    return mirror->generations.count ? &mirror->generations.items[mirror->generations.count - 1] : NULL;
}

static struct index_item *mirror_item_named(const struct mirror_tenant *mirrors, const char *staging)
{
    const struct index_tenant *tenant = catalog_tenant(mirrors->catalog, mirrors->id);
    const struct index_space *space = tenant ? index_space_find(tenant, S("$mirror")) : NULL;
    return space ? index_item_find(space, str_from(staging)) : NULL;
}

struct index_item *mirror_item(const struct mirror *mirror)
{
    const struct mirror_generation *current = mirror_current(mirror);
    return current ? mirror_item_named(mirror->tenant, current->staging) : NULL;
}

/* The mirror whose copy is being written under this name; NULL: none is. */
static const struct mirror *mirror_written(struct catalog *catalog, const struct index_tenant *index,
                                           struct str staging)
{
    const struct mirror_tenant *tenant = map_get(&catalog->mirrors, index->id);
    const struct mirror *running = tenant ? tenant->running : NULL;
    return running && str_equal(str_from(running->staging), staging) ? running : NULL;
}

struct str mirror_earlier(struct catalog *catalog, struct index_tenant *index, struct str staging)
{
    const struct mirror *mirror = mirror_written(catalog, index, staging);
    const struct index_item *item = mirror ? mirror_item(mirror) : NULL;
    return item ? item->metadata : (struct str){0};
}

int64_t mirror_date_ms(struct catalog *catalog, const struct index_tenant *index, struct str staging)
{
    const struct mirror *mirror = mirror_written(catalog, index, staging);
    return mirror ? mirror->date_ms : 0;
}

/* A reader that keeps to the time when its transaction began, as DuckDB does, has to see the copy that is made because
 * it asks: a copy is as old as the first request that waits for it, and older by what that was on its way. */
static int64_t mirror_date(const struct mirror *mirror)
{
    int64_t asked_ms = clock_wall_us() / CLOCK_MILLISECOND;
    list_each(&mirror->waits, node)
    {
        const struct mirror_wait *wait = list_object(node, struct mirror_wait, place);
        asked_ms = wait->asked_ms < asked_ms ? wait->asked_ms : asked_ms;
    }
    return asked_ms - MIRROR_WAY_MS;
}

/* --- Rows --- */

/* A change of a mirror's rows; lives until it is stored. */
struct mirror_change {
    struct store_job job;
    struct mirror *mirror;
    bool adds, updates;
    struct mirror_generation generation; /* with adds and updates */
    int64_t dropped_us, delete_us;
    VEC(struct mirror_generation) outdated;
};

static bool mirror_change_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct mirror_change *change = job->owner;
    const struct mirror_generation *generation = &change->generation;
    const struct store_value values[] = {STORE_STRING(change->mirror->tenant->id),
                                         STORE_STRING(change->mirror->name),
                                         STORE_NUMBER(generation->item),
                                         STORE_NUMBER((int64_t)generation->epoch),
                                         STORE_NUMBER((int64_t)generation->version),
                                         STORE_STRING(str_from(generation->checksum)),
                                         STORE_NUMBER(change->dropped_us)};
    FAILPOINT("catalog.mirror.before_row");
    if ((change->adds || change->updates) &&
        !store_run(
            db,
            "INSERT INTO catalog_mirrors(tenant, name, item, epoch, version, checksum, made_us) VALUES (?, ?, ?, "
            "?, ?, ?, ?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch, version = excluded.version",
            values, 7, NULL, NULL, err))
        return false;
    for (size_t i = 0; i < change->outdated.count; i++) {
        const struct store_value item[] = {STORE_NUMBER(change->outdated.items[i].item),
                                           STORE_NUMBER(change->dropped_us), STORE_NUMBER(change->delete_us)};
        if (!store_run(db, "DELETE FROM catalog_mirrors WHERE item = ?", item, 1, NULL, NULL, err) ||
            !store_run(db, "UPDATE catalog_items SET dropped_us = ?2, delete_us = ?3 WHERE id = ?1", item, 3, NULL,
                       NULL, err))
            return false;
    }
    return true;
}

static void mirror_refreshed(struct mirror *mirror, const struct err *error);

static void mirror_change_stored(struct store_job *job, const struct err *error)
{
    struct mirror_change *change = job->owner;
    struct mirror *mirror = change->mirror;
    struct catalog *catalog = mirror->tenant->catalog;
    for (size_t i = 0; !error && i < change->outdated.count; i++) {
        struct index_item *item = mirror_item_named(mirror->tenant, change->outdated.items[i].staging);
        if (item)
            index_item_drop(item, change->dropped_us, change->delete_us);
    }
    if (!error && change->outdated.count)
        drop_schedule(catalog);
    if (!error && change->adds) {
        vec_push(&mirror->generations, change->generation);
        while (mirror->generations.count > MIRROR_GENERATIONS) {
            mirror->generations.count--;
            memmove(&mirror->generations.items[0], &mirror->generations.items[1],
                    mirror->generations.count * sizeof(mirror->generations.items[0]));
        }
    } else if (!error && change->updates && mirror->generations.count) {
        mirror->generations.items[mirror->generations.count - 1] = change->generation;
    }
    bool refreshed = change->adds || change->updates;
    vec_done(&change->outdated);
    mem_free(change);
    if (refreshed)
        mirror_refreshed(mirror, error);
}

static struct mirror_change *mirror_change_new(struct mirror *mirror)
{
    struct mirror_change *change = mem_new(struct mirror_change);
    change->mirror = mirror;
    change->dropped_us = clock_wall_us();
    change->delete_us = change->dropped_us + limits_get(LIMIT_MIRROR_GRACE) * CLOCK_SECOND;
    change->job = (struct store_job){.apply = mirror_change_apply, .done = mirror_change_stored, .owner = change};
    return change;
}

void mirror_forget(struct mirror *mirror)
{
    if (mirror->generations.count == 0 || mirror->tenant->running == mirror)
        return;
    struct mirror_change *change = mirror_change_new(mirror);
    for (size_t i = 0; i < mirror->generations.count; i++)
        vec_push(&change->outdated, mirror->generations.items[i]);
    vec_clear(&mirror->generations);
    store_submit(mirror->tenant->catalog->store, &change->job);
}

/* --- Refreshing --- */

static void mirror_next(struct mirror_tenant *tenant);

/* Those whose change the current generation has are answered; for the others it is written again. */
static void mirror_tell(struct mirror *mirror)
{
    const struct mirror_generation *current = mirror_current(mirror);
    list_each(&mirror->waits, node)
    {
        struct mirror_wait *wait = list_object(node, struct mirror_wait, place);
        bool covers = current && current->epoch == wait->epoch && current->version >= wait->version;
        if (mirror_item(mirror) && (covers || mirror->begun > wait->joined))
            mirror_answer(wait, mirror);
    }
    if (!list_is_empty(&mirror->waits))
        mirror_refresh(mirror);
}

static void mirror_refreshed(struct mirror *mirror, const struct err *error)
{
    struct mirror_tenant *tenant = mirror->tenant;
    tenant->running = NULL;
    mirror->staging[0] = 0;
    if (error) {
        list_each(&mirror->waits, node)
        {
            mirror_fail(list_object(node, struct mirror_wait, place), mirror, error);
        }
    } else {
        mirror->fresh_us = clock_now_us();
        mirror_tell(mirror);
    }
    mirror_next(tenant);
}

/* The copy is there although its writer failed: an answer was lost on its way. */
static void mirror_drop_staging(struct mirror *mirror)
{
    const struct index_item *item = mirror_item_named(mirror->tenant, mirror->staging);
    if (!item)
        return;
    struct mirror_change *change = mirror_change_new(mirror);
    struct mirror_generation generation = {.item = item->id};
    snprintf(generation.staging, sizeof(generation.staging), "%s", mirror->staging);
    vec_push(&change->outdated, generation);
    store_submit(mirror->tenant->catalog->store, &change->job);
}

static void mirror_on_mirrored(void *owner, const struct catalog_mirrored *mirrored, const struct err *error)
{
    struct mirror *mirror = owner;
    const struct mirror_generation *current = mirror_current(mirror);
    const struct index_item *item = mirror_item_named(mirror->tenant, mirror->staging);
    struct err own;
    if (!error && !(mirrored->same ? mirror_item(mirror) : item)) {
        err_set(&own, ERR_INTERNAL, "the tenant's worker says that it wrote a mirror, and there is none");
        error = &own;
    }
    if (error) {
        mirror_drop_staging(mirror);
        mirror_refreshed(mirror, error);
        return;
    }
    struct mirror_change *change = mirror_change_new(mirror);
    change->adds = !mirrored->same;
    change->updates = mirrored->same;
    if (mirrored->same)
        change->generation = *current;
    else
        change->generation.item = item->id;
    struct mirror_generation *generation = &change->generation;
    generation->epoch = mirrored->epoch;
    generation->version = mirrored->version;
    if (change->adds) {
        snprintf(generation->staging, sizeof(generation->staging), "%s", mirror->staging);
        snprintf(generation->checksum, sizeof(generation->checksum), "%.*s", STR_ARG(mirrored->checksum));
        for (size_t i = 0; i + MIRROR_GENERATIONS <= mirror->generations.count; i++)
            vec_push(&change->outdated, mirror->generations.items[i]);
    }
    store_submit(mirror->tenant->catalog->store, &change->job);
}

static void mirror_next(struct mirror_tenant *tenant)
{
    const struct catalog_engine *engine = tenant->catalog->engine;
    struct list *first = list_first(&tenant->queue);
    if (tenant->running || !first)
        return;
    struct mirror *mirror = list_object(first, struct mirror, node);
    const struct mirror_generation *current = mirror_current(mirror);
    AUTO(arena) struct arena *arena = arena_new_small();
    list_remove(first);
    tenant->running = mirror;
    mirror->begun++;
    mirror->date_ms = mirror_date(mirror);
    snprintf(mirror->staging, sizeof(mirror->staging), "m%s", random_hex(arena, 8).ptr);
    engine->mirror(engine->owner, tenant->id, mirror->name, str_from(mirror->staging),
                   current && mirror_item(mirror) ? str_from(current->checksum) : S(""), mirror_on_mirrored, mirror);
}

void mirror_refresh(struct mirror *mirror)
{
    bool queued = !list_is_empty(&mirror->node);
    if (!queued && mirror->tenant->running != mirror)
        list_append(&mirror->tenant->queue, &mirror->node);
    mirror_next(mirror->tenant);
}

/* --- Life --- */

static void mirror_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct catalog *catalog = owner;
    (void)count;
    struct mirror *mirror = mirror_need(catalog, columns[0].text, columns[1].text);
    struct mirror_generation generation = {
        .item = columns[2].number, .epoch = (uint64_t)columns[3].number, .version = (uint64_t)columns[4].number};
    snprintf(generation.checksum, sizeof(generation.checksum), "%.*s", STR_ARG(columns[5].text));
    snprintf(generation.staging, sizeof(generation.staging), "%.*s", STR_ARG(columns[6].text));
    vec_push(&mirror->generations, generation);
}

/* Copies whose rows were not stored any more when the server was killed: nobody reads them. */
static bool mirror_drop_strays(struct store_db *db, struct err *err)
{
    int64_t now_us = clock_wall_us();
    const struct store_value values[] = {STORE_NUMBER(now_us),
                                         STORE_NUMBER(now_us + limits_get(LIMIT_MIRROR_GRACE) * CLOCK_SECOND)};
    return store_run(db,
                     "UPDATE catalog_items SET dropped_us = ?1, delete_us = ?2 WHERE namespace = '$mirror' AND "
                     "dropped_us = 0 AND id NOT IN (SELECT item FROM catalog_mirrors)",
                     values, 2, NULL, NULL, err);
}

bool mirror_start(struct catalog *catalog, struct err *err)
{
    struct store_db *db = store_db(catalog->store);
    return mirror_drop_strays(db, err) &&
           store_run(db,
                     "SELECT m.tenant, m.name, m.item, m.epoch, m.version, m.checksum, i.name FROM catalog_mirrors m "
                     "JOIN catalog_items i ON i.id = m.item WHERE i.dropped_us = 0 ORDER BY m.item",
                     NULL, 0, mirror_on_row, catalog, err);
}

static void mirror_tenant_free(struct mirror_tenant *tenant)
{
    size_t position = 0;
    for (struct map_entry *entry; (entry = map_next(&tenant->mirrors, &position));) {
        struct mirror *mirror = entry->value;
        vec_done(&mirror->generations);
        mem_free((void *)(uintptr_t)mirror->name.ptr);
        mem_free(mirror);
    }
    map_done(&tenant->mirrors);
    mem_free((void *)(uintptr_t)tenant->id.ptr);
    mem_free(tenant);
}

void mirror_done(struct catalog *catalog)
{
    const struct catalog_engine *engine = catalog->engine;
    size_t position = 0;
    for (struct map_entry *entry; (entry = map_next(&catalog->mirrors, &position));) {
        struct mirror_tenant *tenant = entry->value;
        if (tenant->running && engine)
            engine->cancel(engine->owner, tenant->running);
        mirror_tenant_free(tenant);
    }
    map_done(&catalog->mirrors);
}
