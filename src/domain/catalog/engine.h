/* What the catalog asks of a tenant's engine. domain/query implements it (the catalog stands below it and cannot
 * call); app/ wires it. Loop thread only; each done comes later, exactly once. None of these waits for a slot that a
 * statement holds. */
#pragma once
#include "base/err.h"

struct catalog_pair;

/* A DuckDB table or view of the tenant. */
struct catalog_local {
    struct str name;
    bool is_view;
    /* These only where one was asked for by its name.
     * version grows with every change to the table since the worker started; epoch tells starts apart. Same epoch and
     * version: nothing changed. */
    uint64_t epoch, version;
    uint64_t bytes;  /* about, of the table as it is written out */
    struct str view; /* of a view: {"sql": its query, "fields": [the columns as Iceberg's schema has them]} */
};
typedef void catalog_locals_done(void *owner, const struct catalog_local *locals, size_t count,
                                 const struct err *error);
/* What became of a mirror. */
struct catalog_mirrored {
    bool same; /* the rows still have the checksum: nothing was written */
    uint64_t epoch, version;
    struct str checksum;
};
typedef void catalog_mirror_done(void *owner, const struct catalog_mirrored *mirrored, const struct err *error);
/* ERR_OK, and what the engine wants to say: JSON for the caller's own use. */
typedef void catalog_engine_done(void *owner, struct str answer, const struct err *error);

struct catalog_engine {
    void *owner;
    /* Tables and views of the schema "default"; name empty: all, else that one (count 0: there is none). */
    void (*locals)(void *owner, struct str tenant, struct str name, catalog_locals_done *done, void *done_owner);
    /* Writes the table's or view's rows as a new Iceberg table: creates `staging` in the namespace "$mirror" through
     * the internal listener, with Parquet (zstd) and one snapshot; unless the rows still have this checksum (empty:
     * not known). */
    void (*mirror)(void *owner, struct str tenant, struct str name, struct str staging, struct str checksum,
                   catalog_mirror_done *done, void *done_owner);
    /* Reads the manifest lists and the manifests that they name: every file lies below root, or ERR_INVALID names the
     * first that does not. credentials: keys as Iceberg's config has them ("s3.access-key-id"); none for local files.
     */
    void (*inspect)(void *owner, struct str tenant, struct str root, const struct str *manifest_lists, size_t count,
                    const struct catalog_pair *credentials, size_t credential_count, catalog_engine_done *done,
                    void *done_owner);
    /* done is not called any more. */
    void (*cancel)(void *owner, void *done_owner);
};
