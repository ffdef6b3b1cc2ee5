/* The Iceberg catalog: each tenant is a warehouse with namespaces, tables and views. Names and pointers to metadata
 * files lie in the store and in memory; the files lie where platform/object keeps them. Loop thread only: files are
 * read and written by jobs of the work pool, pointers move in the store's grouped transactions, and every answer comes
 * later, by catalog_done.
 *
 * A commit: read, check the requirements, apply the updates, write a new metadata file, compare-and-swap the pointer.
 * Commits to one table are done one after the other, so a requirement that holds when they begin still holds at the
 * swap; an outcome is never unknown. What was answered is durable.
 *
 * Rights: reading needs the role reader, commits of data (snapshots, references, statistics) writer, everything else
 * owner; a tenant that who may not see is CATALOG_NO_WAREHOUSE. The namespace "default" shows the tenant's DuckDB
 * tables as read-only mirrors (mirror.c); its tables cannot be written (CATALOG_READ_ONLY). */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "domain/tenant/tenant.h"
#include "platform/net/slice.h"

struct audit;
struct catalog;
struct catalog_engine;
struct json;
struct loop;
struct object_store;
struct object_s3;
struct store;
struct work_pool;

/* Where warehouses lie. */
struct catalog_warehouse {
    struct str root;            /* "file:///…" or "s3://bucket/prefix"; a tenant's is "<root>/<tenant>" */
    const struct object_s3 *s3; /* with an s3:// root */
    bool vend;                  /* hand out temporary credentials (STS) */
    bool sign;                  /* offer remote signing where there is no STS */
    bool share_keys;            /* where there is neither: hand out the server's own keys */
    /* Who asks for a place outside of the warehouse gets the server's choice instead of a refusal, and what manifests
     * name is not checked: for users who trust one another. */
    bool outside;
};

struct catalog_options {
    struct loop *loop;
    struct store *store; /* before its thread runs: the index is read */
    struct tenant_list *tenants;
    struct audit *audit; /* NULL: no rows */
    struct work_pool *pool;
    const struct catalog_warehouse *warehouse; /* texts are copied */
};

struct catalog *catalog_new(const struct catalog_options *options, struct err *err);
/* No answer comes any more. Accepts NULL inside. */
void catalog_free(struct catalog **catalog);
/* Mirrors, checks of manifests and maintenance ask the tenant's engine; wired once by app/. NULL: there are none. */
void catalog_set_engine(struct catalog *catalog, const struct catalog_engine *engine);
/* Drain: background work stops; done when no commit runs. New requests are still answered, for workers that end. */
void catalog_drain(struct catalog *catalog, void (*done)(void *owner), void *owner);

enum catalog_problem {
    CATALOG_FINE,
    CATALOG_BAD_REQUEST,   /* 400 BadRequestException */
    CATALOG_NO_WAREHOUSE,  /* 404 NoSuchWarehouseException */
    CATALOG_NO_NAMESPACE,  /* 404 NoSuchNamespaceException */
    CATALOG_NO_TABLE,      /* 404 NoSuchTableException */
    CATALOG_NO_VIEW,       /* 404 NoSuchViewException */
    CATALOG_NO_FILE,       /* 404 NotFoundException: metadata that is registered is not there */
    CATALOG_EXISTS,        /* 409 AlreadyExistsException */
    CATALOG_COMMIT_FAILED, /* 409 CommitFailedException */
    CATALOG_NOT_EMPTY,     /* 409 NamespaceNotEmptyException */
    CATALOG_UNPROCESSABLE, /* 422 UnprocessableEntityException */
    CATALOG_READ_ONLY,     /* 403 ForbiddenException: a mirror */
    CATALOG_FORBIDDEN,     /* 403 ForbiddenException: the role */
    CATALOG_UNSUPPORTED,   /* 406 UnsupportedOperationException */
    CATALOG_UNAVAILABLE,   /* 503 ServiceUnavailable: nothing happened, retry_after_s says when */
    CATALOG_FAILED,        /* 500 InternalServerError: nothing was committed */
};

/* Levels of a namespace, "a" "b" for a.b; 1 to CATALOG_LEVELS_MAX. */
#define CATALOG_LEVELS_MAX 16
struct catalog_namespace {
    const struct str *levels;
    size_t count;
};
struct catalog_name {
    struct catalog_namespace in;
    struct str name;
};

/* One request. The arena is made for it alone and is the catalog's from the call on: everything that the request and
 * the arguments of the call point at (principal, texts, JSON) lives in it. It is freed when done has returned; after
 * catalog_cancel, when the work has ended. */
