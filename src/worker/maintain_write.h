/* Writing a snapshot that replaces files by others with the same rows (Iceberg: format/spec.md "Manifests", "Manifest
 * Lists", "Snapshots"; operation "replace"). Manifests that lose no file are taken over as they are. DuckDB writes the
 * Avro. */
#pragma once
#include "worker/maintain_files.h"

/* A data file that was written. */
struct maintain_added {
    struct str path;
    int64_t rows, bytes;
    int64_t spec;
    int64_t sequence;   /* of its data: later deletes still apply */
    int64_t sort_order; /* 0: none */
    struct str source;  /* one of the files whose place it takes: of the same partition */
    size_t manifest;    /* where that is named */
    struct str figures; /* SQL of its column figures: "'value_counts': MAP {…}, …"; see maintain_figures */
};

struct maintain_written_manifest {
    struct str path;
    int64_t bytes, spec, content;
    int64_t files[3], rows[3]; /* by status: EXISTING, ADDED, DELETED */
    int64_t sequence;          /* the smallest of its live files */
    int64_t first_row;         /* -1: none */
};

struct maintain_change {
    struct maintain *maintain;
    struct arena *arena;
    const struct maintain_table *table;
    struct maintain_files *files; /* of the current snapshot; removed and touched say what goes */
    const struct maintain_added *added;
    size_t added_count;
    int64_t snapshot, sequence;  /* of the new one */
    int64_t first_row, next_row; /* row ids given out: format version 3 */
    VEC(struct maintain_written_manifest) manifests;
    VEC(struct str) locations; /* of whatever was written here */
};
void maintain_change_done(struct maintain_change *change);

/* Writes manifests and the manifest list; *updates_out: JSON for maintain_commit. */
bool maintain_change_write(struct maintain_change *change, struct str *updates_out, struct err *err) MUST_USE;

/* Row count, size and column figures of a Parquet file that was written with this schema. */
bool maintain_figures(struct maintain *maintain, struct arena *arena, const struct json *schema,
                      struct maintain_added *added, struct err *err) MUST_USE;
/* 'a': 1, 'b': {…}: DuckDB's FIELD_IDS of a schema. */
void maintain_append_field_ids(struct buf *sql, const struct json *schema);
/* The directories that some writers do not make. */
bool maintain_make_directories(struct maintain *maintain, const struct maintain_table *table, struct err *err) MUST_USE;
/* A name in metadata/ or data/ below the table's location, as its properties say. */
struct str maintain_new_location(struct arena *arena, const struct maintain_table *table, const char *kind,
                                 const char *suffix);
