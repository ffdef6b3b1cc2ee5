/* Table metadata: what is read, what a new table is, what a requirement asks, and what files there are. */
#include "domain/catalog/metadata.h"

#include "base/limits.h"
#include "domain/catalog/model_test.h"

static void a_new_table_numbers_its_columns_from_one(void **state)
{
    struct model_bench *bench = *state;
    const struct json *json = model_document(bench, model_orders(bench));
    model_assert(bench, json_get(json, "schemas"),
                 "[{'type':'struct','schema-id':0,'fields':["
                 "{'id':1,'name':'id','required':true,'type':'long'},"
                 "{'id':2,'name':'day','required':false,'type':'date'},"
                 "{'id':3,'name':'name','required':false,'type':'string','doc':'who'}]}]");
    model_assert(bench, json_get(json, "partition-specs"),
                 "[{'spec-id':0,'fields':[{'source-id':2,'field-id':1000,'name':'day_month','transform':'month'}]}]");
    model_assert(bench, json_get(json, "sort-orders"),
                 "[{'order-id':1,'fields':[{'source-id':1,'transform':'identity','direction':'asc','null-order':'nulls-"
                 "first'}]}]");
    model_assert(bench, json_get(json, "properties"), "{'a':'1','write.parquet.compression-codec':'zstd'}");
    model_assert(bench, json_get(json, "last-column-id"), "3");
    model_assert(bench, json_get(json, "last-partition-id"), "1000");
    model_assert(bench, json_get(json, "default-sort-order-id"), "1");
    model_assert(bench, json_get(json, "current-snapshot-id"), "-1");
    model_assert(bench, json_get(json, "location"), "'file:///w/t/ns/orders-1'");
}

/* --- New tables --- */

