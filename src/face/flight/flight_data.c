/* A small state machine over bytes: tag, then a varint, a fixed number or a length with its bytes. */
#include "face/flight/flight_data.h"

#include "base/limits.h"

enum flight_data_state { FLIGHT_DATA_TAG, FLIGHT_DATA_VARINT, FLIGHT_DATA_LENGTH, FLIGHT_DATA_BYTES };

enum flight_data_field {
    FLIGHT_DATA_DESCRIPTOR = 1,
    FLIGHT_DATA_HEADER = 2,
    FLIGHT_DATA_METADATA = 3,
    FLIGHT_DATA_BODY = 1000,
};

static size_t flight_data_varint(uint8_t *out, uint64_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

static size_t flight_data_tag(uint8_t *out, uint32_t field, uint64_t size)
{
    size_t len = flight_data_varint(out, FLIGHT_TAG(field, FLIGHT_WIRE_BYTES));
    return len + flight_data_varint(out + len, size);
}

size_t flight_data_header_tag(uint8_t *tag_out, size_t len)
{
    return flight_data_tag(tag_out, FLIGHT_DATA_HEADER, len);
}

size_t flight_data_body_tag(uint8_t *tag_out, uint64_t len)
{
    return flight_data_tag(tag_out, FLIGHT_DATA_BODY, len);
}

void flight_data_begin(struct flight_data_parser *parser, uint32_t size)
{
    buf_clear(&parser->descriptor);
    buf_clear(&parser->header);
    buf_clear(&parser->metadata);
    parser->has_descriptor = false;
    parser->body_len = 0;
    parser->state = FLIGHT_DATA_TAG;
    parser->number = 0;
    parser->shift = 0;
    parser->left = 0;
    parser->seen = 0;
    parser->message_left = size;
    parser->capture = NULL;
    parser->body = NULL;
}

/* A known field may come once; a message that repeats one is nobody's encoding of an Arrow message. */
static bool flight_data_once(struct flight_data_parser *parser, uint32_t bit, const char *name, struct err *err)
{
    if (parser->seen & UINT32_C(1) << bit)
        return err_set(err, ERR_INVALID, "field %s comes twice in a FlightData message", name);
    parser->seen |= UINT32_C(1) << bit;
    return true;
}

static bool flight_data_capture(struct flight_data_parser *parser, struct buf *buf, enum limit limit, struct err *err)
{
    if (parser->left > (uint64_t)limits_get(limit))
        return limits_err(limit, err);
    parser->capture = buf;
    return true;
}

/* The length of a field of bytes is known: where do they go? */
static bool flight_data_open(struct flight_data_parser *parser, struct err *err)
{
    parser->capture = NULL;
    parser->body = NULL;
    switch (parser->field) {
    case FLIGHT_DATA_DESCRIPTOR:
        parser->has_descriptor = true;
        return flight_data_once(parser, 0, "flight_descriptor", err) &&
               flight_data_capture(parser, &parser->descriptor, LIMIT_UNARY_MESSAGE, err);
    case FLIGHT_DATA_HEADER:
        return flight_data_once(parser, 1, "data_header", err) &&
               flight_data_capture(parser, &parser->header, LIMIT_IPC_HEADER, err);
    case FLIGHT_DATA_METADATA:
        return flight_data_once(parser, 2, "app_metadata", err) &&
               flight_data_capture(parser, &parser->metadata, LIMIT_UNARY_MESSAGE, err);
    case FLIGHT_DATA_BODY:
        if (!flight_data_once(parser, 3, "data_body", err))
            return false;
        parser->body_len = (size_t)parser->left;
        if (parser->left > 0)
            parser->body = parser->on_body(parser->owner, parser->body_len, err);
        return parser->left == 0 || parser->body;
    default:
        return true;
    }
}

static bool flight_data_begin_field(struct flight_data_parser *parser, struct err *err)
{
    uint64_t tag = parser->number;
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return flight_proto_err("FlightData", err);
    parser->field = (uint32_t)(tag >> 3);
    bool known = parser->field <= FLIGHT_DATA_METADATA || parser->field == FLIGHT_DATA_BODY;
    uint32_t wire = (uint32_t)(tag & 7);
    if (known && wire != FLIGHT_WIRE_BYTES)
        return flight_proto_err("FlightData", err);
    parser->capture = NULL;
    parser->body = NULL;
    switch (wire) {
    case FLIGHT_WIRE_VARINT:
        parser->state = FLIGHT_DATA_VARINT;
        return true;
    case FLIGHT_WIRE_BYTES:
        parser->state = FLIGHT_DATA_LENGTH;
        return true;
    case FLIGHT_WIRE_I64:
    case FLIGHT_WIRE_I32:
        parser->left = wire == FLIGHT_WIRE_I64 ? 8 : 4;
        parser->state = FLIGHT_DATA_BYTES;
        return parser->left <= parser->message_left || flight_proto_err("FlightData", err);
    default:
        return flight_proto_err("FlightData", err);
    }
}

/* A whole varint was read. */
static bool flight_data_number(struct flight_data_parser *parser, struct err *err)
{
    switch ((enum flight_data_state)parser->state) {
    case FLIGHT_DATA_TAG:
        return flight_data_begin_field(parser, err);
    case FLIGHT_DATA_VARINT:
        parser->state = FLIGHT_DATA_TAG;
        return true;
    case FLIGHT_DATA_LENGTH:
        /* A length that lies is found before any memory is asked for. */
        if (parser->number > parser->message_left)
            return flight_proto_err("FlightData", err);
        parser->left = parser->number;
        parser->state = parser->left > 0 ? FLIGHT_DATA_BYTES : FLIGHT_DATA_TAG;
        return flight_data_open(parser, err);
    case FLIGHT_DATA_BYTES:
        break;
    }
    mem_panic("flight_data: a number outside of a number's states");
}

static bool flight_data_digit(struct flight_data_parser *parser, uint8_t byte, struct err *err)
{
    if (parser->shift > 63 || (parser->shift == 63 && byte > 1))
        return flight_proto_err("FlightData", err);
    parser->number |= (uint64_t)(byte & 0x7f) << parser->shift;
    parser->shift += 7;
    if (byte & 0x80)
        return true;
    bool ok = flight_data_number(parser, err);
    parser->number = 0;
    parser->shift = 0;
    return ok;
}

bool flight_data_feed(struct flight_data_parser *parser, struct str bytes, struct err *err)
{
    if (bytes.len > parser->message_left)
        return flight_proto_err("FlightData", err);
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    size_t rest = bytes.len;
    while (rest > 0) {
        if (parser->state != FLIGHT_DATA_BYTES) {
            parser->message_left--;
            rest--;
            if (!flight_data_digit(parser, *at++, err))
                return false;
            continue;
        }
        size_t len = rest < parser->left ? rest : (size_t)parser->left;
        if (parser->capture) {
            buf_append(parser->capture, at, len);
        } else if (parser->body) {
            memcpy(parser->body, at, len);
            parser->body += len;
        }
        at += len;
        rest -= len;
        parser->left -= len;
        parser->message_left -= len;
        if (parser->left == 0)
            parser->state = FLIGHT_DATA_TAG;
    }
    return true;
}

bool flight_data_end(struct flight_data_parser *parser, struct err *err)
{
    if (parser->message_left != 0 || parser->state != FLIGHT_DATA_TAG || parser->shift != 0)
        return flight_proto_err("FlightData", err);
    return true;
}

void flight_data_done(struct flight_data_parser *parser)
{
    buf_done(&parser->descriptor);
    buf_done(&parser->header);
    buf_done(&parser->metadata);
}

struct str flight_data_encapsulate(struct arena *arena, struct str header)
{
    size_t padded = (header.len + 7) & ~(size_t)7;
    uint8_t *bytes = arena_alloc(arena, 8 + padded);
    AUTO(buf) struct buf prefix = {0};
    writer_u32le(&prefix, UINT32_MAX);
    writer_u32le(&prefix, (uint32_t)padded);
    memcpy(bytes, buf_str(&prefix).ptr, 8);
    memcpy(bytes + 8, header.ptr, header.len);
    return str_bytes(bytes, 8 + padded);
}

void flight_put_result_encode(struct buf *buf, struct str metadata)
{
    flight_proto_put_bytes(buf, 1, metadata);
}
