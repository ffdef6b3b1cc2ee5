/* OpenSSL contexts. */
#include "platform/net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/random.h"
#include "platform/net/tls_priv.h"

/* AES-128 first: it is the fastest, and strong enough to be nobody's weak point. Clients without AES in hardware get
 * ChaCha20 because they put it first (SSL_OP_PRIORITIZE_CHACHA). */
#define TLS_CIPHERS_12                                                                         \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS_CIPHERS_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define TLS_GROUPS "X25519:P-256:P-384"
#define TLS_TICKET_KEY_US (12 * 3600 * CLOCK_SECOND)
/* A ticket is no use longer than this. */
#define TLS_TICKET_LIFE_S 7200
#define TLS_TICKET_KEY_SIZE 80

bool tls_error(struct err *err, enum err_code code, const char *what)
{
    unsigned long last = ERR_peek_last_error();
    const char *reason = last ? ERR_reason_error_string(last) : NULL;
    err_set(err, code, "%s: %s", what, reason ? reason : "OpenSSL does not say why");
    ERR_clear_error();
    return false;
}

void tls_rotate_tickets(struct tls *tls)
{
    int64_t now_us = clock_now_us();
    if (tls->is_client || now_us - tls->tickets_us < TLS_TICKET_KEY_US)
        return;
    uint8_t key[TLS_TICKET_KEY_SIZE];
    random_bytes(key, sizeof(key));
    SSL_CTX_set_tlsext_ticket_keys(tls->context, key, sizeof(key));
    OPENSSL_cleanse(key, sizeof(key));
    tls->tickets_us = now_us;
}

