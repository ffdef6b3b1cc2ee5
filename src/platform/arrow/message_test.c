#include "platform/arrow/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "platform/arrow/batch.h"

static void message_prefix_pads_to_eight(void **state)
{
    (void)state;
    uint8_t out[24];
    assert_int_equal(arrow_prefix_size(0), 8);
    assert_int_equal(arrow_prefix_size(9), 24);
    memset(out, 0xaa, sizeof(out));
    arrow_prefix_write(out, S("123456789"));
    assert_memory_equal(out,
                        "\xff\xff\xff\xff\x10\0\0\0"
                        "123456789\0\0\0\0\0\0\0",
                        24);
}

static void message_body_is_planned_and_written_alike(void **state)
{
    (void)state;
    struct arrow_body body = {0};
    uint8_t memory[256];
    memset(memory, 0xaa, sizeof(memory));
    arrow_body_start(&body, 64);
    assert_null(arrow_body_buffer(&body, 3));
    assert_null(arrow_body_buffer(&body, 0));
    assert_null(arrow_body_buffer(&body, 10));
    assert_int_equal(body.size, 80);
    arrow_body_write(&body, memory);
    memcpy(arrow_body_buffer(&body, 3), "abc", 3);
    arrow_body_buffer(&body, 0);
    uint8_t *second = arrow_body_buffer(&body, 10);
    assert_ptr_equal(second, memory + 64);
    memcpy(second, "0123456789", 10);
    arrow_body_finish(&body);
    for (size_t i = 3; i < 64; i++)
        assert_int_equal(memory[i], 0);
    for (size_t i = 74; i < 80; i++)
        assert_int_equal(memory[i], 0);
    assert_int_equal(memory[80], 0xaa);
    arrow_body_done(&body);
}

static void message_header_tells_the_length_of_the_body(void **state)
{
    (void)state;
    struct arrow_header_builder *builder = arrow_header_builder_new();
    struct arrow_body body = {0};
    for (int64_t id = -1; id < 2; id++) {
        arrow_body_start(&body, 8);
        arrow_body_node(&body, 3, 0);
        arrow_body_buffer(&body, 0);
        arrow_body_buffer(&body, 12);
        struct str header = arrow_header_build(builder, &body, 3, id);
        assert_int_equal(arrow_message_body_length(header), 16);
    }
    assert_int_equal(arrow_message_body_length(S("")), -1);
    assert_int_equal(arrow_message_body_length(S("\xff\xff\xff\xff")), -1);
    arrow_body_done(&body);
    arrow_header_builder_free(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_prefix_pads_to_eight),
        cmocka_unit_test(message_body_is_planned_and_written_alike),
        cmocka_unit_test(message_header_tells_the_length_of_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
