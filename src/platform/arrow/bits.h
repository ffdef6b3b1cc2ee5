/* Bitmaps as Arrow and DuckDB both lay them out: least significant bit first, 1 = valid. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool arrow_bit(const void *bits, size_t index)
{
    return (((const uint8_t *)bits)[index >> 3] >> (index & 7)) & 1;
}

/* How many of the count bits from start on are 1. */
size_t arrow_bits_count(const void *bits, size_t start, size_t count);

/* Copies count bits. Bits of the target before `to` stay; those after the copied ones, up to the end of the byte,
 * become 0. So a bitmap is written from its start to its end. */
void arrow_bits_copy(void *target, size_t to, const void *source, size_t from, size_t count);

/* Sets count bits to 1, with the same rule about the rest of the last byte. */
void arrow_bits_set(void *target, size_t to, size_t count);
