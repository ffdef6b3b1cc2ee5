/* Bytes of four protocols. */
#include "platform/rpc/refusal.h"

#include "base/arena.h"
#include "base/buf.h"

/* RFC 9113 4.1, 6, 7. */
#define REFUSAL_FRAME_HEADER 9u
#define REFUSAL_FRAME_MAX 16384u
#define REFUSAL_HEADERS 1u
#define REFUSAL_SETTINGS 4u
#define REFUSAL_GOAWAY 7u
#define REFUSAL_INADEQUATE_SECURITY 0xcu

static void refusal_put_u32(struct buf *buf, uint32_t number)
{
    const uint8_t bytes[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    buf_append(buf, bytes, sizeof(bytes));
}

void refusal_http1(struct outbox *outbox, struct str address)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str body = str_format(arena,
                                 "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"this port speaks TLS: use "
                                 "https://%.*s\"}}\n",
                                 STR_ARG(address));
    outbox_copy_str(outbox, str_format(arena,
                                       "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
                                       "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
                                       "content-length: %zu\r\nconnection: close\r\n\r\n%.*s",
                                       body.len, STR_ARG(body)));
}

static void refusal_put_frame(struct buf *buf, uint32_t size, uint32_t type)
{
    refusal_put_u32(buf, size << 8 | type);
    buf_append(buf, "\0\0\0\0\0", 5); /* no flags, stream 0 */
}

bool refusal_http2(struct outbox *outbox, struct str address, struct str bytes, size_t *consumed_out)
{
    size_t at = 0;
    while (bytes.len - at >= REFUSAL_FRAME_HEADER) {
        const uint8_t *frame = (const uint8_t *)bytes.ptr + at;
        size_t size = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        if (frame[3] == REFUSAL_HEADERS || size > REFUSAL_FRAME_MAX) {
            AUTO(arena) struct arena *arena = arena_new();
            AUTO(buf) struct buf goaway = {0};
            struct str why = str_format(arena, "this port speaks TLS: use https://%.*s", STR_ARG(address));
            refusal_put_frame(&goaway, (uint32_t)(8 + why.len), REFUSAL_GOAWAY);
            refusal_put_u32(&goaway, INT32_MAX); /* the last stream that was looked at: any */
            refusal_put_u32(&goaway, REFUSAL_INADEQUATE_SECURITY);
            buf_append_str(&goaway, why);
            outbox_copy_str(outbox, buf_str(&goaway));
            return true;
        }
        if (bytes.len - at < REFUSAL_FRAME_HEADER + size)
            break;
        at += REFUSAL_FRAME_HEADER + size;
    }
    *consumed_out = at;
    return false;
}

void refusal_http2_begin(struct outbox *outbox)
{
    AUTO(buf) struct buf settings = {0};
    refusal_put_frame(&settings, 0, REFUSAL_SETTINGS);
    outbox_copy_str(outbox, buf_str(&settings));
}

void refusal_tls(struct outbox *outbox)
{
    outbox_copy_str(outbox, S("\x15\x03\x03\x00\x02\x02\x28"));
}

void refusal_postgres(struct outbox *outbox, struct str sqlstate, struct str message)
{
    AUTO(buf) struct buf fields = {0}, packet = {0};
    buf_append_str(&fields, S("SFATAL\0VFATAL\0C"));
    buf_append_str(&fields, sqlstate);
    buf_append_str(&fields, S("\0M"));
    buf_append_str(&fields, message);
    buf_append_str(&fields, S("\0\0"));
    buf_append_char(&packet, 'E');
    refusal_put_u32(&packet, (uint32_t)(4 + buf_len(&fields)));
    buf_append_str(&packet, buf_str(&fields));
    outbox_copy_str(outbox, buf_str(&packet));
}