/* Requests for tables that there cannot be, and why. */
static const struct {
    const char *request, *message;
} no_tables[] = {
    {"{'name':'t'}", "'schema' is missing"},
    {"{'schema':[]}", "'schema' must be an object"},
    {"{'schema':{'type':'list','fields':[]}}", "must be 'struct'"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true}]}}", "column 'a': 'type' must be"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'int64'}]}}", "'int64' is no type"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'decimal(39,2)'}]}}", "is no type"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'decimal(2,3)'}]}}", "is no type"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'fixed[x]'}]}}", "is no type"},
    {"{'schema':{'fields':[{'id':1,'name':'','required':true,'type':'int'}]}}", "empty name"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':1,'type':'int'}]}}", "'required' must be true or false"},
    {"{'schema':{'fields':[{'id':1.5,'name':'a','required':true,'type':'int'}]}}", "'id' must be a whole number"},
    {"{'schema':{'fields':[{'id':2147483648,'name':'a','required':true,'type':'int'}]}}", "out of range"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'int'},"
     "{'id':2,'name':'a','required':true,'type':'int'}]}}",
     "two columns have the name 'a'"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'int'},"
     "{'id':1,'name':'b','required':true,'type':'int'}]}}",
     "have one id, 1"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':true,'type':'unknown'}]}}", "cannot be required"},
    {"{'schema':{'identifier-field-ids':[2],'fields':[{'id':1,'name':'a','required':true,'type':'int'}]}}",
     "it does not exist"},
    {"{'schema':{'identifier-field-ids':[1],'fields':[{'id':1,'name':'a','required':false,'type':'int'}]}}",
     "not a required field"},
    {"{'schema':{'identifier-field-ids':[1],'fields':[{'id':1,'name':'a','required':true,'type':'double'}]}}",
     "must not be float or double"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':false,'type':'variant'}]}}",
     "variant is not supported until v3"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':false,'type':'int','initial-default':1}]}}",
     "not supported until v3"},
    {"{'schema':{'fields':[{'id':1,'name':'a','required':false,'type':'int','write-default':1.0}]}}",
     "the value is no int"},
    {"{'schema':" MODEL_COLUMNS ",'properties':{'format-version':'4'}}", "unsupported format version: v4"},
    {"{'schema':" MODEL_COLUMNS ",'properties':{'format-version':'x'}}", "must be a number"},
    {"{'schema':" MODEL_COLUMNS ",'properties':{'a':1}}", "must be a text"},
    {"{'schema':" MODEL_COLUMNS ",'properties':{'commit.retry.num-retries':'-1'}}", "not negative"},
    {"{'schema':" MODEL_COLUMNS ",'properties':{'encryption.key-id':'k'}}", "needs format version 3"},
    {"{'schema':" MODEL_COLUMNS ",'properties':{'write.metadata.metrics.column.zz':'full'}}", "could not find column"},
    {"{'schema':" MODEL_COLUMNS ",'partition-spec':{'fields':[{'source-id':9,'name':'p','transform':'identity'}]}}",
     "cannot find source column 9"},
    {"{'schema':" MODEL_COLUMNS ",'partition-spec':{'fields':[{'source-id':30,'name':'p','transform':'year'}]}}",
     "invalid source type string for transform: year"},
    {"{'schema':" MODEL_COLUMNS ",'partition-spec':{'fields':[{'source-id':30,'name':'p','transform':'bucket[0]'}]}}",
     "needs a positive number"},
    {"{'schema':" MODEL_COLUMNS ",'partition-spec':{'fields':[{'source-id':30,'name':'id','transform':'identity'}]}}",
     "the name of another column"},
    {"{'schema':" MODEL_COLUMNS ",'partition-spec':{'fields':[{'source-id':30,'name':'p','transform':'identity'},"
     "{'source-id':10,'name':'p','transform':'identity'}]}}",
     "more than once"},
    {"{'schema':" MODEL_COLUMNS ",'partition-spec':{'fields':[{'source-id':30,'name':'p','transform':'identity',"
     "'field-id':1000},{'source-id':10,'name':'q','transform':'identity'}]}}",
     "missing in 1 of 2"},
    {"{'schema':" MODEL_COLUMNS ",'write-order':{'order-id':0,'fields':[{'source-id':10,'transform':'identity',"
     "'direction':'asc','null-order':'nulls-first'}]}}",
     "reserved for the unsorted"},
    {"{'schema':" MODEL_COLUMNS ",'write-order':{'order-id':1,'fields':[]}}", "must be 0"},
    {"{'schema':" MODEL_COLUMNS ",'write-order':{'order-id':1,'fields':[{'source-id':10,'transform':'identity',"
     "'direction':'up','null-order':'nulls-first'}]}}",
     "must be asc or desc"},
    {"{'schema':" MODEL_COLUMNS ",'write-order':{'order-id':1,'fields':[{'source-id':10,'transform':'day',"
     "'direction':'asc','null-order':'nulls-first'}]}}",
     "invalid source type long"},
};

static void what_a_new_table_cannot_be(void **state)
{
    struct model_bench *bench = *state;
    for (size_t i = 0; i < sizeof(no_tables) / sizeof(no_tables[0]); i++) {
        bench->err = (struct err){0};
        model_refused(bench, model_create(bench, no_tables[i].request), ERR_INVALID, no_tables[i].message);
    }
}

