/* Encode and decode of every message, side by side: a field added to one must be added to the other. */
#include "platform/channel/frame.h"

#include <assert.h>

#include "base/reader.h"
#include "base/writer.h"

const char *channel_type_name(unsigned type)
{
    switch ((enum channel_type)type) {
    case CHANNEL_HELLO:
        return "HELLO";
    case CHANNEL_ATTACH:
        return "ATTACH";
    case CHANNEL_DETACH:
        return "DETACH";
    case CHANNEL_RUN:
        return "RUN";
    case CHANNEL_DESCRIBE:
        return "DESCRIBE";
    case CHANNEL_CREDIT:
        return "CREDIT";
    case CHANNEL_CANCEL:
        return "CANCEL";
    case CHANNEL_UPLOAD:
        return "UPLOAD";
    case CHANNEL_PUT:
        return "PUT";
    case CHANNEL_FINISH:
        return "FINISH";
    case CHANNEL_ASK:
        return "ASK";
    case CHANNEL_STOP:
        return "STOP";
    case CHANNEL_METADATA:
        return "METADATA";
    case CHANNEL_CLOSE:
        return "CLOSE";
    case CHANNEL_FORGET:
        return "FORGET";
    case CHANNEL_PROGRESS:
        return "PROGRESS";
    case CHANNEL_READY:
        return "READY";
    case CHANNEL_DATA:
        return "DATA";
    case CHANNEL_END:
        return "END";
    case CHANNEL_PUT_DONE:
        return "PUT_DONE";
    case CHANNEL_USAGE:
        return "USAGE";
    }
    return "unknown";
}

/* --- The frame itself. --- */

int channel_frame_next(struct str input, struct channel_frame *frame_out, struct err *err)
{
    if (input.len < CHANNEL_HEADER_SIZE)
        return 0;
    struct reader reader = reader_from(input);
    uint32_t len = reader_u32le(&reader);
    uint16_t type = reader_u16le(&reader);
    uint16_t flags = reader_u16le(&reader);
    uint64_t statement = reader_u64le(&reader);
    if (len > (uint64_t)limits_get(LIMIT_FRAME)) {
        limits_err(LIMIT_FRAME, err);
        return -1;
    }
    if (flags != 0) {
        err_set(err, ERR_INTERNAL, "channel frame with unknown flags 0x%x", flags);
        return -1;
    }
    if (reader_left(&reader) < len)
        return 0;
    *frame_out = (struct channel_frame){.type = type, .statement = statement, .payload = reader_bytes(&reader, len)};
    return 1;
}

/* Starts a frame; the length is filled in by channel_frame_end. Returns where the frame starts, from buf's first byte.
 */
static size_t channel_frame_begin(struct buf *buf, enum channel_type type, uint64_t statement)
{
    size_t mark = buf_len(buf);
    writer_u32le(buf, 0);
    writer_u16le(buf, (uint16_t)type);
    writer_u16le(buf, 0);
    writer_u64le(buf, statement);
    return mark;
}

static void channel_frame_end(struct buf *buf, size_t mark)
{
    size_t len = buf_len(buf) - mark - CHANNEL_HEADER_SIZE;
    assert(len <= UINT32_MAX);
    uint8_t *header = buf->ptr + buf->start + mark;
    for (int i = 0; i < 4; i++)
        header[i] = (uint8_t)(len >> (8 * i));
}

void channel_encode_empty(struct buf *buf, enum channel_type type, uint64_t statement)
{
    channel_frame_end(buf, channel_frame_begin(buf, type, statement));
}

/* True when the payload was read exactly; else *err is set. */
static bool channel_decoded(const struct reader *reader, enum channel_type type, struct err *err)
{
    if (!reader->failed && reader_left(reader) == 0)
        return true;
    return err_set(err, ERR_INTERNAL, "malformed %s frame on the worker's channel", channel_type_name(type));
}

/* A flag is 0 or 1; anything else breaks the frame. */
static bool channel_read_flag(struct reader *reader)
{
    uint8_t value = reader_u8(reader);
    if (value > 1)
        reader->failed = true;
    return value == 1;
}

static enum err_code channel_read_code(struct reader *reader)
{
    uint8_t code = reader_u8(reader);
    if (code > ERR_UNAUTHENTICATED) {
        reader->failed = true;
        code = ERR_INTERNAL;
    }
    return (enum err_code)code;
}

