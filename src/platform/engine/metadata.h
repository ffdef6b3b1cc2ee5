/* What the catalog of a session shows (tables, keys, ...), in the result schemas of Flight SQL. Part of engine.h's
 * face.
 *
 * It shows the tenant's own database, temporary objects of the session (catalog `temp`), and databases that the worker
 * attached for the tenant; not DuckDB's `system`, nor the scratch databases of uploads and snapshots. */
#pragma once
#include "platform/engine/engine.h"

enum engine_metadata_kind {
    ENGINE_METADATA_CATALOGS,
    ENGINE_METADATA_SCHEMAS,
    ENGINE_METADATA_TABLES,
    ENGINE_METADATA_TABLE_TYPES, /* TABLE, VIEW, LOCAL TEMPORARY: the types that JDBC names */
    ENGINE_METADATA_PRIMARY_KEYS,
    ENGINE_METADATA_EXPORTED_KEYS,
    ENGINE_METADATA_IMPORTED_KEYS,
    ENGINE_METADATA_CROSS_REFERENCE,
};

/* A text with ptr NULL is no filter; an empty one is a filter that nothing passes. Names compare as DuckDB compares
 * them, without case. SCHEMAS and TABLES: schema and table are patterns (% any text, _ any character, \ takes the next
 * one as it is), so is a catalog that contains %. Keys: names. */
struct engine_metadata_request {
    enum engine_metadata_kind kind;
    struct str catalog, schema, table;          /* keys: of the primary key's table, IMPORTED: of the foreign key's */
    struct str fk_catalog, fk_schema, fk_table; /* CROSS_REFERENCE */
    const struct str *types;                    /* TABLES: without case; unknown ones match nothing */
    size_t type_count;                          /* 0: all */
    bool include_schema;                        /* TABLES */
    size_t batch_target;                        /* bytes; a batch is cut at about this size */
};

/* Format FLIGHT. Sees what the session sees, an open transaction included. */
bool engine_metadata(struct engine_session *session, const struct engine_metadata_request *request,
                     const struct engine_output *output, struct engine_stats *stats_out, struct err *err) MUST_USE;
