/* TLS of one connection without its socket: what the peer sent goes in and plain bytes come out; plain bytes of an
 * outbox go in, and what the peer has to get comes out. Never waits. */
#pragma once
#include "base/buf.h"
#include "platform/net/outbox.h"
#include "platform/net/tls.h"

struct tls_stream;

enum tls_state {
    TLS_SHAKING, /* plain bytes have to wait */
    TLS_OPEN,
    TLS_ENDED,  /* the peer has closed its side (close_notify) */
    TLS_BROKEN, /* what is unsent is the last that the peer gets: an alert */
};

/* At most this much is given to tls_stream_input at once. */
#define TLS_STREAM_INPUT_MAX ((size_t)112 * 1024)
/* So much comes out of it at most: what was given, and the record that was not whole before. */
#define TLS_STREAM_PLAIN_MAX (TLS_STREAM_INPUT_MAX + (size_t)32 * 1024)

/* host: whose certificate a client expects, a name or an address; NULL for a server. A client's hello is unsent at
 * once. */
struct tls_stream *tls_stream_new(struct tls *tls, const char *host);
/* Accepts NULL inside. */
void tls_stream_free(struct tls_stream **stream);
enum tls_state tls_stream_state(const struct tls_stream *stream);

/* Takes all bytes; returns how many plain ones were written to plain, which has room for TLS_STREAM_PLAIN_MAX. */
size_t tls_stream_input(struct tls_stream *stream, struct str bytes, uint8_t *plain);
/* Encrypts from the front of the outbox until enough is unsent to be worth a system call. Calls releases. */
void tls_stream_encrypt(struct tls_stream *stream, struct outbox *outbox);
/* Says close_notify, once; false when that was said or cannot be said. */
bool tls_stream_close(struct tls_stream *stream);

/* What has to go to the socket. */
struct str tls_stream_unsent(const struct tls_stream *stream);
/* len bytes of it went there. more: something will follow soon, so that the memory is kept. */
void tls_stream_sent(struct tls_stream *stream, size_t len, bool more);

/* The protocol that ALPN has chosen ("h2"); empty: none. */
struct str tls_stream_protocol(const struct tls_stream *stream);
/* Common name of the peer's verified certificate; empty: none. Lives as long as the stream. */
struct str tls_stream_subject(const struct tls_stream *stream);
/* Why the state is TLS_BROKEN; lives as long as the stream. */
struct str tls_stream_why(const struct tls_stream *stream);
