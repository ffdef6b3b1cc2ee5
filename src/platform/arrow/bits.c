/* Counting and copying of bitmaps. */
#include "platform/arrow/bits.h"

#include <string.h>

size_t arrow_bits_count(const void *bits, size_t start, size_t count)
{
    const uint8_t *bytes = bits;
    size_t end = start + count, set = 0, at = start;
    for (; at < end && (at & 7) != 0; at++)
        set += arrow_bit(bits, at);
    for (; at + 64 <= end; at += 64) {
        uint64_t word;
        memcpy(&word, bytes + (at >> 3), 8);
        set += (size_t)__builtin_popcountll(word);
    }
    for (; at < end; at++)
        set += arrow_bit(bits, at);
    return set;
}

/* The next up to 8 bits of the source, the rest 0. */
static unsigned arrow_bits_take(const uint8_t *source, size_t from, size_t count)
{
    unsigned value = source[from >> 3] >> (from & 7);
    if ((from & 7) + count > 8)
        value |= (unsigned)source[(from >> 3) + 1] << (8 - (from & 7));
    return value & ((1u << count) - 1);
}

/* Puts up to 8 bits where they may span two bytes. */
static void arrow_bits_put(uint8_t *target, size_t to, unsigned value, size_t count)
{
    size_t shift = to & 7;
    uint8_t *byte = target + (to >> 3);
    unsigned keep = (1u << shift) - 1;
    byte[0] = (uint8_t)((byte[0] & keep) | (value << shift));
    if (shift + count > 8)
        byte[1] = (uint8_t)(value >> (8 - shift));
}

void arrow_bits_copy(void *target, size_t to, const void *source, size_t from, size_t count)
{
    uint8_t *out = target;
    const uint8_t *in = source;
    if ((to & 7) == 0 && (from & 7) == 0 && count >= 8) {
        size_t whole = count >> 3;
        memcpy(out + (to >> 3), in + (from >> 3), whole);
        to += whole << 3;
        from += whole << 3;
        count &= 7;
    }
    while (count > 0) {
        size_t step = count < 8 ? count : 8;
        arrow_bits_put(out, to, arrow_bits_take(in, from, step), step);
        to += step;
        from += step;
        count -= step;
    }
}

void arrow_bits_set(void *target, size_t to, size_t count)
{
    uint8_t *out = target;
    while (count > 0 && ((to & 7) != 0 || count < 8)) {
        size_t step = 8 - (to & 7) < count ? 8 - (to & 7) : count;
        arrow_bits_put(out, to, (1u << step) - 1, step);
        to += step;
        count -= step;
    }
    size_t whole = count >> 3;
    memset(out + (to >> 3), 0xff, whole);
    if ((count & 7) != 0)
        arrow_bits_put(out, to + (whole << 3), (1u << (count & 7)) - 1, count & 7);
}
