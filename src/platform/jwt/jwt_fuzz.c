/* The bytes as a token against a fixed key set, and as a key set. */
#include <stdlib.h>

#include "platform/jwt/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char fuzz_keys[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_keys *keys;
    struct err err;
    struct str bytes = str_bytes((const char *)data, size);
    if (!keys)
        keys = jwt_keys_parse(str_from(fuzz_keys), &err);
    AUTO(arena) struct arena *arena = arena_new();
    const struct jwt_policy policy = {
        .issuer = S("i"), .audience = S("a"), .algorithms = (1u << JWT_ALGORITHM_COUNT) - 1, .skew_us = 60000000};
    struct jwt jwt;
    if (jwt_verify(keys, &policy, bytes, 1000000, arena, &jwt, &err))
        abort(); /* nobody has the key */
    struct jwt_keys *parsed = jwt_keys_parse(bytes, &err);
    jwt_keys_free(&parsed);
    return 0;
}
