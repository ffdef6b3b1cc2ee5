/* View metadata: new views, commits, what is kept of old versions, and what is refused. */
#include "domain/catalog/view.h"

#include "domain/catalog/model_test.h"

#define SCHEMA "{'type':'struct','schema-id':5,'fields':[{'id':3,'name':'a','required':false,'type':'int'}]}"
#define OTHER "{'type':'struct','fields':[{'id':1,'name':'b','required':false,'type':'long'}]}"
#define VERSION(id, schema, sql, dialect)                                                                       \
    "{'version-id':" #id ",'schema-id':" #schema ",'timestamp-ms':170000000" #id                                \
    "000,'summary':{'engine-name':'x'},'default-namespace':['ns'],'representations':[{'type':'sql','sql':'" sql \
    "','dialect':'" dialect "'}]}"
#define ADD(id, schema, sql, dialect)                       \
    "{'action':'add-view-version','view-version':" VERSION( \
        id, schema, sql, dialect) "},"                      \
                                  "{'action':'set-current-view-version','view-version-id':-1}"

static const struct view *make(struct model_bench *bench, const char *request)
{
    return view_new(bench->arena, model_json(bench, request), S(MODEL_UUID_TEXT), S("file:///w/t/ns/v-1/"),
                    &bench->context, &bench->err);
}

static const struct view *base(struct model_bench *bench)
{
    const struct view *view = make(bench, "{'name':'v','schema':" SCHEMA ",'view-version':" VERSION(
                                              1, 0, "select 1", "spark") ",'properties':{'x':'y'}}");
    if (!view)
        fail_msg("%s", bench->err.message);
    return view;
}

static const struct view *commit(struct model_bench *bench, const struct view *view, const char *updates)
{
    const struct view *next = NULL;
    bool ok = view_update(bench->arena, view, model_json(bench, updates), &bench->context, &next, &bench->err);
    return ok ? next : NULL;
}

static const struct view *committed(struct model_bench *bench, const struct view *view, const char *updates)
{
    const struct view *next = commit(bench, view, updates);
    if (!next)
        fail_msg("%s", bench->err.message);
    return next;
}

static const struct json *document(struct model_bench *bench, const struct view *view)
{
    struct buf buf = {0};
    view_write(view, &buf);
    struct str text = str_copy(bench->arena, buf_str(&buf));
    buf_done(&buf);
    if (!view_parse(bench->arena, text, &bench->err))
        fail_msg("%s: %s", bench->err.message, text.ptr);
    return json_parse(bench->arena, text, &bench->err);
}

static void a_new_view_is_version_1_of_schema_0(void **state)
{
    struct model_bench *bench = *state;
    const struct view *view = base(bench);
    model_assert(bench, document(bench, view),
                 "{'view-uuid':'" MODEL_UUID_TEXT "','format-version':1,'location':'file:///w/t/ns/v-1',"
                 "'properties':{'x':'y'},'schemas':[{'type':'struct','schema-id':0,'fields':[{'id':3,'name':'a',"
                 "'required':false,'type':'int'}]}],'current-version-id':1,'versions':[" VERSION(
                     1, 0, "select 1", "spark") "],'version-log':[{'timestamp-ms':1700000001000,'version-id':1}]}");
    assert_true(str_equal(view_uuid(view), S(MODEL_UUID_TEXT)));
    assert_true(str_equal(view_location(view), S("file:///w/t/ns/v-1")));
    assert_string_equal(view_file(bench->arena, view, 4, S("u")).ptr,
                        "file:///w/t/ns/v-1/metadata/00004-u.gz.metadata.json");
    view =
        committed(bench, view, "[{'action':'set-properties','updates':{'write.metadata.compression-codec':'none'}}]");
    assert_string_equal(view_file(bench->arena, view, 4, S("u")).ptr,
                        "file:///w/t/ns/v-1/metadata/00004-u.metadata.json");
}

static void a_new_version_becomes_current(void **state)
{
    struct model_bench *bench = *state;
    const struct json *json = document(
        bench, committed(bench, base(bench),
                         "[{'action':'add-schema','schema':" OTHER "}," ADD(
                             1, -1, "select 2", "SPARK") ","
                                                         "{'action':'remove-properties','removals':['x']},"
                                                         "{'action':'set-location','location':'file:///w/t/ns/v-2'}]"));
    model_assert(bench, json_get(json, "current-version-id"), "2");
    model_assert(bench, json_get(json_at(json_get(json, "versions"), 1), "schema-id"), "1");
    model_assert(bench, json_get(json, "version-log"),
                 "[{'timestamp-ms':1700000001000,'version-id':1},{'timestamp-ms':1700000001000,'version-id':2}]");
    model_assert(bench, json_get(json, "properties"), "{}");
    model_assert(bench, json_get(json, "location"), "'file:///w/t/ns/v-2'");
}

