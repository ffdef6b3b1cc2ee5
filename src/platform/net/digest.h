/* SHA-256 of files. Reads them: not on the loop's thread. */
#pragma once
#include "base/err.h"

#define DIGEST_TEXT_BYTES 64

/* In lower-case hexadecimal digits. */
bool digest_file(const char *path, char sum_out[DIGEST_TEXT_BYTES + 1], struct err *err) MUST_USE;