struct catalog_request {
    struct arena *arena;
    const struct principal *who;
    struct str address; /* where it came from, for the audit trail */
    struct str tenant;
    bool internal;              /* the tenant's own worker asks: mirrors are hidden, manifests are not checked */
    struct str idempotency_key; /* UUID; empty: none */
    struct str fingerprint;     /* of method, path and body: what the key stands for */
    uint64_t request_id;
};

struct catalog_pair {
    struct str key, value;
};

/* What came out; valid during done, slices are taken by whoever wants them. */
struct catalog_answer {
    enum catalog_problem problem;
    const struct err *error; /* with a problem */
    int retry_after_s;
    struct str metadata_location;          /* table, view */
    struct slice metadata;                 /* the document as it lies in the file; the callback's to release */
    struct str location;                   /* of the table: what credentials are for */
    struct str etag;                       /* without quotes */
    bool not_modified;                     /* if_none_match held: no metadata */
    const struct catalog_pair *properties; /* namespace */
    size_t property_count;
    const struct catalog_name *names; /* lists; namespaces have an empty name */
    size_t name_count;
    struct str next_page;                          /* empty: the last one */
    const struct str *updated, *removed, *missing; /* of properties */
    size_t updated_count, removed_count, missing_count;
};
typedef void catalog_done(void *owner, struct catalog_answer *answer);

/* Called back later, exactly once, unless cancelled: then the work goes on and nobody is told. The struct is the
 * caller's until then. A request with an idempotency key that was answered before (within CATALOG_KEY_LIFE_S) gets the
 * same answer again, and nothing else happens; the key is stored with the change itself. Another fingerprint with the
 * same key is CATALOG_UNPROCESSABLE. */
#define CATALOG_KEY_LIFE_S 1800
struct catalog_call {
    struct catalog_request request;
    catalog_done *done;
    void *owner;
    void *work; /* catalog's own */
};
void catalog_cancel(struct catalog_call *call);

/* --- Namespaces (namespace.c) --- */
struct catalog_page {
    struct str token; /* empty: the first */
    size_t size;      /* 0: as many as catalog.page allows */
    bool all;         /* no paging was asked for */
};
/* parent NULL: the top. */
void catalog_list_namespaces(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *parent,
                             const struct catalog_page *page);
void catalog_create_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name,
                              const struct catalog_pair *properties, size_t count);
void catalog_load_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name);
void catalog_drop_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name);
void catalog_change_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name,
                              const struct str *removals, size_t removal_count, const struct catalog_pair *updates,
                              size_t update_count);

/* --- Tables and views: kind says which (table.c, commit.c, drop.c) --- */
enum catalog_kind { CATALOG_TABLE, CATALOG_VIEW };
void catalog_list(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                  const struct catalog_namespace *in, const struct catalog_page *page);
/* request: CreateTableRequest with stage-create, or CreateViewRequest. Staged: complete metadata, nothing is kept. */
void catalog_create(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                    const struct catalog_namespace *in, const struct json *request);
struct catalog_load {
    bool refs_only;           /* snapshots=refs */
    struct str if_none_match; /* an etag without quotes; empty: none */
    bool head;                /* existence only: never writes a mirror */
};
void catalog_load(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                  const struct catalog_name *name, const struct catalog_load *load);
/* One change: name NULL where the request names it in its own "identifier". */
struct catalog_change {
    struct catalog_name name;
    const struct json *requirements, *updates;
};
/* The answer has the new metadata. */
void catalog_commit(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                    const struct catalog_change *change);
/* All or none; the answer has no metadata. Tables only. */
void catalog_commit_all(struct catalog *catalog, struct catalog_call *call, const struct catalog_change *changes,
                        size_t count);
void catalog_register(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                      const struct catalog_name *name, struct str metadata_location, bool overwrite);
void catalog_rename(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                    const struct catalog_name *from, const struct catalog_name *to);
/* The name is free at once. purge: files are deleted after catalog.retention; now: at once. Without purge they stay for
 * undrop for the same time, then they are deleted too, unless forget: then they are nobody's (unregister). */
struct catalog_drop {
    bool purge, now, forget;
};
void catalog_drop(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                  const struct catalog_name *name, const struct catalog_drop *drop);
/* What was dropped and is not deleted yet: names, newest first, properties empty; and the way back. id empty: the last
 * one of that name. */
struct catalog_dropped {
    struct str id;
    struct catalog_name name;
    enum catalog_kind kind;
    int64_t dropped_us, deleted_us; /* wall clock; when it will be deleted */
};
typedef void catalog_dropped_done(void *owner, const struct catalog_dropped *dropped, size_t count,
                                  const struct err *error);