/* A list with its count in front; more than max is broken. */
static uint32_t channel_read_count(struct reader *reader, uint32_t max)
{
    uint32_t count = reader_u32le(reader);
    if (count <= max)
        return count;
    reader->failed = true;
    return 0;
}

/* --- HELLO --- */

void channel_encode_hello(struct buf *buf, const struct channel_hello *hello)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_HELLO, 0);
    writer_u32le(buf, hello->version);
    writer_u8(buf, hello->external_access);
    writer_u32le(buf, hello->threads);
    writer_u32le(buf, hello->max_running);
    writer_u64le(buf, hello->block_size);
    writer_u64le(buf, hello->memory_limit_bytes);
    writer_u64le(buf, hello->shared_bytes);
    writer_u64le(buf, hello->file_size_bytes);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        writer_u64le(buf, (uint64_t)hello->limits[i]);
    writer_text(buf, hello->directory);
    writer_text(buf, hello->database);
    writer_text(buf, hello->temp_directory);
    writer_text(buf, hello->project);
    writer_text(buf, hello->library);
    writer_text(buf, hello->extensions);
    writer_text(buf, hello->catalog_url);
    writer_text(buf, hello->catalog_pass);
    writer_text(buf, hello->warehouse);
    writer_text(buf, hello->setup);
    writer_u32le(buf, hello->port_count);
    for (uint32_t i = 0; i < hello->port_count; i++)
        writer_u32le(buf, hello->ports[i]);
    writer_u32le(buf, (uint32_t)hello->read_path_count);
    for (size_t i = 0; i < hello->read_path_count; i++)
        writer_text(buf, hello->read_paths[i]);
    channel_frame_end(buf, mark);
}

bool channel_decode_hello(struct str payload, struct arena *arena, struct channel_hello *hello_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_hello hello = {.version = reader_u32le(&reader)};
    if (!reader.failed && hello.version != CHANNEL_VERSION) /* the program file was replaced under a running server */
        return err_set(err, ERR_UNAVAILABLE, "the worker speaks channel version %d, the server %u: restart the server",
                       CHANNEL_VERSION, hello.version);
    hello.external_access = channel_read_flag(&reader);
    hello.threads = reader_u32le(&reader);
    hello.max_running = reader_u32le(&reader);
    hello.block_size = reader_u64le(&reader);
    hello.memory_limit_bytes = reader_u64le(&reader);
    hello.shared_bytes = reader_u64le(&reader);
    hello.file_size_bytes = reader_u64le(&reader);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        hello.limits[i] = (int64_t)reader_u64le(&reader);
    hello.directory = str_copy(arena, reader_text(&reader));
    hello.database = str_copy(arena, reader_text(&reader));
    hello.temp_directory = str_copy(arena, reader_text(&reader));
    hello.project = str_copy(arena, reader_text(&reader));
    hello.library = str_copy(arena, reader_text(&reader));
    hello.extensions = str_copy(arena, reader_text(&reader));
    hello.catalog_url = str_copy(arena, reader_text(&reader));
    hello.catalog_pass = str_copy(arena, reader_text(&reader));
    hello.warehouse = str_copy(arena, reader_text(&reader));
    hello.setup = str_copy(arena, reader_text(&reader));
    hello.port_count = channel_read_count(&reader, CHANNEL_PORTS_MAX);
    for (uint32_t i = 0; i < hello.port_count; i++)
        hello.ports[i] = reader_u32le(&reader);
    uint32_t count = reader_u32le(&reader);
    if (count > reader_left(&reader) / 4) /* each text has 4 bytes at least */
        reader.failed = true;
    if (!reader.failed) {
        struct str *paths = arena_array(arena, count, sizeof(*paths));
        for (uint32_t i = 0; i < count; i++)
            paths[i] = str_copy(arena, reader_text(&reader));
        hello.read_paths = paths;
        hello.read_path_count = count;
    }
    if (!channel_decoded(&reader, CHANNEL_HELLO, err))
        return false;
    *hello_out = hello;
    return true;
}

/* --- READY --- */

void channel_encode_ready(struct buf *buf, const struct channel_ready *ready)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_READY, 0);
    writer_u8(buf, (uint8_t)ready->code);
    writer_u32le(buf, ready->landlock_abi);
    writer_text(buf, ready->message);
    writer_text(buf, ready->hint);
    writer_text(buf, ready->engine_version);
    channel_frame_end(buf, mark);
}

