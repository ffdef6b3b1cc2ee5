/* The cursor over outside bytes against its mirror, the writer, and cut at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/reader.h"
#include "base/writer.h"

static void reader_reads_what_writer_wrote(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    writer_u8(&buf, 0xfe);
    writer_u16le(&buf, 0xfedc);
    writer_u32le(&buf, 0xfedcba98);
    writer_u64le(&buf, UINT64_C(0xfedcba9876543210));
    writer_u32be(&buf, 0x01020304);
    writer_text(&buf, S("text"));
    struct reader reader = reader_from(buf_str(&buf));
    assert_int_equal(reader_u8(&reader), 0xfe);
    assert_int_equal(reader_u16le(&reader), 0xfedc);
    assert_int_equal(reader_u32le(&reader), 0xfedcba98);
    assert_true(reader_u64le(&reader) == UINT64_C(0xfedcba9876543210));
    assert_int_equal(reader_u32be(&reader), 0x01020304);
    assert_true(str_equal(reader_text(&reader), S("text")));
    assert_int_equal(reader_left(&reader), 0);
    assert_false(reader.failed);
}

static void reader_varint_agrees_with_writer(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    for (int shift = 0; shift < 64; shift++) {
        for (int64_t near = -1; near <= 1; near++) {
            uint64_t value = (UINT64_C(1) << shift) + (uint64_t)near;
            buf_clear(&buf);
            writer_varint(&buf, value);
            struct reader reader = reader_from(buf_str(&buf));
            assert_true(reader_varint(&reader) == value);
            assert_false(reader.failed);
            assert_int_equal(reader_left(&reader), 0);
        }
    }
}

static void reader_varint_refuses_more_than_64_bits(void **state)
{
    (void)state;
    struct reader wide = reader_from(S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    assert_int_equal(reader_varint(&wide), 0);
    assert_true(wide.failed);
    struct reader endless = reader_from(S("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
    assert_int_equal(reader_varint(&endless), 0);
    assert_true(endless.failed);
}

static void reader_fails_at_every_cut_and_stays_failed(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    writer_u32le(&buf, 1);
    writer_text(&buf, S("abcdef"));
    writer_varint(&buf, 1000000);
    for (size_t len = 0; len < buf_len(&buf); len++) {
        struct reader reader = reader_from(str_slice(buf_str(&buf), 0, len));
        reader_u32le(&reader);
        reader_text(&reader);
        reader_varint(&reader);
        assert_true(reader.failed);
        assert_int_equal(reader_u8(&reader), 0);
        assert_int_equal(reader_bytes(&reader, 0).len, 0);
    }
}

static void reader_does_not_believe_a_lying_length(void **state)
{
    (void)state;
    struct reader reader = reader_from(S("\xff\xff\xff\xff"
                                         "abc"));
    assert_int_equal(reader_text(&reader).len, 0);
    assert_true(reader.failed);
    struct reader nothing = reader_from((struct str){NULL, 0});
    assert_int_equal(reader_left(&nothing), 0);
    assert_int_equal(reader_u64le(&nothing), 0);
    assert_true(nothing.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_reads_what_writer_wrote),
        cmocka_unit_test(reader_varint_agrees_with_writer),
        cmocka_unit_test(reader_varint_refuses_more_than_64_bits),
        cmocka_unit_test(reader_fails_at_every_cut_and_stays_failed),
        cmocka_unit_test(reader_does_not_believe_a_lying_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
