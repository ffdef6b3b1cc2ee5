/* DuckDB inside a worker process: one database file, connections, statements that stream out as Arrow, CSV or JSON, and
 * uploads that come in as Arrow. Runs in workers only; the front never links it. libduckdb.so is loaded with dlopen.
 *
 * Threads: an engine is shared; a session is used by one thread at a time, except engine_session_interrupt. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct engine;
struct engine_session;

/* The tenant's Iceberg catalog, which the engine attaches as `iceberg`. */
struct engine_iceberg {
    struct str url;       /* of its REST interface; empty: there is none */
    struct str pass;      /* a bearer token */
    struct str warehouse; /* where the files of its tables lie: "/dir" or "s3://bucket/prefix" */
};

struct engine_options {
    struct str library;            /* path of libduckdb.so */
    struct str database;           /* path of the tenant's file; empty = in memory (import worker) */
    struct str temp_directory;     /* spill files; empty = none */
    struct str extensions;         /* directory with the pinned .duckdb_extension files; empty = none */
    struct engine_iceberg iceberg; /* needs extensions */
    struct str setup;              /* SQL that runs before the configuration is locked (import worker); may be empty */
    const struct str
        *allowed_directories; /* what SQL may read and write beside the database (import worker, projects) */
    size_t allowed_directory_count;
    int64_t memory_limit_bytes;
    int threads;
    bool external_access; /* import worker: read files anywhere the process may; tenant workers: false */
};

struct engine *engine_open(const struct engine_options *options, struct err *err);
void engine_close(struct engine **engine);
/* "v1.5.5" */
const char *engine_version(const struct engine *engine);

struct engine_session *engine_session_open(struct engine *engine, struct err *err);
/* Rolls an open transaction back. Accepts NULL inside. */
void engine_session_close(struct engine_session **session);
/* From any thread. DuckDB forgets an interrupt that comes before execution starts: repeat until the call returns. */
void engine_session_interrupt(struct engine_session *session);

/* From now on engine_session_progress knows something. Before statements, by the session's thread. */
void engine_session_watch(struct engine_session *session);
/* How far the running statement is, in thousandths; UINT32_MAX: not known. From any thread; cheap. */
uint32_t engine_session_progress(struct engine_session *session);

/* What a statement does, from DuckDB's own prepare; unknown kinds are refused. */
enum engine_kind { ENGINE_KIND_READ, ENGINE_KIND_WRITE, ENGINE_KIND_DDL, ENGINE_KIND_TRANSACTION, ENGINE_KIND_SETTING };

/* Rights and bounds that travel with a statement. */
enum engine_rights {
    ENGINE_MAY_OWN,   /* everything that the list of kinds allows */
    ENGINE_MAY_WRITE, /* no DDL, but temporary objects */
    ENGINE_MAY_READ,  /* READ ONLY transaction, kinds beyond READ refused, but settings and transaction control */
};

struct engine_policy {
    enum engine_rights rights;
    bool writes_refused; /* disk nearly full or quota reached: kinds WRITE and DDL, but DELETE and DROP, refused */
    struct str refusal;  /* error message for writes_refused */
    bool files_allowed;  /* import worker: COPY and table functions on files */
};

enum engine_format {
    ENGINE_FORMAT_FLIGHT,     /* messages: schema, then record batches; header = flatbuffer, body = buffers */
    ENGINE_FORMAT_ARROW,      /* bytes of an Arrow IPC stream */
    ENGINE_FORMAT_JSON,       /* one object {statement, columns, rows, row_count}; see the design, section 3 */
    ENGINE_FORMAT_JSON_LINES, /* one object per row */
    ENGINE_FORMAT_CSV,        /* header line, RFC 4180 */
    ENGINE_FORMAT_PARQUET,    /* through a temporary file in temp_directory */
};

/* Where encoded results go. All calls come from the thread in engine_run. */
struct engine_output {
    void *owner;
    /* Memory for the body of the next message, at least size bytes, 64-byte aligned. May wait for the client to take
     * earlier blocks. NULL: cancelled, and engine_run returns with *err set by it. */
    uint8_t *(*reserve)(void *owner, size_t size, struct err *err);
    /* Publishes a message: header bytes (FLIGHT only, else empty; copied) and len bytes of the reserved memory.
     * rows: how many rows it carries. */
    bool (*send)(void *owner, struct str header, size_t len, uint64_t rows, struct err *err);
};

/* A dictionary or record batch: the flatbuffer of its header, and its body, 8-byte aligned. */
struct engine_message {
    struct str header;
    const uint8_t *body;
    size_t len;
};

/* Values for a statement's parameters as Arrow rows; the statement runs once per row. */
struct engine_binds {
    struct str schema; /* flatbuffer of the Schema message */
    bool streams;      /* any number of messages may come */
    void *owner;
    /* The next message, valid until the next call: 1; 0: there are no more; -1: *err is set. */
    int (*next)(void *owner, struct engine_message *message_out, struct err *err);
};

