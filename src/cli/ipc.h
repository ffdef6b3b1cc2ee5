/* Arrow IPC framing (Arrow columnar format, "Serialization and Interprocess Communication"): takes a stream or a file
 * apart into messages and passes them on unread. What is inside is the server's to validate. Pure; bytes are borrowed.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct cli_ipc {
    struct str bytes;
    size_t position;      /* stream: of the next message */
    struct str blocks[2]; /* file: the footer's blocks of dictionaries and of record batches */
    size_t block_index;   /* file: of the next block, across both; the schema comes before them */
    bool is_file;
    bool schema_given;
};

struct cli_ipc_message {
    struct str header; /* the flatbuffer, without prefix */
    struct str body;
    uint64_t rows; /* of a record batch, else 0 */
};

/* Tells a file ("ARROW1") from a stream and finds the file's footer. */
bool cli_ipc_open(struct str bytes, struct cli_ipc *ipc_out, struct err *err) MUST_USE;
/* The next message, schema first; *end_out is true after the last one. A stream that ends without an end mark is whole
 * if its last message is. */
bool cli_ipc_next(struct cli_ipc *ipc, struct cli_ipc_message *message_out, bool *end_out, struct err *err) MUST_USE;