static void going_back_happens_now(void **state)
{
    struct model_bench *bench = *state;
    const struct view *view = committed(bench, base(bench), "[" ADD(2, 0, "select 2", "spark") "]");
    bench->context.now_ms = 1800000000000;
    const struct json *json =
        document(bench, committed(bench, view, "[{'action':'set-current-view-version','view-version-id':1}]"));
    model_assert(bench, json_get(json, "current-version-id"), "1");
    model_assert(bench, json_at(json_get(json, "version-log"), 2), "{'timestamp-ms':1800000000000,'version-id':1}");
}

static void what_is_there_already_is_used_again(void **state)
{
    struct model_bench *bench = *state;
    const struct view *view = base(bench);
    static const char *const nothing[] = {
        "[]",
        "[" ADD(7, 0, "select 1", "spark") "]",
        "[{'action':'add-schema','schema':" SCHEMA "}," ADD(7, -1, "select 1", "spark") "]",
        "[{'action':'assign-uuid','uuid':'" MODEL_UUID_TEXT "'},{'action':'upgrade-format-version','format-version':1},"
        "{'action':'set-properties','updates':{'x':'y'}},{'action':'remove-properties','removals':['z']},"
        "{'action':'set-location','location':'file:///w/t/ns/v-1'}]",
    };
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        assert_ptr_equal(committed(bench, view, nothing[i]), view);
}

static void old_versions_expire(void **state)
{
    struct model_bench *bench = *state;
    const struct view *view =
        committed(bench, base(bench), "[{'action':'set-properties','updates':{'version.history.num-entries':'2'}}]");
    view = committed(bench, view, "[" ADD(2, 0, "select 2", "spark") "]");
    view = committed(bench, view, "[" ADD(3, 0, "select 3", "spark") "]");
    const struct json *json = document(bench, view);
    assert_int_equal(json_count(json_get(json, "versions")), 2);
    model_assert(bench, json_get(json, "version-log"),
                 "[{'timestamp-ms':1700000002000,'version-id':2},{'timestamp-ms':1700000003000,'version-id':3}]");
    /* The current one stays, however old; so do those that one commit adds. */
    view = committed(bench, view, "[{'action':'set-current-view-version','view-version-id':2}]");
    view = committed(bench, view,
                     "[{'action':'add-view-version','view-version':" VERSION(
                         4, 0, "select 4", "spark") "},"
                                                    "{'action':'add-view-version','view-version':" VERSION(
                                                        5, 0, "select 5", "spark") "}]");
    json = document(bench, view);
    model_assert(bench, json_get(json, "current-version-id"), "2");
    assert_int_equal(json_count(json_get(json, "versions")), 3);
    model_assert(bench, json_get(json_at(json_get(json, "versions"), 0), "version-id"), "2");
    model_assert(bench, json_get(json_at(json_get(json, "versions"), 1), "version-id"), "4");
    assert_int_equal(json_count(json_get(json, "version-log")), 1);
    view = committed(bench, view, "[{'action':'set-properties','updates':{'version.history.num-entries':'1'}}]");
    assert_int_equal(json_count(json_get(document(bench, view), "versions")), 1);
    model_refused(bench,
                  commit(bench, view, "[{'action':'set-properties','updates':{'version.history.num-entries':'0'}}]"),
                  ERR_INVALID, "must be positive");
}

static void a_dialect_is_dropped_only_when_allowed(void **state)
{
    struct model_bench *bench = *state;
    const struct view *view = base(bench);
    model_refused(bench, commit(bench, view, "[" ADD(2, 0, "select 2", "trino") "]"), ERR_INVALID,
                  "loss of view dialect spark");
    assert_non_null(strstr(bench->err.hint, "replace.drop-dialect.allowed"));
    committed(bench, view,
              "[{'action':'set-properties','updates':{'replace.drop-dialect.allowed':'true'}}," ADD(2, 0, "select 2",
                                                                                                    "trino") "]");
}

