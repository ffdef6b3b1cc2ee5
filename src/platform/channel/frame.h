/* The messages between the front and a worker, each with its encode and decode side by side in frame.c.
 *
 * A frame is a 16-byte header (u32 length of the payload, u16 type, u16 flags, u64 statement; little endian) and the
 * payload. Texts in decoded messages are borrowed from the payload. Pure: no I/O. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#define CHANNEL_VERSION 4
#define CHANNEL_HEADER_SIZE 16
/* A body up to this size travels in its frame; larger ones in a block. */
#define CHANNEL_INLINE_MAX 32768
/* What a result may carry in frames altogether: the rest waits for blocks, so a slow client bounds the worker. */
#define CHANNEL_INLINE_TOTAL 65536
/* Most blocks that one frame can grant. */
#define CHANNEL_GRANTS_MAX 64
/* Most TCP ports that a worker may connect to: the catalog's and the store's. */
#define CHANNEL_PORTS_MAX 4
/* Most names that must not be there already, for one text, and most Iceberg tables whose rows it changes. */
#define CHANNEL_ABSENT_MAX 16
#define CHANNEL_CHANGED_MAX 16
/* Most names of table types that one question can list. */
#define CHANNEL_TABLE_TYPES_MAX 16

enum channel_type {
    /* front to worker */
    CHANNEL_HELLO = 1,
    CHANNEL_ATTACH, /* carries a descriptor */
    CHANNEL_DETACH,
    CHANNEL_RUN,
    CHANNEL_DESCRIBE, /* payload as RUN */
    CHANNEL_CREDIT,
    CHANNEL_CANCEL, /* empty */
    CHANNEL_UPLOAD,
    CHANNEL_PUT,
    CHANNEL_FINISH, /* empty: commit the upload */
    CHANNEL_ASK,    /* empty: answer with USAGE */
    CHANNEL_STOP,   /* empty: close the database and exit */
    CHANNEL_METADATA,
    CHANNEL_CLOSE,  /* ends a connection */
    CHANNEL_FORGET, /* ends a prepared statement */
    /* worker to front */
    CHANNEL_READY = 64,
    CHANNEL_DATA,
    CHANNEL_END,
    CHANNEL_PUT_DONE,
    CHANNEL_USAGE,
    CHANNEL_PROGRESS,
};
const char *channel_type_name(unsigned type);

struct channel_frame {
    uint16_t type;
    uint64_t statement; /* 0: about the worker itself */
    struct str payload; /* borrowed from the receiver's buffer */
};

/* Takes one frame off the front of the input. 1: *frame_out is set (consume CHANNEL_HEADER_SIZE + payload.len bytes
 * when done); 0: more bytes are needed; -1: *err is set, the stream is broken. */
int channel_frame_next(struct str input, struct channel_frame *frame_out, struct err *err) MUST_USE;
/* A frame without payload. */
void channel_encode_empty(struct buf *buf, enum channel_type type, uint64_t statement);

/* The first frame: everything a worker must know. */
struct channel_hello {
    uint32_t version;
    bool external_access; /* import worker: DuckDB may open files, Landlock decides which */
    uint32_t threads;
    uint32_t max_running;
    uint64_t block_size;
    uint64_t memory_limit_bytes;
    uint64_t shared_bytes;       /* most that blocks may add to the address space */
    uint64_t file_size_bytes;    /* RLIMIT_FSIZE; 0 = none */
    int64_t limits[LIMIT_COUNT]; /* base/limits as the front has them */
    struct str directory;        /* the tenant's own; empty for an import worker */
    struct str database;         /* empty = in memory */
    struct str temp_directory;   /* empty = none */
    struct str project;          /* root of the project that the tenant belongs to; empty: of none */
    struct str library;
    struct str extensions;   /* loaded at start; empty while nothing of the tenant needs one */
    struct str catalog_url;  /* of the server's internal Iceberg listener; empty with extensions empty */
    struct str catalog_pass; /* for this start of the worker; a secret */
    struct str warehouse;    /* root of the tenant's Iceberg files: a path that may be written, or "s3://…" */
    uint32_t ports[CHANNEL_PORTS_MAX]; /* TCP ports that may be connected to */
    uint32_t port_count;
    struct str setup; /* import worker: SQL that makes its connections, before anything is locked; a secret */
    const struct str *read_paths; /* what else may be read */
    size_t read_path_count;
};
void channel_encode_hello(struct buf *buf, const struct channel_hello *hello);
bool channel_decode_hello(struct str payload, struct arena *arena, struct channel_hello *hello_out,
                          struct err *err) MUST_USE;

/* The answer to HELLO; code ERR_OK or why it did not start. */
struct channel_ready {
    enum err_code code;
    uint32_t landlock_abi; /* 0: the kernel has none */
    struct str message, hint;
    struct str engine_version;
};
void channel_encode_ready(struct buf *buf, const struct channel_ready *ready);
bool channel_decode_ready(struct str payload, struct channel_ready *ready_out, struct err *err) MUST_USE;

