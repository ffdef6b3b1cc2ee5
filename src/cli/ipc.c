/* Arrow IPC framing, and as much of flatbuffers as it takes to know where a message ends. */
#include "cli/ipc.h"

#define MAGIC S("ARROW1")
#define CONTINUATION 0xFFFFFFFFu
/* struct Block of File.fbs: offset: long, metaDataLength: int, padding, bodyLength: long. */
#define BLOCK_SIZE 24u
/* enum MessageHeader of Message.fbs. */
#define HEADER_RECORD_BATCH 3u

static bool broken(struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "the Arrow data is damaged: %s", what);
}

/* --- Flatbuffers: every read is checked, a read outside gives false. --- */

static bool read_number(struct str bytes, size_t at, size_t size, uint64_t *number_out)
{
    if (at > bytes.len || bytes.len - at < size)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)(uint8_t)bytes.ptr[at + i] << (8 * i);
    *number_out = number;
    return true;
}

/* Follows the unsigned 32-bit offset at `at`. */
static bool follow(struct str bytes, size_t at, size_t *target_out)
{
    uint64_t offset;
    if (!read_number(bytes, at, 4, &offset) || offset > bytes.len - at)
        return false;
    *target_out = at + (size_t)offset;
    return true;
}

/* Where field `index` of the table lies; 0 when the table does not have it. */
static bool table_field(struct str bytes, size_t table, size_t index, size_t *at_out)
{
    uint64_t distance, vtable_size, offset = 0;
    if (!read_number(bytes, table, 4, &distance))
        return false;
    int64_t vtable = (int64_t)table - (int32_t)distance;
    if (vtable < 0 || !read_number(bytes, (size_t)vtable, 2, &vtable_size))
        return false;
    if (4 + 2 * index + 2 <= vtable_size && !read_number(bytes, (size_t)vtable + 4 + 2 * index, 2, &offset))
        return false;
    *at_out = offset ? table + (size_t)offset : 0;
    return true;
}

/* A number in a table; absent ones are 0. */
static bool table_number(struct str bytes, size_t table, size_t index, size_t size, uint64_t *number_out)
{
    size_t at;
    *number_out = 0;
    return table_field(bytes, table, index, &at) && (at == 0 || read_number(bytes, at, size, number_out));
}

/* table Message { version: short; header: MessageHeader; bodyLength: long; ... } */
static bool read_message_table(struct str header, uint64_t *body_len_out, uint64_t *rows_out)
{
    size_t root, at, batch;
    uint64_t kind;
    *rows_out = 0;
    if (!follow(header, 0, &root) || !table_number(header, root, 1, 1, &kind) ||
        !table_number(header, root, 3, 8, body_len_out) || !table_field(header, root, 2, &at))
        return false;
    if (kind != HEADER_RECORD_BATCH || at == 0)
        return true;
    return follow(header, at, &batch) && table_number(header, batch, 0, 8, rows_out);
}

/* A vector of structs in the footer. */
static bool read_blocks(struct str footer, size_t table, size_t index, struct str *blocks_out)
{
    size_t at, vector;
    uint64_t count;
    *blocks_out = S("");
    if (!table_field(footer, table, index, &at))
        return false;
    if (at == 0)
        return true;
    if (!follow(footer, at, &vector) || !read_number(footer, vector, 4, &count) ||
        count > (footer.len - vector - 4) / BLOCK_SIZE)
        return false;
    *blocks_out = str_slice(footer, vector + 4, (size_t)count * BLOCK_SIZE);
    return true;
}

/* --- Framing. --- */