static void what_a_new_view_cannot_be(void **state)
{
    struct model_bench *bench = *state;
    static const char *const cases[][2] = {
        {"{'view-version':" VERSION(1, 0, "s", "d") "}", "a schema must be an object"},
        {"{'schema':" SCHEMA "}", "a view version must be an object"},
        {"{'schema':" SCHEMA ",'view-version':{'version-id':1,'schema-id':0,'timestamp-ms':1,'summary':{},"
         "'default-namespace':[],'representations':[]}}",
         "without a query"},
        {"{'schema':" SCHEMA ",'view-version':{'version-id':1,'schema-id':0,'timestamp-ms':1,'summary':{},"
         "'default-namespace':[1],'representations':[]}}",
         "must hold texts"},
        {"{'schema':" SCHEMA ",'view-version':{'version-id':1,'schema-id':0,'timestamp-ms':1,'summary':{'a':1},"
         "'default-namespace':[],'representations':[]}}",
         "'a' of 'summary' must be a text"},
        {"{'schema':" SCHEMA ",'view-version':{'version-id':1,'schema-id':0,'timestamp-ms':1,'summary':{},"
         "'default-namespace':[],'representations':[{'type':'sql','sql':'x'}]}}",
         "representation 1: 'dialect' is missing"},
        {"{'schema':" SCHEMA ",'view-version':{'version-id':1,'schema-id':0,'timestamp-ms':1,'summary':{},"
         "'default-namespace':[],'representations':[{'type':'graph'}]}}",
         "only sql is known"},
        {"{'schema':" SCHEMA ",'view-version':{'version-id':1,'schema-id':0,'timestamp-ms':1,'summary':{},"
         "'default-namespace':[],'representations':[{'type':'sql','sql':'x','dialect':'Trino'},"
         "{'type':'sql','sql':'x','dialect':'trino'}]}}",
         "Invalid view version: Cannot add multiple queries for dialect"},
        {"{'schema':" SCHEMA ",'view-version':" VERSION(1, 0, "s", "d") ",'properties':{'a':1}}", "must be a text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        model_refused(bench, make(bench, cases[i][0]), ERR_INVALID, cases[i][1]);
}

static void what_is_no_update_of_a_view(void **state)
{
    struct model_bench *bench = *state;
    static const char *const cases[][2] = {
        {"{}", "must be an array"},
        {"[{}]", "'action' is missing"},
        {"[{'action':'add-snapshot'}]", "unknown update 'add-snapshot' of a view"},
        {"[{'action':'assign-uuid','uuid':'ffffffff-89ab-cdef-0123-456789abcdef'}]", "cannot reassign uuid"},
        {"[{'action':'upgrade-format-version','format-version':2}]", "cannot change v1 view to v2"},
        {"[{'action':'set-current-view-version','view-version-id':-1}]", "no version has been added"},
        {"[{'action':'set-current-view-version','view-version-id':9}]", "unknown version: 9"},
        {"[{'action':'set-location','location':''}]", "has no location"},
        {"[" ADD(2, 9, "s", "spark") "]", "unknown schema: 9"},
        {"[" ADD(2, -1, "s", "spark") "]", "no schema has been added"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        model_refused(bench, commit(bench, base(bench), cases[i][0]), ERR_INVALID, cases[i][1]);
}

static void requirements_of_a_view(void **state)
{
    struct model_bench *bench = *state;
    static const char *const same = "[{'type':'assert-view-uuid','uuid':'" MODEL_UUID_TEXT "'}]";
    const struct view *view = base(bench);
    assert_true(view_require(view, model_json(bench, same), &bench->err));
    bool holds = view_require(NULL, model_json(bench, same), &bench->err);
    model_refused(bench, holds ? view : NULL, ERR_CONFLICT, "view does not exist");
    holds = view_require(view, model_json(bench, "[{'type':'assert-view-uuid','uuid':'x'}]"), &bench->err);
    model_refused(bench, holds ? view : NULL, ERR_CONFLICT, "Requirement failed: view UUID does not match");
    holds = view_require(view, model_json(bench, "[{'type':'assert-create'}]"), &bench->err);
    model_refused(bench, holds ? view : NULL, ERR_CONFLICT, "view already exists");
    holds = view_require(view, model_json(bench, "[{'type':'assert-default-spec-id'}]"), &bench->err);
    model_refused(bench, holds ? view : NULL, ERR_INVALID, "unknown requirement");
}

static void broken_views_are_refused(void **state)
{
    struct model_bench *bench = *state;
    static const char *const cases[][2] = {
        {"[]", "must be an object"},
        {"{'format-version':2}", "unsupported format version: 2"},
        {"{'format-version':1}", "'view-uuid' is missing"},
        {"{'format-version':1,'view-uuid':'u','location':'l','current-version-id':1,'schemas':[],'versions':[],"
         "'version-log':[]}",
         "current version 1 is not there"},
        {"{'format-version':1,'view-uuid':'u','location':'l','current-version-id':1,'schemas':[],'versions':[" VERSION(
             1, 0, "s", "d") "],'version-log':[]}",
         "schema 0 of the current version"},
        {"{'format-version':1,'view-uuid':'u','location':'l','current-version-id':1,'schemas':[],'versions':[" VERSION(
             1, 0, "s", "d") "," VERSION(1, 0, "s", "d") "],'version-log':[]}",
         "two versions have the id 1"},
        {"{'format-version':1,'view-uuid':'u','location':'l','current-version-id':1,'schemas':[],'versions':[],"
         "'version-log':[{}]}",
         "version-log: 'timestamp-ms' is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(buf) struct buf buf = {0};
        struct json_writer writer = {.buf = &buf};
        json_write_value(&writer, NULL, model_json(bench, cases[i][0]));
        model_refused(bench, view_parse(bench->arena, buf_str(&buf), &bench->err), ERR_INVALID, cases[i][1]);
    }
    model_refused(bench, view_parse(bench->arena, S("{"), &bench->err), ERR_INVALID, "view metadata: not valid JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(a_new_view_is_version_1_of_schema_0),
        MODEL_TEST(a_new_version_becomes_current),
        MODEL_TEST(going_back_happens_now),
        MODEL_TEST(what_is_there_already_is_used_again),
        MODEL_TEST(old_versions_expire),
        MODEL_TEST(a_dialect_is_dropped_only_when_allowed),
        MODEL_TEST(what_a_new_view_cannot_be),
        MODEL_TEST(what_is_no_update_of_a_view),
        MODEL_TEST(requirements_of_a_view),
        MODEL_TEST(broken_views_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
