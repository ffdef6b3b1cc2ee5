/* The files of snapshots, as their manifests name them (Iceberg: format/spec.md "Manifests", "Manifest Lists"). DuckDB
 * reads the Avro, whatever codec its writer chose. */
#pragma once
#include "worker/maintain.h"

struct maintain_manifest {
    struct str path;
    int64_t spec, content; /* content 0: data files, 1: delete files */
    int64_t sequence, added_snapshot;
    int64_t first_row; /* -1: none was given out */
    int64_t rows;      /* of its live files; -1: not told */
    /* Names that its entries have: of themselves and of data_file. NULL: it has no entries. */
    const struct json *entry_keys, *file_keys;
    bool touched; /* some of its files are removed: it has to be written anew */
};

enum maintain_content { MAINTAIN_DATA, MAINTAIN_POSITION_DELETES, MAINTAIN_EQUALITY_DELETES };

struct maintain_file {
    struct str path;
    size_t manifest; /* index */
    int64_t content; /* enum maintain_content */
    int64_t rows, bytes, sequence;
    struct str partition;  /* as text; empty: none */
    struct str referenced; /* the data file of a deletion vector; empty: see the file itself */
    struct str format;     /* "parquet", "PUFFIN" */
    bool removed;
};

struct maintain_files {
    struct arena *arena;
    VEC(struct maintain_manifest) manifests;
    VEC(struct maintain_file) files; /* live ones, manifest by manifest */
};
void maintain_files_done(struct maintain_files *files);

/* Live files of one snapshot (an object of "snapshots"); texts live in files->arena. */
bool maintain_files_read(struct maintain *maintain, const struct json *snapshot, struct maintain_files *files,
                         struct err *err) MUST_USE;

/* True when an array of names has this one. */
bool maintain_has_key(const struct json *keys, const char *name);

/* Paths that snapshots need: key (maintain_key) → the location, in the arena. */
struct maintain_reach {
    struct arena *arena;
    struct map manifests, files;
};
void maintain_reach_done(struct maintain_reach *reach);
/* Adds the manifests of a snapshot. */
bool maintain_reach_manifests(struct maintain *maintain, const struct json *snapshot, struct maintain_reach *reach,
                              struct err *err) MUST_USE;
/* Adds the files of all manifests but those that `others` has too (NULL: of all); live: not those that a manifest tells
 * as deleted. */
bool maintain_reach_files(struct maintain *maintain, struct maintain_reach *reach, const struct maintain_reach *others,
                          bool live, struct err *err) MUST_USE;
