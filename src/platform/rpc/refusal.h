/* Last words to a client that speaks a protocol which is not served here, in its own language, so that its user reads
 * why.
 */
#pragma once
#include "platform/net/outbox.h"

/* HTTP/1.1 where TLS is spoken: 400. address: "127.0.0.1:8815". */
void refusal_http1(struct outbox *outbox, struct str address);
/* HTTP/2 where TLS is spoken: SETTINGS first. */
void refusal_http2_begin(struct outbox *outbox);
/* Then, at the client's first request, GOAWAY with INADEQUATE_SECURITY; true when that was said. A GOAWAY before the
 * request would make gRPC clients connect again at once, and again, instead of telling their user. bytes: frames behind
 * the preface; *consumed_out is how many were looked at. */
bool refusal_http2(struct outbox *outbox, struct str address, struct str bytes, size_t *consumed_out);
/* An alert: handshake_failure (RFC 8446 6). */
void refusal_tls(struct outbox *outbox);
/* ErrorResponse (PostgreSQL 55.8). sqlstate: five characters. */
void refusal_postgres(struct outbox *outbox, struct str sqlstate, struct str message);