/* ATTACH and DETACH. */
struct channel_attach {
    uint32_t block; /* never 0 */
    uint64_t size;
};
void channel_encode_attach(struct buf *buf, const struct channel_attach *attach);
bool channel_decode_attach(struct str payload, struct channel_attach *attach_out, struct err *err) MUST_USE;
void channel_encode_detach(struct buf *buf, uint32_t block);
bool channel_decode_detach(struct str payload, uint32_t *block_out, struct err *err) MUST_USE;

/* How the values for a statement's parameters come. */
enum channel_binds {
    CHANNEL_BINDS_JSON,   /* in parameters, or none */
    CHANNEL_BINDS_INLINE, /* bind_*: one record batch, in this frame */
    CHANNEL_BINDS_PUT,    /* as PUT frames: a schema message, then record batches; FINISH ends them */
};

/* What RUN runs instead of SQL, in the worker's procedure.c; sql then holds the arguments as a JSON object, and the
 * result has the format asked for. Those marked take no slot of admission: their threads are reserved. */
enum channel_procedure {
    CHANNEL_NO_PROCEDURE,
    CHANNEL_LOCALS,   /* reserved: tables and views of the schema "default", with counters of their changes */
    CHANNEL_INSPECT,  /* reserved: do the files of these manifest lists lie below the warehouse's root? */
    CHANNEL_MIRROR,   /* writes a local table as an Iceberg table */
    CHANNEL_MAINTAIN, /* compaction, expiry, orphans, statistics */
    CHANNEL_PUBLISH,  /* a consistent copy of the database */
    CHANNEL_SNAPSHOT, /* the same for a backup, without what publishing may add or refuse */
    CHANNEL_ANALYSE,  /* what texts of a pipeline read */
    CHANNEL_BIND,     /* texts of a pipeline against the tables as they are; nothing is kept */
    CHANNEL_BUILD,    /* one asset of a pipeline, in one transaction */
    CHANNEL_EXPORT,   /* a table as a file of the project */
    CHANNEL_PROCEDURE_COUNT,
};
/* Threads of a worker beyond max_running, for the reserved ones. */
#define CHANNEL_RESERVED_MAX 4

/* RUN and DESCRIBE.
 *
 * connection: the number of a connection that a session keeps in this worker; 0 = any clean one. A connection that is
 * not known yet is a clean one from the pool; after the statement it stays under its number if something is left in it
 * (transaction, temporary object, setting, prepared statement), else it goes back to the pool. The front sends one
 * statement after the other to one connection.
 *
 * prepared: not 0 = the connection keeps what it prepared under this number; sql comes along every time, so a
 * connection that does not have it (a fresh worker) prepares again.
 *
 * Several rows of bound values run the statement once per row: results follow each other in one stream, counts add up;
 * outside of a transaction all rows of a statement that writes are one transaction. */
struct channel_run {
    uint8_t format;    /* enum engine_format */
    uint8_t rights;    /* enum engine_rights */
    uint8_t binds;     /* enum channel_binds */
    uint8_t procedure; /* enum channel_procedure; RUN only */
    bool files_allowed;
    bool progress;         /* PROGRESS frames while it runs */
    bool run_unless_reads; /* DESCRIBE only: a text that does more than read runs, DATA is its result (format FLIGHT) */
    uint64_t connection;
    uint64_t prepared;
    uint64_t batch_target; /* bytes */
    struct str statement_id;
    struct str refusal; /* not empty: writes are refused with this message */
    struct str sql;
    struct str parameters;  /* JSON */
    struct str bind_schema; /* flatbuffer of a Schema message */
    struct str bind_header; /* flatbuffer of a RecordBatch message */
    struct str bind_body;
    struct str absent[CHANNEL_ABSENT_MAX]; /* refused when a table of the schema "default" has one of these names */
    uint32_t absent_count;
    struct str changed[CHANNEL_CHANGED_MAX]; /* Iceberg tables whose rows it changes: "namespace"."table" */
    uint32_t changed_count;
    uint32_t blocks[CHANNEL_GRANTS_MAX];
    uint32_t block_count;
};
void channel_encode_run(struct buf *buf, enum channel_type type, uint64_t statement, const struct channel_run *run);
bool channel_decode_run(struct str payload, struct channel_run *run_out, struct err *err) MUST_USE;

/* A block is the worker's again. */
void channel_encode_credit(struct buf *buf, uint64_t statement, uint32_t block);
bool channel_decode_credit(struct str payload, uint32_t *block_out, struct err *err) MUST_USE;

struct channel_upload {
    uint8_t mode;        /* enum engine_upload_mode */
    uint8_t rights;      /* enum engine_rights */
    uint8_t target;      /* enum engine_target */
    bool temporary;      /* a temporary table of the connection */
    uint64_t connection; /* as in RUN; inside its open transaction if it has one */
    struct str refusal;  /* as in RUN */
    struct str schema, table;
    struct str partition_by, sort_by;
};
void channel_encode_upload(struct buf *buf, uint64_t statement, const struct channel_upload *upload);
bool channel_decode_upload(struct str payload, struct channel_upload *upload_out, struct err *err) MUST_USE;

