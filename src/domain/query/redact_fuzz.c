/* Any text: what is shown of it is bounded, and valid UTF-8 where the text is. */
#include "domain/query/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    const size_t len_max = 64;
    struct str shown = query_redact(arena, str_bytes(data, size), len_max);
    if (shown.len > len_max || (str_is_utf8(data, size) && !str_is_utf8(shown.ptr, shown.len)))
        __builtin_trap();
    return 0;
}
