/* Values of any type out of DuckDB's vectors, as JSON or as plain text. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "platform/engine/symbols.h"

/* What is known about a column before the first row. */
struct engine_value_type {
    duckdb_type id;
    duckdb_type internal; /* of DECIMAL and ENUM */
    int scale;            /* DECIMAL */
    uint64_t array_size;  /* ARRAY */
    struct str *words;    /* ENUM: values; STRUCT and UNION: member names */
    struct engine_value_type *children;
    size_t child_count;
    struct str name; /* as SQL writes it: "DECIMAL(15,2)" */
};

/* ERR_UNIMPLEMENTED, naming the column, for types that have no text form here. Lives in the arena. */
bool engine_value_type_init(struct engine_value_type *value, duckdb_logical_type type, const char *column,
                            struct arena *arena, struct err *err) MUST_USE;

/* A vector and its children, for one chunk. */
struct engine_value_view {
    const void *data;
    const uint64_t *valid;
    struct engine_value_view *children; /* as many as the type has */
};

/* Prepares a view whose children have room (engine_value_view_new); called for each chunk. */
struct engine_value_view engine_value_view_new(const struct engine_value_type *type, struct arena *arena);
void engine_value_view_set(struct engine_value_view *view, const struct engine_value_type *type, duckdb_vector vector);

static inline bool engine_value_is_null(const struct engine_value_view *view, size_t row)
{
    return view->valid && !((view->valid[row / 64] >> (row % 64)) & 1);
}

/* JSON: numbers as numbers where every reader takes them exactly (up to 2^53), else as text. */
void engine_value_json(struct buf *buf, const struct engine_value_type *type, const struct engine_value_view *view,
                       size_t row);
/* Text of a value that is not NULL; nested values as JSON. */
void engine_value_text(struct buf *buf, const struct engine_value_type *type, const struct engine_value_view *view,
                       size_t row);