/* The first protocol of the server's list that the client knows; none in common ends the handshake (RFC 7301 3.2). */
static int tls_choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                               const unsigned char *offered, unsigned int offered_len, void *owner)
{
    (void)ssl, (void)owner;
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *found;
    if (SSL_select_next_proto(&found, chosen_len, ours, sizeof(ours) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static struct tls *tls_new(const SSL_METHOD *method, bool is_client, struct err *err)
{
    struct tls *tls = mem_new(struct tls);
    tls->is_client = is_client;
    tls->context = SSL_CTX_new(method);
    if (!tls->context) {
        tls_error(err, ERR_INTERNAL, "cannot start OpenSSL");
        tls_free(&tls);
        return NULL;
    }
    SSL_CTX *context = tls->context;
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    int ok = SSL_CTX_set_cipher_list(context, TLS_CIPHERS_12);
    ok &= SSL_CTX_set_ciphersuites(context, TLS_CIPHERS_13);
    ok &= (int)SSL_CTX_set1_groups_list(context, TLS_GROUPS);
    assert(ok);
    return tls;
}

/* Keys with a password are not asked about on the server's terminal. */
static int tls_no_password(char *buf, int size, int writes, void *owner)
{
    (void)buf, (void)size, (void)writes, (void)owner;
    return -1;
}

/* The next certificate of a PEM text; NULL at its end, and with *bad_out set when there is something else. */
static X509 *tls_next_certificate(BIO *pem, bool *bad_out)
{
    X509 *certificate = PEM_read_bio_X509(pem, NULL, tls_no_password, NULL);
    unsigned long last = certificate ? 0 : ERR_peek_last_error();
    *bad_out = last && !(ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE);
    if (!*bad_out)
        ERR_clear_error();
    return certificate;
}

static void tls_describe(struct tls *tls, X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    X509_digest(certificate, EVP_sha256(), digest, &len);
    char *at = tls->fingerprint;
    for (unsigned int i = 0; i < len; i++) {
        if (i)
            *at++ = ':';
        *at++ = "0123456789ABCDEF"[digest[i] >> 4];
        *at++ = "0123456789ABCDEF"[digest[i] & 15];
    }
    int days = 0, seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
        tls->expires_us = clock_wall_us() + ((int64_t)days * 86400 + seconds) * CLOCK_SECOND;
}

static bool tls_use_certificates(struct tls *tls, struct str text, struct err *err)
{
    BIO *pem = BIO_new_mem_buf(text.ptr, (int)text.len);
    X509 *certificate;
    bool bad = false, ok = true;
    size_t count = 0;
    while (ok && (certificate = tls_next_certificate(pem, &bad))) {
        if (count++ == 0) {
            tls_describe(tls, certificate);
            ok = SSL_CTX_use_certificate(tls->context, certificate) == 1;
        } else {
            ok = SSL_CTX_add1_chain_cert(tls->context, certificate) == 1;
        }
        X509_free(certificate);
    }
    BIO_free(pem);
    if (!ok || bad)
        return tls_error(err, ERR_INVALID, "the certificate cannot be used");
    return count > 0 || err_set(err, ERR_INVALID, "there is no certificate in PEM format");
}

static bool tls_use_key(struct tls *tls, struct str text, struct err *err)
{
    BIO *pem = BIO_new_mem_buf(text.ptr, (int)text.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, tls_no_password, NULL);
    BIO_free(pem);
    if (!key) {
        tls_error(err, ERR_INVALID, "the key cannot be read");
        return err_hint(err, "it has to be a private key in PEM format without a password");
    }
    bool ok = SSL_CTX_use_PrivateKey(tls->context, key) == 1 && SSL_CTX_check_private_key(tls->context) == 1;
    EVP_PKEY_free(key);
    return ok || tls_error(err, ERR_INVALID, "the key does not fit");
}

static bool tls_use_client_ca(struct tls *tls, struct str text, struct err *err)
{
    BIO *pem = BIO_new_mem_buf(text.ptr, (int)text.len);
    X509 *certificate;
    bool bad = false, ok = true;
    size_t count = 0;
    while (ok && (certificate = tls_next_certificate(pem, &bad))) {
        ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(tls->context), certificate) == 1 &&
             SSL_CTX_add_client_CA(tls->context, certificate) == 1;
        X509_free(certificate);
        count++;
    }
    BIO_free(pem);
    if (!ok || bad)
        return tls_error(err, ERR_INVALID, "the client_ca cannot be used");
    if (count == 0)
        return err_set(err, ERR_INVALID, "there is no certificate in PEM format in client_ca");
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
    return true;
}

struct tls *tls_new_server(const struct tls_server_options *options, struct err *err)
{
    static const unsigned char session_context[] = "eider";
    struct tls *tls = tls_new(TLS_server_method(), false, err);
    if (!tls)
        return NULL;
    tls->tickets_us = clock_now_us(); /* OpenSSL has made keys of its own */
    SSL_CTX_set_timeout(tls->context, TLS_TICKET_LIFE_S);
    SSL_CTX_set_num_tickets(tls->context, 1);
    SSL_CTX_set_session_id_context(tls->context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_alpn_select_cb(tls->context, tls_choose_protocol, NULL);
    if (!tls_use_certificates(tls, options->certificate, err) || !tls_use_key(tls, options->key, err) ||
        (options->client_ca.len && !tls_use_client_ca(tls, options->client_ca, err)))
        tls_free(&tls);
    return tls;
}

struct tls *tls_new_client(const struct tls_trust *trust, struct err *err)
{
    static const unsigned char protocols[] = "\x02h2";
    AUTO(arena) struct arena *arena = arena_new();
    struct tls *tls = tls_new(TLS_client_method(), true, err);
    if (!tls)
        return NULL;
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_alpn_protos(tls->context, protocols, sizeof(protocols) - 1);
    bool ok = true;
    if (trust->fingerprint.len) {
        ok = tls_pin_parse(trust->fingerprint, &tls->pin, err);
        tls_pin_require(tls->context, &tls->pin);
    } else if (trust->ca.len) {
        const char *path = str_cstr(arena, trust->ca);
        if (SSL_CTX_load_verify_file(tls->context, path) != 1)
            ok = tls_error(err, ERR_INVALID, str_format(arena, "no CA certificates in %s", path).ptr);
    } else {
        SSL_CTX_set_default_verify_paths(tls->context);
    }
    if (!ok)
        tls_free(&tls);
    return tls;
}

void tls_free(struct tls **tls)
{
    if (!tls || !*tls)
        return;
    SSL_CTX_free((*tls)->context);
    mem_free(*tls);
    *tls = NULL;
}

struct str tls_fingerprint(const struct tls *tls)
{
    return str_from(tls->fingerprint);
}

int64_t tls_expires_us(const struct tls *tls)
{
    return tls->expires_us;
}

bool tls_pin_parse(struct str fingerprint, struct tls_pin *pin_out, struct err *err)
{
    struct tls_pin pin = {0};
    size_t digits = 0;
    for (size_t i = 0; i < fingerprint.len; i++) {
        char c = fingerprint.ptr[i];
        if (c == ':')
            continue;
        int digit = OPENSSL_hexchar2int((unsigned char)c);
        if (digit < 0 || digits == 2 * sizeof(pin.sha256)) {
            digits = 0;
            break;
        }
        pin.sha256[digits / 2] = (uint8_t)(pin.sha256[digits / 2] << 4 | digit);
        digits++;
    }
    if (digits != 2 * sizeof(pin.sha256))
        return err_set(err, ERR_INVALID, "'%.*s' is no SHA-256 fingerprint of a certificate",
                       STR_ARG(str_slice(fingerprint, 0, 100)));
    *pin_out = pin;
    return true;
}

static int tls_check_pin(X509_STORE_CTX *store, void *owner)
{
    const struct tls_pin *pin = owner;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    bool same = certificate && X509_digest(certificate, EVP_sha256(), digest, &len) && len == sizeof(pin->sha256) &&
                CRYPTO_memcmp(digest, pin->sha256, len) == 0;
    X509_STORE_CTX_set_error(store, same ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return same;
}

void tls_pin_require(void *ssl_ctx, const struct tls_pin *pin)
{
    /* OpenSSL hands it to tls_check_pin, which does not write through it. */
    SSL_CTX_set_cert_verify_callback(ssl_ctx, tls_check_pin, (void *)(uintptr_t)pin);
}