void catalog_list_dropped(struct catalog *catalog, const struct principal *who, struct str tenant,
                          catalog_dropped_done *done, void *owner);
void catalog_undrop(struct catalog *catalog, struct catalog_call *call, const struct catalog_name *name, struct str id,
                    const struct catalog_name *as);

/* Writes the mirror of a DuckDB table or view that has changed, however large it is, and answers with its metadata. A
 * view that was asked for once is shown as a table from then on. */
void catalog_mirror(struct catalog *catalog, struct catalog_call *call, struct str name);

/* --- Credentials (credentials.c): what a client needs to reach the table's files. properties of the answer: keys of
 * `config` and `storage-credentials`; none for local files, and where the client may have none. location of the answer:
 * what they are for. --- */
struct catalog_delegation {
    struct str location; /* as an answer told it: also of a table that is staged; empty: of the table of that name */
    bool may_write;
    bool can_sign; /* X-Iceberg-Access-Delegation says "remote-signing" */
};
void catalog_credentials(struct catalog *catalog, struct catalog_call *call, const struct catalog_name *name,
                         const struct catalog_delegation *delegation);
/* Remote signing (S3SignRequest): properties of the answer are header fields to add; the uri stays as it is. Methods
 * other than GET and HEAD need the right to write. */
struct catalog_signing {
    struct str method, uri;
    const struct catalog_pair *fields; /* "headers"; of several values, joined by "," */
    size_t field_count;
    struct str body; /* may be empty */
};
void catalog_sign(struct catalog *catalog, struct catalog_call *call, const struct catalog_name *name,
                  const struct catalog_signing *signing);

/* --- Others in the domain --- */

/* Does the tenant have Iceberg tables or namespaces of its own (its worker then loads the extension)? */
bool catalog_is_used(struct catalog *catalog, struct str tenant);
/* Its Iceberg tables and views. */
size_t catalog_count(struct catalog *catalog, struct str tenant);
/* A table or view of this name in the namespace "iceberg" (default) or another; at once, from memory. */
bool catalog_has(struct catalog *catalog, struct str tenant, struct str namespace_name, struct str name);
/* Where everything lies that the tenant's catalog knows: tables, views, mirrors, what was dropped and is not deleted
 * yet. In the arena. */
size_t catalog_locations(struct catalog *catalog, struct str tenant, struct arena *arena,
                         const struct str **locations_out);
/* "file:///…/warehouse/<tenant>", in the arena. */
struct str catalog_root(struct catalog *catalog, struct str tenant, struct arena *arena);
const struct catalog_warehouse *catalog_warehouse_of(const struct catalog *catalog);

/* --- Backups (backup.c) of a warehouse on this machine: each file gets a second name, which stays until the backup
 * ends, whatever is deleted meanwhile. One at a time. done comes later, unless the backup is ended before. --- */
struct catalog_backup;
typedef void catalog_backup_done(void *owner, const struct err *error);
/* Of the files that are there now; when done comes without an error, deletions wait. */
struct catalog_backup *catalog_backup_begin(struct catalog *catalog, catalog_backup_done *done, void *owner);
/* On the store's thread, in the job that has made this copy of its file, so that no commit can come in between: of the
 * metadata files that are current in it. */
bool catalog_backup_pointers(struct catalog_backup *backup, struct str copy, struct err *err) MUST_USE;
/* The pointers have been copied: of the files that came since. Deletions go on. The list is written as a new file, a
 * line {"path": "acme/iceberg/t-1234abcd/data/x.parquet", "size": 42} for each. */
void catalog_backup_finish(struct catalog_backup *backup, struct str list, catalog_backup_done *done, void *owner);
/* Once it is finished. */
void catalog_backup_size(const struct catalog_backup *backup, uint64_t *files_out, uint64_t *bytes_out);
/* A file of the list, for reading; the caller closes it. -1 with *err. */
int catalog_backup_open(struct catalog_backup *backup, struct str path, struct err *err);
/* The second names go. Accepts NULL inside. */
void catalog_backup_end(struct catalog_backup **backup);
/* Deletions wait: who wants to delete files that were needed until now leaves them to orphan removal. */
bool catalog_is_held(const struct catalog *catalog);

/* Who may come through the internal listener: a random token per start of a worker, good for one tenant. */
#define CATALOG_PASS_BYTES 64
void catalog_pass_new(struct catalog *catalog, struct str tenant, char pass_out[CATALOG_PASS_BYTES + 1]);
void catalog_pass_end(struct catalog *catalog, struct str pass);
/* The tenant of a pass, or ptr NULL. Constant time. */
struct str catalog_pass_tenant(struct catalog *catalog, struct str pass);
