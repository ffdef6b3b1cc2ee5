/* Updates of a commit: what Iceberg's own builder does with the same ones. */
#include "domain/catalog/metadata.h"

#include "domain/catalog/model_test.h"

static void an_append_moves_main(void **state)
{
    struct model_bench *bench = *state;
    bench->context.previous = S("file:///w/t/ns/orders-1/metadata/00000-a.metadata.json");
    const struct metadata *base = model_orders(bench);
    const struct metadata *next = model_updated(
        bench, base, "[" MODEL_SNAPSHOT(9223372036854775807, "", 1) "," MODEL_MOVE(9223372036854775807) "]");
    const struct json *json = model_document(bench, next);
    model_assert(bench, json_get(json, "current-snapshot-id"), "9223372036854775807");
    model_assert(bench, json_get(json, "last-sequence-number"), "1");
    model_assert(bench, json_get(json, "refs"), "{'main':{'snapshot-id':9223372036854775807,'type':'branch'}}");
    model_assert(bench, json_get(json, "snapshot-log"),
                 "[{'timestamp-ms':1700000000500,'snapshot-id':9223372036854775807}]");
    model_assert(
        bench, json_get(json, "metadata-log"),
        "[{'timestamp-ms':1700000000000,'metadata-file':'file:///w/t/ns/orders-1/metadata/00000-a.metadata.json'}]");
    assert_int_equal(metadata_snapshot_count(base), 0);
}

/* --- Snapshots and references --- */

static void snapshots_that_do_not_fit_are_refused(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table =
        model_updated(bench, model_orders(bench), "[" MODEL_SNAPSHOT(1, "", 1) "," MODEL_MOVE(1) "]");
    model_refused(bench, model_update(bench, table, "[" MODEL_SNAPSHOT(1, "", 2) "]"), ERR_INVALID,
                  "snapshot already exists for id: 1");
    model_refused(bench, model_update(bench, table, "[" MODEL_SNAPSHOT(2, "'parent-snapshot-id':1,", 1) "]"),
                  ERR_CONFLICT, "sequence number 1 older than last sequence number 1");
    model_refused(bench, model_update(bench, table, "[" MODEL_MOVE(3) "]"), ERR_INVALID,
                  "cannot set main to unknown snapshot: 3");
    model_refused(
        bench,
        model_update(bench, table, "[{'action':'set-snapshot-ref','ref-name':'main','type':'tag','snapshot-id':1}]"),
        ERR_INVALID, "it must be a branch");
    model_refused(bench,
                  model_update(bench, table,
                               "[{'action':'set-snapshot-ref','ref-name':'t','type':'tag','snapshot-id':1,"
                               "'min-snapshots-to-keep':2}]"),
                  ERR_INVALID, "cannot have 'min-snapshots-to-keep'");
    model_refused(bench,
                  model_update(bench, table,
                               "[{'action':'set-snapshot-ref','ref-name':'b','type':'branch','snapshot-id':1,"
                               "'max-ref-age-ms':0}]"),
                  ERR_INVALID, "must be greater than 0");
    model_refused(bench,
                  model_update(bench, table,
                               "[{'action':'add-snapshot','snapshot':{'snapshot-id':5,'sequence-number':9,"
                               "'timestamp-ms':1,'manifests':['a']}}]"),
                  ERR_INVALID, "'manifest-list' is missing");
    model_refused(bench, model_update(bench, table, "[{'action':'add-snapshot'}]"), ERR_INVALID, "must be an object");
    model_refused(bench, model_update(bench, NULL, "[" MODEL_SNAPSHOT(1, "", 1) "]"), ERR_INVALID,
                  "before a schema is added");
}

