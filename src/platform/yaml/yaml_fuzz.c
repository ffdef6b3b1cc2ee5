/* Any bytes: a tree or an error with words. */
#include "platform/yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t yaml_fuzz_walk(const struct yaml *value)
{
    size_t seen = yaml_text(value).len + (size_t)yaml_line(value);
    for (size_t i = 0; i < yaml_count(value); i++)
        seen += yaml_key_at(value, i).len + yaml_fuzz_walk(yaml_at(value, i));
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    const struct yaml *value = yaml_parse(arena, str_bytes(data, size), &err);
    if (!value && !err.message[0])
        __builtin_trap();
    if (value && yaml_fuzz_walk(value) == SIZE_MAX) /* walks over all of it */
        __builtin_trap();
    return 0;
}
