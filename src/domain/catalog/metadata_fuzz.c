/* Any bytes, in two parts around a NUL: table metadata and the updates of a commit. What is read can be written and
 * read again, and so can what a commit makes of it. */
#include "domain/catalog/metadata.h"

#include "platform/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void metadata_fuzz_again(struct arena *arena, const struct metadata *metadata)
{
    AUTO(buf) struct buf buf = {0}, again = {0};
    struct err err = {0};
    metadata_write(metadata, &buf);
    const struct metadata *parsed = metadata_parse(arena, buf_str(&buf), &err);
    if (!parsed)
        __builtin_trap();
    metadata_write(parsed, &again);
    if (!str_equal(buf_str(&buf), buf_str(&again)))
        __builtin_trap();
    metadata_write_refs(metadata, &again);
}

static void metadata_fuzz_update(struct arena *arena, const struct metadata *base, struct str text)
{
    struct err err = {0};
    struct metadata_context context = {.now_ms = 1700000000000, .random = 7, .previous = S("file:///m/1.json")};
    const struct metadata *next;
    const struct json *updates = json_parse(arena, text, &err);
    if (!updates)
        return;
    struct metadata_create create = {.request = updates,
                                     .location = S("file:///t"),
                                     .uuid = S("01234567-89ab-cdef-0123-456789abcdef"),
                                     .names = base};
    next = metadata_new(arena, &create, &context, &err);
    if (next)
        metadata_fuzz_again(arena, next);
    bool holds = metadata_require(base, updates, &err);
    (void)holds;
    if (!metadata_update(arena, base, updates, &context, &next, &err))
        return;
    metadata_fuzz_again(arena, next);
    const struct str *files;
    metadata_is_write(updates);
    metadata_added(arena, base, next, &files);
    if (base) {
        metadata_is_replay(base, updates);
        metadata_dropped_files(arena, base, next, &files);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    struct str text = str_bytes(data, size);
    ptrdiff_t middle = str_find_char(text, '\0');
    struct str document = str_slice(text, 0, middle < 0 ? text.len : (size_t)middle);
    struct str updates = middle < 0 ? text : str_from_index(text, (size_t)middle + 1);
    const struct metadata *base = metadata_parse(arena, document, &err);
    if (base)
        metadata_fuzz_again(arena, base);
    metadata_fuzz_update(arena, base, updates);
    return 0;
}
