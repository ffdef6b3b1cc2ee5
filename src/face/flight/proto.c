/* Field by field; nothing here allocates. */
#include "face/flight/proto.h"

static bool flight_proto_fail(struct reader *reader)
{
    reader->failed = true;
    return false;
}

bool flight_proto_next(struct reader *reader, struct flight_field *field_out)
{
    if (reader->failed || reader_left(reader) == 0)
        return false;
    uint64_t tag = reader_varint(reader);
    if (reader->failed || tag > UINT32_MAX || tag >> 3 == 0)
        return flight_proto_fail(reader);
    struct flight_field field = {.number = (uint32_t)(tag >> 3)};
    switch (tag & 7) {
    case FLIGHT_WIRE_VARINT:
        field.wire = FLIGHT_WIRE_VARINT;
        field.value = reader_varint(reader);
        break;
    case FLIGHT_WIRE_I64:
        field.wire = FLIGHT_WIRE_I64;
        field.value = reader_u64le(reader);
        break;
    case FLIGHT_WIRE_BYTES: {
        field.wire = FLIGHT_WIRE_BYTES;
        uint64_t len = reader_varint(reader);
        if (len > reader_left(reader))
            return flight_proto_fail(reader);
        field.bytes = reader_bytes(reader, (size_t)len);
        break;
    }
    case FLIGHT_WIRE_I32:
        field.wire = FLIGHT_WIRE_I32;
        field.value = reader_u32le(reader);
        break;
    default:
        return flight_proto_fail(reader);
    }
    if (reader->failed)
        return false;
    *field_out = field;
    return true;
}

bool flight_proto_err(const char *message, struct err *err)
{
    return err_set(err, ERR_INVALID, "the bytes are no %s message", message);
}

void flight_proto_put_varint(struct buf *buf, uint32_t field, uint64_t value)
{
    if (value == 0)
        return;
    writer_varint(buf, FLIGHT_TAG(field, FLIGHT_WIRE_VARINT));
    writer_varint(buf, value);
}

void flight_proto_put_bytes(struct buf *buf, uint32_t field, struct str bytes)
{
    if (bytes.len > 0)
        flight_proto_put_item(buf, field, bytes);
}

void flight_proto_put_item(struct buf *buf, uint32_t field, struct str bytes)
{
    writer_varint(buf, FLIGHT_TAG(field, FLIGHT_WIRE_BYTES));
    writer_varint(buf, bytes.len);
    buf_append_str(buf, bytes);
}
