/* What the work beside statements (mirrors, publishing) needs of a session. */
#pragma once
#include "platform/engine/engine.h"

/* SQL of our own for its effect, with BEGIN and COMMIT as they are written; it counts as no change of a table and
 * leaves no mark in the session. engine_session_interrupt ends it. */
bool engine_tell(struct engine_session *session, struct str sql, struct err *err) MUST_USE;

/* The same in another database file, opened by itself: no other catalog is there, and no file can be reached. */
bool engine_tell_file(struct str path, const struct str *texts, size_t count, struct err *err) MUST_USE;

/* The name of the tenant's database in SQL, its file, and the directory of its temporary files. */
struct str engine_catalog(const struct engine_session *session);
struct str engine_directory(const struct engine_session *session);
struct str engine_temp_directory(const struct engine_session *session);

/* A table or view of the schema "default", found without looking into other catalogs: ERR_NOT_FOUND. SQL could ask
 * duckdb_tables(), but that lists all tables of the Iceberg catalog as well. */
struct engine_found {
    struct str name; /* as it was made */
    bool is_view;
};
bool engine_find(struct engine_session *session, struct str name, struct arena *arena, struct engine_found *found_out,
                 struct err *err) MUST_USE;

/* A column as Iceberg (format version 2) can hold it. */
struct engine_mirror_column {
    struct str name;
    struct str type; /* as Iceberg's JSON: "long", or {"type":"list",…} */
    struct str cast; /* SQL type to cast to; empty: it fits as it is */
    size_t width;    /* bytes of a value, about */
    bool narrowed;   /* the cast loses something: nanoseconds */
};
/* The columns that this SELECT gives: fields 1 to count of a schema, what is nested in them behind that. */
bool engine_mirror_columns(struct engine_session *session, struct str select, struct arena *arena,
                           const struct engine_mirror_column **columns_out, size_t *count_out,
                           struct err *err) MUST_USE;
