/* Growable bytes: doubling capacity, cheap consumption at the front. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void buf_done(struct buf *buf)
{
    mem_free(buf->ptr);
    *buf = (struct buf){0};
}

uint8_t *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->capacity - buf->end < len) {
        size_t used = buf_len(buf);
        if (buf->start) { /* move the rest to the front before growing */
            memmove(buf->ptr, buf->ptr + buf->start, used);
            buf->start = 0;
            buf->end = used;
        }
        if (buf->capacity - used < len) {
            size_t capacity = buf->capacity ? buf->capacity : 256;
            while (capacity - used < len) {
                if (capacity > SIZE_MAX / 2)
                    mem_panic("buffer size overflows");
                capacity *= 2;
            }
            buf->ptr = mem_realloc(buf->ptr, capacity);
            buf->capacity = capacity;
        }
    }
    if (!buf->ptr) { /* len was 0 on a fresh buf */
        buf->ptr = mem_alloc(16);
        buf->capacity = 16;
    }
    return buf->ptr + buf->end;
}

void buf_commit(struct buf *buf, size_t len)
{
    assert(len <= buf->capacity - buf->end);
    buf->end += len;
}

void buf_append(struct buf *buf, const void *ptr, size_t len)
{
    if (len == 0)
        return;
    memcpy(buf_reserve(buf, len), ptr, len);
    buf->end += len;
}

void buf_append_str(struct buf *buf, struct str text)
{
    buf_append(buf, text.ptr, text.len);
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_append_quoted(struct buf *buf, struct str text, char quote)
{
    buf_append_char(buf, quote);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == quote)
            buf_append_char(buf, quote);
        buf_append_char(buf, text.ptr[i]);
    }
    buf_append_char(buf, quote);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        mem_panic("bad format");
    vsnprintf((char *)buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, format, again);
    va_end(again);
    buf->end += (size_t)len;
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf_len(buf));
    buf->start += len;
    if (buf->start == buf->end)
        buf->start = buf->end = 0;
}

void buf_clear(struct buf *buf)
{
    buf->start = buf->end = 0;
}