struct engine_request {
    struct str sql;                   /* one or several statements; all but the last run for their effect */
    struct str parameters;            /* JSON array (positional) or object (named), or empty */
    const struct engine_binds *binds; /* instead of parameters; NULL: none. For the last statement */
    const struct str *absent;         /* names that no table or view of the schema "default" may have */
    size_t absent_count;
    const struct str *changed; /* Iceberg tables whose rows it changes: "namespace"."table", quoted */
    size_t changed_count;
    uint64_t prepared; /* not 0: the session keeps a text of one statement prepared under this number */
    enum engine_format format;
    struct engine_policy policy;
    struct str statement_id; /* for the JSON format */
    size_t batch_target;     /* bytes; the first batch goes out at once, later ones at about this size */
};

struct engine_stats {
    uint64_t rows;  /* sent, or changed by DML */
    uint64_t bytes; /* encoded */
    enum engine_kind kind;
};

/* Runs the text and streams the last statement's result. A statement left inside BEGIN stays open in the session.
 * DML and DDL give DuckDB's own result (Count, or Success with 0 rows). */
bool engine_run(struct engine_session *session, const struct engine_request *request,
                const struct engine_output *output, struct engine_stats *stats_out, struct err *err) MUST_USE;

/* What a statement would do. Schemas are encapsulated IPC messages, their fields with Flight SQL's metadata. */
struct engine_description {
    enum engine_kind kind;
    bool depends;          /* the result's types hold only until parameters are bound */
    bool returns;          /* rows: it reads, or changes and has RETURNING */
    struct buf result;     /* without fields, unless it returns rows */
    struct buf parameters; /* named "1", "2" or as in the text; type null where it is not known */
};
void engine_description_done(struct engine_description *description);

/* Announces a statement without running it. */
bool engine_describe(struct engine_session *session, const struct engine_request *request,
                     struct engine_description *description_out, struct err *err) MUST_USE;

/* True when nothing that a later statement could notice is left in the session (no transaction, temporary table,
 * setting, variable): it may serve somebody else's statement of the same tenant. */
bool engine_session_is_clean(const struct engine_session *session);
bool engine_session_in_transaction(const struct engine_session *session);
/* True when the session is worth keeping for its owner: not clean, or statements are prepared in it. */
bool engine_session_is_kept(const struct engine_session *session);
/* Drops a prepared statement (engine_request.prepared); unknown ones are ignored. */
void engine_session_forget(struct engine_session *session, uint64_t prepared);

enum engine_upload_mode {
    ENGINE_UPLOAD_CREATE,
    ENGINE_UPLOAD_APPEND,
    ENGINE_UPLOAD_REPLACE,
    ENGINE_UPLOAD_CREATE_APPEND
};

/* Where an upload's rows are kept. */
enum engine_target {
    ENGINE_TARGET_AUTO, /* where the table is; a new one in DuckDB up to auto_rows, else in Iceberg */
    ENGINE_TARGET_DUCKDB,
    ENGINE_TARGET_ICEBERG,
    ENGINE_TARGET_STAY, /* where the table is; a new one in DuckDB */
};

struct engine_upload_request {
    struct str schema; /* empty = "default", or the namespace "iceberg" there; not for temporary tables */
    struct str table;
    bool temporary; /* of the session: goes with it */
    enum engine_upload_mode mode;
    enum engine_target target;
    uint64_t auto_rows;
    struct str partition_by; /* of a new Iceberg table; see engine_lake_partition */
    struct str sort_by;      /* order of the rows; see engine_lake_order */
    struct engine_policy policy;
    /* Asked while it waits for another upload into the same Iceberg table. */
    bool (*is_cancelled)(void *owner);
    void *owner;
};

struct engine_upload;

/* Begins an upload with the flatbuffer of its Schema message (no IPC prefix). The transaction opens with the first
 * segment. */
struct engine_upload *engine_upload_open(struct engine_session *session, const struct engine_upload_request *request,
                                         struct str schema_header, struct err *err);
/* One dictionary or record batch. Takes the body: release(owner) is called once, when its memory is no longer used,
 * also on error. The body is 8-byte aligned at least. Validates everything before DuckDB sees a pointer. Gathers
 * batches into segments and inserts a segment when it is full. */
bool engine_upload_batch(struct engine_upload *upload, struct str header, const uint8_t *body, size_t body_len,
                         void (*release)(void *owner), void *owner, struct err *err) MUST_USE;
/* Where the rows went, and why in one line; after commit. Lives as long as the upload. */
enum engine_target engine_upload_where(const struct engine_upload *upload, struct str *reason_out);
/* Inserts the rest and commits; after true the rows are durable. */
bool engine_upload_commit(struct engine_upload *upload, uint64_t *rows_out, struct err *err) MUST_USE;
/* Rolls back what was not committed and releases all bodies. Accepts NULL inside. */
void engine_upload_close(struct engine_upload **upload);

struct engine_usage {
    int64_t memory_bytes; /* DuckDB's own count */
    int64_t spill_bytes;
};
/* Cheap; from any thread. */
void engine_usage(struct engine *engine, struct engine_usage *usage_out);
