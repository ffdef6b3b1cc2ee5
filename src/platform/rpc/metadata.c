/* Encoders and decoders of metadata values. */
#include "platform/rpc/metadata.h"

#include "base/arena.h"
#include "base/clock.h"

bool metadata_timeout_us(struct str text, int64_t *delay_us_out)
{
    int64_t digits;
    if (text.len < 2 || text.len > 9)
        return false;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    if (!str_to_i64(str_slice(text, 0, text.len - 1), &digits))
        return false;
    switch (text.ptr[text.len - 1]) {
    case 'H':
        *delay_us_out = digits * 3600 * CLOCK_SECOND;
        return true;
    case 'M':
        *delay_us_out = digits * 60 * CLOCK_SECOND;
        return true;
    case 'S':
        *delay_us_out = digits * CLOCK_SECOND;
        return true;
    case 'm':
        *delay_us_out = digits * CLOCK_MILLISECOND;
        return true;
    case 'u':
        *delay_us_out = digits;
        return true;
    case 'n':
        *delay_us_out = (digits + 999) / 1000;
        return true;
    default:
        return false;
    }
}

static int metadata_base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool metadata_decode_binary(struct arena *arena, struct str text, struct str *bytes_out)
{
    if (text.len % 4 == 0) { /* padding is allowed only where it makes the length a multiple of four */
        for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    }
    if (text.len % 4 == 1)
        return false;
    char *bytes = arena_alloc(arena, text.len / 4 * 3 + 3);
    size_t len = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = metadata_base64_value(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0)
            bytes[len++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
    }
    *bytes_out = str_bytes(bytes, len);
    return true;
}

struct str metadata_encode_binary(struct arena *arena, struct str bytes)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = arena_alloc(arena, (bytes.len + 2) / 3 * 4);
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)(uint8_t)bytes.ptr[i] << 16;
        if (left > 1)
            bits |= (uint32_t)(uint8_t)bytes.ptr[i + 1] << 8;
        if (left > 2)
            bits |= (uint8_t)bytes.ptr[i + 2];
        text[len++] = alphabet[bits >> 18];
        text[len++] = alphabet[bits >> 12 & 63];
        if (left > 1)
            text[len++] = alphabet[bits >> 6 & 63];
        if (left > 2)
            text[len++] = alphabet[bits & 63];
    }
    return str_bytes(text, len); /* without padding, as gRPC asks */
}

struct str metadata_encode_message(struct arena *arena, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = arena_alloc(arena, text.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= ' ' && c <= '~' && c != '%') {
            encoded[len++] = (char)c;
        } else {
            encoded[len++] = '%';
            encoded[len++] = hex[c >> 4];
            encoded[len++] = hex[c & 15];
        }
    }
    return str_bytes(encoded, len);
}
