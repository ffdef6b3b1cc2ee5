/* Borrowed text: a pointer and a length, passed by value, not NUL-terminated, usually UTF-8.
 * Nothing here owns memory; copies live in an arena (str_copy) or a buf. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct arena;

struct str {
    const char *ptr;
    size_t len;
};

/* A literal as a str. */
#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})

/* For printf("%.*s", STR_ARG(text)). */
#define STR_ARG(text) (int)(text).len, (text).ptr

static inline struct str str_from(const char *c_string)
{
    return (struct str){c_string, c_string ? strlen(c_string) : 0};
}

static inline struct str str_bytes(const void *ptr, size_t len)
{
    return (struct str){(const char *)ptr, len};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters compare without case. */
bool str_equal_nocase(struct str a, struct str b);

bool str_starts_with(struct str text, struct str prefix);
bool str_ends_with(struct str text, struct str suffix);

/* Byte order; a prefix sorts first. */
int str_compare(struct str a, struct str b);

/* The part from start on (empty when start is past the end). */
struct str str_from_index(struct str text, size_t start);

/* At most len bytes from start. */
struct str str_slice(struct str text, size_t start, size_t len);

/* Index of the first occurrence, or -1. */
ptrdiff_t str_find(struct str text, struct str needle);
ptrdiff_t str_find_char(struct str text, char wanted);

/* Without ASCII white space at both ends. */
struct str str_trim(struct str text);

/* Takes the part before the separator out of *rest; false when *rest is exhausted. "a,b" gives a, b; "" gives nothing.
 */
bool str_split_next(struct str *rest, char separator, struct str *part_out);

/* Decimal numbers: the whole text must be one; false otherwise, also when it does not fit. */
bool str_to_i64(struct str text, int64_t *value_out) MUST_USE;
bool str_to_u64(struct str text, uint64_t *value_out) MUST_USE;
bool str_to_double(struct str text, double *value_out) MUST_USE;

/* Copies into the arena; the copy is NUL-terminated as well. */
struct str str_copy(struct arena *arena, struct str text);
/* The same, as a C string. Text with a NUL inside is cut there. */
char *str_cstr(struct arena *arena, struct str text);
/* printf into the arena; NUL-terminated as well. */
struct str str_format(struct arena *arena, const char *format, ...) PRINTF(2, 3);

/* Lower-case ASCII copy. */
struct str str_lower(struct arena *arena, struct str text);

/* True for text that is valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(const void *ptr, size_t len);
