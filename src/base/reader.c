#include "base/reader.h"

struct str reader_bytes(struct reader *reader, size_t len)
{
    if (reader->failed || len > reader_left(reader)) {
        reader->failed = true;
        return S("");
    }
    struct str bytes = str_bytes(reader->ptr, len);
    reader->ptr += len;
    return bytes;
}

/* size bytes as a little-endian number. */
static uint64_t reader_little_endian(struct reader *reader, size_t size)
{
    struct str bytes = reader_bytes(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value |= (uint64_t)(uint8_t)bytes.ptr[i] << (8 * i);
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)reader_little_endian(reader, 1);
}

uint16_t reader_u16le(struct reader *reader)
{
    return (uint16_t)reader_little_endian(reader, 2);
}

uint32_t reader_u32le(struct reader *reader)
{
    return (uint32_t)reader_little_endian(reader, 4);
}

uint64_t reader_u64le(struct reader *reader)
{
    return reader_little_endian(reader, 8);
}

uint32_t reader_u32be(struct reader *reader)
{
    return __builtin_bswap32(reader_u32le(reader));
}

uint64_t reader_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(reader);
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return reader->failed ? 0 : value;
    }
    reader->failed = true;
    return 0;
}

struct str reader_text(struct reader *reader)
{
    uint32_t len = reader_u32le(reader);
    return reader_bytes(reader, len);
}