static void nested_columns_get_ids_struct_by_struct(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_create(
        bench,
        "{'schema':{'type':'struct','identifier-field-ids':[7],'fields':["
        "{'id':5,'name':'s','required':true,'type':{'type':'struct','fields':[{'id':7,'name':'x','required':true,"
        "'type':'int'}]}},"
        "{'id':8,'name':'m','required':false,'type':{'type':'map','key-id':9,'key':'string','value-id':11,"
        "'value':{'type':'list','element-id':12,'element':'DECIMAL(9,2)','element-required':true},"
        "'value-required':false}}]},"
        "'partition-spec':{'fields':[{'source-id':7,'name':'x_bucket','transform':'BUCKET[4]'}]}}");
    assert_non_null(table);
    const struct json *json = model_document(bench, table);
    model_assert(bench, json_get(json, "schemas"),
                 "[{'type':'struct','schema-id':0,'identifier-field-ids':[3],'fields':["
                 "{'id':1,'name':'s','required':true,'type':{'type':'struct','fields':[{'id':3,'name':'x',"
                 "'required':true,'type':'int'}]}},"
                 "{'id':2,'name':'m','required':false,'type':{'type':'map','key-id':4,'key':'string','value-id':5,"
                 "'value':{'type':'list','element-id':6,'element':'decimal(9, 2)','element-required':true},"
                 "'value-required':false}}]}]");
    model_assert(
        bench, json_get(json, "partition-specs"),
        "[{'spec-id':0,'fields':[{'source-id':3,'field-id':1000,'name':'x_bucket','transform':'bucket[4]'}]}]");
    model_assert(bench, json_get(json, "last-column-id"), "6");
}

