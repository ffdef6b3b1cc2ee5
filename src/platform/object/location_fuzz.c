#include "platform/object/location.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is normal is its own normal form, has no ".." left, and is below a root only if it begins with it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err error;
    struct str text = str_bytes(data, size), once, twice;
    bool inside = location_check(arena, S("file:///w/acme"), text, &error);
    if (!location_normal(arena, text, &once, &error))
        return inside ? abort(), 0 : 0;
    if (!location_normal(arena, once, &twice, &error) || !str_equal(once, twice) || str_find(once, S("/../")) >= 0 ||
        str_ends_with(once, S("/..")) || inside != str_starts_with(once, S("file:///w/acme/")))
        abort();
    return 0;
}
