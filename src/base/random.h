/* Random bytes from the kernel. */
#pragma once
#include <stddef.h>

#include "base/str.h"

/* Fills the memory; aborts when the kernel has no randomness to give. */
void random_bytes(void *ptr, size_t len);

/* size random bytes as lower-case hexadecimal text of twice the length. */
struct str random_hex(struct arena *arena, size_t size);
