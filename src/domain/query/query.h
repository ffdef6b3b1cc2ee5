/* The one door for statements: it checks them (gate), admits them (queue per tenant), runs them in the tenant's worker,
 * bounds them (deadline, interrupt, kill), and remembers them (running and recent). Loop thread only; every callback
 * comes later, never from inside the call that started it. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "domain/tenant/tenant.h"
#include "platform/net/loop.h"
#include "platform/net/slice.h"

struct catalog;
struct store;
struct work_pool;
struct query;
struct query_info;
struct statement;
struct query_session; /* session.h */
struct query_prepared;

/* The project beside the server: workers of its tenants stand in its root, where pipelines read data/source and seeds,
 * and exports go to data/processed and data/final. Nothing else of it is open to them. */
struct query_project {
    struct str root;           /* absolute */
    const struct str *tenants; /* one per environment */
    size_t tenant_count;
};

struct query_options {
    struct str data;     /* data directory */
    struct str program;  /* path of the eider program, started again as worker */
    struct str library;  /* libduckdb.so */
    struct store *store; /* where the statement log is */
    /* The Iceberg catalog, outliving the door; NULL: there is none, and nobody has Iceberg tables. */
    struct catalog *catalog;
    struct str catalog_url;       /* of its internal listener */
    struct str extensions;        /* directory of DuckDB's extensions, beside the library; empty: not found */
    struct work_pool *pool;       /* with a catalog: reads the extensions once */
    struct query_project project; /* borrowed; root empty: there is none */
};

struct query *query_new(struct loop *loop, struct tenant_list *tenants, const struct query_options *options,
                        struct err *err);
/* Drain: new statements are refused with ERR_UNAVAILABLE, running ones end within server.drain, then the workers stop
 * cleanly; then done(owner). */
void query_drain(struct query *query, void (*done)(void *owner), void *owner);
void query_free(struct query **query);

enum query_format {
    QUERY_FORMAT_FLIGHT,
    QUERY_FORMAT_ARROW,
    QUERY_FORMAT_JSON,
    QUERY_FORMAT_JSON_LINES,
    QUERY_FORMAT_CSV,
    QUERY_FORMAT_PARQUET, /* same order as enum engine_format */
};

/* What a piece belongs to: same order as enum channel_data_role. */
enum query_role { QUERY_ROLE_RESULT, QUERY_ROLE_RESULT_SCHEMA, QUERY_ROLE_PARAMETER_SCHEMA };

/* What a text does, from DuckDB's own prepare: same order as enum engine_kind. */
enum query_kind { QUERY_KIND_READ, QUERY_KIND_WRITE, QUERY_KIND_DDL, QUERY_KIND_TRANSACTION, QUERY_KIND_SETTING };

/* A piece of a result. FLIGHT: one Arrow message, header = flatbuffer, body = buffers; a body larger than a block comes
 * in several pieces, body_total is its whole length and header is empty from the second piece on. Else: bytes in body.
 */
struct query_piece {
    struct slice header;
    struct slice body;
    uint64_t body_total; /* FLIGHT: whole length of this message's body, in its first piece */
    bool first;          /* first piece of a message */
    enum query_role role;
    uint64_t rows;
};

enum query_outcome { QUERY_DONE, QUERY_FAILED, QUERY_CANCELLED, QUERY_TIMEOUT };

struct query_end {
    const struct err *error; /* NULL: success */
    uint64_t rows;
    uint64_t bytes;
    int64_t queued_us, run_us;
    enum query_kind kind;
    bool ran;     /* QUERY_DESCRIBE_OR_RUN: it did more than read, so it ran */
    bool depends; /* described: the result's types hold only until parameters are bound */
    bool returns; /* described: it gives rows: it reads, or changes and has RETURNING */
    int target;   /* uploads: enum query_target, where the rows are, and why; valid during on_end */
    struct str reason;
};

/* Who takes the result. The sink takes the slices of a piece; holding them back holds the worker back (back-pressure).
 */
struct query_sink {
    /* NULL: the result is thrown away. */
    void (*on_piece)(void *owner, struct query_piece *piece);
    void (*on_end)(void *owner, const struct query_end *end); /* last call; the statement is gone after it */
    void *owner;
};

enum query_purpose {
    QUERY_RUN,
    /* Nothing runs. Two pieces, each a whole encapsulated IPC message in header: the result's schema (no fields for
     * what returns no rows) and the parameters'. The end says the kind. */
    QUERY_DESCRIBE,
    /* The same if the text only reads; else it runs and the pieces are its result, QUERY_FORMAT_FLIGHT. */
    QUERY_DESCRIBE_OR_RUN,
};

enum query_transaction_step { QUERY_NO_STEP, QUERY_BEGIN, QUERY_COMMIT, QUERY_ROLLBACK };

