/* Which protocol a client speaks, from its first bytes. Pure: no socket, no state. */
#pragma once
#include "base/str.h"

enum sniff_protocol {
    SNIFF_MORE,             /* not clear yet: wait for more bytes */
    SNIFF_HTTP1,            /* begins with a method */
    SNIFF_HTTP2,            /* begins with the connection preface (RFC 9113 3.4) */
    SNIFF_TLS,              /* a handshake record */
    SNIFF_POSTGRES_STARTUP, /* StartupMessage, protocol 3.x */
    SNIFF_POSTGRES_SSL,     /* SSLRequest */
    SNIFF_POSTGRES_GSS,     /* GSSENCRequest */
    SNIFF_POSTGRES_CANCEL,  /* CancelRequest */
    SNIFF_UNKNOWN,          /* none of them */
};

/* At most this many bytes decide. */
#define SNIFF_BYTES_MAX 24

enum sniff_protocol sniff_protocol(struct str bytes);
