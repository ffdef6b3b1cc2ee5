/* SHA-256 (FIPS 180-4), as sha256sum prints it: 64 lower-case hexadecimal digits and a NUL. */
#pragma once
#include "base/err.h"

#define DIGEST_TEXT_BYTES 64

struct digest; /* bytes that come piece by piece */

struct digest *digest_new(void);
void digest_add(struct digest *digest, struct str bytes);
/* The digest is used up, and still its owner's to free. */
void digest_finish(struct digest *digest, char sum_out[DIGEST_TEXT_BYTES + 1]);
/* Accepts NULL inside. */
void digest_free(struct digest **digest);
static inline void digest_cleanup(struct digest **digest)
{
    digest_free(digest);
}

/* Of a whole file, which it reads: not on the loop's thread. */
bool digest_file(const char *path, char sum_out[DIGEST_TEXT_BYTES + 1], struct err *err) MUST_USE;