bool channel_decode_ready(struct str payload, struct channel_ready *ready_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_ready ready = {.code = channel_read_code(&reader)};
    ready.landlock_abi = reader_u32le(&reader);
    ready.message = reader_text(&reader);
    ready.hint = reader_text(&reader);
    ready.engine_version = reader_text(&reader);
    if (!channel_decoded(&reader, CHANNEL_READY, err))
        return false;
    *ready_out = ready;
    return true;
}

/* --- ATTACH, DETACH --- */

void channel_encode_attach(struct buf *buf, const struct channel_attach *attach)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_ATTACH, 0);
    writer_u32le(buf, attach->block);
    writer_u64le(buf, attach->size);
    channel_frame_end(buf, mark);
}

bool channel_decode_attach(struct str payload, struct channel_attach *attach_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_attach attach = {.block = reader_u32le(&reader)};
    attach.size = reader_u64le(&reader);
    if (attach.block == 0 || attach.size == 0)
        reader.failed = true;
    if (!channel_decoded(&reader, CHANNEL_ATTACH, err))
        return false;
    *attach_out = attach;
    return true;
}

static void channel_encode_block(struct buf *buf, enum channel_type type, uint64_t statement, uint32_t block)
{
    size_t mark = channel_frame_begin(buf, type, statement);
    writer_u32le(buf, block);
    channel_frame_end(buf, mark);
}

static bool channel_decode_block(struct str payload, enum channel_type type, uint32_t *block_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    uint32_t block = reader_u32le(&reader);
    if (block == 0)
        reader.failed = true;
    if (!channel_decoded(&reader, type, err))
        return false;
    *block_out = block;
    return true;
}

void channel_encode_detach(struct buf *buf, uint32_t block)
{
    channel_encode_block(buf, CHANNEL_DETACH, 0, block);
}

bool channel_decode_detach(struct str payload, uint32_t *block_out, struct err *err)
{
    return channel_decode_block(payload, CHANNEL_DETACH, block_out, err);
}

void channel_encode_credit(struct buf *buf, uint64_t statement, uint32_t block)
{
    channel_encode_block(buf, CHANNEL_CREDIT, statement, block);
}

bool channel_decode_credit(struct str payload, uint32_t *block_out, struct err *err)
{
    return channel_decode_block(payload, CHANNEL_CREDIT, block_out, err);
}

/* --- RUN, DESCRIBE, METADATA --- */

static void channel_write_blocks(struct buf *buf, const uint32_t *blocks, uint32_t count)
{
    assert(count <= CHANNEL_GRANTS_MAX);
    writer_u32le(buf, count);
    for (uint32_t i = 0; i < count; i++)
        writer_u32le(buf, blocks[i]);
}