/* A record batch with values for parameters: flatbuffers of its Schema and RecordBatch message, and its body. */
struct query_binds {
    struct str schema, header, body;
};

struct query_request {
    const struct principal *who;
    struct str tenant; /* may be empty */
    struct str sql;
    struct str parameters; /* JSON, or empty */
    enum query_purpose purpose;
    /* NULL: none, the statement leaves nothing behind (a BEGIN without its COMMIT is rolled back). */
    struct query_session *session;
    struct str transaction; /* of the session, by its id; empty: the session itself */
    /* With a session and empty sql: BEGIN opens a transaction (see query_statement_transaction), the others end the one
     * named above. */
    enum query_transaction_step step;
    const struct query_prepared *prepared; /* its sql is what runs; NULL: none */
    const struct query_binds *binds;       /* copied; NULL: none. Rows are bound one after the other */
    bool binds_follow; /* instead: come by query_upload_message, as in an upload, until query_upload_finish */
    void (*on_ready)(void *owner); /* with binds_follow: see query_upload */
    bool progress;                 /* query_statement_progress will be asked */
    enum query_format format;
    int64_t deadline_us; /* clock_now_us scale; CLOCK_NEVER: only query.timeout applies */
    struct str protocol; /* "flight", "rest": for log and metrics */
    uint64_t request_id;
};

/* Texts are copied. NULL with *err when refused at once (gate, role, tenant, session, queue full, draining). An empty
 * tenant is that of the prepared statement, the transaction, the session or the token, else tenant_resolve decides. */
struct statement *query_run(struct query *query, const struct query_request *request, const struct query_sink *sink,
                            struct err *err);

/* The client went away or asked to stop: on_end follows with ERR_CANCELLED (or with what happened first). */
void query_cancel(struct statement *statement);
/* The same by id: one's own, any of a tenant for its owners. ERR_NOT_FOUND for all others. *info_out: which one it was,
 * valid in this turn of the loop. */
bool query_cancel_id(struct query *query, const struct principal *who, struct str id, struct query_info *info_out,
                     struct err *err) MUST_USE;
struct str query_statement_id(const struct statement *statement);
/* The statement's tenant. */
struct str query_statement_tenant(const struct statement *statement);
/* The id of the transaction that a BEGIN opens; valid when its on_end had no error. */
struct str query_statement_transaction(const struct statement *statement);
/* 0 to 1; below 0: not known (yet). */
double query_statement_progress(const struct statement *statement);

/* --- What a tenant's catalog holds, in the result schemas of Flight SQL; same order as enum engine_metadata_kind. ---
 */
enum query_metadata_kind {
    QUERY_METADATA_CATALOGS,
    QUERY_METADATA_SCHEMAS,
    QUERY_METADATA_TABLES,
    QUERY_METADATA_TABLE_TYPES,
    QUERY_METADATA_PRIMARY_KEYS,
    QUERY_METADATA_EXPORTED_KEYS,
    QUERY_METADATA_IMPORTED_KEYS,
    QUERY_METADATA_CROSS_REFERENCE,
};
#define QUERY_TABLE_TYPES_MAX 16

/* ptr NULL: the question has no such filter; an empty text is a filter. */
struct query_metadata_request {
    const struct principal *who;
    struct str tenant; /* may be empty */
    enum query_metadata_kind kind;
    struct query_session *session; /* may be NULL */
    struct str transaction;
    struct str catalog, schema, table;
    struct str fk_catalog, fk_schema, fk_table;
    struct str types[QUERY_TABLE_TYPES_MAX];
    size_t type_count; /* 0: all */
    bool include_schema;
    int64_t deadline_us;
    struct str protocol;
    uint64_t request_id;
};
/* As query_run with QUERY_FORMAT_FLIGHT. */
struct statement *query_metadata(struct query *query, const struct query_metadata_request *request,
                                 const struct query_sink *sink, struct err *err);

/* --- Uploads: a statement that takes Arrow messages in. --- */
/* Where the rows are kept: same order as enum engine_target. */
enum query_target { QUERY_TARGET_AUTO, QUERY_TARGET_DUCKDB, QUERY_TARGET_ICEBERG, QUERY_TARGET_STAY };
enum query_mode { QUERY_MODE_CREATE, QUERY_MODE_APPEND, QUERY_MODE_REPLACE, QUERY_MODE_CREATE_APPEND };

struct query_upload_request {
    const struct principal *who;
    struct str tenant; /* may be empty */
    struct str schema; /* may be empty: "default"; "iceberg", "iceberg.sales": namespaces of the Iceberg catalog */
    struct str table;
    enum query_mode mode;
    enum query_target target;
    struct str partition_by, sort_by; /* "day(at), region"; "region, at desc"; may be empty */
    bool temporary;                   /* a temporary table of the session */
    struct query_session *session;    /* NULL: none. Joins the session's single open transaction */
    struct str transaction;           /* of the session; may be empty */
    int64_t deadline_us;
    struct str protocol;
    uint64_t request_id;
};

