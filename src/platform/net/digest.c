#include "platform/net/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

#define DIGEST_CHUNK_BYTES (1u << 20)

struct digest {
    EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
    struct digest *digest = mem_new(struct digest);
    digest->context = EVP_MD_CTX_new();
    if (!digest->context || !EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL))
        mem_panic("OpenSSL has no SHA-256");
    return digest;
}

void digest_add(struct digest *digest, struct str bytes)
{
    EVP_DigestUpdate(digest->context, bytes.ptr, bytes.len);
}

void digest_finish(struct digest *digest, char sum_out[DIGEST_TEXT_BYTES + 1])
{
    uint8_t sum[DIGEST_TEXT_BYTES / 2];
    EVP_DigestFinal_ex(digest->context, sum, NULL);
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(sum_out + 2 * i, 3, "%02x", sum[i]);
}

void digest_free(struct digest **digest)
{
    if (!*digest)
        return;
    EVP_MD_CTX_free((*digest)->context);
    mem_free(*digest);
    *digest = NULL;
}

bool digest_file(const char *path, char sum_out[DIGEST_TEXT_BYTES + 1], struct err *err)
{
    AUTO(digest) struct digest *digest = digest_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open");
    char *chunk = mem_array(DIGEST_CHUNK_BYTES, 1);
    ssize_t len;
    while ((len = read(fd, chunk, DIGEST_CHUNK_BYTES)) > 0)
        digest_add(digest, str_bytes(chunk, (size_t)len));
    bool ok = len == 0 || err_errno(err, "read");
    mem_free(chunk);
    close(fd);
    if (ok)
        digest_finish(digest, sum_out);
    return ok;
}
