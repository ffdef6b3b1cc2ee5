/* Verbs that append wire numbers to a buf; the mirror of reader.h. */
#pragma once
#include <stdint.h>

#include "base/buf.h"

void writer_u8(struct buf *buf, uint8_t value);
void writer_u16le(struct buf *buf, uint16_t value);
void writer_u32le(struct buf *buf, uint32_t value);
void writer_u64le(struct buf *buf, uint64_t value);
void writer_u32be(struct buf *buf, uint32_t value);
void writer_varint(struct buf *buf, uint64_t value);
/* A u32le length and the bytes. */
void writer_text(struct buf *buf, struct str text);
