/* Bytes of four protocols. */
#include "platform/rpc/refusal.h"

#include "base/arena.h"
#include "base/buf.h"

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

void refusal_http2(struct outbox *outbox, struct str address)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf frames = {0};
    struct str why = str_format(arena, "this port speaks TLS: use https://%.*s", STR_ARG(address));
    const uint32_t inadequate_security = 0xc, settings = 4, goaway = 7;
    /* length and type, flags and stream */
    refusal_put_u32(&frames, settings);
    buf_append(&frames, "\0\0\0\0\0", 5);
    refusal_put_u32(&frames, (uint32_t)(8 + why.len) << 8 | goaway);
    buf_append(&frames, "\0\0\0\0\0", 5);
    refusal_put_u32(&frames, 0); /* no stream was looked at */
    refusal_put_u32(&frames, inadequate_security);
    buf_append_str(&frames, why);
    outbox_copy_str(outbox, buf_str(&frames));
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