static void defaults_keep_their_kind_in_v3(void **state)
{
    struct model_bench *bench = *state;
    static const char *const good[][2] = {
        {"double", "1.0"},
        {"float", "0.1"},
        {"long", "9223372036854775807"},
        {"string", "'x'"},
        {"date", "'2024-02-29'"},
        {"time", "'10:00:00.123456'"},
        {"timestamp", "'2024-02-29T10:00:00'"},
        {"timestamptz", "'2024-02-29T10:00:00.5+00:00'"},
        {"timestamp_ns", "'2024-02-29T10:00:00.123456789'"},
        {"uuid", "'" MODEL_UUID_TEXT "'"},
        {"fixed[2]", "'00ff'"},
        {"binary", "'0A'"},
        {"decimal(5, 2)", "'-123.45'"},
        {"boolean", "true"},
    };
    static const char *const bad[][2] = {
        {"double", "1"},
        {"int", "2147483648"},
        {"date", "'2024-2-29'"},
        {"time", "'10'"},
        {"timestamp", "'2024-02-29T10:00:00Z'"},
        {"timestamptz", "'2024-02-29T10:00:00'"},
        {"timestamp", "'2024-02-29T10:00:00.1234567'"},
        {"uuid", "'x'"},
        {"fixed[2]", "'00f'"},
        {"decimal(5, 2)", "'1.234'"},
        {"decimal(5, 2)", "'12345.67'"},
        {"string", "1"},
        {"variant", "'x'"},
        {"boolean", "'true'"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *field =
            str_format(bench->arena, "[{'id':1,'name':'a','required':false,'type':'%s','initial-default':%s}]",
                       good[i][0], good[i][1])
                .ptr;
        const struct metadata *table = model_create(
            bench, str_format(bench->arena, "{'schema':{'fields':%s},'properties':{'format-version':'3'}}", field).ptr);
        if (!table)
            fail_msg("%s: %s", field, bench->err.message);
        model_assert(bench, json_get(json_at(json_get(model_document(bench, table), "schemas"), 0), "fields"), field);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        model_refused(
            bench,
            model_create(bench, str_format(bench->arena,
                                           "{'schema':{'fields':[{'id':1,'name':'a','required':false,'type':'%s',"
                                           "'initial-default':%s}]},'properties':{'format-version':'3'}}",
                                           bad[i][0], bad[i][1])
                                    .ptr),
            ERR_INVALID, "'initial-default' of column 'a'");
}

static bool refuse_location(void *owner, struct str location, struct err *err)
{
    struct model_bench *bench = owner;
    return str_starts_with(location, S("file:///w/")) || err_set(err, ERR_INVALID, "%p: outside", (void *)bench);
}

static void locations_are_asked_for(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_orders(bench);
    bench->context.check_location = refuse_location;
    bench->context.owner = bench;
    static const char *const outside[][2] = {
        {"[{'action':'set-location','location':'file:///etc'}]", "set-location: location: "},
        {"[{'action':'set-properties','updates':{'write.data.path':'s3://x'}}]", "write.data.path: "},
        {"[{'action':'add-snapshot','snapshot':{'snapshot-id':1,'sequence-number':1,'timestamp-ms':1,"
         "'manifest-list':'/etc/passwd'}}]",
         "manifest-list: "},
        {"[{'action':'set-statistics','statistics':{'snapshot-id':1,'statistics-path':'/x','file-size-in-bytes':1,"
         "'file-footer-size-in-bytes':1,'blob-metadata':[]}}]",
         "statistics-path: "},
        {"[{'action':'set-partition-statistics','partition-statistics':{'snapshot-id':1,'statistics-path':'/x',"
         "'file-size-in-bytes':1}}]",
         "statistics-path: "},
    };
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        model_refused(bench, model_update(bench, table, outside[i][0]), ERR_INVALID, outside[i][1]);
    model_refused(bench,
                  model_create(bench, "{'schema':" MODEL_COLUMNS ",'properties':{'write.metadata.path':'file:///x'}}"),
                  ERR_INVALID, "write.metadata.path: ");
}

static void a_mirror_keeps_ids_and_history(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *earlier =
        model_updated(bench, model_orders(bench), "[" MODEL_SNAPSHOT(1, "", 4) "," MODEL_MOVE(1) "]");
    struct metadata_create create = {.request =
                                         model_json(bench, "{'schema':{'type':'struct','fields':["
                                                           "{'id':1,'name':'name','required':false,'type':'string'},"
                                                           "{'id':2,'name':'more','required':false,'type':'int'},"
                                                           "{'id':3,'name':'day','required':false,'type':'string'}]}}"),
                                     .uuid = S("ffffffff-89ab-cdef-0123-456789abcdef"),
                                     .location = S("file:///w/t/default/orders"),
                                     .names = earlier};
    const struct metadata *mirror = metadata_new(bench->arena, &create, &bench->context, &bench->err);
    assert_non_null(mirror);
    assert_true(str_equal(metadata_uuid(mirror), S(MODEL_UUID_TEXT)));
    assert_int_equal(metadata_current_snapshot(mirror), -1);
    assert_int_equal(metadata_snapshot_count(mirror), 1);
    const struct json *json = model_document(bench, mirror);
    model_assert(bench, json_get(json, "last-sequence-number"), "4");
    model_assert(bench, json_get(json, "current-schema-id"), "1");
    model_assert(bench, json_get(json_at(json_get(json, "schemas"), 1), "fields"),
                 "[{'id':3,'name':'name','required':false,'type':'string'},"
                 "{'id':4,'name':'more','required':false,'type':'int'},"
                 "{'id':5,'name':'day','required':false,'type':'string'}]");
}

/* --- Commits --- */

static void requirements_are_compared(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_three(bench);
    static const char *const hold[] = {
        "[]",
        "[{'type':'assert-table-uuid','uuid':'01234567-89AB-CDEF-0123-456789abcdef'}]",
        "[{'type':'assert-ref-snapshot-id','ref':'main','snapshot-id':3},{'type':'assert-ref-snapshot-id','ref':'new',"
        "'snapshot-id':null}]",
        "[{'type':'assert-last-assigned-field-id','last-assigned-field-id':3},"
        "{'type':'assert-current-schema-id','current-schema-id':0},"
        "{'type':'assert-last-assigned-partition-id','last-assigned-partition-id':1000},"
        "{'type':'assert-default-spec-id','default-spec-id':0},"
        "{'type':'assert-default-sort-order-id','default-sort-order-id':1}]",
    };
    static const struct {
        const char *requirements;
        enum err_code code;
        const char *message;
    } fail[] = {
        {"[{'type':'assert-create'}]", ERR_CONFLICT, "Requirement failed: table already exists"},
        {"[{'type':'assert-table-uuid','uuid':'x'}]", ERR_CONFLICT, "Requirement failed: UUID does not match"},
        {"[{'type':'assert-ref-snapshot-id','ref':'main','snapshot-id':null}]", ERR_CONFLICT,
         "branch main was created concurrently"},
        {"[{'type':'assert-ref-snapshot-id','ref':'old','snapshot-id':2}]", ERR_CONFLICT,
         "tag old has changed: expected id 2 != 1"},
        {"[{'type':'assert-ref-snapshot-id','ref':'new','snapshot-id':2}]", ERR_CONFLICT, "new is missing, expected 2"},
        {"[{'type':'assert-last-assigned-field-id','last-assigned-field-id':2}]", ERR_CONFLICT,
         "Requirement failed: last assigned field id changed"},
        {"[{'type':'assert-current-schema-id','current-schema-id':2}]", ERR_CONFLICT,
         "Requirement failed: current schema changed"},
        {"[{'type':'assert-last-assigned-partition-id','last-assigned-partition-id':2}]", ERR_CONFLICT,
         "Requirement failed: last assigned partition id changed"},
        {"[{'type':'assert-default-spec-id','default-spec-id':2}]", ERR_CONFLICT,
         "Requirement failed: default partition spec changed"},
        {"[{'type':'assert-default-sort-order-id','default-sort-order-id':2}]", ERR_CONFLICT,
         "Requirement failed: default sort order changed"},
        {"[{'type':'assert-create'},{'type':'assert-table-uuid','uuid':'x'}]", ERR_INVALID, "create requirements"},
        {"[{'type':'assert-view-uuid','uuid':'x'}]", ERR_INVALID, "unknown requirement"},
        {"[{'type':'assert-current-schema-id'}]", ERR_INVALID, "'current-schema-id' is missing"},
        {"[{'type':7}]", ERR_INVALID, "'type' must be a text"},
        {"{}", ERR_INVALID, "must be an array"},
    };
    for (size_t i = 0; i < sizeof(hold) / sizeof(hold[0]); i++)
        assert_true(metadata_require(table, model_json(bench, hold[i]), &bench->err));
    for (size_t i = 0; i < sizeof(fail) / sizeof(fail[0]); i++) {
        bool holds = metadata_require(table, model_json(bench, fail[i].requirements), &bench->err);
        model_refused(bench, holds ? table : NULL, fail[i].code, fail[i].message);
    }
    assert_true(metadata_require(NULL, model_json(bench, "[{'type':'assert-create'}]"), &bench->err));
    assert_false(metadata_require(NULL, model_json(bench, hold[1]), &bench->err));
}

static void a_repeated_commit_is_recognised(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_three(bench);
    static const char *const yes[] = {"[" MODEL_SNAPSHOT(3, MODEL_PARENT(2), 3) "," MODEL_MOVE(3) "]",
                                      "[" MODEL_SNAPSHOT(2, MODEL_PARENT(1), 2) "," MODEL_MOVE(2) "]"};
    static const char *const no[] = {
        "[]", "[" MODEL_MOVE(3) "]", "[" MODEL_SNAPSHOT(4, MODEL_PARENT(3), 4) "," MODEL_MOVE(4) "]",
        "[" MODEL_SNAPSHOT(3, MODEL_PARENT(2),
                           3) ",{'action':'set-snapshot-ref','ref-name':'old','type':'tag','snapshot-id':3}]"};
    for (size_t i = 0; i < 2; i++)
        assert_true(metadata_is_replay(table, model_json(bench, yes[i])));
    for (size_t i = 0; i < 4; i++)
        assert_false(metadata_is_replay(table, model_json(bench, no[i])));
    assert_true(metadata_is_write(model_json(bench, yes[0])));
    assert_false(
        metadata_is_write(model_json(bench, "[" MODEL_MOVE(3) ",{'action':'remove-snapshots','snapshot-ids':[]}]")));
    assert_false(metadata_is_write(model_json(bench, "[{'action':'set-location','location':'x'}]")));
}

static void metadata_files_have_numbers(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_orders(bench);
    assert_string_equal(metadata_file(bench->arena, table, 3, S(MODEL_UUID_TEXT)).ptr,
                        "file:///w/t/ns/orders-1/metadata/00003-" MODEL_UUID_TEXT ".metadata.json");
    table = model_updated(bench, table,
                          "[{'action':'set-properties','updates':{'write.metadata.compression-codec':'GZIP',"
                          "'write.metadata.path':'file:///w/m/'}}]");
    assert_string_equal(metadata_file(bench->arena, table, 123456, S(MODEL_UUID_TEXT)).ptr,
                        "file:///w/m/123456-" MODEL_UUID_TEXT ".gz.metadata.json");
    assert_int_equal(metadata_file_version(S("file:///w-3/m/00012-x.metadata.json")), 12);
    assert_int_equal(metadata_file_version(S("file:///w/m/v3.metadata.json")), -1);
    assert_int_equal(metadata_file_version(S("00000-a")), 0);
}

static void old_metadata_files_are_given_up(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *base =
        model_updated(bench, model_orders(bench),
                      "[{'action':'set-properties','updates':{'write.metadata.previous-versions-max':'2',"
                      "'write.metadata.delete-after-commit.enabled':'true'}}]");
    const struct metadata *table = base;
    const struct str *files;
    for (int i = 0; i < 4; i++) {
        bench->context.previous = str_format(bench->arena, "m%d", i);
        base = table;
        table = model_updated(bench, base,
                              str_format(bench->arena, "[{'action':'set-properties','updates':{'i':'%d'}}]", i).ptr);
        size_t count = metadata_dropped_files(bench->arena, base, table, &files);
        assert_int_equal(count, i < 2 ? 0 : 1);
        if (count)
            assert_true(str_equal(files[0], i == 2 ? S("m0") : S("m1")));
    }
    assert_int_equal(json_count(json_get(model_document(bench, table), "metadata-log")), 2);
    const struct metadata *more = model_updated(bench, table, "[" MODEL_SNAPSHOT(8, "", 8) "]");
    assert_int_equal(metadata_added(bench->arena, table, more, &files), 1);
    assert_true(str_equal(files[0], S("file:///w/t/ns/orders-1/metadata/snap-8.avro")));
    assert_int_equal(metadata_added(bench->arena, NULL, table, &files), 0);
}

static void too_much_is_refused_by_name(void **state)
{
    struct model_bench *bench = *state;
    AUTO(buf) struct buf buf = {0};
    buf_append_str(&buf, S("[{'action':'set-properties','updates':{"));
    for (int i = 0; i < limits_get(LIMIT_MODEL_PROPERTIES) + 1; i++)
        buf_printf(&buf, "%s'k%d':''", i ? "," : "", i);
    buf_append(&buf, "}}]", 4);
    model_refused(bench, model_update(bench, model_orders(bench), (const char *)buf.ptr), ERR_RESOURCE,
                  "catalog.max_table_properties");
    buf_clear(&buf);
    for (int i = 0; i < limits_get(LIMIT_MODEL_UPDATES) + 1; i++)
        buf_append_str(&buf, i ? S(",{}") : S("[{}"));
    buf_append(&buf, "]", 2);
    model_refused(bench, model_update(bench, model_orders(bench), (const char *)buf.ptr), ERR_RESOURCE,
                  "catalog.max_updates");
    bool holds = metadata_require(NULL, model_json(bench, (const char *)buf.ptr), &bench->err);
    model_refused(bench, holds ? bench : NULL, ERR_RESOURCE, "catalog.max_updates");
}

/* --- Reading --- */

#define V1                                                                                                       \
    "{'format-version':1,'location':'file:///w/old','last-updated-ms':5,'last-column-id':1,'schema':{'fields':[" \
    "{'id':1,'name':'a','required':false,'type':'int'}]},'partition-spec':[{'source-id':1,'name':'a',"           \
    "'transform':'identity'}],'unknown':{'kept':[1,2.5]},'snapshots':[{'snapshot-id':7,'timestamp-ms':4,"        \
    "'manifests':['m']}],'current-snapshot-id':7}"

static void early_metadata_is_completed(void **state)
{
    struct model_bench *bench = *state;
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_write_value(&writer, NULL, model_json(bench, V1));
    const struct metadata *table = metadata_parse(bench->arena, buf_str(&buf), &bench->err);
    assert_non_null(table);
    model_assert(bench, model_document(bench, table),
                 "{'format-version':1,'location':'file:///w/old','last-updated-ms':5,'last-column-id':1,"
                 "'schema':{'fields':[{'id':1,'name':'a','required':false,'type':'int'}]},'current-schema-id':0,"
                 "'schemas':[{'fields':[{'id':1,'name':'a','required':false,'type':'int'}]}],"
                 "'partition-spec':[{'source-id':1,'field-id':1000,'name':'a','transform':'identity'}],"
                 "'default-spec-id':0,'partition-specs':[{'spec-id':0,'fields':[{'source-id':1,'field-id':1000,"
                 "'name':'a','transform':'identity'}]}],'last-partition-id':1000,'default-sort-order-id':0,"
                 "'sort-orders':[{'order-id':0,'fields':[]}],'properties':{},'current-snapshot-id':7,"
                 "'refs':{'main':{'snapshot-id':7,'type':'branch'}},'snapshots':[{'snapshot-id':7,'timestamp-ms':4,"
                 "'manifests':['m']}],'statistics':[],'partition-statistics':[],'snapshot-log':[],'metadata-log':[],"
                 "'unknown':{'kept':[1,2.5]}}");
    table = model_updated(bench, table, "[{'action':'upgrade-format-version','format-version':2}]");
    assert_int_equal(metadata_format(table), 2);
    assert_int_equal(metadata_uuid(table).len, 36);
    model_assert(bench, json_get(model_document(bench, table), "unknown"), "{'kept':[1,2.5]}");
}

/* The document of `three`, with one member replaced. */
static struct str broken(struct model_bench *bench, const char *member, const char *value)
{
    const struct json *json = model_document(bench, model_three(bench));
    struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < json_count(json); i++) {
        bool here = str_equal(json_key_at(json, i), str_from(member));
        if (!here)
            json_write_value(&writer, json_key_at(json, i).ptr, json_at(json, i));
        else if (value)
            json_write_value(&writer, member, model_json(bench, value));
    }
    json_end_object(&writer);
    struct str text = str_copy(bench->arena, buf_str(&buf));
    buf_done(&buf);
    return text;
}

static void broken_documents_are_refused(void **state)
{
    struct model_bench *bench = *state;
    static const struct {
        const char *member, *value, *message;
    } cases[] = {
        {"format-version", "4", "unsupported version 4"},
        {"format-version", "0", "unsupported version 0"},
        {"table-uuid", NULL, "'table-uuid' is missing"},
        {"location", NULL, "'location' is missing"},
        {"last-sequence-number", NULL, "'last-sequence-number' is missing"},
        {"last-sequence-number", "2", "snapshot 3 has sequence number 3"},
        {"last-updated-ms", "1.5", "must be a whole number"},
        {"last-column-id", "'3'", "must be a whole number"},
        {"schemas", NULL, "'schemas' is missing"},
        {"schemas", "[{'schema-id':0,'fields':[]},{'schema-id':0,'fields':[]}]", "two schemas have the id 0"},
        {"current-schema-id", "9", "the current schema 9 is not there"},
        {"partition-specs", NULL, "'partition-specs' is missing"},
        {"partition-specs", "[{'spec-id':0,'fields':[]},{'spec-id':0,'fields':[]}]", "two partition specs"},
        {"default-spec-id", "9", "the default partition spec 9"},
        {"last-partition-id", NULL, "'last-partition-id' is missing"},
        {"sort-orders", NULL, "'sort-orders' is missing"},
        {"sort-orders", "[{'order-id':0,'fields':[]},{'order-id':0,'fields':[]}]", "two sort orders"},
        {"default-sort-order-id", "9", "the default sort order 9"},
        {"properties", "[]", "must be an object"},
        {"current-snapshot-id", "9", "the current snapshot 9 is not there"},
        {"current-snapshot-id", "1", "not that of the branch main"},
        {"current-snapshot-id", "null", "there is no current snapshot, but a branch main"},
        {"snapshots", "{}", "must be an array"},
        {"refs", "{'main':{'snapshot-id':3,'type':'twig'}}", "must be branch or tag"},
        {"refs", "{'main':{'snapshot-id':3,'type':'branch'},'x':{'snapshot-id':8,'type':'tag'}}", "'x' is not there"},
        {"refs", "[]", "'refs' must be an object"},
        {"snapshot-log", "[{'timestamp-ms':100000,'snapshot-id':1},{'timestamp-ms':1,'snapshot-id':3}]",
         "not in order of time"},
        {"snapshot-log", "[{'snapshot-id':1}]", "'timestamp-ms' is missing"},
        {"metadata-log", "[{'timestamp-ms':1}]", "'metadata-file' is missing"},
        {"metadata-log", "[{'timestamp-ms':100000,'metadata-file':'a'},{'timestamp-ms':1,'metadata-file':'b'}]",
         "metadata-log is not in order"},
        {"statistics", "[{'snapshot-id':1}]", "'statistics-path' is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str text = broken(bench, cases[i].member, cases[i].value);
        model_refused(bench, metadata_parse(bench->arena, text, &bench->err), ERR_INVALID, cases[i].message);
    }
    model_refused(bench, metadata_parse(bench->arena, S("[]"), &bench->err), ERR_INVALID, "must be an object");
    model_refused(bench, metadata_parse(bench->arena, S("{"), &bench->err), ERR_INVALID, "table metadata: not valid");
}

static void the_accessors_tell_what_is_there(void **state)
{
    struct model_bench *bench = *state;
    const struct metadata *table = model_three(bench);
    assert_int_equal(metadata_ref_count(table), 2);
    struct metadata_ref ref = metadata_ref_at(table, 1);
    assert_true(str_equal(ref.name, S("old")) && ref.is_tag);
    assert_int_equal(ref.snapshot, 1);
    assert_int_equal(ref.max_age_ms, 9);
    assert_int_equal(ref.min_snapshots, -1);
    struct metadata_snapshot snapshot = metadata_snapshot_at(table, 2);
    assert_int_equal(snapshot.id, 3);
    assert_int_equal(snapshot.parent, 2);
    assert_int_equal(snapshot.sequence, 3);
    assert_true(str_equal(snapshot.operation, S("append")));
    assert_true(str_equal(metadata_property(table, S("a")), S("1")));
    assert_null(metadata_property(table, S("b")).ptr);
    assert_true(str_equal(metadata_location(table), S("file:///w/t/ns/orders-1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(a_new_table_numbers_its_columns_from_one),
        MODEL_TEST(what_a_new_table_cannot_be),
        MODEL_TEST(nested_columns_get_ids_struct_by_struct),
        MODEL_TEST(defaults_keep_their_kind_in_v3),
        MODEL_TEST(locations_are_asked_for),
        MODEL_TEST(a_mirror_keeps_ids_and_history),
        MODEL_TEST(requirements_are_compared),
        MODEL_TEST(a_repeated_commit_is_recognised),
        MODEL_TEST(metadata_files_have_numbers),
        MODEL_TEST(old_metadata_files_are_given_up),
        MODEL_TEST(too_much_is_refused_by_name),
        MODEL_TEST(early_metadata_is_completed),
        MODEL_TEST(broken_documents_are_refused),
        MODEL_TEST(the_accessors_tell_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
