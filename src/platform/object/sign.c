/* SigV4: canonical request, text to sign, signing key, signature. */
#include "platform/object/sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "platform/net/digest.h"

#define SIGN_HASH_BYTES 32

struct sign_hash {
    uint8_t bytes[SIGN_HASH_BYTES];
};

static struct str sign_hex(struct arena *arena, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, bytes.len * 2 + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[(uint8_t)bytes.ptr[i] >> 4];
        text[2 * i + 1] = digits[(uint8_t)bytes.ptr[i] & 15];
    }
    return str_bytes(text, bytes.len * 2);
}

struct str object_sha256(struct arena *arena, struct str bytes)
{
    AUTO(digest) struct digest *digest = digest_new();
    char sum[DIGEST_TEXT_BYTES + 1];
    digest_add(digest, bytes);
    digest_finish(digest, sum);
    return str_copy(arena, str_from(sum));
}

struct str object_md5(struct arena *arena, struct str bytes)
{
    uint8_t hash[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(bytes.ptr, bytes.len, hash, &len, EVP_md5(), NULL) != 1)
        mem_panic("libcrypto has no MD5");
    int text_len = EVP_EncodeBlock(text, hash, (int)len);
    return str_copy(arena, str_bytes(text, (size_t)text_len));
}

static struct sign_hash sign_hmac(struct str key, struct str text)
{
    struct sign_hash hash;
    unsigned len = 0;
    if (!HMAC(EVP_sha256(), key.ptr, (int)key.len, (const uint8_t *)text.ptr, text.len, hash.bytes, &len) ||
        len != sizeof(hash.bytes))
        mem_panic("libcrypto has no HMAC");
    return hash;
}

struct str object_encode(struct arena *arena, struct str text, bool encode_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_alloc(arena, text.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~' || (c == '/' && !encode_slash);
        if (plain) {
            encoded[len++] = c;
            continue;
        }
        encoded[len++] = '%';
        encoded[len++] = digits[(uint8_t)c >> 4];
        encoded[len++] = digits[(uint8_t)c & 15];
    }
    return str_bytes(encoded, len);
}

/* 20261121T103100Z */
static struct str sign_time(struct arena *arena, int64_t wall_us)
{
    char text[32]; /* 2026-11-21T10:31:00.123456Z */
    clock_format(wall_us, text);
    return str_format(arena, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text, text + 5, text + 8, text + 11, text + 14, text + 17);
}

static int sign_compare(const void *a, const void *b)
{
    const struct object_field *left = a, *right = b;
    return str_compare(left->name, right->name);
}

/* The key of a day, region and service; wiped by the caller. */
static struct sign_hash sign_key(const struct object_s3 *s3, struct str day, struct str service)
{
    struct str secret = secret_reveal(s3->key);
    struct buf start = {0};
    buf_append_str(&start, S("AWS4"));
    buf_append_str(&start, secret);
    struct sign_hash key = sign_hmac(buf_str(&start), day);
    explicit_bzero(start.ptr, start.capacity);
    buf_done(&start);
    const struct str steps[] = {s3->region, service, S("aws4_request")};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        key = sign_hmac(str_bytes(key.bytes, sizeof(key.bytes)), steps[i]);
    return key;
}

void object_sign_fields(struct arena *arena, const struct object_s3 *s3, const struct object_signing *signing,
                        struct object_field fields_out[OBJECT_SIGNED_MAX], size_t *count_out)
{
    struct str time = sign_time(arena, signing->wall_us);
    size_t own = 0;
    fields_out[own++] = (struct object_field){S("x-amz-date"), time};
    fields_out[own++] = (struct object_field){S("x-amz-content-sha256"), signing->body_hash};
    if (s3->session_token.len > 0)
        fields_out[own++] = (struct object_field){S("x-amz-security-token"), s3->session_token};
    size_t count = own + signing->field_count + 1;
    struct object_field *fields = arena_array(arena, count, sizeof(*fields));
    fields[0] = (struct object_field){S("host"), signing->host};
    for (size_t i = 0; i < own; i++)
        fields[i + 1] = fields_out[i];
    for (size_t i = 0; i < signing->field_count; i++)
        fields[own + 1 + i] = signing->fields[i];
    qsort(fields, count, sizeof(*fields), sign_compare);

    struct buf request = {0}, names = {0};
    buf_printf(&request, "%.*s\n%.*s\n%.*s\n", STR_ARG(signing->method), STR_ARG(signing->path),
               STR_ARG(signing->query));
    for (size_t i = 0; i < count; i++) {
        buf_printf(&request, "%.*s:%.*s\n", STR_ARG(fields[i].name), STR_ARG(str_trim(fields[i].value)));
        buf_printf(&names, "%s%.*s", i > 0 ? ";" : "", STR_ARG(fields[i].name));
    }
    buf_printf(&request, "\n%.*s\n%.*s", STR_ARG(buf_str(&names)), STR_ARG(signing->body_hash));

    struct str day = str_slice(time, 0, 8);
    struct str scope =
        str_format(arena, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(day), STR_ARG(s3->region), STR_ARG(signing->service));
    struct str text = str_format(arena, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%.*s", STR_ARG(time), STR_ARG(scope),
                                 STR_ARG(object_sha256(arena, buf_str(&request))));
    struct sign_hash key = sign_key(s3, day, signing->service);
    struct sign_hash signature = sign_hmac(str_bytes(key.bytes, sizeof(key.bytes)), text);
    explicit_bzero(&key, sizeof(key));
    struct str value = str_format(arena, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%.*s",
                                  STR_ARG(s3->key_id), STR_ARG(scope), STR_ARG(buf_str(&names)),
                                  STR_ARG(sign_hex(arena, str_bytes(signature.bytes, sizeof(signature.bytes)))));
    fields_out[own++] = (struct object_field){S("authorization"), value};
    *count_out = own;
    buf_done(&request);
    buf_done(&names);
}
