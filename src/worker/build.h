/* BUILD: one asset becomes what it says it is, tested, in one transaction. Shared by build*.c. */
#pragma once
#include "worker/asset_sql.h"
#include "worker/statement.h"

struct json;

/* A file that the text reads. */
struct build_file {
    struct str path; /* relative to the project */
    int64_t size_bytes, modified_ns, changed_ns;
    uint64_t inode;
};
struct build_files {
    struct build_file *items; /* in the statement's arena, by path */
    size_t count;
};

struct build {
    struct worker_statement *statement;
    const struct json *arguments;
    struct str asset, materialize;
    struct str target;  /* qualified and quoted; empty: nothing stays (none, test) */
    struct str checked; /* what tests look at: the target, or where it waits to become that */
    struct asset_sql text;
    struct str query;             /* the text under its ephemeral assets, of its partition alone */
    const struct json *partition; /* NULL: all of it */
    bool full_refresh;
    bool found, is_view; /* something of that name is there: in DuckDB, but for Iceberg tables there */
    bool is_kept;        /* a run that is resumed must not do it twice: its report stands in "eider"."builds" */
    struct build_files files;
    struct buf lineage;         /* a member of the report, or empty */
    struct buf tests;           /* elements of the report's array */
    struct buf sql;             /* what ran of the asset's own */
    const struct json *columns; /* of what was built: [{"name", "type"}] */
    int64_t rows;               /* -1: not known */
    bool committed;
    struct err error;    /* code ERR_OK: none */
    const char *failure; /* its class; NULL: as its code says */
    int line, column;    /* of the error in the asset's text; 0: not known */
};

/* build_write.c: SQL that has the asset's text in it, on lines of its own. *rows_out: what it changed; may be NULL. */
bool build_run(struct build *build, struct str sql, int64_t *rows_out, struct err *err) MUST_USE;
/* table, view, incremental, none, test: inside a transaction that is open. */
bool build_write(struct build *build, struct err *err) MUST_USE;
/* The rows in a temporary table, which is then build->checked. */
bool build_stage(struct build *build, struct err *err) MUST_USE;
/* Appends " WHERE …" of the partition, if there is one. */
void build_append_partition(const struct build *build, struct buf *sql);

/* build_iceberg.c: the same for Iceberg tables, with transactions of its own, to their commit. */
bool build_iceberg(struct build *build, struct err *err) MUST_USE;

/* build_check.c: tests of build->checked, and the types of its columns. False: a blocking one failed, or one could not
 * be run. What else failed is in build->error. */
bool build_check(struct build *build, struct err *err) MUST_USE;
/* [{"name", "type"}] of a table or query. */
bool build_columns(struct build *build, struct str from, const struct json **columns_out, struct err *err) MUST_USE;

/* build_file.c: the files that "sources" match now. */
bool build_files_look(struct build *build, struct build_files *files_out, struct err *err) MUST_USE;
/* False with ERR_PRECONDITION when they are not what they were. */
bool build_files_same(struct build *build, struct err *err) MUST_USE;

/* build.c: keeps the class of an error whose code does not tell it; NULL: it does. Always false. */
bool build_fail(struct build *build, const char *failure);
