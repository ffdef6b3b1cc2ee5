/* What the TLS connections of one side have in common: certificate, key, trust, and the rules of this house: TLS 1.2 or
 * 1.3, AEAD ciphers with forward secrecy only, no compression, no renegotiation, no early data. Immutable once made:
 * new files make a new one, and connections go on with theirs. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct tls;

/* Texts in PEM. */
struct tls_server_options {
    struct str certificate; /* the server's own first, then those that lead to its CA */
    struct str key;         /* of the first, without a password */
    struct str client_ca;   /* who may vouch for clients; empty: clients are not asked for certificates */
};
/* A client without a certificate is let in, one whose certificate is not vouched for is not. */
struct tls *tls_new_server(const struct tls_server_options *options, struct err *err) MUST_USE;

/* Whom a client trusts. */
struct tls_trust {
    struct str ca;          /* path of a PEM file; empty: the system's CAs */
    struct str fingerprint; /* SHA-256 of the server's own certificate in hexadecimal, colons or not; then neither CA
                               nor name is looked at. Empty: not pinned */
};
struct tls *tls_new_client(const struct tls_trust *trust, struct err *err) MUST_USE;

/* Not before the streams of a client are gone. Accepts NULL inside. */
void tls_free(struct tls **tls);
static inline void tls_cleanup(struct tls **tls)
{
    tls_free(tls);
}

/* SHA-256 of the server's certificate: "AB:CD:…". */
struct str tls_fingerprint(const struct tls *tls);
/* When the server's certificate ends, on clock_wall_us's scale. */
int64_t tls_expires_us(const struct tls *tls);

/* The pin as a number, for who has an SSL_CTX of his own (libcurl). ERR_INVALID for what is no fingerprint. */
struct tls_pin {
    uint8_t sha256[32];
};
bool tls_pin_parse(struct str fingerprint, struct tls_pin *pin_out, struct err *err) MUST_USE;
/* Only the certificate with this pin is accepted. ssl_ctx: an SSL_CTX; the pin must outlive it. */
void tls_pin_require(void *ssl_ctx, const struct tls_pin *pin);
