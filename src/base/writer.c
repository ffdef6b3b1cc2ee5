#include "base/writer.h"

/* The low size bytes of value, least significant first. */
static void writer_little_endian(struct buf *buf, uint64_t value, size_t size)
{
    uint8_t *bytes = buf_reserve(buf, size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    buf_commit(buf, size);
}

void writer_u8(struct buf *buf, uint8_t value)
{
    writer_little_endian(buf, value, 1);
}

void writer_u16le(struct buf *buf, uint16_t value)
{
    writer_little_endian(buf, value, 2);
}

void writer_u32le(struct buf *buf, uint32_t value)
{
    writer_little_endian(buf, value, 4);
}

void writer_u64le(struct buf *buf, uint64_t value)
{
    writer_little_endian(buf, value, 8);
}

void writer_u32be(struct buf *buf, uint32_t value)
{
    writer_u32le(buf, __builtin_bswap32(value));
}

void writer_varint(struct buf *buf, uint64_t value)
{
    while (value >= 0x80) {
        writer_u8(buf, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    writer_u8(buf, (uint8_t)value);
}

void writer_text(struct buf *buf, struct str text)
{
    writer_u32le(buf, (uint32_t)text.len);
    buf_append_str(buf, text);
}
