/* Bytes as the answers of a hostile store: pages, errors, credentials, and bodies that a client wants signed. */
#include "platform/object/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str document = str_bytes(data, size);
    struct err err;
    struct object_page page;
    struct object_failure failure;
    struct object_credentials credentials;
    const struct str *keys;
    size_t count;
    if (object_answer_page(arena, document, &page, &err))
        for (size_t i = 0; i < page.count; i++)
            if (page.entries[i].key.len > 0 && memchr(page.entries[i].key.ptr, 0, page.entries[i].key.len))
                __builtin_trap();
    if (object_answer_failure(arena, document, &failure) && failure.message.len > 256)
        __builtin_trap();
    if (object_answer_credentials(arena, document, &credentials, &err) && credentials.expires_us <= 0)
        __builtin_trap();
    if (object_answer_deleted(arena, document, &keys, &count, &err)) {
        struct str again;
        const struct str *same;
        size_t same_count;
        if (object_answer_delete(arena, keys, count, &again) &&
            (!object_answer_deleted(arena, again, &same, &same_count, &err) || same_count != count))
            __builtin_trap();
    }
    (void)object_answer_time(document);
    return 0;
}