static uint32_t channel_read_blocks(struct reader *reader, uint32_t *blocks)
{
    uint32_t count = channel_read_count(reader, CHANNEL_GRANTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        blocks[i] = reader_u32le(reader);
    return count;
}

void channel_encode_run(struct buf *buf, enum channel_type type, uint64_t statement, const struct channel_run *run)
{
    size_t mark = channel_frame_begin(buf, type, statement);
    writer_u8(buf, run->format);
    writer_u8(buf, run->rights);
    writer_u8(buf, run->binds);
    writer_u8(buf, run->procedure);
    writer_u8(buf, run->files_allowed);
    writer_u8(buf, run->progress);
    writer_u8(buf, run->run_unless_reads);
    writer_u64le(buf, run->connection);
    writer_u64le(buf, run->prepared);
    writer_u64le(buf, run->batch_target);
    writer_text(buf, run->statement_id);
    writer_text(buf, run->refusal);
    writer_text(buf, run->sql);
    writer_text(buf, run->parameters);
    writer_text(buf, run->bind_schema);
    writer_text(buf, run->bind_header);
    writer_text(buf, run->bind_body);
    writer_u32le(buf, run->absent_count);
    for (uint32_t i = 0; i < run->absent_count; i++)
        writer_text(buf, run->absent[i]);
    writer_u32le(buf, run->changed_count);
    for (uint32_t i = 0; i < run->changed_count; i++)
        writer_text(buf, run->changed[i]);
    channel_write_blocks(buf, run->blocks, run->block_count);
    channel_frame_end(buf, mark);
}

bool channel_decode_run(struct str payload, struct channel_run *run_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_run run = {.format = reader_u8(&reader)};
    run.rights = reader_u8(&reader);
    run.binds = reader_u8(&reader);
    run.procedure = reader_u8(&reader);
    run.files_allowed = channel_read_flag(&reader);
    run.progress = channel_read_flag(&reader);
    run.run_unless_reads = channel_read_flag(&reader);
    run.connection = reader_u64le(&reader);
    run.prepared = reader_u64le(&reader);
    run.batch_target = reader_u64le(&reader);
    run.statement_id = reader_text(&reader);
    run.refusal = reader_text(&reader);
    run.sql = reader_text(&reader);
    run.parameters = reader_text(&reader);
    run.bind_schema = reader_text(&reader);
    run.bind_header = reader_text(&reader);
    run.bind_body = reader_text(&reader);
    run.absent_count = channel_read_count(&reader, CHANNEL_ABSENT_MAX);
    for (uint32_t i = 0; i < run.absent_count; i++)
        run.absent[i] = reader_text(&reader);
    run.changed_count = channel_read_count(&reader, CHANNEL_CHANGED_MAX);
    for (uint32_t i = 0; i < run.changed_count; i++)
        run.changed[i] = reader_text(&reader);
    run.block_count = channel_read_blocks(&reader, run.blocks);
    if (run.binds > CHANNEL_BINDS_PUT || run.procedure >= CHANNEL_PROCEDURE_COUNT)
        reader.failed = true;
    if (!channel_decoded(&reader, CHANNEL_RUN, err))
        return false;
    *run_out = run;
    return true;
}

enum channel_metadata_flags {
    CHANNEL_METADATA_CATALOG = 1,
    CHANNEL_METADATA_SCHEMA = 2,
    CHANNEL_METADATA_TABLE = 4,
    CHANNEL_METADATA_FK_CATALOG = 8,
    CHANNEL_METADATA_FK_SCHEMA = 16,
    CHANNEL_METADATA_ALL = 31,
};

void channel_encode_metadata(struct buf *buf, uint64_t statement, const struct channel_metadata *metadata)
{
    assert(metadata->type_count <= CHANNEL_TABLE_TYPES_MAX);
    size_t mark = channel_frame_begin(buf, CHANNEL_METADATA, statement);
    unsigned flags = (metadata->has_catalog ? CHANNEL_METADATA_CATALOG : 0u) |
                     (metadata->has_schema ? CHANNEL_METADATA_SCHEMA : 0u) |
                     (metadata->has_table ? CHANNEL_METADATA_TABLE : 0u) |
                     (metadata->has_fk_catalog ? CHANNEL_METADATA_FK_CATALOG : 0u) |
                     (metadata->has_fk_schema ? CHANNEL_METADATA_FK_SCHEMA : 0u);
    writer_u8(buf, metadata->kind);
    writer_u8(buf, metadata->include_schema);
    writer_u8(buf, (uint8_t)flags);
    writer_u64le(buf, metadata->connection);
    writer_text(buf, metadata->catalog);
    writer_text(buf, metadata->schema);
    writer_text(buf, metadata->table);
    writer_text(buf, metadata->fk_catalog);
    writer_text(buf, metadata->fk_schema);
    writer_text(buf, metadata->fk_table);
    writer_u32le(buf, metadata->type_count);
    for (uint32_t i = 0; i < metadata->type_count; i++)
        writer_text(buf, metadata->types[i]);
    channel_write_blocks(buf, metadata->blocks, metadata->block_count);
    channel_frame_end(buf, mark);
}

bool channel_decode_metadata(struct str payload, struct channel_metadata *metadata_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_metadata metadata = {.kind = reader_u8(&reader)};
    metadata.include_schema = channel_read_flag(&reader);
    unsigned flags = reader_u8(&reader);
    if (flags > CHANNEL_METADATA_ALL)
        reader.failed = true;
    metadata.has_catalog = flags & CHANNEL_METADATA_CATALOG;
    metadata.has_schema = flags & CHANNEL_METADATA_SCHEMA;
    metadata.has_table = flags & CHANNEL_METADATA_TABLE;
    metadata.has_fk_catalog = flags & CHANNEL_METADATA_FK_CATALOG;
    metadata.has_fk_schema = flags & CHANNEL_METADATA_FK_SCHEMA;
    metadata.connection = reader_u64le(&reader);
    metadata.catalog = reader_text(&reader);
    metadata.schema = reader_text(&reader);
    metadata.table = reader_text(&reader);
    metadata.fk_catalog = reader_text(&reader);
    metadata.fk_schema = reader_text(&reader);
    metadata.fk_table = reader_text(&reader);
    metadata.type_count = channel_read_count(&reader, CHANNEL_TABLE_TYPES_MAX);
    for (uint32_t i = 0; i < metadata.type_count; i++)
        metadata.types[i] = reader_text(&reader);
    metadata.block_count = channel_read_blocks(&reader, metadata.blocks);
    if (flags > 31)
        reader.failed = true;
    if (!channel_decoded(&reader, CHANNEL_METADATA, err))
        return false;
    *metadata_out = metadata;
    return true;
}

/* --- CLOSE, FORGET --- */

void channel_encode_close(struct buf *buf, uint64_t connection)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_CLOSE, 0);
    writer_u64le(buf, connection);
    channel_frame_end(buf, mark);
}

