/* Any bytes: a document or an error, and what was read can be written. */
#include "platform/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void json_fuzz_write(struct json_writer *writer, const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_NULL:
        json_write_null(writer, NULL);
        return;
    case JSON_BOOL:
        json_write_bool(writer, NULL, json_bool(value));
        return;
    case JSON_I64:
        json_write_i64(writer, NULL, json_i64(value));
        return;
    case JSON_DOUBLE:
        json_write_double(writer, NULL, json_double(value));
        return;
    case JSON_TEXT:
        json_write_text(writer, NULL, json_text(value));
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_begin_array(writer, NULL);
        for (size_t i = 0; i < json_count(value); i++) {
            if (json_kind(value) == JSON_OBJECT)
                json_write_text(writer, NULL, json_key_at(value, i));
            json_fuzz_write(writer, json_at(value, i));
        }
        json_end_array(writer);
        return;
    }
}

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
    json_fuzz_write(&writer, value);
    if (!json_parse(arena, buf_str(&buf), &err))
        __builtin_trap();
    return 0;
}
