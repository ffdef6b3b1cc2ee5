/* Which addresses the server may connect to by itself: any public one, private ones (loopback, RFC 1918 and 4193,
 * link-local, shared, reserved) only from a list. The address is checked that the name was resolved to, when the
 * connection is made, so a name cannot change its mind between check and use. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct sockaddr;
struct http_outgoing;

/* allowed: "10.1.0.0/16", "127.0.0.1", "fd00::/8". Lives in the arena; ERR_INVALID names a bad one. */
const struct http_outgoing *http_outgoing_new(struct arena *arena, const struct str *allowed, size_t count,
                                              struct err *err);
bool http_outgoing_allows(const struct http_outgoing *outgoing, const struct sockaddr *address);
