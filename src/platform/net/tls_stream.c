/* An SSL object between two buffers. OpenSSL reads from the bytes of the current call and writes to a buffer of ours,
 * so that many records leave by one system call, and nothing is copied that is not encrypted on the way. */
#include "platform/net/tls_stream.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "platform/net/tls_priv.h"

/* The largest record (RFC 8446 5.1). */
#define TLS_RECORD ((size_t)16384)
#define TLS_BATCH ((size_t)256 * 1024)
/* What the socket did not take is sent first, unless it is so little that moving it costs less than a system call. */
#define TLS_REST (2 * TLS_RECORD)
/* One call of OpenSSL encrypts so much at most, so that a batch ends near its size. */
#define TLS_PIECE (4 * TLS_RECORD)
/* More than our own batches: answers to control messages that the peer does not take. */
#define TLS_UNSENT_MAX (2 * TLS_BATCH)
#define TLS_PIECES 16

struct tls_stream {
    SSL *ssl;
    enum tls_state state;
    bool closed; /* close_notify was said */
    struct str input;
    struct buf unsent;
    char subject[128];
    char why[160];
};

static int tls_bio_read(BIO *bio, char *out, size_t len, size_t *got_out)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (stream->input.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (len > stream->input.len)
        len = stream->input.len;
    memcpy(out, stream->input.ptr, len);
    stream->input = str_from_index(stream->input, len);
    *got_out = len;
    return 1;
}

static int tls_bio_write(BIO *bio, const char *ptr, size_t len, size_t *sent_out)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buf_append(&stream->unsent, ptr, len);
    *sent_out = len;
    return 1;
}

static long tls_bio_control(BIO *bio, int command, long number, void *ptr)
{
    (void)bio, (void)number, (void)ptr;
    return command == BIO_CTRL_FLUSH;
}

/* One for the whole program, never freed. */
static const BIO_METHOD *tls_bio_method(void)
{
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "eider");
        if (!method)
            mem_panic("out of memory");
        BIO_meth_set_read_ex(method, tls_bio_read);
        BIO_meth_set_write_ex(method, tls_bio_write);
        BIO_meth_set_ctrl(method, tls_bio_control);
    }
    return method;
}

static void tls_stream_break(struct tls_stream *stream, const char *why)
{
    if (stream->state == TLS_BROKEN)
        return;
    stream->state = TLS_BROKEN;
    snprintf(stream->why, sizeof(stream->why), "%s", why);
}