static void rows_are_numbered_in_v3(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table =
        model_updated(bench, model_orders(bench), "[{'action':'upgrade-format-version','format-version':3}]");
    model_assert(bench, json_get(model_document(bench, table), "next-row-id"), "0");
    model_assert(bench, json_get(model_document(bench, table), "current-snapshot-id"), "null");
    model_refused(bench, model_update(bench, table, "[" MODEL_SNAPSHOT(1, "", 1) "]"), ERR_INVALID,
                  "first-row-id is null");
    table =
        model_updated(bench, table, "[" MODEL_SNAPSHOT(1, "'first-row-id':0,'added-rows':7,", 1) "," MODEL_MOVE(1) "]");
    model_assert(bench, json_get(model_document(bench, table), "next-row-id"), "7");
    model_refused(bench, model_update(bench, table, "[" MODEL_SNAPSHOT(2, "'first-row-id':6,'added-rows':7,", 2) "]"),
                  ERR_CONFLICT, "behind table next-row-id: 6 < 7");
    model_refused(bench, model_update(bench, table, "[" MODEL_SNAPSHOT(2, "'first-row-id':7,", 2) "]"), ERR_INVALID,
                  "'added-rows' is missing");
    model_refused(bench, model_update(bench, table, "[" MODEL_SNAPSHOT(2, "'first-row-id':-3,'added-rows':1,", 2) "]"),
                  ERR_INVALID, "cannot be negative");
    model_refused(
        bench,
        model_update(bench, table, "[" MODEL_SNAPSHOT(2, "'first-row-id':9,'added-rows':9223372036854775807,", 2) "]"),
        ERR_INVALID, "no numbers left");
    model_refused(bench, model_update(bench, table, "[{'action':'upgrade-format-version','format-version':2}]"),
                  ERR_INVALID, "cannot downgrade v3 table to v2");
    model_refused(bench, model_update(bench, table, "[{'action':'upgrade-format-version','format-version':4}]"),
                  ERR_INVALID, "unsupported format version: v4");
}

static void removing_a_snapshot_takes_what_belongs_to_it(void **state)
{
    struct model_bench *bench = *state;
    const struct json *json = model_document(
        bench, model_updated(bench, model_three(bench), "[{'action':'remove-snapshots','snapshot-ids':[2,1,77]}]"));
    assert_int_equal(json_count(json_get(json, "snapshots")), 1);
    model_assert(bench, json_get(json, "statistics"), "[]");
    model_assert(bench, json_get(json, "partition-statistics"), "[]");
    model_assert(bench, json_get(json, "refs"), "{'main':{'snapshot-id':3,'type':'branch'}}");
    model_assert(bench, json_get(json, "snapshot-log"), "[{'timestamp-ms':1700000000500,'snapshot-id':3}]");
    json = model_document(
        bench, model_updated(bench, model_three(bench), "[{'action':'remove-snapshots','snapshot-ids':[3]}]"));
    model_assert(bench, json_get(json, "current-snapshot-id"), "-1");
    model_assert(bench, json_get(json, "snapshot-log"), "[]");
    assert_int_equal(json_count(json_get(json, "refs")), 1);
    const struct metadata *table = model_three(bench);
    assert_ptr_equal(model_updated(bench, table, "[{'action':'remove-snapshots','snapshot-ids':[77]}]"), table);
}

static void a_rollback_happens_now(void **state)
{
    struct model_bench *bench = *state;
    const struct json *json = model_document(bench, model_updated(bench, model_three(bench), "[" MODEL_MOVE(1) "]"));
    model_assert(bench, json_get(json, "current-snapshot-id"), "1");
    model_assert(bench, json_at(json_get(json, "snapshot-log"), 3), "{'timestamp-ms':1700000004000,'snapshot-id':1}");
    json = model_document(
        bench, model_updated(bench, model_three(bench), "[{'action':'remove-snapshot-ref','ref-name':'main'}]"));
    model_assert(bench, json_get(json, "current-snapshot-id"), "-1");
    assert_int_equal(json_count(json_get(json, "snapshots")), 3);
}

static void snapshots_in_passing_are_not_logged(void **state)
{
    struct model_bench *bench = *state;
    const struct json *json =
        model_document(bench, model_updated(bench, model_orders(bench),
                                            "[" MODEL_SNAPSHOT(1, "", 1) "," MODEL_MOVE(1) "," MODEL_SNAPSHOT(
                                                2, MODEL_PARENT(1), 2) "," MODEL_MOVE(2) "]"));
    model_assert(bench, json_get(json, "snapshot-log"), "[{'timestamp-ms':1700000000500,'snapshot-id':2}]");
}

