/* X.509 by hand. */
#include "platform/net/tls_self.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/random.h"
#include "platform/net/tls_priv.h"

/* What browsers and phones take at most. */
#define TLS_SELF_DAYS 825

/* "[::1]" and "127.0.0.1" are addresses, the others DNS names. */
static bool tls_self_add_name(GENERAL_NAMES *names, struct arena *arena, struct str name)
{
    if (str_starts_with(name, S("[")) && str_ends_with(name, S("]")))
        name = str_slice(name, 1, name.len - 2);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(str_cstr(arena, name));
    ASN1_STRING *text = address ? NULL : ASN1_IA5STRING_new();
    if (text && ASN1_STRING_set(text, name.ptr, (int)name.len) != 1) {
        ASN1_STRING_free(text);
        text = NULL;
    }
    GENERAL_NAME *entry = address || text ? GENERAL_NAME_new() : NULL;
    if (!entry) {
        ASN1_OCTET_STRING_free(address);
        ASN1_STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(entry, address ? GEN_IPADD : GEN_DNS, address ? (void *)address : (void *)text);
    if (sk_GENERAL_NAME_push(names, entry) > 0)
        return true;
    GENERAL_NAME_free(entry);
    return false;
}

static bool tls_self_add_names(X509 *certificate, const struct str *names, size_t count)
{
    AUTO(arena) struct arena *arena = arena_new();
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = tls_self_add_name(list, arena, names[i]);
    ok = ok && X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(list);
    return ok;
}

static bool tls_self_add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool tls_self_fill(X509 *certificate, EVP_PKEY *key, const struct str *names, size_t count)
{
    uint64_t serial;
    random_bytes(&serial, sizeof(serial));
    X509_NAME *subject = X509_get_subject_name(certificate);
    static const unsigned char common_name[] = "eider, self-signed";
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) && /* clocks differ */
           X509_gmtime_adj(X509_getm_notAfter(certificate), (long)TLS_SELF_DAYS * 86400) &&
           X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           tls_self_add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           tls_self_add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           tls_self_add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           tls_self_add_extension(certificate, NID_subject_key_identifier, "hash") &&
           tls_self_add_names(certificate, names, count) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

static struct str tls_self_text(struct arena *arena, BIO *pem)
{
    char *ptr;
    long len = BIO_get_mem_data(pem, &ptr);
    return str_copy(arena, str_bytes(ptr, (size_t)len));
}

bool tls_self_make(struct arena *arena, const struct str *names, size_t count, struct str *certificate_out,
                   struct str *key_out, struct err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *certificate_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_secmem());
    bool ok = key && certificate && certificate_pem && key_pem && tls_self_fill(certificate, key, names, count) &&
              PEM_write_bio_X509(certificate_pem, certificate) == 1 &&
              PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (ok) {
        *certificate_out = tls_self_text(arena, certificate_pem);
        *key_out = tls_self_text(arena, key_pem);
    } else {
        tls_error(err, ERR_INTERNAL, "cannot make a certificate");
    }
    BIO_free(certificate_pem);
    BIO_free(key_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}
