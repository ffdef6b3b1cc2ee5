#include "platform/arrow/writer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "platform/arrow/batch.h"
#include "platform/arrow/sql_shape.h"

static const struct arrow_column writer_item[] = {{"item", "i", true}};
static const struct arrow_column writer_columns[] = {
    {"name", "u", true},
    {"size", "i"},
    {"parts", "+l", true, writer_item, 1},
};
static const struct arrow_shape writer_shape = {writer_columns, 3};

static void writer_row(struct arrow_writer *writer, struct str name, int32_t size)
{
    struct ArrowArray *parts = arrow_writer_cell(writer, 2);
    if (name.ptr)
        arrow_put_text(arrow_writer_cell(writer, 0), name);
    else
        arrow_put_null(arrow_writer_cell(writer, 0));
    arrow_put_i64(arrow_writer_cell(writer, 1), size);
    for (int32_t i = 0; i < size; i++)
        arrow_put_i64(parts->children[0], i);
    arrow_put_end(parts);
    arrow_writer_row(writer);
}

/* What comes out is what the room itself takes in, twice from one writer. */
static void writer_makes_messages_that_pass_the_checks(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf schema = {0};
    struct err err;
    arrow_shape_schema(&writer_shape, &schema);
    struct arrow_field *root = arrow_schema_decode(arena, buf_str(&schema), &err);
    assert_non_null(root);
    assert_int_equal(root->child_count, 3);
    assert_string_equal(root->children[2].c.name, "parts");
    struct arrow_decoder *decoder = arrow_decoder_new(root, &err);
    assert_non_null(decoder);
    struct arrow_writer *writer = arrow_writer_new(&writer_shape);
    for (int round = 0; round < 2; round++) {
        struct buf header = {0}, body = {0};
        writer_row(writer, S("a"), 2);
        writer_row(writer, (struct str){0}, 0);
        assert_int_equal(arrow_writer_rows(writer), 2);
        arrow_writer_batch(writer, &header, &body);
        assert_int_equal(arrow_writer_rows(writer), 0);
        struct arrow_batch batch;
        bool is_batch;
        assert_true(
            arrow_decoder_message(decoder, buf_str(&header), body.ptr, buf_len(&body), arena, &batch, &is_batch, &err));
        assert_true(is_batch);
        assert_int_equal(batch.array.length, 2);
        assert_int_equal(batch.array.children[0]->null_count, 1);
        buf_done(&header);
        buf_done(&body);
    }
    arrow_writer_free(&writer);
    arrow_decoder_free(&decoder);
    buf_done(&schema);
}

static void writer_builds_every_shape_of_flight_sql(void **state)
{
    (void)state;
    const struct arrow_shape *const shapes[] = {
        &arrow_sql_catalogs,           &arrow_sql_schemas,     &arrow_sql_tables,
        &arrow_sql_tables_with_schema, &arrow_sql_table_types, &arrow_sql_primary_keys,
        &arrow_sql_foreign_keys,       &arrow_sql_info,        &arrow_sql_xdbc_types,
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct buf message = {0}, header = {0}, body = {0};
        struct arrow_writer *writer = arrow_writer_new(shapes[i]);
        arrow_shape_message(shapes[i], &message);
        assert_int_equal(buf_len(&message) % 8, 0);
        arrow_writer_batch(writer, &header, &body); /* also without rows */
        assert_true(buf_len(&header) > 0);
        arrow_writer_free(&writer);
        buf_done(&message);
        buf_done(&header);
        buf_done(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_makes_messages_that_pass_the_checks),
        cmocka_unit_test(writer_builds_every_shape_of_flight_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
