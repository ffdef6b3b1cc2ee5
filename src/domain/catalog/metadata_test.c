/* Table metadata: what Iceberg's own builder does with the same updates. */
#include "domain/catalog/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "platform/json/json.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define COLUMNS                                              \
    "{'type':'struct','schema-id':0,'fields':["              \
    "{'id':10,'name':'id','required':true,'type':'long'},"   \
    "{'id':20,'name':'day','required':false,'type':'date'}," \
    "{'id':30,'name':'name','required':false,'type':'string','doc':'who'}]}"

struct bench {
    struct arena *arena;
    struct metadata_context context;
    struct err err;
};

static int setup(void **state)
{
    struct bench *bench = mem_new(struct bench);
    bench->arena = arena_new();
    bench->context = (struct metadata_context){.now_ms = 1700000000000, .random = 0x1234567890ABCDEF};
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    arena_free(&bench->arena);
    mem_free(bench);
    return 0;
}

/* JSON with ' for ". */
static const struct json *read_json(struct bench *bench, const char *text)
{
    struct str copy = str_copy(bench->arena, str_from(text));
    for (size_t i = 0; i < copy.len; i++) {
        if (copy.ptr[i] == '\'')
            ((char *)(uintptr_t)copy.ptr)[i] = '"';
    }
    const struct json *json = json_parse(bench->arena, copy, &bench->err);
    if (!json)
        fail_msg("%s: %s", bench->err.message, copy.ptr);
    return json;
}

static const struct metadata *create(struct bench *bench, const char *request)
{
    struct metadata_create create = {
        .request = read_json(bench, request), .uuid = S(UUID), .location = S("file:///w/t/ns/orders-1/")};
    return metadata_new(bench->arena, &create, &bench->context, &bench->err);
}

static const struct metadata *orders(struct bench *bench)
{
    const struct metadata *table = create(bench, "{'name':'orders','schema':" COLUMNS ","
                                                 "'partition-spec':{'spec-id':0,'fields':[{'source-id':20,'field-id':"
                                                 "1000,'name':'day_month','transform':'month'}]},"
                                                 "'write-order':{'order-id':1,'fields':[{'source-id':10,'transform':'"
                                                 "identity','direction':'asc','null-order':'nulls-first'}]},"
                                                 "'properties':{'a':'1','format-version':'2'}}");
    if (!table)
        fail_msg("%s", bench->err.message);
    return table;
}

static const struct metadata *update(struct bench *bench, const struct metadata *base, const char *updates)
{
    const struct metadata *next = NULL;
    bench->context.now_ms += 1000;
    if (!metadata_update(bench->arena, base, read_json(bench, updates), &bench->context, &next, &bench->err))
        return NULL;
    return next;
}

static const struct metadata *updated(struct bench *bench, const struct metadata *base, const char *updates)
{
    const struct metadata *next = update(bench, base, updates);
    if (!next)
        fail_msg("%s", bench->err.message);
    return next;
}

static struct str written(struct bench *bench, const struct metadata *metadata)
{
    struct buf buf = {0};
    metadata_write(metadata, &buf);
    struct str text = str_copy(bench->arena, buf_str(&buf));
    buf_done(&buf);
    if (!metadata_parse(bench->arena, text, &bench->err))
        fail_msg("%s: %s", bench->err.message, text.ptr);
    return text;
}

static const struct json *document(struct bench *bench, const struct metadata *metadata)
{
    return json_parse(bench->arena, written(bench, metadata), &bench->err);
}

static void assert_json(struct bench *bench, const struct json *value, const char *expected)
{
    if (json_is_equal(value, read_json(bench, expected)))
        return;
    struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_write_value(&writer, NULL, value);
    buf_append_char(&buf, 0);
    fail_msg("%s is not %s", (const char *)buf.ptr, expected);
}

static void assert_error(struct bench *bench, const void *result, enum err_code code, const char *part)
{
    assert_null(result);
    if (bench->err.code != code || str_find(err_message(&bench->err), str_from(part)) < 0)
        fail_msg("%s: %s, wanted %s: %s", err_code_name(bench->err.code), bench->err.message, err_code_name(code),
                 part);
}

static void a_new_table_numbers_its_columns_from_one(void **state)
{
    struct bench *bench = *state;
    const struct json *json = document(bench, orders(bench));
    assert_json(bench, json_get(json, "schemas"),
                "[{'type':'struct','schema-id':0,'fields':["
                "{'id':1,'name':'id','required':true,'type':'long'},"
                "{'id':2,'name':'day','required':false,'type':'date'},"
                "{'id':3,'name':'name','required':false,'type':'string','doc':'who'}]}]");
    assert_json(bench, json_get(json, "partition-specs"),
                "[{'spec-id':0,'fields':[{'source-id':2,'field-id':1000,'name':'day_month','transform':'month'}]}]");
    assert_json(bench, json_get(json, "sort-orders"),
                "[{'order-id':1,'fields':[{'source-id':1,'transform':'identity','direction':'asc','null-order':'nulls-"
                "first'}]}]");
    assert_json(bench, json_get(json, "properties"), "{'a':'1','write.parquet.compression-codec':'zstd'}");
    assert_json(bench, json_get(json, "last-column-id"), "3");
    assert_json(bench, json_get(json, "last-partition-id"), "1000");
    assert_json(bench, json_get(json, "default-sort-order-id"), "1");
    assert_json(bench, json_get(json, "current-snapshot-id"), "-1");
    assert_json(bench, json_get(json, "location"), "'file:///w/t/ns/orders-1'");
}

#define SNAPSHOT(id, parent, sequence)                                                                  \
    "{'action':'add-snapshot','snapshot':{'snapshot-id':" #id "," parent "'sequence-number':" #sequence \
    ",'timestamp-ms':1700000000500,'manifest-list':'file:///w/t/ns/orders-1/metadata/snap-" #id         \
    ".avro','summary':{'operation':'append'},'schema-id':0}}"
#define MAIN(id) "{'action':'set-snapshot-ref','ref-name':'main','type':'branch','snapshot-id':" #id "}"

static void an_append_moves_main(void **state)
{
    struct bench *bench = *state;
    bench->context.previous = S("file:///w/t/ns/orders-1/metadata/00000-a.metadata.json");
    const struct metadata *base = orders(bench);
    const struct metadata *next =
        updated(bench, base, "[" SNAPSHOT(9223372036854775807, "", 1) "," MAIN(9223372036854775807) "]");
    const struct json *json = document(bench, next);
    assert_json(bench, json_get(json, "current-snapshot-id"), "9223372036854775807");
    assert_json(bench, json_get(json, "last-sequence-number"), "1");
    assert_json(bench, json_get(json, "refs"), "{'main':{'snapshot-id':9223372036854775807,'type':'branch'}}");
    assert_json(bench, json_get(json, "snapshot-log"),
                "[{'timestamp-ms':1700000000500,'snapshot-id':9223372036854775807}]");
    assert_json(
        bench, json_get(json, "metadata-log"),
        "[{'timestamp-ms':1700000000000,'metadata-file':'file:///w/t/ns/orders-1/metadata/00000-a.metadata.json'}]");
    assert_int_equal(metadata_snapshot_count(base), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_table_numbers_its_columns_from_one, setup, teardown),
        cmocka_unit_test_setup_teardown(an_append_moves_main, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
