/* Answers of S3 and STS, as the stores write them and as a hostile one might. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "platform/object/answer.h"

static struct err err;

static void page_has_its_entries(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct object_page page;
    assert_true(object_answer_page(
        arena,
        S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>t/</Prefix>"
          "<NextContinuationToken>1ueGcxLPRx1Tr/XYEx==</NextContinuationToken><KeyCount>2</KeyCount>"
          "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
          "<Contents><Key>t/a%3D1/x+y</Key><LastModified>2026-11-21T10:31:00.000Z</LastModified>"
          "<ETag>&quot;e&quot;</ETag><Size>434234</Size><StorageClass>STANDARD</StorageClass>"
          "<Owner><ID>i</ID></Owner></Contents>\n"
          "<Contents><Key>t/b&amp;c</Key><Size>0</Size></Contents></ListBucketResult>"),
        &page, &err));
    assert_int_equal(page.count, 2);
    assert_true(str_equal(page.entries[0].key, S("t/a=1/x y")));
    assert_int_equal(page.entries[0].size, 434234);
    assert_int_equal(page.entries[0].modified_us, INT64_C(1795257060) * CLOCK_SECOND);
    assert_true(str_equal(page.entries[1].key, S("t/b&c")));
    assert_int_equal(page.entries[1].modified_us, 0);
    assert_true(page.more);
    assert_true(str_equal(page.next, S("1ueGcxLPRx1Tr/XYEx==")));
}

static void page_that_is_none_is_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct str documents[] = {
        S(""),
        S("<html>"),
        S("<html></html>"),
        S("<ListBucketResult><Contents><Key>cut</Key></Con"),
        S("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
        S("<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key></Contents></ListBucketResult>"),
        S("<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00</Key></Contents></ListBucketResult>"),
        S("<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><ListBucketResult>&c;</ListBucketResult>"),
        S("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><ListBucketResult></ListBucketResult>"),
        S("<ListBucketResult>&unknown;</ListBucketResult>"),
        S("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></"
          "a></a>"
          "</a></a>"),
    };
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct object_page page;
        assert_false(object_answer_page(arena, documents[i], &page, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void failure_is_found_in_each_kind_of_answer(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct object_failure failure;
    assert_true(object_answer_failure(arena,
                                      S("<Error><Code>NoSuchKey</Code><Message>not\nthere \x01</Message></Error>"),
                                      &failure) == false);
    assert_true(object_answer_failure(arena, S("<Error><Code>NoSuchKey</Code><Message>not\nthere é</Message></Error>"),
                                      &failure));
    assert_true(str_equal(failure.code, S("NoSuchKey")));
    assert_true(str_equal(failure.message, S("not?there ??")));
    assert_true(object_answer_failure(
        arena,
        S("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
          "<Code>AccessDenied</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"),
        &failure));
    assert_true(str_equal(failure.code, S("AccessDenied")));
    assert_true(object_answer_failure(arena,
                                      S("<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>X</Code>"
                                        "</Error><Error><Key>c</Key><Code>Y</Code></Error></DeleteResult>"),
                                      &failure));
    assert_true(str_equal(failure.key, S("b")));
    assert_true(str_equal(failure.code, S("X")));
    assert_false(object_answer_failure(arena, S("<DeleteResult></DeleteResult>"), &failure));
    assert_false(object_answer_failure(arena, S("Bad Gateway"), &failure));
}

static void credentials_are_whole_or_none(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct object_credentials credentials;
    assert_true(object_answer_credentials(
        arena,
        S("<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>"
          "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>"
          "<Expiration>2026-11-21T10:31:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"),
        &credentials, &err));
    assert_true(str_equal(credentials.key_id, S("A")));
    assert_true(str_equal(credentials.secret, S("S")));
    assert_true(str_equal(credentials.session_token, S("T")));
    assert_int_equal(credentials.expires_us, INT64_C(1795257060) * CLOCK_SECOND);
    assert_false(object_answer_credentials(
        arena,
        S("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId></Credentials>"
          "</AssumeRoleResult></AssumeRoleResponse>"),
        &credentials, &err));
}

static void delete_carries_names_that_need_escapes(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct str names[] = {S("a/b"), S("<&>\"'"), S("tab\there\r\n"), S("  ü  ")}, *back;
    struct str document;
    size_t count;
    assert_true(object_answer_delete(arena, names, 4, &document));
    assert_true(object_answer_deleted(arena, document, &back, &count, &err));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(str_equal(names[i], back[i]));
    const struct str bad[] = {S("\x01"), S("\xff")};
    assert_false(object_answer_delete(arena, &bad[0], 1, &document));
    assert_false(object_answer_delete(arena, &bad[1], 1, &document));
    const struct str refused[] = {
        S("<Delete></Delete>"), S("<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object></Delete>"),
        S("<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>"), S("<Delete><Key>a</Key></Delete>"), S("x")};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(object_answer_deleted(arena, refused[i], &back, &count, &err));
}

static void times_are_read_or_zero(void **state)
{
    (void)state;
    assert_int_equal(object_answer_time(S("1970-01-01T00:00:01Z")), CLOCK_SECOND);
    assert_int_equal(object_answer_time(S("2024-02-29T23:59:59.999Z")), INT64_C(1709251199) * CLOCK_SECOND);
    const struct str bad[] = {S(""),
                              S("2024-02-29"),
                              S("2024-13-01T00:00:00Z"),
                              S("2024-02-29T23:59:59+01:00"),
                              S("2024/02/29T23:59:59Z"),
                              S("xxxx-02-29T23:59:59Z")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(object_answer_time(bad[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_has_its_entries),
        cmocka_unit_test(page_that_is_none_is_refused),
        cmocka_unit_test(failure_is_found_in_each_kind_of_answer),
        cmocka_unit_test(credentials_are_whole_or_none),
        cmocka_unit_test(delete_carries_names_that_need_escapes),
        cmocka_unit_test(times_are_read_or_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
