/* Iceberg tables in a restore: which there are, where their files have to go, and whether they are there. Their files
 * name each other by absolute locations, so they can be read only where they were. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct cli_warehouse_table {
    struct str name;     /* "acme: sales.orders" */
    struct str metadata; /* location of the file that is current */
};

struct cli_warehouse {
    struct str location; /* "file:///srv/eider/warehouse" or "s3://bucket/prefix" */
    struct str path;     /* of the directory, or empty */
    struct str place;    /* the directory that files are written to: path, or where it is until the data directory is
                            renamed */
    VEC(struct cli_warehouse_table) tables;
    size_t dropped; /* further ones, which can be undropped */
};

/* The tables that the restored eider.db names; its mirrors of DuckDB tables are forgotten: they are made anew. Texts in
 * the arena. */
bool cli_warehouse_read(struct arena *arena, struct str database, struct str location,
                        struct cli_warehouse *warehouse_out, struct err *err) MUST_USE;
void cli_warehouse_done(struct cli_warehouse *warehouse);
bool cli_warehouse_is_empty(const struct cli_warehouse *warehouse);
/* Finds the place. data: the directory to come; part: where it is written. ERR_EXISTS when something is there. */
bool cli_warehouse_find(struct arena *arena, struct cli_warehouse *warehouse, struct str data, struct str part,
                        struct err *err) MUST_USE;
/* It is below the data directory, and renamed with it. */
bool cli_warehouse_is_inside(const struct cli_warehouse *warehouse);
/* Each table's metadata file is in its place, or ERR_DATA_LOSS names the first that is not. */
bool cli_warehouse_confirm(struct arena *arena, const struct cli_warehouse *warehouse, struct err *err) MUST_USE;
