/* A state machine of two states: inside the prefix, inside the message. */
#include "platform/rpc/framing.h"

#include "base/reader.h"

enum framing_event framing_next(struct framing *framing, struct str *bytes, uint32_t *size_out, struct str *part_out)
{
    if (framing->prefix_len < FRAMING_PREFIX_SIZE) {
        while (framing->prefix_len < FRAMING_PREFIX_SIZE) {
            if (bytes->len == 0)
                return FRAMING_MORE;
            framing->prefix[framing->prefix_len++] = (uint8_t)bytes->ptr[0];
            *bytes = str_from_index(*bytes, 1);
        }
        if (framing->prefix[0] != 0)
            return FRAMING_COMPRESSED;
        struct reader reader = reader_from(str_bytes(framing->prefix + 1, 4));
        *size_out = framing->left = reader_u32be(&reader);
        return FRAMING_BEGIN;
    }
    if (framing->left == 0) {
        framing->prefix_len = 0;
        return FRAMING_END;
    }
    if (bytes->len == 0)
        return FRAMING_MORE;
    *part_out = str_slice(*bytes, 0, framing->left);
    *bytes = str_from_index(*bytes, part_out->len);
    framing->left -= (uint32_t)part_out->len;
    return FRAMING_BYTES;
}

bool framing_is_idle(const struct framing *framing)
{
    return framing->prefix_len == 0;
}

void framing_prefix(uint32_t size, uint8_t prefix_out[FRAMING_PREFIX_SIZE])
{
    prefix_out[0] = 0;
    prefix_out[1] = (uint8_t)(size >> 24);
    prefix_out[2] = (uint8_t)(size >> 16);
    prefix_out[3] = (uint8_t)(size >> 8);
    prefix_out[4] = (uint8_t)size;
}
