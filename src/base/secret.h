/* A password or token: wiped when it is freed, and without any way into a format string. */
#pragma once
#include "base/str.h"

struct secret;

struct secret *secret_new(struct str text);
/* Wipes and frees; clears the pointer. Accepts NULL inside. */
void secret_free(struct secret **secret);
/* Borrowed until secret_free; for the call that needs it only. */
struct str secret_reveal(const struct secret *secret);
/* Constant time in the contents. */
bool secret_equal(const struct secret *secret, struct str text);