static void clocks_of_clients_do_not_break_the_log(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_orders(bench);
    table = model_updated(bench, table,
                          "[{'action':'add-snapshot','snapshot':{'snapshot-id':1,'sequence-number':1,"
                          "'timestamp-ms':1700009999000,'manifest-list':'m'}}," MODEL_MOVE(1) "]");
    assert_true(metadata_last_updated_ms(table) == 1700009999000);
    table = model_updated(bench, table, "[" MODEL_SNAPSHOT(2, MODEL_PARENT(1), 2) "," MODEL_MOVE(2) "]");
    model_assert(bench, json_get(model_document(bench, table), "snapshot-log"),
                 "[{'timestamp-ms':1700009999000,'snapshot-id':1},{'timestamp-ms':1700009999000,'snapshot-id':2}]");
}

static void only_snapshots_with_references_are_written(void **state)
{
    struct model_bench *bench = *state;
    AUTO(buf) struct buf buf = {0};
    metadata_write_refs(model_three(bench), &buf);
    const struct json *json = json_parse(bench->arena, buf_str(&buf), &bench->err);
    assert_int_equal(json_count(json_get(json, "snapshots")), 2);
    model_assert(bench, json_get(json, "statistics"), "[]");
    assert_int_equal(json_count(json_get(json, "snapshot-log")), 3);
}

/* --- Shape --- */

static void schemas_are_numbered_and_reused(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *base = model_orders(bench);
    const struct metadata *table =
        model_updated(bench, base,
                      "[{'action':'add-schema','last-column-id':3,'schema':{'type':'struct','schema-id':7,'fields':["
                      "{'id':1,'name':'id','required':true,'type':'long'},{'id':2,'name':'day','required':false,"
                      "'type':'date'},{'id':9,'name':'new','required':false,'type':'int'}]}},"
                      "{'action':'set-current-schema','schema-id':-1}]");
    const struct json *json = model_document(bench, table);
    model_assert(bench, json_get(json, "current-schema-id"), "1");
    model_assert(bench, json_get(json, "last-column-id"), "9");
    model_assert(bench, json_get(json_at(json_get(json, "schemas"), 1), "schema-id"), "1");
    json = model_document(bench, model_updated(bench, table,
                                               "[{'action':'add-schema','schema':{'type':'struct','fields':["
                                               "{'id':1,'name':'id','required':true,'type':'long'},"
                                               "{'id':2,'name':'day','required':false,'type':'date'},"
                                               "{'id':3,'name':'name','required':false,'type':'string','doc':'who'}]}},"
                                               "{'action':'set-current-schema','schema-id':-1},"
                                               "{'action':'remove-schemas','schema-ids':[1,50]}]"));
    model_assert(bench, json_get(json, "current-schema-id"), "0");
    assert_int_equal(json_count(json_get(json, "schemas")), 1);
    model_refused(bench, model_update(bench, base, "[{'action':'set-current-schema','schema-id':-1}]"), ERR_INVALID,
                  "no schema has been added");
    model_refused(bench, model_update(bench, base, "[{'action':'set-current-schema','schema-id':4}]"), ERR_INVALID,
                  "unknown schema: 4");
    model_refused(bench, model_update(bench, base, "[{'action':'remove-schemas','schema-ids':[0]}]"), ERR_INVALID,
                  "cannot remove the current schema");
    model_refused(bench,
                  model_update(bench, base,
                               "[{'action':'add-schema','schema':{'fields':[]}},"
                               "{'action':'set-current-schema','schema-id':-1}]"),
                  ERR_INVALID, "cannot find source column 2 for partition field 'day_month'");
}

