/* The tenant's Iceberg catalog inside DuckDB: attached as `iceberg` by its own extension, which talks REST. */
#pragma once
#include "platform/engine/engine_priv.h"

/* The name of the attached catalog in SQL, and of the namespace that names without one mean. */
#define ENGINE_ICEBERG "iceberg"

/* Loads the extensions and attaches; before the configuration is locked. */
bool engine_iceberg_open(struct engine *engine, const struct engine_options *options, struct err *err) MUST_USE;

/* ERR_EXISTS when a table or view of the schema "default" has one of the names: then an Iceberg table may not. */
bool engine_iceberg_are_free(struct engine_session *session, const struct str *names, size_t count,
                             struct err *err) MUST_USE;

/* Which snapshot the session's transaction sees of each of these tables: "namespace"."table", quoted.
 *
 * DuckDB's extension plans UPDATE, DELETE and MERGE on the table as it was when the transaction began, and commits them
 * on the table as any connection saw it last. Where those differ rows would be there twice, or come back. So before and
 * after it has to be the same snapshot, and none may be younger than the transaction: else an error that
 * engine_iceberg_lost knows. */
struct engine_iceberg_seen {
    int64_t snapshots[16];
};
bool engine_iceberg_see(struct engine_session *session, const struct str *tables, size_t count,
                        struct engine_iceberg_seen *seen_out, struct err *err) MUST_USE;
/* After the statement. */
bool engine_iceberg_saw(struct engine_session *session, const struct str *tables, size_t count,
                        const struct engine_iceberg_seen *seen, struct err *err) MUST_USE;

/* DuckDB's text, when it is of the extension or of the catalog's answers, becomes the catalog's own words: true. */
bool engine_iceberg_failure(const char *message, struct err *err);

/* The error is a commit that lost against another one: nothing was changed, and the statement may be run again. */
bool engine_iceberg_lost(const struct err *err);
/* Waits for the turn of a statement that lost, for longer each time; one of the engine's statements at a time, so that
 * they do not defeat each other. False: not again, it was interrupted or has lost too often. tries: so far. */
bool engine_iceberg_turn(struct engine_session *session, unsigned tries);
/* After each engine_iceberg_turn that was true. */
void engine_iceberg_turned(struct engine_session *session);
