/* SHA-256 (FIPS 180-4), by which a restored file is known to be the one that was backed up. The hexadecimal form is
 * what sha256sum prints. */
#pragma once
#include <stdint.h>

#include "base/str.h"

#define CLI_DIGEST_SIZE 32
#define CLI_DIGEST_TEXT 65 /* with the NUL */

struct cli_digest {
    uint32_t state[8];
    uint64_t len;      /* bytes so far */
    uint8_t block[64]; /* len % 64 of them wait here */
};

void cli_digest_init(struct cli_digest *digest);
void cli_digest_add(struct cli_digest *digest, struct str bytes);
/* Lower-case hexadecimal, NUL-terminated. The digest is used up. */
void cli_digest_finish(struct cli_digest *digest, char text_out[CLI_DIGEST_TEXT]);
