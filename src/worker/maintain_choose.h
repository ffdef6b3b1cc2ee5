/* What maintenance decides: which snapshots may go and which files are worth rewriting. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- Expiry (Iceberg: format/spec.md "Snapshot Retention Policy") --- */

struct maintain_snapshot {
    int64_t id, parent; /* parent -1: none */
    int64_t timestamp_ms;
    int64_t replaced_ms; /* when another one took its place; 0: never; INT64_MAX: it is the current one */
    bool referenced;     /* out: a branch or tag that stays descends from it */
    bool expired;        /* out */
};
/* A branch or tag. */
struct maintain_ref {
    int64_t snapshot;
    bool is_tag;
    bool is_main;
    int64_t min_snapshots, max_snapshot_age_ms, max_age_ms; /* -1: the table's */
    bool expired;                                           /* out */
};
struct maintain_retention {
    int64_t now_ms;
    int64_t min_snapshots;       /* history.expire.min-snapshots-to-keep */
    int64_t max_snapshot_age_ms; /* history.expire.max-snapshot-age-ms */
    int64_t max_ref_age_ms;      /* history.expire.max-ref-age-ms; INT64_MAX: none */
    int64_t grace_ms;            /* what was replaced less than this ago may still be read */
};
/* Marks what may go; how many snapshots. */
size_t maintain_choose_expired(struct maintain_snapshot *snapshots, size_t count, struct maintain_ref *refs,
                               size_t ref_count, const struct maintain_retention *retention);

/* --- Compaction --- */

struct maintain_candidate {
    uint32_t group; /* files of one partition of one spec; candidates of a group follow each other */
    int64_t bytes;
    bool has_deletes; /* rows of it may be deleted */
    uint32_t bin;     /* out: files of one bin become one file; 0: stays as it is */
};
/* Gathers small files, and files with deletes, to bins of about target bytes; how many bins. A file alone is rewritten
 * only to get rid of its deletes. */
uint32_t maintain_choose_bins(struct maintain_candidate *files, size_t count, int64_t target_bytes);