static void specs_get_ids_for_their_fields(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *base = model_orders(bench);
    const struct metadata *table =
        model_updated(bench, base,
                      "[{'action':'add-spec','spec':{'spec-id':5,'fields':["
                      "{'source-id':1,'name':'b','transform':'bucket[8]'},"
                      "{'source-id':2,'name':'again','transform':'month'},"
                      "{'source-id':3,'name':'z','transform':'zorder'}]}},{'action':'set-default-spec','spec-id':-1}]");
    const struct json *json = model_document(bench, table);
    model_assert(bench, json_at(json_get(json, "partition-specs"), 1),
                 "{'spec-id':1,'fields':[{'source-id':1,'field-id':1001,'name':'b','transform':'bucket[8]'},"
                 "{'source-id':2,'field-id':1000,'name':'again','transform':'month'},"
                 "{'source-id':3,'field-id':1002,'name':'z','transform':'zorder'}]}");
    model_assert(bench, json_get(json, "last-partition-id"), "1002");
    model_assert(bench, json_get(json, "default-spec-id"), "1");
    json =
        model_document(bench, model_updated(bench, table,
                                            "[{'action':'add-spec','spec':{'fields':[{'source-id':2,'name':'day_month',"
                                            "'transform':'month'}]}},{'action':'set-default-spec','spec-id':-1},"
                                            "{'action':'remove-partition-specs','spec-ids':[1]}]"));
    model_assert(bench, json_get(json, "default-spec-id"), "0");
    assert_int_equal(json_count(json_get(json, "partition-specs")), 1);
    model_refused(bench, model_update(bench, base, "[{'action':'remove-partition-specs','spec-ids':[0]}]"), ERR_INVALID,
                  "cannot remove the default partition spec");
    model_refused(bench, model_update(bench, base, "[{'action':'set-default-spec','spec-id':3}]"), ERR_INVALID,
                  "unknown spec: 3");
    model_refused(bench,
                  model_update(bench, base,
                               "[{'action':'add-spec','spec':{'fields':["
                               "{'source-id':1,'name':'b','transform':'void','field-id':7},"
                               "{'source-id':1,'name':'c','transform':'identity','field-id':7}]}}]"),
                  ERR_INVALID, "two partition fields have the id 7");
}

static void the_unsorted_order_is_always_0(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_updated(bench, model_orders(bench),
                                                 "[{'action':'add-sort-order','sort-order':{'order-id':0,'fields':[]}},"
                                                 "{'action':'set-default-sort-order','sort-order-id':-1}]");
    const struct json *json = model_document(bench, table);
    model_assert(bench, json_get(json, "default-sort-order-id"), "0");
    json = model_document(
        bench, model_updated(bench, table,
                             "[{'action':'add-sort-order','sort-order':{'order-id':1,'fields':[{'source-id':3,"
                             "'transform':'truncate[2]','direction':'DESC','null-order':'nulls-last'}]}},"
                             "{'action':'set-default-sort-order','sort-order-id':-1}]"));
    model_assert(bench, json_get(json, "default-sort-order-id"), "2");
    model_assert(bench, json_at(json_get(json, "sort-orders"), 2),
                 "{'order-id':2,'fields':[{'source-id':3,'transform':'truncate[2]','direction':'desc',"
                 "'null-order':'nulls-last'}]}");
    model_refused(bench, model_update(bench, table, "[{'action':'set-default-sort-order','sort-order-id':9}]"),
                  ERR_INVALID, "unknown order: 9");
}

/* --- Everything else --- */

static void what_changes_nothing_gives_the_base(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_three(bench);
    static const char *const nothing[] = {
        "[]",
        "[{'action':'assign-uuid','uuid':'01234567-89AB-cdef-0123-456789abcdef'}]",
        "[{'action':'upgrade-format-version','format-version':2}]",
        "[{'action':'set-properties','updates':{'a':'1','uuid':'x'}}]",
        "[{'action':'remove-properties','removals':['none']}]",
        "[{'action':'set-location','location':'file:///w/t/ns/orders-1//'}]",
        "[" MODEL_MOVE(3) "]",
        "[{'action':'remove-snapshot-ref','ref-name':'none'}]",
        "[{'action':'remove-statistics','snapshot-id':1}]",
        "[{'action':'remove-partition-statistics','snapshot-id':1}]",
        "[{'action':'remove-encryption-key','key-id':'none'}]",
        "[{'action':'set-current-schema','schema-id':0}]",
    };
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        assert_ptr_equal(model_updated(bench, table, nothing[i]), table);
}

