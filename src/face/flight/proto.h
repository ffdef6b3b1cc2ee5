/* The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding/) as two cursors: fields come
 * out one by one, fields go in one by one. Each message has its own file on top, encode and decode side by side. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/reader.h"
#include "base/writer.h"

enum flight_wire { FLIGHT_WIRE_VARINT = 0, FLIGHT_WIRE_I64 = 1, FLIGHT_WIRE_BYTES = 2, FLIGHT_WIRE_I32 = 5 };

/* A tag: field number and wire type. */
#define FLIGHT_TAG(field, wire) ((uint32_t)((field) << 3 | (wire)))

struct flight_field {
    uint32_t number;
    enum flight_wire wire;
    uint64_t value;   /* VARINT, I64, I32 */
    struct str bytes; /* BYTES; borrowed */
};

/* The next field, also one that the message does not know. false: the end, or reader->failed for bad bytes (unknown
 * wire types and groups included). */
bool flight_proto_next(struct reader *reader, struct flight_field *field_out);

/* *err for a message that did not decode. Always false. */
bool flight_proto_err(const char *message, struct err *err);

/* Fields with the default value (0, empty) are left out, as proto3 does. */
void flight_proto_put_varint(struct buf *buf, uint32_t field, uint64_t value);
void flight_proto_put_bytes(struct buf *buf, uint32_t field, struct str bytes);
/* A sub-message or an element of a repeated field: written even when empty. */
void flight_proto_put_item(struct buf *buf, uint32_t field, struct str bytes);