/* The message at `at`; *next_out is where the one behind it begins. header.len is 0 at the end mark. */
static bool read_message(struct str bytes, size_t at, struct cli_ipc_message *message_out, size_t *next_out,
                         struct err *err)
{
    uint64_t prefix, len, body_len;
    if (!read_number(bytes, at, 4, &prefix))
        return broken(err, "a message is cut off");
    at += 4;
    len = prefix; /* before Arrow 0.15 there was no continuation mark */
    if (prefix == CONTINUATION) {
        if (!read_number(bytes, at, 4, &len))
            return broken(err, "a message is cut off");
        at += 4;
    }
    *message_out = (struct cli_ipc_message){.header = S(""), .body = S("")};
    *next_out = at;
    if (len == 0)
        return true;
    if (len > bytes.len - at)
        return broken(err, "a message is cut off");
    message_out->header = str_slice(bytes, at, (size_t)len);
    at += (size_t)len;
    if (!read_message_table(message_out->header, &body_len, &message_out->rows))
        return broken(err, "a message header makes no sense");
    if (body_len > bytes.len - at)
        return broken(err, "the body of a message is cut off");
    message_out->body = str_slice(bytes, at, (size_t)body_len);
    *next_out = at + (size_t)body_len;
    return true;
}

static bool open_file(struct str bytes, struct cli_ipc *ipc, struct err *err)
{
    uint64_t footer_len;
    size_t tail = MAGIC.len + 4;
    if (bytes.len < 8 + tail || !str_ends_with(bytes, MAGIC))
        return broken(err, "the file has no end");
    size_t end = bytes.len - tail;
    if (!read_number(bytes, end, 4, &footer_len) || footer_len > end - 8)
        return broken(err, "the file's footer is not where it should be");
    struct str footer = str_slice(bytes, end - (size_t)footer_len, (size_t)footer_len);
    size_t root;
    if (!follow(footer, 0, &root) || !read_blocks(footer, root, 2, &ipc->blocks[0]) ||
        !read_blocks(footer, root, 3, &ipc->blocks[1]))
        return broken(err, "the file's footer makes no sense");
    ipc->is_file = true;
    ipc->position = 8; /* the magic and its padding */
    return true;
}

bool cli_ipc_open(struct str bytes, struct cli_ipc *ipc_out, struct err *err)
{
    struct cli_ipc ipc = {.bytes = bytes};
    if (str_starts_with(bytes, S("FEA1")))
        return err_set(err, ERR_UNIMPLEMENTED, "this is a Feather file of version 1; version 2 (Arrow) is needed");
    if (str_starts_with(bytes, MAGIC) && !open_file(bytes, &ipc, err))
        return false;
    *ipc_out = ipc;
    return true;
}

/* The block that comes next; false when there is none left. */
static bool next_block(struct cli_ipc *ipc, uint64_t *offset_out)
{
    size_t dictionaries = ipc->blocks[0].len / BLOCK_SIZE, batches = ipc->blocks[1].len / BLOCK_SIZE;
    size_t index = ipc->block_index;
    if (index >= dictionaries + batches)
        return false;
    struct str blocks = ipc->blocks[index >= dictionaries];
    ipc->block_index++;
    return read_number(blocks, (index >= dictionaries ? index - dictionaries : index) * BLOCK_SIZE, 8, offset_out);
}

bool cli_ipc_next(struct cli_ipc *ipc, struct cli_ipc_message *message_out, bool *end_out, struct err *err)
{
    *end_out = false;
    uint64_t at = ipc->position;
    if (ipc->is_file && ipc->schema_given && !next_block(ipc, &at)) {
        *end_out = true;
        return true;
    }
    if (!ipc->is_file && ipc->schema_given && at == ipc->bytes.len) {
        *end_out = true;
        return true;
    }
    size_t next = 0;
    if (at > ipc->bytes.len)
        return broken(err, "the file's footer points outside of it");
    if (!read_message(ipc->bytes, (size_t)at, message_out, &next, err))
        return false;
    if (message_out->header.len == 0) {
        if (!ipc->schema_given || ipc->is_file)
            return broken(err, "a message is empty");
        *end_out = true;
        return true;
    }
    ipc->schema_given = true;
    if (!ipc->is_file)
        ipc->position = next;
    return true;
}
