/* What the files of this room share: the catalog itself. */
#pragma once
#include "domain/catalog/engine.h"
#include "domain/catalog/file.h"
#include "platform/object/location.h"
#include "domain/catalog/rows.h"
#include "domain/catalog/table.h"
#include "platform/object/object.h"
#include "platform/store/store.h"

struct catalog {
    struct arena *arena; /* owns the options' texts */
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct audit *audit;
    struct work_pool *pool;
    struct catalog_warehouse warehouse;
    struct object_store *objects;
    const struct catalog_engine *engine; /* NULL: none */
    struct map by_tenant;                /* struct index_tenant */
    struct cache cache;
    struct lock_table locks;
    struct list operations;
    struct list discards;     /* file.c */
    struct list deleting;     /* drop.c */
    struct list removals;     /* removal.c */
    struct map mirrors;       /* mirror_refresh.c: struct mirror_tenant */
    struct list mirror_waits; /* mirror.c */
    struct list held;         /* backup.c: jobs that delete, while is_held */
    bool is_held;
    struct catalog_backup *backup, *backup_next; /* the one that is there, or is being deleted; who waits for that */
    size_t deletions;
    int64_t next_item; /* id */
    struct map passes; /* pass.c: tenant by pass */
    struct loop_timer sweep_keys, sweep_dropped;
    size_t changes; /* operations that change something */
    bool draining;
    void (*drained)(void *owner);
    void *drained_owner;
};

/* NULL: nothing was asked about it yet. */
struct index_tenant *catalog_tenant(struct catalog *catalog, struct str id);
struct index_tenant *catalog_tenant_need(struct catalog *catalog, struct str id);
/* A change ended; a drain waits for the last one. */
void catalog_change_ended(struct catalog *catalog);
/* pass.c */
void catalog_forget_passes(struct catalog *catalog);

/* --- credentials.c --- */

/* The server's own keys, for its workers, as Iceberg's config has them; 0 for local files. */
size_t catalog_own_credentials(const struct catalog *catalog, struct arena *arena,
                               const struct catalog_pair **pairs_out);

/* --- mirror.c, mirror_refresh.c: what the namespace "default" shows from outside --- */

/* Reads the rows, before the index does and the store's thread runs. */
bool mirror_start(struct catalog *catalog, struct err *err) MUST_USE;
/* Requests that wait for a mirror do so no more. Before the operations are forgotten. */
void mirror_stop(struct catalog *catalog);
void mirror_done(struct catalog *catalog);

/* Ends the operation with the names of the tenant's DuckDB tables (or views). */
void mirror_list(struct operation *operation, enum catalog_kind kind, const struct catalog_page *page);
/* Ends the operation with the mirror of a DuckDB table or view. */
void mirror_load(struct operation *operation, enum catalog_kind kind, struct str name, const struct catalog_load *load);
/* The metadata file of the mirror that a new table of this name in "$mirror" follows; ptr NULL: none. */
struct str mirror_earlier(struct catalog *catalog, struct index_tenant *tenant, struct str staging);
/* On a thread of the pool: the document of a new table that follows a mirror, as its writer has to see it. */
bool mirror_staged(struct arena *arena, struct str text, struct buf *shown, struct err *err) MUST_USE;
/* The same place: that file, and of the updates that make the new table its schema, as the base of a commit; *updates
 * are the rest, with those that end the history before it. */
bool mirror_base(struct catalog *catalog, struct arena *arena, struct str earlier,
                 const struct metadata_context *context, struct document *base_out, const struct json **updates,
                 struct err *err) MUST_USE;
