/* What the catalog knows of every tenant without asking the store: namespaces, tables and views with their current
 * metadata file, what was dropped and not deleted yet, and which locations are taken. The truth is in the store; a
 * change is made there first. Loop thread only. */
#pragma once
#include "base/vec.h"
#include "domain/catalog/cache.h"
#include "domain/catalog/catalog.h"

/* Between the levels of a namespace, as on the wire. */
#define INDEX_SEPARATOR '\x1f'

struct index_space;
struct index_tenant;

/* A table or view. Its texts are its own. */
struct index_item {
    int64_t id;
    enum catalog_kind kind;
    struct index_tenant *tenant;
    struct index_space *space; /* NULL: dropped */
    struct str in, name;       /* key of the namespace, name: as they are, or were when it was dropped */
    struct str uuid, metadata, location;
    int64_t dropped_us, delete_us; /* wall clock; 0: not dropped */
    bool busy;                     /* dropped: its files are being deleted, or it is on its way back */
    struct list node;              /* in the tenant's dropped */
    struct cache_document *whole;  /* places of the cache */
    struct cache_document *refs;   /* with the snapshots only that a branch or tag names */
};

/* A namespace. */
struct index_space {
    struct index_tenant *tenant;
    struct str key;      /* levels with INDEX_SEPARATOR between them; own */
    struct arena *arena; /* owns the properties */
    const struct catalog_pair *properties;
    size_t property_count;
    bool implied;                   /* "iceberg", "$mirror": there without a row, until something is in it */
    VEC(struct index_item *) items; /* by name */
};

/* A place that belongs to an item, or to a change that makes one (item NULL). */
struct index_place {
    struct str location; /* own */
    struct index_item *item;
};

struct index_tenant {
    struct str id; /* own */
    struct cache *cache;
    VEC(struct index_space *) spaces; /* by key */
    VEC(struct index_place *) places; /* by location; none lies below another */
    struct list dropped;              /* struct index_item, the latest one last */
    size_t items;                     /* that are not dropped, outside "$mirror" */
    size_t running, changes;          /* operations; those that are no reading */
    bool marked;                      /* the row in catalog_warehouses is there */
    bool ending;                      /* the warehouse is being removed */
    void (*ended)(void *owner);       /* who waits for that; may be NULL */
    void *ended_owner;
};

struct index_tenant *index_tenant_new(struct str id, struct cache *cache);
void index_tenant_free(struct index_tenant **tenant);

/* --- Namespaces --- */
/* NULL when there is none. */
struct index_space *index_space_find(const struct index_tenant *tenant, struct str key);
/* Position of the first one whose key is not less. */
size_t index_space_from(const struct index_tenant *tenant, struct str key);
/* Properties are copied. */
struct index_space *index_space_add(struct index_tenant *tenant, struct str key, const struct catalog_pair *properties,
                                    size_t count);
void index_space_change(struct index_space *space, const struct catalog_pair *properties, size_t count);
/* It is empty. */
void index_space_remove(struct index_space *space);
/* "$mirror" or below: exists for the tenant's own worker only. */
bool index_is_hidden(struct str key);
/* The key of a name, in the arena; and back. */
struct str index_key(struct arena *arena, const struct catalog_namespace *name);
struct catalog_namespace index_levels(struct arena *arena, struct str key);
/* "a.b", for messages. */
struct str index_show(struct arena *arena, struct str key);

/* --- Tables and views --- */
struct index_item *index_item_find(const struct index_space *space, struct str name);
size_t index_item_from(const struct index_space *space, struct str name);
/* Of a new one; texts are copied. dropped_us says whether it is in the namespace or was. */
struct index_row {
    int64_t id;
    enum catalog_kind kind;
    struct str in, name, uuid, metadata, location;
    int64_t dropped_us, delete_us;
};
/* The namespace is there unless it is dropped. place: what was taken for it, or NULL. */
struct index_item *index_item_add(struct index_tenant *tenant, const struct index_row *row, struct index_place *place);
/* Another metadata file; uuid as well: a registration that took its place. Documents of the old one leave the cache. */
void index_item_point(struct index_item *item, struct str metadata, struct str uuid);
/* Another location; place was taken for it. */
void index_item_move(struct index_item *item, struct index_place *place);
/* Into another namespace under another name; a dropped one is back then. */
void index_item_rename(struct index_item *item, struct index_space *space, struct str name);
void index_item_drop(struct index_item *item, int64_t dropped_us, int64_t delete_us);
/* Gone, with its place. */
void index_item_remove(struct index_item *item);
/* The dropped one of this id, or NULL. */
struct index_item *index_dropped_find(const struct index_tenant *tenant, int64_t id);

/* --- Places --- */
/* Takes a location; NULL when it is, lies below or contains one that is taken: *other_out. except: an item whose own
 * place does not count; may be NULL. */
struct index_place *index_place_take(struct index_tenant *tenant, struct str location, const struct index_item *except,
                                     const struct index_place **other_out);
/* The place that a location would be in the way of, as above; NULL: none. */
const struct index_place *index_place_other(const struct index_tenant *tenant, struct str location,
                                            const struct index_item *except);
/* Accepts NULL. */
void index_place_give(struct index_tenant *tenant, struct index_place *place);
