#include "platform/net/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

#define DIGEST_CHUNK_BYTES (1u << 20)

static bool digest_read(int fd, EVP_MD_CTX *context, struct err *err)
{
    uint8_t *chunk = mem_array(DIGEST_CHUNK_BYTES, 1);
    ssize_t len;
    while ((len = read(fd, chunk, DIGEST_CHUNK_BYTES)) > 0)
        EVP_DigestUpdate(context, chunk, (size_t)len);
    bool ok = len == 0 || err_errno(err, "read");
    mem_free(chunk);
    return ok;
}

bool digest_file(const char *path, char sum_out[DIGEST_TEXT_BYTES + 1], struct err *err)
{
    uint8_t sum[DIGEST_TEXT_BYTES / 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    if (!ok)
        err_set(err, ERR_INTERNAL, "OpenSSL has no SHA-256");
    ok = ok && digest_read(fd, context, err);
    if (ok && !EVP_DigestFinal_ex(context, sum, NULL))
        ok = err_set(err, ERR_INTERNAL, "OpenSSL has no SHA-256");
    EVP_MD_CTX_free(context);
    close(fd);
    for (size_t i = 0; ok && i < sizeof(sum); i++)
        snprintf(sum_out + 2 * i, 3, "%02x", sum[i]);
    return ok;
}