bool channel_decode_close(struct str payload, uint64_t *connection_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    uint64_t connection = reader_u64le(&reader);
    if (!channel_decoded(&reader, CHANNEL_CLOSE, err))
        return false;
    *connection_out = connection;
    return true;
}

void channel_encode_forget(struct buf *buf, uint64_t connection, uint64_t prepared)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_FORGET, 0);
    writer_u64le(buf, connection);
    writer_u64le(buf, prepared);
    channel_frame_end(buf, mark);
}

bool channel_decode_forget(struct str payload, uint64_t *connection_out, uint64_t *prepared_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    uint64_t connection = reader_u64le(&reader);
    uint64_t prepared = reader_u64le(&reader);
    if (!channel_decoded(&reader, CHANNEL_FORGET, err))
        return false;
    *connection_out = connection;
    *prepared_out = prepared;
    return true;
}

/* --- UPLOAD, PUT, PUT_DONE --- */

void channel_encode_upload(struct buf *buf, uint64_t statement, const struct channel_upload *upload)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_UPLOAD, statement);
    writer_u8(buf, upload->mode);
    writer_u8(buf, upload->rights);
    writer_u8(buf, upload->target);
    writer_u8(buf, upload->temporary);
    writer_u64le(buf, upload->connection);
    writer_text(buf, upload->refusal);
    writer_text(buf, upload->schema);
    writer_text(buf, upload->table);
    writer_text(buf, upload->partition_by);
    writer_text(buf, upload->sort_by);
    channel_frame_end(buf, mark);
}

bool channel_decode_upload(struct str payload, struct channel_upload *upload_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_upload upload = {.mode = reader_u8(&reader)};
    upload.rights = reader_u8(&reader);
    upload.target = reader_u8(&reader);
    upload.temporary = channel_read_flag(&reader);
    upload.connection = reader_u64le(&reader);
    upload.refusal = reader_text(&reader);
    upload.schema = reader_text(&reader);
    upload.table = reader_text(&reader);
    upload.partition_by = reader_text(&reader);
    upload.sort_by = reader_text(&reader);
    if (!channel_decoded(&reader, CHANNEL_UPLOAD, err))
        return false;
    *upload_out = upload;
    return true;
}

/* The body's place: len bytes that follow (block 0), or none. */
static struct str channel_read_body(struct reader *reader, uint32_t block, uint64_t len)
{
    if (block != 0)
        return S("");
    if (len > CHANNEL_INLINE_MAX) {
        reader->failed = true;
        return S("");
    }
    return reader_bytes(reader, (size_t)len);
}

void channel_encode_put(struct buf *buf, uint64_t statement, const struct channel_put *put)
{
    assert(put->block ? put->body.len == 0 : put->body.len == put->len);
    size_t mark = channel_frame_begin(buf, CHANNEL_PUT, statement);
    writer_u32le(buf, put->block);
    writer_u64le(buf, put->len);
    writer_text(buf, put->header);
    buf_append_str(buf, put->body);
    channel_frame_end(buf, mark);
}

bool channel_decode_put(struct str payload, struct channel_put *put_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_put put = {.block = reader_u32le(&reader)};
    put.len = reader_u64le(&reader);
    put.header = reader_text(&reader);
    put.body = channel_read_body(&reader, put.block, put.len);
    if (!channel_decoded(&reader, CHANNEL_PUT, err))
        return false;
    *put_out = put;
    return true;
}

void channel_encode_put_done(struct buf *buf, uint64_t statement, const struct channel_put_done *done)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_PUT_DONE, statement);
    writer_u32le(buf, done->block);
    writer_u64le(buf, done->len);
    channel_frame_end(buf, mark);
}

bool channel_decode_put_done(struct str payload, struct channel_put_done *done_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_put_done done = {.block = reader_u32le(&reader)};
    done.len = reader_u64le(&reader);
    if (!channel_decoded(&reader, CHANNEL_PUT_DONE, err))
        return false;
    *done_out = done;
    return true;
}

