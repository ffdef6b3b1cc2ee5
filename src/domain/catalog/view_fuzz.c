/* Any bytes, in two parts around a NUL: view metadata and the updates of a commit. What is read can be written and read
 * again, and so can what a commit makes of it. */
#include "domain/catalog/view.h"

#include "platform/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void view_fuzz_again(struct arena *arena, const struct view *view)
{
    AUTO(buf) struct buf buf = {0}, again = {0};
    struct err err = {0};
    view_write(view, &buf);
    const struct view *parsed = view_parse(arena, buf_str(&buf), &err);
    if (!parsed)
        __builtin_trap();
    view_write(parsed, &again);
    if (!str_equal(buf_str(&buf), buf_str(&again)))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    struct metadata_context context = {.now_ms = 1700000000000};
    struct str text = str_bytes(data, size);
    ptrdiff_t middle = str_find_char(text, '\0');
    struct str document = str_slice(text, 0, middle < 0 ? text.len : (size_t)middle);
    struct str rest = middle < 0 ? text : str_from_index(text, (size_t)middle + 1);
    const struct view *base = view_parse(arena, document, &err), *next;
    if (base)
        view_fuzz_again(arena, base);
    const struct json *updates = json_parse(arena, rest, &err);
    if (!updates)
        return 0;
    next = view_new(arena, updates, S("01234567-89ab-cdef-0123-456789abcdef"), S("file:///v"), &context, &err);
    if (next)
        view_fuzz_again(arena, next);
    bool holds = view_require(base, updates, &err);
    (void)holds;
    if (view_update(arena, base, updates, &context, &next, &err))
        view_fuzz_again(arena, next);
    return 0;
}
