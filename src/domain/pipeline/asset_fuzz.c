/* Any bytes as a file of pipelines/ and as one of tests/: an asset, or problems with words. */
#include "domain/pipeline/asset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void asset_fuzz_one(struct str path, struct str text)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct asset_problems problems = {.arena = arena};
    const struct asset *asset = asset_parse(arena, path, text, &problems);
    if ((asset != NULL) != (problems.list.count == 0))
        __builtin_trap();
    for (size_t i = 0; i < problems.list.count; i++)
        if (problems.list.items[i].message.len == 0 || problems.list.items[i].line < 0)
            __builtin_trap();
    if (asset && asset->text.len != text.len)
        __builtin_trap();
    for (size_t i = 0; asset && i < asset->test_count; i++)
        if (asset->tests[i].name.len == 0)
            __builtin_trap();
    vec_done(&problems.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_copy(arena, str_bytes(data, size));
    asset_fuzz_one(S("pipelines/group/name.sql"), text);
    asset_fuzz_one(S("tests/name.sql"), text);
    asset_fuzz_one(S("pipelines/name.yaml"), text);
    return 0;
}
