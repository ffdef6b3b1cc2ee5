#include "base/vec.h"

#include <stdint.h>

void *vec_grow(void *items, size_t *capacity, size_t item_size)
{
    size_t wanted = *capacity ? *capacity * 2 : 8;
    if (wanted > SIZE_MAX / 2 / item_size)
        mem_panic("array size overflows");
    *capacity = wanted;
    return mem_realloc(items, wanted * item_size);
}
