/* Tables and views, as the files that change them need them. Loop thread only where it does not say otherwise. */
#pragma once
#include "domain/catalog/document.h"
#include "domain/catalog/operation.h"

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
/* A path that the table's properties name (ptr NULL: none) may lie below its own location, or where no other table
 * lies; else error is set. The place of that location is not taken yet, or is the item's. */
bool table_check_path(struct operation *operation, struct str path, struct str location,
                      const struct index_item *except) MUST_USE;
/* Sets the error for a location that another place is in the way of; always false. */
bool table_place_taken(struct operation *operation, struct str location, const struct index_place *other);
/* Where tables of the namespace lie unless they say otherwise. */
struct str table_default_place(struct operation *operation, const struct catalog_namespace *name,
                               const struct catalog_pair *properties, size_t count);
