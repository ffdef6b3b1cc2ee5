/* Signatures against the examples that Amazon publishes ("Examples of the complete Signature Version 4 signing
 * process"). What remote signing refuses is in s3_sign_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "platform/object/sign.h"

#define EXAMPLE_US (INT64_C(1369353600) * CLOCK_SECOND) /* 2013-05-24T00:00:00Z */

static void expect_signature(struct object_signing signing, struct str body, const char *expected)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct secret *key = secret_new(S("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
    struct object_s3 s3 = {.region = S("us-east-1"), .key_id = S("AKIAIOSFODNN7EXAMPLE"), .key = key};
    struct object_field fields[OBJECT_SIGNED_MAX];
    size_t count;
    signing.service = S("s3");
    signing.host = S("examplebucket.s3.amazonaws.com");
    signing.body_hash = object_sha256(arena, body);
    signing.wall_us = EXAMPLE_US;
    object_sign_fields(arena, &s3, &signing, fields, &count);
    assert_int_equal(count, 3);
    assert_true(str_equal(fields[0].value, S("20130524T000000Z")));
    assert_true(str_equal(fields[2].name, S("authorization")));
    assert_string_equal(str_cstr(arena, fields[2].value), expected);
    secret_free(&key);
}

#define SCOPE "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders="

static void get_of_an_object(void **state)
{
    (void)state;
    struct object_field range = {S("range"), S("bytes=0-9")};
    expect_signature(
        (struct object_signing){.method = S("GET"), .path = S("/test.txt"), .fields = &range, .field_count = 1}, S(""),
        SCOPE "host;range;x-amz-content-sha256;x-amz-date, "
              "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void put_of_an_object_with_a_special_name(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct object_field fields[] = {{S("x-amz-storage-class"), S("REDUCED_REDUNDANCY")},
                                    {S("date"), S("Fri, 24 May 2013 00:00:00 GMT")}};
    expect_signature((struct object_signing){.method = S("PUT"),
                                             .path = object_encode(arena, S("/test$file.text"), false),
                                             .fields = fields,
                                             .field_count = 2},
                     S("Welcome to Amazon S3."),
                     SCOPE "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
                           "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void list_of_objects(void **state)
{
    (void)state;
    expect_signature((struct object_signing){.method = S("GET"), .path = S("/"), .query = S("max-keys=2&prefix=J")},
                     S(""),
                     SCOPE "host;x-amz-content-sha256;x-amz-date, "
                           "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void names_are_encoded_as_amazon_does(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_string_equal(str_cstr(arena, object_encode(arena, S("a=1/b c+%~é"), false)), "a%3D1/b%20c%2B%25~%C3%A9");
    assert_string_equal(str_cstr(arena, object_encode(arena, S("a/b"), true)), "a%2Fb");
    assert_string_equal(str_cstr(arena, object_md5(arena, S(""))), "1B2M2Y8AsgTpgAmY7PhCfg==");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_of_an_object),
        cmocka_unit_test(put_of_an_object_with_a_special_name),
        cmocka_unit_test(list_of_objects),
        cmocka_unit_test(names_are_encoded_as_amazon_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
