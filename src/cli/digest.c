/* SHA-256, written from FIPS 180-4; the constants are those of section 4.2.2. */
#include "cli/digest.h"

#include <stdio.h>

#define BLOCK_SIZE 64u
/* Where the length begins in the last block. */
#define LENGTH_AT 56u

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, int bits)
{
    return word >> bits | word << (32 - bits);
}

/* Section 6.2.2. */
static void take_block(struct cli_digest *digest, const uint8_t *block)
{
    uint32_t words[64], s[8];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t low = rotate(words[i - 15], 7) ^ rotate(words[i - 15], 18) ^ words[i - 15] >> 3;
        uint32_t high = rotate(words[i - 2], 17) ^ rotate(words[i - 2], 19) ^ words[i - 2] >> 10;
        words[i] = words[i - 16] + low + words[i - 7] + high;
    }
    memcpy(s, digest->state, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t e = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t first = s[7] + e + choice + constants[i] + words[i];
        uint32_t a = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += first;
        s[0] = first + a + majority;
    }
    for (int i = 0; i < 8; i++)
        digest->state[i] += s[i];
}

void cli_digest_init(struct cli_digest *digest)
{
    *digest = (struct cli_digest){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void cli_digest_add(struct cli_digest *digest, struct str bytes)
{
    size_t waiting = digest->len % BLOCK_SIZE;
    digest->len += bytes.len;
    if (waiting + bytes.len >= BLOCK_SIZE && waiting > 0) {
        size_t missing = BLOCK_SIZE - waiting;
        memcpy(digest->block + waiting, bytes.ptr, missing);
        take_block(digest, digest->block);
        bytes = str_from_index(bytes, missing);
        waiting = 0;
    }
    while (waiting == 0 && bytes.len >= BLOCK_SIZE) {
        take_block(digest, (const uint8_t *)bytes.ptr);
        bytes = str_from_index(bytes, BLOCK_SIZE);
    }
    if (bytes.len > 0)
        memcpy(digest->block + waiting, bytes.ptr, bytes.len);
}

void cli_digest_finish(struct cli_digest *digest, char text_out[CLI_DIGEST_TEXT])
{
    uint64_t bits = digest->len * 8;
    uint8_t padding[BLOCK_SIZE + 8] = {0x80};
    size_t waiting = digest->len % BLOCK_SIZE;
    size_t len = waiting < LENGTH_AT ? LENGTH_AT - waiting : LENGTH_AT + BLOCK_SIZE - waiting;
    for (int i = 0; i < 8; i++)
        padding[len + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    cli_digest_add(digest, str_bytes(padding, len + 8));
    for (int i = 0; i < 8; i++)
        (void)snprintf(text_out + (ptrdiff_t)8 * i, 9, "%08x", digest->state[i]);
}
