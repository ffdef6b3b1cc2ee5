#include "domain/catalog/page.h"

static const char page_digits[] = "0123456789abcdef";

struct str page_token(struct arena *arena, struct str last)
{
    char *text = arena_alloc(arena, last.len * 2 + 1);
    for (size_t i = 0; i < last.len; i++) {
        text[2 * i] = page_digits[(unsigned char)last.ptr[i] >> 4];
        text[2 * i + 1] = page_digits[(unsigned char)last.ptr[i] & 15];
    }
    return str_bytes(text, last.len * 2);
}

bool page_after(struct arena *arena, struct str token, struct str *last_out, struct err *err)
{
    char *text = arena_alloc(arena, token.len / 2 + 1);
    for (size_t i = 0; i < token.len; i++) {
        const char *digit = token.ptr[i] ? strchr(page_digits, token.ptr[i]) : NULL;
        if (!digit || token.len % 2) {
            err_set(err, ERR_INVALID, "this page token was not given out here");
            return err_hint(err, "begin with the first page: an empty token");
        }
        text[i / 2] = (char)(text[i / 2] << 4 | (digit - page_digits));
    }
    *last_out = str_bytes(text, token.len / 2);
    return true;
}
