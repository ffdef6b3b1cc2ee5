/* What the files of maintenance share: one run of it, a table on its way through it, and what it reports.
 *
 * Everything works on copies of metadata that the catalog gave out, and changes come true by one commit; whoever is
 * killed in between leaves the table as it was, and files that orphan removal finds. */
#pragma once
#include "base/map.h"
#include "base/vec.h"
#include "platform/json/json.h"
#include "worker/sql.h"
#include "worker/statement.h"

struct http_client;
struct object_store;

enum maintain_action {
    MAINTAIN_COMPACT = 1,
    MAINTAIN_EXPIRE = 2,
    MAINTAIN_ORPHANS = 4,
    MAINTAIN_STATISTICS = 8,
};

/* What was asked for. Times in milliseconds; -1: as the table says. */
struct maintain_wish {
    unsigned actions; /* of enum maintain_action */
    bool dry_run;
    int64_t older_than_ms; /* snapshots of this age and more */
    int64_t keep;          /* but so many of each branch */
    int64_t grace_ms;      /* what was replaced less than this ago may still be read */
    int64_t orphan_age_ms; /* files that nobody needs, of this age and more */
};

struct maintain {
    struct worker_statement *statement;
    struct arena *arena; /* the statement's */
    struct maintain_wish wish;
    int64_t now_ms;
    struct str root;            /* the tenant's: "file:///…/warehouse/acme" */
    struct object_store *store; /* in S3: with the keys of the table that was loaded last */
    bool is_bounded;            /* these reach its files only */
    struct http_client *http;
    struct str config_url;
    struct str url;           /* "http://127.0.0.1:port/v1/<prefix>" */
    struct str authorization; /* "Bearer …" */
    struct buf answer;        /* rows of VALUES */
};

/* A table as the catalog gave it out. */
struct maintain_table {
    struct arena *arena;           /* owns the rest */
    const struct json *identifier; /* {"namespace": [...], "name": "..."} */
    struct str path;               /* "/namespaces/a%1Fb/tables/t" */
    struct str name;               /* shown: "orders", "sales.orders" */
    struct str metadata_location;
    const struct json *metadata;
    struct str location; /* without a slash at its end */
    struct str uuid;
    int64_t format;
    int64_t snapshot; /* the current one; -1: none */
};

/* --- maintain_catalog.c: the catalog, through the internal listener --- */

bool maintain_open(struct maintain *maintain, struct err *err) MUST_USE;
void maintain_close(struct maintain *maintain);
bool maintain_is_s3(const struct maintain *maintain);
/* All tables: a JSON array of identifiers, in the arena. */
bool maintain_list(struct maintain *maintain, struct arena *arena, const struct json **identifiers_out,
                   struct err *err) MUST_USE;
/* A table, or what it is now; done by arena_free of its arena. ERR_NOT_FOUND. */
bool maintain_load(struct maintain *maintain, const struct json *identifier, struct maintain_table *table_out,
                   struct err *err) MUST_USE;
static inline void maintain_table_cleanup(struct maintain_table *table)
{
    arena_free(&table->arena);
}
/* Files that were needed until now. *left_out: a backup is being taken, which may still need them; orphan removal finds
 * them later. */
bool maintain_delete(struct maintain *maintain, const struct str *locations, size_t count, bool *left_out,
                     struct err *err) MUST_USE;
#define MAINTAIN_LEFT "; a backup is being taken: the files are left to orphan removal"
/* updates: JSON array. Requires that the table is the same and the references are where they were. ERR_CONFLICT when
 * they are not: nothing has changed. ERR_UNKNOWN: nobody knows whether it has. */
bool maintain_commit(struct maintain *maintain, const struct maintain_table *table, struct str updates,
                     struct err *err) MUST_USE;

/* --- maintain_table.c: reading metadata --- */

/* A table property as a number. */
int64_t maintain_property(const struct maintain_table *table, const char *name, int64_t fallback);
/* The member with this id of an array ("schemas", "schema-id"), or NULL. */
const struct json *maintain_by_id(const struct json *array, const char *member, int64_t id);
/* The snapshot's own object, or NULL. */
const struct json *maintain_snapshot_of(const struct maintain_table *table, int64_t id);
/* Files are told apart by what follows "file:///", "file:/", "/" or "s3://". */
struct str maintain_key(struct str location);

/* --- maintain.c: what happened --- */

/* A row of the answer. */
struct maintain_done {
    struct str table;
    const char *action;
    int64_t files, bytes, rows;
    struct str detail;
};
void maintain_report(struct maintain *maintain, const struct maintain_done *done);

/* Deletes what was written in vain, if it can; orphan removal finds the rest. */
void maintain_discard(struct maintain *maintain, const struct str *locations, size_t count);

/* --- One file each --- */

bool maintain_compact(struct maintain *maintain, const struct json *identifier, struct err *err) MUST_USE;
bool maintain_expire(struct maintain *maintain, const struct json *identifier, struct err *err) MUST_USE;
/* Below the tables' locations. */
bool maintain_orphans(struct maintain *maintain, const struct json *identifier, struct err *err) MUST_USE;
/* Of the whole warehouse: what lies below none of these locations (a JSON array: tables, views, mirrors, dropped ones).
 */
bool maintain_strays(struct maintain *maintain, const struct json *kept, struct err *err) MUST_USE;
bool maintain_statistics(struct maintain *maintain, const struct json *identifier, struct err *err) MUST_USE;
