#include "base/secret.h"

struct secret {
    size_t len;
    char text[];
};

struct secret *secret_new(struct str text)
{
    struct secret *secret = mem_alloc(sizeof(*secret) + text.len + 1);
    secret->len = text.len;
    if (text.len)
        memcpy(secret->text, text.ptr, text.len);
    return secret;
}

void secret_free(struct secret **secret)
{
    if (!*secret)
        return;
    explicit_bzero((*secret)->text, (*secret)->len);
    mem_free(*secret);
    *secret = NULL;
}

struct str secret_reveal(const struct secret *secret)
{
    return (struct str){secret->text, secret->len};
}

bool secret_equal(const struct secret *secret, struct str text)
{
    unsigned char difference = secret->len != text.len;
    for (size_t i = 0; i < text.len; i++)
        difference |= (unsigned char)(text.ptr[i] ^ secret->text[secret->len ? i % secret->len : 0]);
    return difference == 0;
}
