/* Shared by tls.c and tls_stream.c. */
#pragma once
#include <openssl/ssl.h>

#include "platform/net/tls.h"

struct tls {
    SSL_CTX *context;
    bool is_client;
    int64_t tickets_us; /* since when the ticket keys are in use */
    struct tls_pin pin;
    char fingerprint[96];
    int64_t expires_us;
};

/* OpenSSL's last words, then forgets them. */
bool tls_error(struct err *err, enum err_code code, const char *what);
/* Session tickets are sealed with fresh keys now and then; older tickets only cost their clients a full handshake. */
void tls_rotate_tickets(struct tls *tls);
