#include "platform/arrow/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "platform/arrow/message.h"

/* One column "c" of a format, with what else a message needs. */
struct fixture {
    struct arena *arena;
    struct arrow_field *schema;
    struct arrow_decoder *decoder;
    struct arrow_header_builder *headers;
    struct arrow_body body;
    uint8_t bytes[4096] __attribute__((aligned(64)));
    struct err err;
};

static void no_release(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void fixture_open(struct fixture *fixture, struct ArrowSchema *column)
{
    struct ArrowSchema *columns[] = {column};
    struct ArrowSchema root = {.format = "+s", .name = "", .n_children = 1, .children = columns, .release = no_release};
    struct buf flatbuffer = {0};
    column->release = no_release;
    column->flags = ARROW_FLAG_NULLABLE;
    if (!column->name)
        column->name = "c";
    memset(fixture, 0, sizeof(*fixture));
    fixture->arena = arena_new();
    fixture->headers = arrow_header_builder_new();
    assert_true(arrow_message_schema(&flatbuffer, &root, &fixture->err));
    fixture->schema = arrow_schema_decode(fixture->arena, buf_str(&flatbuffer), &fixture->err);
    if (fixture->schema)
        fixture->decoder = arrow_decoder_new(fixture->schema, &fixture->err);
    buf_done(&flatbuffer);
    arrow_body_start(&fixture->body, 8);
}

static void fixture_open_format(struct fixture *fixture, const char *format)
{
    struct ArrowSchema column = {.format = format};
    fixture_open(fixture, &column);
}

static void fixture_close(struct fixture *fixture)
{
    arrow_decoder_free(&fixture->decoder);
    arrow_header_builder_free(&fixture->headers);
    arrow_body_done(&fixture->body);
    arena_free(&fixture->arena);
}

static void fixture_buffer(struct fixture *fixture, const void *data, size_t size)
{
    size_t index = fixture->body.regions.count;
    arrow_body_buffer(&fixture->body, size);
    if (size > 0)
        memcpy(fixture->bytes + fixture->body.regions.items[index].offset, data, size);
}

/* Decodes what was put together; the body ends where it says, so that a sanitizer guards it. */
static bool fixture_decode(struct fixture *fixture, int64_t rows, struct arrow_batch *batch_out)
{
    struct str header = arrow_header_build(fixture->headers, &fixture->body, rows, -1);
    bool is_batch;
    uint8_t *body = arena_copy(fixture->arena, fixture->bytes, fixture->body.size + 1);
    return arrow_decoder_message(fixture->decoder, header, body, fixture->body.size, fixture->arena, batch_out,
                                 &is_batch, &fixture->err);
}

static void batch_of_texts(struct fixture *fixture, const int32_t *offsets, size_t count, const char *data, size_t len)
{
    fixture_open_format(fixture, "u");
    arrow_body_node(&fixture->body, (int64_t)count - 1, 0);
    fixture_buffer(fixture, NULL, 0);
    fixture_buffer(fixture, offsets, 4 * count);
    fixture_buffer(fixture, data, len);
}

static void batch_gives_texts_without_copying(void **state)
{
    (void)state;
    struct fixture fixture;
    struct arrow_batch batch = {0};
    const int32_t offsets[] = {0, 1, 3};
    batch_of_texts(&fixture, offsets, 3, "a\xc3\xa4", 3);
    assert_true(fixture_decode(&fixture, 2, &batch));
    assert_int_equal(batch.array.length, 2);
    assert_int_equal(batch.array.children[0]->n_buffers, 3);
    assert_memory_equal(batch.array.children[0]->buffers[2], "a\xc3\xa4", 3);
    fixture_close(&fixture);
}

static void batch_refuses_bad_offsets(void **state)
{
    (void)state;
    static const int32_t wrong[][3] = {{0, 2, 1}, {-1, 1, 2}, {0, 1, 9}, {0, 1, INT32_MAX}};
    for (size_t i = 0; i < 4; i++) {
        struct fixture fixture;
        struct arrow_batch batch = {0};
        batch_of_texts(&fixture, wrong[i], 3, "abc", 3);
        assert_false(fixture_decode(&fixture, 2, &batch));
        assert_int_equal(fixture.err.code, ERR_INVALID);
        assert_string_equal(fixture.err.message, "column c: offsets lie outside of the data");
        fixture_close(&fixture);
    }
}

static void batch_refuses_a_character_cut_by_an_offset(void **state)
{
    (void)state;
    struct fixture fixture;
    struct arrow_batch batch = {0};
    const int32_t offsets[] = {0, 1, 2};
    batch_of_texts(&fixture, offsets, 3, "\xc3\xa4", 2);
    assert_false(fixture_decode(&fixture, 2, &batch));
    assert_non_null(strstr(fixture.err.message, "row 1"));
    fixture_close(&fixture);
}

static void batch_lets_anything_lie_under_a_null(void **state)
{
    (void)state;
    struct fixture fixture;
    struct arrow_batch batch = {0};
    const int32_t offsets[] = {0, 1, 2};
    const uint8_t valid[] = {1};
    fixture_open_format(&fixture, "u");
    arrow_body_node(&fixture.body, 2, 1);
    fixture_buffer(&fixture, valid, 1);
    fixture_buffer(&fixture, offsets, sizeof(offsets));
    fixture_buffer(&fixture, "a\xff", 2);
    assert_true(fixture_decode(&fixture, 2, &batch));
    assert_int_equal(batch.array.children[0]->null_count, 1);
    fixture_close(&fixture);
}

static void batch_refuses_a_wrong_number_of_nulls(void **state)
{
    (void)state;
    struct fixture fixture;
    struct arrow_batch batch = {0};
    const uint8_t valid[] = {3}, values[8] = {0};
    fixture_open_format(&fixture, "i");
    arrow_body_node(&fixture.body, 2, 1);
    fixture_buffer(&fixture, valid, 1);
    fixture_buffer(&fixture, values, 8);
    assert_false(fixture_decode(&fixture, 2, &batch));
    assert_non_null(strstr(fixture.err.message, "NULLs"));
    fixture_close(&fixture);
}

static void batch_refuses_buffers_outside_of_the_body(void **state)
{
    (void)state;
    static const struct arrow_region wrong[] = {{0, 16}, {8, 8}, {-8, 8}, {0, -8}, {INT64_MAX - 7, 16}, {4, 4}, {0, 4}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fixture fixture;
        struct arrow_batch batch = {0};
        fixture_open_format(&fixture, "l");
        arrow_body_node(&fixture.body, 1, 0);
        fixture_buffer(&fixture, NULL, 0);
        fixture_buffer(&fixture, "12345678", 8);
        fixture.body.regions.items[1] = wrong[i];
        assert_false(fixture_decode(&fixture, 1, &batch));
        assert_int_equal(fixture.err.code, ERR_INVALID);
        fixture_close(&fixture);
    }
}

static void batch_refuses_impossible_lengths(void **state)
{
    (void)state;
    static const struct arrow_node wrong[] = {{-1, 0}, {1, 2}, {1, -1}, {INT64_MAX, 0}, {2, 0}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fixture fixture;
        struct arrow_batch batch = {0};
        fixture_open_format(&fixture, "l");
        arrow_body_node(&fixture.body, wrong[i].length, wrong[i].nulls);
        fixture_buffer(&fixture, NULL, 0);
        fixture_buffer(&fixture, "12345678", 8);
        assert_false(fixture_decode(&fixture, 1, &batch));
        fixture_close(&fixture);
    }
}

static void batch_refuses_too_few_and_too_many_parts(void **state)
{
    (void)state;
    for (int extra = -1; extra <= 1; extra += 2) {
        struct fixture fixture;
        struct arrow_batch batch = {0};
        fixture_open_format(&fixture, "c");
        arrow_body_node(&fixture.body, 1, 0);
        fixture_buffer(&fixture, NULL, 0);
        for (int i = 0; i < 1 + extra; i++)
            fixture_buffer(&fixture, "12345678", 8);
        assert_false(fixture_decode(&fixture, 1, &batch));
        fixture_close(&fixture);
    }
}

static void batch_refuses_decimals_with_too_many_digits(void **state)
{
    (void)state;
    static const int64_t numbers[][2] = {{9999, 0}, {-9999, -1}, {10000, 0}, {-10000, -1}, {0, 1}};
    for (size_t i = 0; i < 5; i++) {
        struct fixture fixture;
        struct arrow_batch batch = {0};
        fixture_open_format(&fixture, "d:4,2");
        arrow_body_node(&fixture.body, 1, 0);
        fixture_buffer(&fixture, NULL, 0);
        fixture_buffer(&fixture, numbers[i], 16);
        assert_int_equal(fixture_decode(&fixture, 1, &batch), i < 2);
        fixture_close(&fixture);
    }
}

static void batch_checks_lists_against_their_values(void **state)
{
    (void)state;
    static const int32_t offsets[][3] = {{0, 1, 2}, {0, 1, 3}, {0, 2, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        struct arrow_batch batch = {0};
        struct ArrowSchema item = {.format = "c", .name = "l", .release = no_release, .flags = ARROW_FLAG_NULLABLE};
        struct ArrowSchema *items[] = {&item};
        struct ArrowSchema column = {.format = "+l", .n_children = 1, .children = items};
        fixture_open(&fixture, &column);
        arrow_body_node(&fixture.body, 2, 0);
        fixture_buffer(&fixture, NULL, 0);
        fixture_buffer(&fixture, offsets[i], 12);
        arrow_body_node(&fixture.body, 2, 0);
        fixture_buffer(&fixture, NULL, 0);
        fixture_buffer(&fixture, "ab", 2);
        assert_int_equal(fixture_decode(&fixture, 2, &batch), i == 0);
        fixture_close(&fixture);
    }
}

static void batch_needs_its_dictionary(void **state)
{
    (void)state;
    struct fixture fixture;
    struct arrow_batch batch = {0};
    struct ArrowSchema words = {.format = "u", .name = "", .release = no_release, .flags = ARROW_FLAG_NULLABLE};
    struct ArrowSchema column = {.format = "c", .dictionary = &words};
    fixture_open(&fixture, &column);
    assert_non_null(fixture.decoder);
    arrow_body_node(&fixture.body, 1, 0);
    fixture_buffer(&fixture, NULL, 0);
    fixture_buffer(&fixture, "\0", 1);
    assert_false(fixture_decode(&fixture, 1, &batch));
    assert_string_equal(fixture.err.message, "column c: its dictionary did not arrive");
    fixture_close(&fixture);
}

static void schema_refuses_what_cannot_be_stored(void **state)
{
    (void)state;
    static const char *const formats[] = {"e", "d:50,2,256", "d:4,-1"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct fixture fixture;
        fixture_open_format(&fixture, formats[i]);
        assert_null(fixture.schema);
        assert_int_equal(fixture.err.code, ERR_UNIMPLEMENTED);
        assert_non_null(strstr(fixture.err.message, "column c"));
        fixture_close(&fixture);
    }
}

static void schema_refuses_broken_bytes(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "\xff\xff\xff\x7f", "\4\0\0\0\4\0\0\0\0\0\0\0"};
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct err err = {0};
        assert_null(arrow_schema_decode(arena, str_bytes(texts[i], i == 3 ? 12 : strlen(texts[i])), &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void schema_bounds_its_depth(void **state)
{
    (void)state;
    enum { DEPTH = 40 };
    struct fixture fixture;
    struct ArrowSchema level[DEPTH], *below[DEPTH];
    for (int i = DEPTH - 1; i >= 0; i--) {
        level[i] = (struct ArrowSchema){.format = "+l", .name = "l", .release = no_release};
        if (i == DEPTH - 1) {
            level[i].format = "i";
            continue;
        }
        below[i] = &level[i + 1];
        level[i].n_children = 1;
        level[i].children = &below[i];
    }
    fixture_open(&fixture, &level[0]);
    assert_null(fixture.schema);
    assert_int_equal(fixture.err.code, ERR_RESOURCE);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_gives_texts_without_copying),
        cmocka_unit_test(batch_refuses_bad_offsets),
        cmocka_unit_test(batch_refuses_a_character_cut_by_an_offset),
        cmocka_unit_test(batch_lets_anything_lie_under_a_null),
        cmocka_unit_test(batch_refuses_a_wrong_number_of_nulls),
        cmocka_unit_test(batch_refuses_buffers_outside_of_the_body),
        cmocka_unit_test(batch_refuses_impossible_lengths),
        cmocka_unit_test(batch_refuses_too_few_and_too_many_parts),
        cmocka_unit_test(batch_refuses_decimals_with_too_many_digits),
        cmocka_unit_test(batch_checks_lists_against_their_values),
        cmocka_unit_test(batch_needs_its_dictionary),
        cmocka_unit_test(schema_refuses_what_cannot_be_stored),
        cmocka_unit_test(schema_refuses_broken_bytes),
        cmocka_unit_test(schema_bounds_its_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