/* What the result of a call means; true when it can go on later. */
static bool tls_stream_judge(struct tls_stream *stream, int result)
{
    int error = SSL_get_error(stream->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return true;
    if (error == SSL_ERROR_ZERO_RETURN) {
        stream->state = TLS_ENDED;
        return false;
    }
    long verified = SSL_get_verify_result(stream->ssl);
    unsigned long last = ERR_peek_last_error();
    const char *reason = last ? ERR_reason_error_string(last) : NULL;
    if (verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    tls_stream_break(stream, reason ? reason : "protocol error");
    ERR_clear_error();
    return false;
}

/* A name that cannot be shown or compared is none. */
static void tls_stream_note_subject(struct tls_stream *stream)
{
    X509 *certificate = SSL_get1_peer_certificate(stream->ssl);
    if (!certificate)
        return;
    X509_NAME *name = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    unsigned char *text = NULL;
    int len = index < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    bool good = len > 0 && (size_t)len < sizeof(stream->subject) && SSL_get_verify_result(stream->ssl) == X509_V_OK &&
                str_is_utf8(text, (size_t)len);
    for (int i = 0; good && i < len; i++)
        good = text[i] >= 0x20 && text[i] != 0x7f;
    if (good)
        memcpy(stream->subject, text, (size_t)len);
    OPENSSL_free(text);
    X509_free(certificate);
}

static void tls_stream_shake(struct tls_stream *stream)
{
    ERR_clear_error();
    int result = SSL_do_handshake(stream->ssl);
    if (result != 1) {
        (void)tls_stream_judge(stream, result);
        return;
    }
    stream->state = TLS_OPEN;
    if (SSL_is_server(stream->ssl))
        tls_stream_note_subject(stream);
}

struct tls_stream *tls_stream_new(struct tls *tls, const char *host)
{
    struct tls_stream *stream = mem_new(struct tls_stream);
    tls_rotate_tickets(tls);
    stream->ssl = SSL_new(tls->context);
    BIO *bio = BIO_new(tls_bio_method());
    if (!stream->ssl || !bio)
        mem_panic("out of memory");
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(stream->ssl, bio, bio);
    if (!tls->is_client) {
        SSL_set_accept_state(stream->ssl);
        return stream;
    }
    assert(host);
    SSL_set_connect_state(stream->ssl);
    X509_VERIFY_PARAM *expected = SSL_get0_param(stream->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host) != 1) { /* not an address */
        SSL_set1_host(stream->ssl, host);
        SSL_set_tlsext_host_name(stream->ssl, host);
    }
    tls_stream_shake(stream);
    return stream;
}

void tls_stream_free(struct tls_stream **stream)
{
    if (!stream || !*stream)
        return;
    SSL_free((*stream)->ssl);
    buf_done(&(*stream)->unsent);
    mem_free(*stream);
    *stream = NULL;
}

enum tls_state tls_stream_state(const struct tls_stream *stream)
{
    return stream->state;
}

size_t tls_stream_input(struct tls_stream *stream, struct str bytes, uint8_t *plain)
{
    assert(bytes.len <= TLS_STREAM_INPUT_MAX);
    size_t total = 0;
    stream->input = bytes;
    if (stream->state == TLS_SHAKING)
        tls_stream_shake(stream);
    while (stream->state == TLS_OPEN) {
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(stream->ssl, plain + total, TLS_STREAM_PLAIN_MAX - total, &got);
        total += got;
        if (result != 1 && tls_stream_judge(stream, result))
            break;
    }
    stream->input = S("");
    if (buf_len(&stream->unsent) > TLS_UNSENT_MAX)
        tls_stream_break(stream, "the peer takes no answers");
    return total;
}

/* One piece that fills whole records; small ones are put together first, so that a record is worth its cost. */
static struct str tls_stream_next(struct outbox *outbox, uint8_t *record)
{
    struct iovec pieces[TLS_PIECES];
    size_t count = outbox_peek(outbox, pieces, TLS_PIECES), len = 0;
    if (count == 1 || pieces[0].iov_len >= TLS_RECORD) {
        size_t whole = pieces[0].iov_len / TLS_RECORD * TLS_RECORD;
        len = whole == 0 ? pieces[0].iov_len : whole < TLS_PIECE ? whole : TLS_PIECE;
        return str_bytes(pieces[0].iov_base, len);
    }
    for (size_t i = 0; i < count && len < TLS_RECORD; i++) {
        size_t part = pieces[i].iov_len < TLS_RECORD - len ? pieces[i].iov_len : TLS_RECORD - len;
        memcpy(record + len, pieces[i].iov_base, part);
        len += part;
    }
    return str_bytes(record, len);
}

void tls_stream_encrypt(struct tls_stream *stream, struct outbox *outbox)
{
    uint8_t record[TLS_RECORD];
    if (buf_len(&stream->unsent) > TLS_REST)
        return;
    while ((stream->state == TLS_OPEN || stream->state == TLS_ENDED) && !stream->closed && outbox_len(outbox) &&
           buf_len(&stream->unsent) < TLS_BATCH) {
        struct str piece = tls_stream_next(outbox, record);
        size_t done = 0;
        ERR_clear_error();
        int result = SSL_write_ex(stream->ssl, piece.ptr, piece.len, &done);
        if (result == 1)
            outbox_consume(outbox, done);
        else if (tls_stream_judge(stream, result)) /* nothing but an unfinished handshake waits, and that is over */
            tls_stream_break(stream, "protocol error");
    }
}

bool tls_stream_close(struct tls_stream *stream)
{
    if (stream->closed || stream->state == TLS_SHAKING || stream->state == TLS_BROKEN)
        return false;
    stream->closed = true;
    ERR_clear_error();
    (void)SSL_shutdown(stream->ssl);
    ERR_clear_error();
    return true;
}

struct str tls_stream_unsent(const struct tls_stream *stream)
{
    return buf_str(&stream->unsent);
}

void tls_stream_sent(struct tls_stream *stream, size_t len, bool more)
{
    buf_consume(&stream->unsent, len);
    if (buf_len(&stream->unsent) == 0 && !more)
        buf_done(&stream->unsent);
}

struct str tls_stream_protocol(const struct tls_stream *stream)
{
    const unsigned char *ptr = NULL;
    unsigned int len = 0;
    SSL_get0_alpn_selected(stream->ssl, &ptr, &len);
    return len ? str_bytes(ptr, len) : S("");
}

struct str tls_stream_subject(const struct tls_stream *stream)
{
    return str_from(stream->subject);
}

struct str tls_stream_why(const struct tls_stream *stream)
{
    return str_from(stream->why);
}
