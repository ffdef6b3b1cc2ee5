/* Owned bytes that grow. Consumed bytes at the front are skipped cheaply, so a buf also serves as an input queue. */
#pragma once
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

struct buf {
    uint8_t *ptr; /* owned; NULL while empty and never grown */
    size_t start; /* consumed bytes */
    size_t end;   /* used bytes, start <= end <= capacity */
    size_t capacity;
};

void buf_done(struct buf *buf);
static inline void buf_cleanup(struct buf *buf)
{
    buf_done(buf);
}

static inline size_t buf_len(const struct buf *buf)
{
    return buf->end - buf->start;
}
static inline struct str buf_str(const struct buf *buf)
{
    return str_bytes(buf->ptr ? buf->ptr + buf->start : (const uint8_t *)"", buf_len(buf));
}

/* Room for len more bytes; returns where they start. Call buf_commit after writing them. */
uint8_t *buf_reserve(struct buf *buf, size_t len) __attribute__((returns_nonnull));
void buf_commit(struct buf *buf, size_t len);

void buf_append(struct buf *buf, const void *ptr, size_t len);
void buf_append_str(struct buf *buf, struct str text);
void buf_append_char(struct buf *buf, char c);
/* The text between two quotes, each quote inside doubled: how SQL and CSV write names and texts. */
void buf_append_quoted(struct buf *buf, struct str text, char quote);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);

/* Drops len bytes at the front. */
void buf_consume(struct buf *buf, size_t len);

/* Empties without giving memory back. */
void buf_clear(struct buf *buf);
