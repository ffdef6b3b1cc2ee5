/* Any bytes: a document or an error, and what was read can be written. */
#include "platform/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    const struct json *value = json_parse(arena, str_bytes(data, size), &err);
    if (!value) {
        AUTO(buf) struct buf buf = {0};
        json_escape(&buf, str_bytes(data, size));
        if (!err.message[0] || !str_is_utf8(buf_str(&buf).ptr, buf_len(&buf)))
            __builtin_trap();
        return 0;
    }
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_write_value(&writer, NULL, value);
    const struct json *again = json_parse(arena, buf_str(&buf), &err);
    if (!again || !json_is_equal(value, again))
        __builtin_trap();
    return 0;
}
