/* A certificate that vouches for itself, for a quick start without a CA. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* Makes a key (P-256) and a certificate for the names (DNS names and addresses; brackets of IPv6 are left out), good
 * for two years and a bit. Both in PEM, in the arena. */
bool tls_self_make(struct arena *arena, const struct str *names, size_t count, struct str *certificate_out,
                   struct str *key_out, struct err *err) MUST_USE;
