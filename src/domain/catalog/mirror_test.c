/* What a mirror's writer is shown of the generation before, and how old its copy is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/catalog/mirror.h"
#include "platform/json/json.h"

static void a_staged_mirror_is_a_new_table_with_the_uuid_and_ids_of_the_old(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf shown = {0};
    struct err err;
    struct str text = S("{\"format-version\":2,\"table-uuid\":\"u\",\"last-sequence-number\":7,\"schemas\":["
                        "{\"type\":\"struct\",\"schema-id\":3,\"fields\":[]},"
                        "{\"type\":\"struct\",\"schema-id\":4,\"fields\":[{\"id\":9}]}],\"current-schema-id\":4,"
                        "\"snapshots\":[{\"snapshot-id\":1}],\"snapshot-log\":[1],\"metadata-log\":[2]}");
    assert_true(mirror_staged(arena, text, &shown, &err));
    assert_string_equal(str_cstr(arena, buf_str(&shown)),
                        "{\"format-version\":2,\"table-uuid\":\"u\",\"last-sequence-number\":7,\"schemas\":["
                        "{\"type\":\"struct\",\"fields\":[{\"id\":9}],\"schema-id\":0}],\"current-schema-id\":0,"
                        "\"snapshots\":[],\"snapshot-log\":[],\"metadata-log\":[]}");
}

static void a_staged_mirror_that_is_no_json_is_an_error(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf shown = {0};
    struct err err;
    assert_false(mirror_staged(arena, S("{\"schemas\":"), &shown, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

static void snapshots_of_a_mirror_get_its_date(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    struct err err;
    const struct json *updates = json_parse(arena,
                                            S("[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":1,"
                                              "\"timestamp-ms\":9}},{\"action\":\"assign-uuid\"}]"),
                                            &err);
    const struct json *dated = mirror_dated(arena, updates, 5, &err);
    assert_non_null(dated);
    json_write_value(&writer, NULL, dated);
    assert_string_equal(str_cstr(arena, buf_str(&text)),
                        "[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":1,"
                        "\"timestamp-ms\":5}},{\"action\":\"assign-uuid\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_staged_mirror_is_a_new_table_with_the_uuid_and_ids_of_the_old),
        cmocka_unit_test(a_staged_mirror_that_is_no_json_is_an_error),
        cmocka_unit_test(snapshots_of_a_mirror_get_its_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
