/* What remote signing signs, and what it does not. That a store takes the signatures is seen in tests/object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "platform/object/object.h"

#define TABLE "s3://lake/wh/acme/ns/t-1"
#define HOST "http://127.0.0.1:9000"

static struct object_store *store;
static struct secret *key;

static int setup(void **state)
{
    (void)state;
    struct err err;
    key = secret_new(S("secret"));
    struct object_s3 s3 = {
        .endpoint = S(HOST), .region = S("us-east-1"), .path_style = true, .key_id = S("id"), .key = key};
    struct object_options options = {.root = S("s3://lake/wh"), .s3 = &s3};
    store = object_open(&options, &err);
    assert_non_null(store);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    object_close(&store);
    secret_free(&key);
    return 0;
}

static enum err_code code_of(const struct object_request *request)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct object_field fields[OBJECT_SIGNED_MAX];
    size_t count = 0;
    struct err err;
    if (!object_sign(store, arena, S(TABLE), request, fields, &count, &err))
        return err.code;
    assert_int_equal(count, 3);
    return ERR_OK;
}

static enum err_code code_of_uri(const char *method, const char *uri)
{
    return code_of(&(struct object_request){.method = str_from(method), .uri = str_from(uri)});
}

static void requests_for_files_of_the_table_are_signed(void **state)
{
    (void)state;
    static const char *const requests[][2] = {
        {"GET", HOST "/lake/wh/acme/ns/t-1/data/x.parquet"},
        {"GET", "http://lake.127.0.0.1:9000/wh/acme/ns/t-1/data/x.parquet"},
        {"HEAD", HOST "/lake/wh/acme/ns/t-1/data/a%3D1/x%20y?x-id=HeadObject"},
        {"PUT", HOST "/lake/wh/acme/ns/t-1/data/x?x-id=PutObject"},
        {"DELETE", HOST "/lake/wh/acme/ns/t-1/data/x"},
        {"POST", HOST "/lake/wh/acme/ns/t-1/data/x?uploads"},
        {"PUT", HOST "/lake/wh/acme/ns/t-1/data/x?partNumber=1&uploadId=u"},
        {"POST", HOST "/lake/wh/acme/ns/t-1/data/x?uploadId=u"},
        {"GET", HOST "/lake?list-type=2&prefix=wh%2Facme%2Fns%2Ft-1%2F"},
        {"GET", HOST "/lake/?list-type=2&prefix=wh/acme/ns/t-1/data&max-keys=10&delimiter=%2F"},
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        assert_int_equal(code_of_uri(requests[i][0], requests[i][1]), ERR_OK);
}

static void other_requests_are_not(void **state)
{
    (void)state;
    static const char *const requests[][2] = {
        {"GET", HOST "/lake/wh/acme/ns/t-2/data/x"},
        {"GET", HOST "/lake/wh/acme/ns/t-1"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/"},
        {"GET", HOST "/lake/wh/acme/ns/t-10/x"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/../t-2/x"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/%2e%2e/t-2/x"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/x%00"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/%zz"},
        {"GET", HOST "/pond/wh/acme/ns/t-1/x"},
        {"GET", HOST "/lakes/wh/acme/ns/t-1/x"},
        {"GET", "https://127.0.0.1:9000/lake/wh/acme/ns/t-1/x"},
        {"GET", "http://elsewhere/lake/wh/acme/ns/t-1/x"},
        {"GET", "http://127.0.0.1:9000@elsewhere/lake/wh/acme/ns/t-1/x"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/x?acl"},
        {"PUT", HOST "/lake/wh/acme/ns/t-1/x?acl"},
        {"PUT", HOST "/lake/wh/acme/ns/t-1/x?tagging"},
        {"GET", HOST "/lake/wh/acme/ns/t-1/x?uploads"},
        {"PATCH", HOST "/lake/wh/acme/ns/t-1/x"},
        {"GET", HOST "/lake"},
        {"GET", HOST "/"},
        {"GET", HOST "/lake?policy"},
        {"GET", HOST "/lake?list-type=2"},
        {"GET", HOST "/lake?list-type=2&prefix=wh%2F"},
        {"GET", HOST "/lake?list-type=2&prefix=wh/acme/ns/t-1"},
        {"GET", HOST "/lake?list-type=2&prefix=wh/acme/ns/t-1/&prefix="},
        {"PUT", HOST "/lake"},
        {"DELETE", HOST "/lake"},
        {"POST", HOST "/lake"},
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        assert_int_equal(code_of_uri(requests[i][0], requests[i][1]), ERR_DENIED);
}

static void deletes_of_other_names_are_not_signed(void **state)
{
    (void)state;
    const struct str bodies[] = {
        S("<Delete><Object><Key>wh/acme/ns/t-1/a</Key></Object><Object><Key>wh/acme/x</Key></Object></Delete>"),
        S("<Delete><Object><Key>wh/acme/ns/t-1/</Key></Object></Delete>"), S("<Delete></Delete>"), S(""), S("<Delete")};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(
            code_of(&(struct object_request){.method = S("POST"), .uri = S(HOST "/lake?delete"), .body = bodies[i]}),
            ERR_DENIED);
}

static void fields_that_reach_further_are_refused(void **state)
{
    (void)state;
    const struct object_field good[] = {{S("Host"), S("127.0.0.1:9000")},
                                        {S("User-Agent"), S("x")},
                                        {S("x-amz-content-sha256"), S("UNSIGNED-PAYLOAD")},
                                        {S("X-Amz-Checksum-CRC32"), S("AAAA")},
                                        {S("Content-MD5"), S("AAAA")}};
    struct object_request request = {
        .method = S("PUT"), .uri = S(HOST "/lake/wh/acme/ns/t-1/x"), .fields = good, .field_count = 5};
    assert_int_equal(code_of(&request), ERR_OK);
    const struct object_field bad[] = {{S("X-Amz-Copy-Source"), S("/lake/wh/other/x")},
                                       {S("x-amz-acl"), S("public-read")},
                                       {S("x-amz-grant-read"), S("everybody")},
                                       {S("x-amz-website-redirect-location"), S("/")},
                                       {S("content-md5"), S("a\nhost:elsewhere")}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        request.fields = &bad[i];
        request.field_count = 1;
        assert_int_equal(code_of(&request), ERR_DENIED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_for_files_of_the_table_are_signed),
        cmocka_unit_test(other_requests_are_not),
        cmocka_unit_test(deletes_of_other_names_are_not_signed),
        cmocka_unit_test(fields_that_reach_further_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
