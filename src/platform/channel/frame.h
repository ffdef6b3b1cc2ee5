/* The messages between the front and a worker, each with its encode and decode side by side in frame.c.
 *
 * A frame is a 16-byte header (u32 length of the payload, u16 type, u16 flags, u64 statement; little endian) and the
 * payload. Texts in decoded messages are borrowed from the payload. Pure: no I/O. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#define CHANNEL_VERSION 1
#define CHANNEL_HEADER_SIZE 16
/* A body up to this size travels in its frame; larger ones in a block. */
#define CHANNEL_INLINE_MAX 32768
/* What a result may carry in frames altogether: the rest waits for blocks, so a slow client bounds the worker. */
#define CHANNEL_INLINE_TOTAL 65536
/* Most blocks that one frame can grant. */
#define CHANNEL_GRANTS_MAX 64

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
    CHANNEL_SNAPSHOT,
    CHANNEL_ASK,  /* empty: answer with USAGE */
    CHANNEL_STOP, /* empty: close the database and exit */
    /* worker to front */
    CHANNEL_READY = 64,
    CHANNEL_DATA,
    CHANNEL_END,
    CHANNEL_PUT_DONE,
    CHANNEL_USAGE,
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
    struct str library;
    struct str extensions;        /* loaded at start; empty while nothing of the tenant needs one */
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

/* RUN and DESCRIBE. */
struct channel_run {
    uint8_t format; /* enum engine_format */
    bool read_only;
    bool files_allowed;
    uint64_t batch_target; /* bytes */
    struct str statement_id;
    struct str refusal; /* not empty: writes are refused with this message */
    struct str sql;
    struct str parameters;
    uint32_t blocks[CHANNEL_GRANTS_MAX];
    uint32_t block_count;
};
void channel_encode_run(struct buf *buf, enum channel_type type, uint64_t statement, const struct channel_run *run);
bool channel_decode_run(struct str payload, struct channel_run *run_out, struct err *err) MUST_USE;

/* A block is the worker's again. */
void channel_encode_credit(struct buf *buf, uint64_t statement, uint32_t block);
bool channel_decode_credit(struct str payload, uint32_t *block_out, struct err *err) MUST_USE;

struct channel_upload {
    uint8_t mode; /* enum engine_upload_mode */
    bool read_only;
    struct str refusal; /* as in RUN */
    struct str schema, table;
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

void channel_encode_snapshot(struct buf *buf, uint64_t statement, struct str path);
bool channel_decode_snapshot(struct str payload, struct str *path_out, struct err *err) MUST_USE;

/* A piece of a result, its body in a block or (block 0) in the frame. */
struct channel_data {
    bool first; /* of its message */
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
    uint64_t rows, bytes;
    struct str message, hint;
};
void channel_encode_end(struct buf *buf, uint64_t statement, const struct channel_end *end);
bool channel_decode_end(struct str payload, struct channel_end *end_out, struct err *err) MUST_USE;

struct channel_usage {
    uint64_t rss_bytes, memory_bytes, spill_bytes;
};
void channel_encode_usage(struct buf *buf, const struct channel_usage *usage);
bool channel_decode_usage(struct str payload, struct channel_usage *usage_out, struct err *err) MUST_USE;
