/* Allocation that does not fail, and the one place that may call the C library's allocator. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void mem_panic(const char *why)
{
    fprintf(stderr, "eider: %s\n", why);
    abort();
}

void *mem_try_alloc(size_t size)
{
    return calloc(1, size ? size : 1);
}

void *mem_alloc(size_t size)
{
    void *ptr = mem_try_alloc(size);
    if (!ptr)
        mem_panic("out of memory");
    return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size ? size : 1);
    if (!grown)
        mem_panic("out of memory");
    return grown;
}

void *mem_array(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        mem_panic("allocation size overflows");
    return mem_alloc(count * size);
}

void mem_free(void *ptr)
{
    free(ptr);
}
