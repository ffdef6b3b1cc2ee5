#include "platform/arrow/fields.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "platform/arrow/schema.h"
#include "platform/arrow/writer.h"

static const struct arrow_column fields_item[] = {{"piece", "tsu:UTC", true}};
static const struct arrow_column fields_types[] = {{"", "i"}, {"", "+l", true, fields_item, 1}};

static void fields_type(size_t index, struct buf *flatbuffer)
{
    const struct arrow_shape shape = {&fields_types[index], 1};
    arrow_shape_schema(&shape, flatbuffer);
}

/* The number of times that a text stands in the bytes. */
static size_t fields_count(struct str bytes, struct str text)
{
    size_t count = 0;
    for (ptrdiff_t at; (at = str_find(bytes, text)) >= 0; count++)
        bytes = str_from_index(bytes, (size_t)at + text.len);
    return count;
}

static void fields_are_copies_with_names_and_pairs(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct arrow_fields *fields = arrow_fields_new();
    struct buf types[2] = {{0}, {0}};
    struct err err;
    fields_type(0, &types[0]);
    fields_type(1, &types[1]);
    const struct arrow_pair pairs[] = {{"key", S("shared")}, {"other", S("x")}};
    for (int round = 0; round < 2; round++) {
        struct buf out = {0};
        arrow_fields_add(fields, S("first"), false, buf_str(&types[0]), pairs, 2);
        arrow_fields_add(fields, S(""), true, buf_str(&types[1]), pairs, 1);
        arrow_fields_take(fields, &out);
        struct arrow_field *root = arrow_schema_decode(arena, buf_str(&out), &err);
        assert_non_null(root);
        assert_int_equal(root->child_count, 2);
        assert_string_equal(root->children[0].c.name, "first");
        assert_string_equal(root->children[0].c.format, "i");
        assert_int_equal(root->children[0].c.flags & ARROW_FLAG_NULLABLE, 0);
        assert_string_equal(root->children[1].c.format, "+l");
        assert_string_equal(root->children[1].children[0].c.name, "piece");
        assert_string_equal(root->children[1].children[0].c.format, "tsu:UTC");
        assert_int_equal(fields_count(buf_str(&out), S("shared")), 1);
        assert_int_equal(fields_count(buf_str(&out), S("key")), 1);
        buf_done(&out);
    }
    buf_done(&types[0]);
    buf_done(&types[1]);
    arrow_fields_free(&fields);
}

static void fields_may_be_none(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct arrow_fields *fields = arrow_fields_new();
    struct buf out = {0};
    struct err err;
    arrow_fields_take(fields, &out);
    struct arrow_field *root = arrow_schema_decode(arena, buf_str(&out), &err);
    assert_true(!root || root->child_count == 0);
    buf_done(&out);
    arrow_fields_free(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_copies_with_names_and_pairs),
        cmocka_unit_test(fields_may_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