/* on_piece is never called; on_ready tells that more messages may be sent after query_upload_is_full. The end's rows
 * and bytes are what was stored; when on_end has error NULL the rows are durable. */
struct statement *query_upload(struct query *query, const struct query_upload_request *request,
                               const struct query_sink *sink, void (*on_ready)(void *owner), struct err *err);
/* Memory for the body of the next message, in shared memory, 64-byte aligned, zero length allowed. Grows with what is
 * touched, so a lying size costs nothing. NULL with ERR_RESOURCE. Valid until query_upload_message. */
uint8_t *query_upload_body(struct statement *statement, size_t size, struct err *err);
/* Passes a message on: flatbuffer header (copied) and the body filled so far (length = size above). The first message
 * is the schema. */
void query_upload_message(struct statement *statement, struct str header);
/* More than flight.upload_buffer bytes wait in the worker: stop reading from the client until on_ready. */
bool query_upload_is_full(const struct statement *statement);
/* No more messages: commit. on_end follows. */
void query_upload_finish(struct statement *statement);

/* --- Procedures: work beside SQL in the tenant's worker; same order as enum channel_procedure. --- */
enum query_procedure_kind {
    QUERY_LOCALS = 1,
    QUERY_INSPECT,
    QUERY_MIRROR,
    QUERY_MAINTAIN,
    QUERY_PUBLISH,
    QUERY_SNAPSHOT, /* query_snapshot only */
    QUERY_ANALYSE,
    QUERY_BIND,
    QUERY_BUILD,
    QUERY_EXPORT,
};
struct query_procedure_request {
    const struct principal *who; /* NULL: the server itself */
    struct str tenant;
    enum query_procedure_kind kind;
    struct str arguments; /* a JSON object */
    bool iceberg;         /* BIND, BUILD, EXPORT: it names Iceberg tables, so the worker has to reach the catalog */
    enum query_format format;
    int64_t deadline_us;
    struct str protocol;
    uint64_t request_id;
};
/* As query_run; needs the role owner. QUERY_LOCALS and QUERY_INSPECT take no slot and wait for no statement: at most
 * CHANNEL_RESERVED_MAX of them at once for a tenant, which the caller sees to. */
struct statement *query_procedure(struct query *query, const struct query_procedure_request *request,
                                  const struct query_sink *sink, struct err *err);

/* --- What runs and what ran. --- */
enum query_state { QUERY_QUEUED, QUERY_RUNNING, QUERY_CANCELLING, QUERY_ENDED };

struct query_info {
    struct str id, tenant, user, protocol;
    struct str sql;     /* cut to 4 KiB */
    struct str session; /* query_session_id; empty: none */
    struct str role;    /* of the user in the tenant */
    int state;          /* enum query_state */
    int outcome;        /* enum query_outcome once ended */
    struct str error;   /* message, or empty */
    int64_t started_wall_us;
    int64_t queued_us, run_us;
    uint64_t rows, bytes, memory_bytes;
};

/* Empty or zero members do not filter. */
struct query_log_filter {
    struct str tenant, user;
    int state, outcome; /* enum query_state, enum query_outcome; -1: any */
    int64_t since_us;   /* wall clock: started then or later */
    bool slow;          /* ran for query.slow or longer */
    int64_t before;     /* for the next page: what the page before it said */
    size_t limit;       /* at most QUERY_LOG_MAX */
};
#define QUERY_LOG_MAX 1000
/* Valid during the call. before: what to ask for the next page with; 0: there is none. */
typedef void query_log_done(void *owner, const struct query_info *infos, size_t count, int64_t before,
                            const struct err *error);
/* What who may see: their own, and all of a tenant for its owners. Those that have not ended first, then those of the
 * statement log, newest first; a page may have fewer than limit and not be the last. done is called later. */
void query_log(struct query *query, const struct principal *who, const struct query_log_filter *filter,
               query_log_done *done, void *owner);

struct query_worker_info {
    struct str tenant;
    int pid; /* 0: none runs now */
    int running, queued;
    int64_t rss_bytes, memory_bytes, spill_bytes, file_bytes, wal_bytes;
    uint64_t starts, crashes;
};
void query_each_worker(struct query *query, void (*each)(void *owner, const struct query_worker_info *info),
                       void *owner);

/* A consistent copy of the tenant's database at path (inside the tenant's directory), for backup. */
void query_snapshot(struct query *query, struct str tenant, struct str path,
                    void (*done)(void *owner, const struct err *error), void *owner);