/* --- DATA --- */

void channel_encode_data(struct buf *buf, uint64_t statement, const struct channel_data *data)
{
    assert(data->block ? data->body.len == 0 : data->body.len == data->len);
    size_t mark = channel_frame_begin(buf, CHANNEL_DATA, statement);
    writer_u8(buf, data->role);
    writer_u8(buf, data->first);
    writer_u32le(buf, data->block);
    writer_u64le(buf, data->len);
    writer_u64le(buf, data->body_total);
    writer_u64le(buf, data->rows);
    writer_text(buf, data->header);
    buf_append_str(buf, data->body);
    channel_frame_end(buf, mark);
}

bool channel_decode_data(struct str payload, struct channel_data *data_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_data data = {.role = reader_u8(&reader)};
    data.first = channel_read_flag(&reader);
    data.block = reader_u32le(&reader);
    data.len = reader_u64le(&reader);
    data.body_total = reader_u64le(&reader);
    data.rows = reader_u64le(&reader);
    data.header = reader_text(&reader);
    data.body = channel_read_body(&reader, data.block, data.len);
    if (data.role > CHANNEL_DATA_PARAMETER_SCHEMA)
        reader.failed = true;
    if (!channel_decoded(&reader, CHANNEL_DATA, err))
        return false;
    *data_out = data;
    return true;
}

/* --- END --- */

void channel_encode_end(struct buf *buf, uint64_t statement, const struct channel_end *end)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_END, statement);
    writer_u8(buf, (uint8_t)end->code);
    writer_u8(buf, end->kind);
    writer_u8(buf, end->last);
    writer_u8(buf, end->ran);
    writer_u8(buf, end->depends);
    writer_u8(buf, end->returns);
    writer_u8(buf, end->transaction);
    writer_u8(buf, end->kept);
    writer_u64le(buf, end->rows);
    writer_u64le(buf, end->bytes);
    writer_u64le(buf, end->memory_bytes);
    writer_u8(buf, end->target);
    writer_text(buf, end->reason);
    writer_text(buf, end->message);
    writer_text(buf, end->hint);
    channel_frame_end(buf, mark);
}

bool channel_decode_end(struct str payload, struct channel_end *end_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_end end = {.code = channel_read_code(&reader)};
    end.kind = reader_u8(&reader);
    end.last = channel_read_flag(&reader);
    end.ran = channel_read_flag(&reader);
    end.depends = channel_read_flag(&reader);
    end.returns = channel_read_flag(&reader);
    end.transaction = channel_read_flag(&reader);
    end.kept = channel_read_flag(&reader);
    end.rows = reader_u64le(&reader);
    end.bytes = reader_u64le(&reader);
    end.memory_bytes = reader_u64le(&reader);
    end.target = reader_u8(&reader);
    end.reason = reader_text(&reader);
    end.message = reader_text(&reader);
    end.hint = reader_text(&reader);
    if (!channel_decoded(&reader, CHANNEL_END, err))
        return false;
    *end_out = end;
    return true;
}

/* --- USAGE --- */

void channel_encode_usage(struct buf *buf, const struct channel_usage *usage)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_USAGE, 0);
    writer_u64le(buf, usage->rss_bytes);
    writer_u64le(buf, usage->memory_bytes);
    writer_u64le(buf, usage->spill_bytes);
    channel_frame_end(buf, mark);
}

bool channel_decode_usage(struct str payload, struct channel_usage *usage_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_usage usage = {.rss_bytes = reader_u64le(&reader)};
    usage.memory_bytes = reader_u64le(&reader);
    usage.spill_bytes = reader_u64le(&reader);
    if (!channel_decoded(&reader, CHANNEL_USAGE, err))
        return false;
    *usage_out = usage;
    return true;
}

/* --- PROGRESS --- */

void channel_encode_progress(struct buf *buf, uint64_t statement, const struct channel_progress *progress)
{
    size_t mark = channel_frame_begin(buf, CHANNEL_PROGRESS, statement);
    writer_u32le(buf, progress->permille);
    writer_u64le(buf, progress->rows);
    channel_frame_end(buf, mark);
}

bool channel_decode_progress(struct str payload, struct channel_progress *progress_out, struct err *err)
{
    struct reader reader = reader_from(payload);
    struct channel_progress progress = {.permille = reader_u32le(&reader)};
    progress.rows = reader_u64le(&reader);
    if (!channel_decoded(&reader, CHANNEL_PROGRESS, err))
        return false;
    *progress_out = progress;
    return true;
}
