/* The search looks at 64 places at once for the needle's first and last byte and two between, in loops that compilers
 * turn into vector instructions, and compares only where both fit. Setting bit 5 makes letters lower case and lets few
 * other bytes pass.
 */
#include "domain/pipeline/run_log_text.h"

#define RUN_LOG_TEXT_BLOCK 64
#define RUN_LOG_TEXT_CUT " \xe2\x80\xa6" /* an ellipsis */

/* Behind an escape sequence (ECMA-48 5.4: ESC [ parameters final; others are two bytes). */
static size_t run_log_text_escape_end(struct str text, size_t at)
{
    if (++at < text.len && text.ptr[at] == '[') {
        at++;
        while (at < text.len && text.ptr[at] >= 0x20 && text.ptr[at] <= 0x3f)
            at++;
    }
    return at < text.len && text.ptr[at] >= 0x40 && text.ptr[at] <= 0x7e ? at + 1 : at;
}

static void run_log_text_clean(struct str line, struct buf *out)
{
    for (size_t i = 0; i < line.len;) {
        unsigned char c = (unsigned char)line.ptr[i];
        if (c == 0x1b) {
            i = run_log_text_escape_end(line, i);
            continue;
        }
        buf_append_char(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c);
        i++;
    }
}

static void run_log_text_cut(struct buf *out, size_t start, size_t len_max)
{
    const struct str mark = S(RUN_LOG_TEXT_CUT);
    if (buf_len(out) - start <= len_max)
        return;
    const char *text = buf_str(out).ptr + start;
    size_t len = len_max > mark.len ? len_max - mark.len : 0;
    for (int back = 0; back < 3 && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; back++)
        len--;
    out->end = out->start + start + len;
    buf_append_str(out, mark);
}

bool run_log_text_next(struct str *rest, size_t len_max, struct buf *out)
{
    size_t len = 0, start = buf_len(out);
    if (rest->len == 0)
        return false;
    while (len < rest->len && rest->ptr[len] != '\n' && rest->ptr[len] != '\r')
        len++;
    run_log_text_clean(str_slice(*rest, 0, len), out);
    run_log_text_cut(out, start, len_max);
    bool pair = len + 1 < rest->len && rest->ptr[len] == '\r' && rest->ptr[len + 1] == '\n';
    *rest = str_from_index(*rest, len + 1 + pair);
    return true;
}

static unsigned char run_log_text_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool run_log_text_is_at(const char *text, struct str needle)
{
    for (size_t i = 0; i < needle.len; i++) {
        if (run_log_text_lower(text[i]) != (unsigned char)needle.ptr[i])
            return false;
    }
    return true;
}

/* Whether the needle may start at one of the BLOCK places from text on. */
static bool run_log_text_block(const char *text, struct str needle)
{
    const unsigned char *probes[4], *starts = (const unsigned char *)text;
    unsigned char wanted[4], found = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t at = (needle.len - 1) * i / 3;
        probes[i] = starts + at;
        wanted[i] = (unsigned char)needle.ptr[at] | 0x20;
    }
    for (size_t i = 0; i < RUN_LOG_TEXT_BLOCK; i++)
        found |= (unsigned char)(((probes[0][i] | 0x20) == wanted[0]) & ((probes[1][i] | 0x20) == wanted[1]) &
                                 ((probes[2][i] | 0x20) == wanted[2]) & ((probes[3][i] | 0x20) == wanted[3]));
    return found;
}

ptrdiff_t run_log_text_find_first(struct str text, struct str needle)
{
    size_t at = 0;
    if (text.len < needle.len)
        return -1;
    size_t places = text.len - needle.len + 1;
    while (at < places) {
        size_t block_end = places;
        if (places - at >= RUN_LOG_TEXT_BLOCK) {
            block_end = at + RUN_LOG_TEXT_BLOCK;
            if (!run_log_text_block(text.ptr + at, needle)) {
                at = block_end;
                continue;
            }
        }
        for (; at < block_end; at++) {
            if (run_log_text_is_at(text.ptr + at, needle))
                return (ptrdiff_t)at;
        }
    }
    return -1;
}

ptrdiff_t run_log_text_find_last(struct str text, struct str needle)
{
    if (text.len < needle.len)
        return -1;
    size_t places = text.len - needle.len + 1; /* those before it are still to be looked at */
    while (places > 0) {
        size_t block_start = 0;
        if (places >= RUN_LOG_TEXT_BLOCK) {
            block_start = places - RUN_LOG_TEXT_BLOCK;
            if (!run_log_text_block(text.ptr + block_start, needle)) {
                places = block_start;
                continue;
            }
        }
        for (; places > block_start; places--) {
            if (run_log_text_is_at(text.ptr + places - 1, needle))
                return (ptrdiff_t)places - 1;
        }
    }
    return -1;
}