static void what_is_no_update(void **state)
{
    struct model_bench *bench = *state;
    static const char *const cases[][2] = {
        {"{}", "'updates' must be an array"},
        {"[1]", "must hold objects"},
        {"[{}]", "update: 'action' is missing"},
        {"[{'action':'drop-everything'}]", "unknown update 'drop-everything'"},
        {"[{'action':'assign-uuid','uuid':'ffffffff-89ab-cdef-0123-456789abcdef'}]", "cannot reassign uuid"},
        {"[{'action':'set-properties','updates':{'a':1}}]", "'a' of 'updates' must be a text"},
        {"[{'action':'set-properties'}]", "must be an object"},
        {"[{'action':'remove-properties','removals':[1]}]", "must hold texts"},
        {"[{'action':'remove-snapshots','snapshot-ids':['1']}]", "must hold whole numbers"},
        {"[{'action':'set-location','location':''}]", "is empty"},
        {"[{'action':'set-statistics','statistics':{'snapshot-id':1}}]", "'statistics-path' is missing"},
        {"[{'action':'add-encryption-key','encryption-key':{'key-id':'a'}}]", "'encrypted-key-metadata' is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        model_refused(bench, model_update(bench, model_orders(bench), cases[i][0]), ERR_INVALID, cases[i][1]);
}

static void a_new_table_from_updates_alone(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_updated(
        bench, NULL,
        "[{'action':'assign-uuid','uuid':'" MODEL_UUID_TEXT "'},{'action':'upgrade-format-version','format-version':3},"
        "{'action':'add-schema','schema':{'type':'struct','schema-id':0,'fields':[{'id':4,'name':'a','required':false,"
        "'type':'int'}]},'last-column-id':4},{'action':'add-spec','spec':{'spec-id':0,'fields':[]}},"
        "{'action':'set-default-spec','spec-id':-1},{'action':'add-sort-order','sort-order':{'order-id':0,'fields':[]}}"
        ","
        "{'action':'set-default-sort-order','sort-order-id':-1},{'action':'set-location','location':'file:///w/n'},"
        "{'action':'set-properties','updates':{'format-version':'3','x':'y'}},"
        "{'action':'set-current-schema','schema-id':-1}]");
    const struct json *json = model_document(bench, table);
    model_assert(bench, json_get(json, "format-version"), "3");
    model_assert(bench, json_get(json, "last-column-id"), "4");
    model_assert(bench, json_get(json, "last-partition-id"), "999");
    model_assert(bench, json_get(json, "properties"), "{'x':'y'}");
    model_refused(bench, model_update(bench, NULL, "[{'action':'add-schema','schema':{'fields':[]}}]"), ERR_INVALID,
                  "has no location");
    model_refused(bench, model_update(bench, NULL, "[{'action':'set-location','location':'file:///w/n'}]"), ERR_INVALID,
                  "the current schema 0 is not there");
}

static void keys_and_statistics_come_and_go(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_updated(
        bench, model_three(bench),
        "[{'action':'add-encryption-key','encryption-key':{'key-id':'k','encrypted-key-metadata':'YQ=='}},"
        "{'action':'add-encryption-key','encryption-key':{'key-id':'l','encrypted-key-metadata':'YQ=='}},"
        "{'action':'add-encryption-key','encryption-key':{'key-id':'k','encrypted-key-metadata':'Yg=='}}]");
    model_assert(bench, json_get(model_document(bench, table), "encryption-keys"),
                 "[{'key-id':'k','encrypted-key-metadata':'YQ=='},{'key-id':'l','encrypted-key-metadata':'YQ=='}]");
    const struct json *json =
        model_document(bench, model_updated(bench, table,
                                            "[{'action':'remove-encryption-key','key-id':'k'},"
                                            "{'action':'remove-statistics','snapshot-id':2},"
                                            "{'action':'remove-partition-statistics','snapshot-id':2}]"));
    assert_int_equal(json_count(json_get(json, "encryption-keys")), 1);
    model_assert(bench, json_get(json, "statistics"), "[]");
    model_assert(bench, json_get(json, "partition-statistics"), "[]");
    assert_int_equal(json_count(json_get(model_document(bench, table), "statistics")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(an_append_moves_main),
        MODEL_TEST(snapshots_that_do_not_fit_are_refused),
        MODEL_TEST(rows_are_numbered_in_v3),
        MODEL_TEST(removing_a_snapshot_takes_what_belongs_to_it),
        MODEL_TEST(a_rollback_happens_now),
        MODEL_TEST(snapshots_in_passing_are_not_logged),
        MODEL_TEST(clocks_of_clients_do_not_break_the_log),
        MODEL_TEST(only_snapshots_with_references_are_written),
        MODEL_TEST(schemas_are_numbered_and_reused),
        MODEL_TEST(specs_get_ids_for_their_fields),
        MODEL_TEST(the_unsorted_order_is_always_0),
        MODEL_TEST(what_changes_nothing_gives_the_base),
        MODEL_TEST(what_is_no_update),
        MODEL_TEST(a_new_table_from_updates_alone),
        MODEL_TEST(keys_and_statistics_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
