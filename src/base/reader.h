/* A bounds-checked cursor over bytes from outside. A read past the end sets `failed`, returns zero and makes every
 * later read fail too, so a decoder checks once at its end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct reader {
    const uint8_t *ptr;
    const uint8_t *end;
    bool failed;
};

static inline struct reader reader_from(struct str bytes)
{
    const uint8_t *ptr = (const uint8_t *)bytes.ptr;
    return (struct reader){.ptr = ptr, .end = bytes.len ? ptr + bytes.len : ptr};
}

static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->ptr);
}

/* The next len bytes, borrowed; an empty text when there are not that many. */
struct str reader_bytes(struct reader *reader, size_t len);

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16le(struct reader *reader);
uint32_t reader_u32le(struct reader *reader);
uint64_t reader_u64le(struct reader *reader);
uint32_t reader_u32be(struct reader *reader);

/* Base-128 number of protocol buffers, at most 10 bytes. */
uint64_t reader_varint(struct reader *reader);

/* A u32le length and that many bytes, as writer_text writes them. */
struct str reader_text(struct reader *reader);
