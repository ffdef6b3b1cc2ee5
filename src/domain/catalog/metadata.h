/* Iceberg's table metadata (format versions 1 to 3): reading, creating, checking requirements and applying updates, as
 * the REST specification's CommitTableRequest says and Iceberg's own TableMetadata.Builder does. Pure: no I/O, no
 * clock; any thread. A value is immutable; an update gives a new one in the arena that shares what did not change.
 *
 * Specification: iceberg format/spec.md "Table Metadata Fields" and open-api/rest-catalog-open-api.yaml. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct json;
struct metadata;

#define METADATA_FORMAT_MAX 3

/* A metadata.json. ERR_INVALID names what is wrong with it; unknown members are kept. */
const struct metadata *metadata_parse(struct arena *arena, struct str text, struct err *err);
/* Appends the document. */
void metadata_write(const struct metadata *metadata, struct buf *buf);
/* The same with only the snapshots that a branch or tag names (?snapshots=refs). */
void metadata_write_refs(const struct metadata *metadata, struct buf *buf);

/* What the caller knows of the world. */
struct metadata_context {
    int64_t now_ms;
    struct str previous; /* metadata location of the base, for metadata-log; empty: none */
    int64_t random;      /* source of new snapshot ids and the like: a random number */
    /* May this location be written into metadata? NULL: all may. ERR_INVALID if not. */
    bool (*check_location)(void *owner, struct str location, struct err *err);
    void *owner;
};

/* POST …/tables (CreateTableRequest): fresh field ids from 1, spec and sort order bound to them. uuid and location are
 * the server's choice. names: field ids by column name from an earlier table (mirrors), or NULL. */
struct metadata_create {
    const struct json *request;
    struct str uuid;
    struct str location;
    const struct metadata *names; /* NULL: none. Same column path, same id, also uuid, sequence number and history */
};
const struct metadata *metadata_new(struct arena *arena, const struct metadata_create *create,
                                    const struct metadata_context *context, struct err *err);

/* requirements: array of TableRequirement; base NULL: the table does not exist. ERR_CONFLICT "Requirement failed: …";
 * ERR_INVALID for what is no requirement. */
bool metadata_require(const struct metadata *base, const struct json *requirements, struct err *err) MUST_USE;

/* updates: array of TableUpdate, in order; base NULL: a new table (assert-create). *metadata_out is base itself when
 * nothing changed. ERR_INVALID, or ERR_CONFLICT for what another try can cure (a stale sequence number or row id). */
bool metadata_update(struct arena *arena, const struct metadata *base, const struct json *updates,
                     const struct metadata_context *context, const struct metadata **metadata_out,
                     struct err *err) MUST_USE;

/* Every snapshot that updates add is in base, and each reference they set points at its snapshot or at a descendant: a
 * client repeats a commit whose answer it did not see. False when they add none. */
bool metadata_is_replay(const struct metadata *base, const struct json *updates);
/* Updates of data: snapshots, references, statistics. Who may write but not own may commit them, rows they delete
 * included. */
bool metadata_is_write(const struct json *updates);

struct str metadata_uuid(const struct metadata *metadata);
struct str metadata_location(const struct metadata *metadata);
int metadata_format(const struct metadata *metadata);
int metadata_current_schema(const struct metadata *metadata);
int64_t metadata_current_snapshot(const struct metadata *metadata); /* -1: none */
int64_t metadata_last_updated_ms(const struct metadata *metadata);
/* A table property, or ptr NULL. */
struct str metadata_property(const struct metadata *metadata, struct str name);
/* Manifest lists of the snapshots that the updates added to base (base may be NULL). Item 0 … count-1. */
size_t metadata_added(struct arena *arena, const struct metadata *base, const struct metadata *metadata,
                      const struct str **manifest_lists_out);
/* Metadata files that left the metadata-log with this update and may be deleted
 * (write.metadata.delete-after-commit.enabled). */
size_t metadata_dropped_files(struct arena *arena, const struct metadata *base, const struct metadata *metadata,
                              const struct str **locations_out);
/* "<location>/metadata/00003-<uuid>.metadata.json", or below write.metadata.path; ".gz.metadata.json" where
 * write.metadata.compression-codec is gzip. version: how many there were before. */
struct str metadata_file(struct arena *arena, const struct metadata *metadata, int64_t version, struct str uuid);
/* The number in the name of a metadata file; -1: it has none. */
int64_t metadata_file_version(struct str location);

/* Snapshots and references, for lists and for maintenance. */
struct metadata_snapshot {
    int64_t id, parent; /* parent -1: none */
    int64_t sequence, timestamp_ms;
    struct str manifest_list;
    struct str operation;
    const struct json *summary; /* or NULL */
};
size_t metadata_snapshot_count(const struct metadata *metadata);
struct metadata_snapshot metadata_snapshot_at(const struct metadata *metadata, size_t index);
struct metadata_ref {
    struct str name;
    bool is_tag;
    int64_t snapshot;
    int64_t min_snapshots, max_snapshot_age_ms, max_age_ms; /* -1: not set */
};
size_t metadata_ref_count(const struct metadata *metadata);
struct metadata_ref metadata_ref_at(const struct metadata *metadata, size_t index);
