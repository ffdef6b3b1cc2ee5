#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/arena.h"

void random_bytes(void *ptr, size_t len)
{
    char *next = ptr;
    while (len) {
        ssize_t got = getrandom(next, len, 0);
        if (got < 0 && errno != EINTR)
            mem_panic("the kernel gives no random bytes");
        if (got > 0) {
            next += got;
            len -= (size_t)got;
        }
    }
}

struct str random_hex(struct arena *arena, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char *bytes = arena_alloc(arena, size);
    char *text = arena_alloc(arena, 2 * size + 1);
    random_bytes(bytes, size);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return (struct str){text, 2 * size};
}
