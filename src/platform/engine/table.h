/* Tables as an upload sees them. */
#pragma once
#include "platform/engine/engine_priv.h"

enum engine_table_state { ENGINE_TABLE_ABSENT, ENGINE_TABLE_PRESENT, ENGINE_TABLE_IS_VIEW };

struct engine_table_column {
    struct str name;
    struct str type_name;     /* as SQL writes it */
    duckdb_logical_type type; /* owned by the arena through arena_defer */
    bool untyped;             /* holds nothing but NULLs */
};

struct engine_table_columns {
    struct engine_table_column *items;
    size_t count;
};

/* Whether catalog.schema.table is there. ERR_NOT_FOUND when the schema is not. */
bool engine_table_look(struct engine_session *session, struct str catalog, struct str schema, struct str table,
                       enum engine_table_state *state_out, struct err *err) MUST_USE;

/* Columns of a relation that SQL calls `name` (quoted already). */
bool engine_table_describe(struct engine_session *session, struct str name, struct arena *arena,
                           struct engine_table_columns *columns_out, struct err *err) MUST_USE;

/* Each column of `from` has a place in `to`, of the same type or of one that holds all its values. */
bool engine_table_fits(const struct engine_table_columns *from, const struct engine_table_columns *to, struct str table,
                       struct err *err) MUST_USE;