/* One Arrow message of an upload. Its body lies in a block, or in the frame (block 0). */
struct channel_put {
    uint32_t block;
    uint64_t len; /* of the body */
    struct str header;
    struct str body; /* block 0: len bytes, else empty */
};
void channel_encode_put(struct buf *buf, uint64_t statement, const struct channel_put *put);
bool channel_decode_put(struct str payload, struct channel_put *put_out, struct err *err) MUST_USE;

/* The worker no longer uses the body: the block is free, or (block 0) len bytes of frames left its memory. */
struct channel_put_done {
    uint32_t block;
    uint64_t len;
};
void channel_encode_put_done(struct buf *buf, uint64_t statement, const struct channel_put_done *done);
bool channel_decode_put_done(struct str payload, struct channel_put_done *done_out, struct err *err) MUST_USE;

/* What the tenant's catalog holds, in the schemas of Flight SQL (enum engine_metadata_kind), format FLIGHT. A pattern
 * or name counts only where its flag is set: absent and empty are different questions. */
struct channel_metadata {
    uint8_t kind; /* enum engine_metadata_kind */
    bool include_schema;
    bool has_catalog, has_schema, has_fk_catalog, has_fk_schema, has_table;
    uint64_t connection; /* as in RUN: temporary tables and what its transaction made show */
    struct str catalog, schema, table;
    struct str fk_catalog, fk_schema, fk_table; /* cross reference */
    struct str types[CHANNEL_TABLE_TYPES_MAX];
    uint32_t type_count; /* 0: all */
    uint32_t blocks[CHANNEL_GRANTS_MAX];
    uint32_t block_count;
};
void channel_encode_metadata(struct buf *buf, uint64_t statement, const struct channel_metadata *metadata);
bool channel_decode_metadata(struct str payload, struct channel_metadata *metadata_out, struct err *err) MUST_USE;

/* About the worker (statement 0): rolls back and closes a connection; unknown ones are ignored. */
void channel_encode_close(struct buf *buf, uint64_t connection);
bool channel_decode_close(struct str payload, uint64_t *connection_out, struct err *err) MUST_USE;
/* About the worker: the prepared statement is not needed any more. */
void channel_encode_forget(struct buf *buf, uint64_t connection, uint64_t prepared);
bool channel_decode_forget(struct str payload, uint64_t *connection_out, uint64_t *prepared_out,
                           struct err *err) MUST_USE;

/* What a message is. DESCRIBE answers with RESULT_SCHEMA and PARAMETER_SCHEMA, each a whole encapsulated IPC message in
 * header, without body, in this order; DATA is a message of a result. */
enum channel_data_role { CHANNEL_DATA_RESULT, CHANNEL_DATA_RESULT_SCHEMA, CHANNEL_DATA_PARAMETER_SCHEMA };

/* A piece of a result, its body in a block or (block 0) in the frame. */
struct channel_data {
    uint8_t role; /* enum channel_data_role */
    bool first;   /* of its message */
    uint32_t block;
    uint64_t len;        /* of this piece's body */
    uint64_t body_total; /* of the message's body; in its first piece */
    uint64_t rows;
    struct str header;
    struct str body; /* block 0: len bytes, else empty */
};
void channel_encode_data(struct buf *buf, uint64_t statement, const struct channel_data *data);
bool channel_decode_data(struct str payload, struct channel_data *data_out, struct err *err) MUST_USE;

/* The statement's last frame. */
struct channel_end {
    enum err_code code; /* ERR_OK: done */
    uint8_t kind;       /* enum engine_kind */
    bool last;          /* the worker ends by itself now: it takes no more statements */
    bool ran;           /* false: it was described only */
    bool depends;       /* described: the result's types hold only until parameters are bound */
    bool returns;       /* described: it gives rows: it reads, or changes and has RETURNING */
    bool transaction;   /* the connection is inside a transaction now */
    bool kept;          /* the connection holds something now that a fresh one would not have (prepared ones aside) */
    uint64_t rows, bytes;
    uint64_t memory_bytes; /* most that DuckDB held for it, as far as known; 0 = not known */
    uint8_t target;        /* uploads: enum engine_target, where the rows are */
    struct str reason;     /* uploads: why there */
    struct str message, hint;
};
void channel_encode_end(struct buf *buf, uint64_t statement, const struct channel_end *end);
bool channel_decode_end(struct str payload, struct channel_end *end_out, struct err *err) MUST_USE;

struct channel_usage {
    uint64_t rss_bytes, memory_bytes, spill_bytes;
};
void channel_encode_usage(struct buf *buf, const struct channel_usage *usage);
bool channel_decode_usage(struct str payload, struct channel_usage *usage_out, struct err *err) MUST_USE;

/* How far a statement is, for those that asked for it; several times a second. */
struct channel_progress {
    uint32_t permille; /* UINT32_MAX: not known */
    uint64_t rows;     /* sent so far */
};
void channel_encode_progress(struct buf *buf, uint64_t statement, const struct channel_progress *progress);
bool channel_decode_progress(struct str payload, struct channel_progress *progress_out, struct err *err) MUST_USE;
