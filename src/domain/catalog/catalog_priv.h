/* What the files of this room share: the catalog itself, and what each offers the others. */
#pragma once
#include "domain/catalog/document.h"
#include "domain/catalog/engine.h"
#include "domain/catalog/location.h"
#include "domain/catalog/operation.h"
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
    size_t deletions;
    int64_t next_item; /* id */
    struct map passes; /* pass.c: tenant by pass */
    struct loop_timer sweep_keys, sweep_dropped;
    size_t changes; /* operations that change something */
    bool draining;
    void (*drained)(void *owner);
    void *drained_owner;
};

/* --- catalog.c --- */

/* NULL: nothing was asked about it yet. */
struct index_tenant *catalog_tenant(struct catalog *catalog, struct str id);
struct index_tenant *catalog_tenant_need(struct catalog *catalog, struct str id);
/* An operation of the tenant ended; who waits for the last one hears it. */
void catalog_tenant_left(struct catalog *catalog, struct index_tenant *tenant);
/* The same for changes, which a drain waits for. */
void catalog_change_ended(struct catalog *catalog);

/* --- rows.c: pieces of transactions, on the store's thread --- */
/* The warehouse, and the namespace if it is implied, have rows. */
bool rows_space(struct operation *operation, struct store_db *db, struct str key, struct err *err) MUST_USE;
/* A new item; ERR_NOT_FOUND when the namespace went. */
bool rows_item(struct operation *operation, struct store_db *db, const struct index_row *row, struct err *err) MUST_USE;
/* Reads all tenants into the index, before the store's thread runs. */
bool rows_load(struct catalog *catalog, struct err *err) MUST_USE;
/* JSON of properties, and back. */
struct str rows_properties(struct arena *arena, const struct catalog_pair *properties, size_t count);
size_t rows_properties_read(struct arena *arena, struct str text, const struct catalog_pair **properties_out);
/* Runs a statement with RETURNING; *count_out is the number of rows. */
bool rows_count(struct store_db *db, const char *sql, const struct store_value *values, size_t value_count,
                size_t *count_out, struct err *err) MUST_USE;

/* --- namespace.c --- */

/* Where tables of the namespace lie unless they say otherwise. */
struct str namespace_location(struct operation *operation, const struct catalog_namespace *name,
                              const struct catalog_pair *properties, size_t count);

/* --- table.c: what is shown of an item --- */

/* Ends the operation with the item's document, as load says (NULL: whole). */
void table_answer(struct operation *operation, const struct index_item *item, const struct catalog_load *load);
/* Ends it with the document of a file that is no item's (any more). */
void table_answer_file(struct operation *operation, enum catalog_kind kind, struct str metadata);
/* Fills the answer with a document that is in memory. */
void table_show(struct operation *operation, struct str metadata, struct str location, struct cache_document *document,
                bool refs_only);
/* The item of that name and kind; NULL: there is none, nothing has failed. */
struct index_item *table_find(const struct operation *operation, enum catalog_kind kind, struct str key,
                              struct str name);
/* Ends with "Table does not exist: a.t". */
void table_fail_missing(struct operation *operation, enum catalog_kind kind, struct str key, struct str name);
/* False: the name is taken, in the words that fit the kind that was to be made; it failed. */
bool table_check_free(struct operation *operation, enum catalog_kind kind, struct str key, struct str name) MUST_USE;
/* One name, one side: next comes when no DuckDB table has this name, else it fails. */
void table_check_local(struct operation *operation, struct str key, struct str name, operation_step *next);
/* A random UUID. */
struct str table_uuid(struct arena *arena);
/* A metadata_context's check_location; owner: struct table_bounds. Any thread. */
struct table_bounds {
    struct arena *arena;
    struct str root;
    const struct catalog_warehouse *warehouse;
};
bool table_check_location(void *owner, struct str location, struct err *err);
/* With warehouse.outside: the place is none of any tenant's. Any thread. */
bool table_is_outside(const struct catalog_warehouse *warehouse, struct arena *arena, struct str location);
/* The context of a change that is made now. */
struct metadata_context table_context(struct table_bounds *bounds);
/* Sets the error for a location that another place is in the way of; always false. */
bool table_place_taken(struct operation *operation, struct str location, const struct index_place *other);

/* --- file.c: metadata files --- */

/* On a thread of the pool: reads and parses. A file of ours that is broken is ERR_DATA_LOSS, never ERR_INVALID. */
bool file_read(struct catalog *catalog, struct arena *arena, enum catalog_kind kind, struct str location,
               struct str *text_out, struct document *document_out, struct err *err) MUST_USE;
/* On a thread of the pool: writes a new metadata file. *cached_out is the document, one reference. */
bool file_write(struct catalog *catalog, struct arena *arena, const struct document *document, int64_t version,
                struct str *location_out, struct cache_document **cached_out, struct err *err) MUST_USE;
/* On a thread of the pool: the directories that clients forget. */
bool file_make_directories(struct catalog *catalog, struct arena *arena, enum catalog_kind kind, struct str location,
                           struct err *err) MUST_USE;
/* Deletes them some time, if it can. Texts are copied. */
void file_discard(struct catalog *catalog, const struct str *locations, size_t count);
void file_discards_done(struct catalog *catalog);

/* --- idempotency.c --- */

/* On the store's thread: keeps the answer, or finds the earlier one (replayed; false). */
bool idempotency_keep(struct operation *operation, struct store_db *db, struct err *err) MUST_USE;
/* Does an answer with this problem stay the same? */
bool idempotency_is_final(enum catalog_problem problem);
/* Completes a replayed answer; next: operation_finish. */
void idempotency_answer(struct operation *operation, operation_step *next);
bool idempotency_check_key(struct str key, struct err *err) MUST_USE;
void idempotency_start(struct catalog *catalog);

/* --- drop.c --- */
void drop_start(struct catalog *catalog);
void drop_stop(struct catalog *catalog);
void drop_done(struct catalog *catalog);

/* --- removal.c --- */
void removal_start(struct catalog *catalog);
void removal_done(struct catalog *catalog);

/* --- credentials.c --- */

/* The server's own keys, for its workers, as Iceberg's config has them; 0 for local files. */
size_t catalog_own_credentials(const struct catalog *catalog, struct arena *arena,
                               const struct catalog_pair **pairs_out);

/* --- pass.c --- */
void pass_done(struct catalog *catalog);

/* --- mirror.c, mirror_refresh.c: what the namespace "default" shows from outside --- */

/* Reads the rows, before the store's thread runs. */
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
