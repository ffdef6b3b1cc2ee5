/* An upload, as the files of both sides see it: upload.c gathers, decides and fills DuckDB tables, upload_lake.c
 * Iceberg tables. */
#pragma once
#include <pthread.h>

#include "platform/engine/lake.h"
#include "platform/engine/relay.h"
#include "platform/engine/segment.h"
#include "platform/engine/table.h"

struct engine_upload {
    struct engine_session *session;
    struct arena *arena;
    struct engine_upload_request request; /* texts in the arena */
    struct arrow_field *schema;
    struct arrow_decoder *decoder;
    enum engine_target where; /* AUTO: not decided yet */
    struct str reason;
    struct str target;  /* "catalog"."schema"."table", quoted */
    struct str scratch; /* name of the in-memory database */
    struct str source;  /* the view in it */
    duckdb_connection scratch_connection;
    bool attached;
    bool create;          /* the first rows make the table */
    bool begun;           /* the first rows were there */
    bool own_transaction; /* open, and ours to end */
    uint64_t rows;
    struct engine_segment segment;
    struct engine_upload_lake *lake; /* NULL: DuckDB, or not decided */
};

/* Executes SQL of our own; what DuckDB says of conflicts and constraints goes to the user. */
bool engine_upload_execute(struct engine_upload *upload, struct str sql, uint64_t *rows_out, struct err *err) MUST_USE;
/* Opens a transaction, unless the session has one. */
bool engine_upload_open_transaction(struct engine_upload *upload, struct err *err) MUST_USE;
/* The incoming columns fit into the table `target`. source: what is scanned. */
bool engine_upload_fits(struct engine_upload *upload, struct str source, struct err *err) MUST_USE;

/* --- upload_lake.c --- */

/* Is there an Iceberg table of this name? *known_out false: this worker has no Iceberg catalog. */
bool engine_upload_lake_look(struct engine_upload *upload, struct str namespace_name, bool *known_out, bool *there_out,
                             struct err *err) MUST_USE;
/* Locks and makes the table, and starts its INSERT. */
bool engine_upload_lake_start(struct engine_upload *upload, struct err *err) MUST_USE;
/* Passes on what is gathered, when that is enough or must be. */
bool engine_upload_lake_pass(struct engine_upload *upload, bool all, struct err *err) MUST_USE;
/* The last row was passed on: waits for the INSERT. */
bool engine_upload_lake_finish(struct engine_upload *upload, struct err *err) MUST_USE;
/* Ends what runs and unlocks the table, after COMMIT or before ROLLBACK. */
void engine_upload_lake_stop(struct engine_upload *upload);
