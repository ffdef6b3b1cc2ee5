#include "domain/pipeline/lineage_event.h"

#include "domain/pipeline/graph_fixture.h"
#include "domain/pipeline/lineage.h"
#include "platform/json/json.h"

#define RUN "0190aaaa-0000-4000-8000-000000000001"

static const struct fixture_file files[] = {
    {"pipelines/orders.sql", "SELECT * FROM read_csv('data/source/*.csv')", ""},
    {"pipelines/half.sql", "/* eider\nmaterialize: ephemeral\n*/\nSELECT * FROM orders", "orders"},
    {"pipelines/ice.sql", "/* eider\nmaterialize: iceberg\n*/\nSELECT * FROM half", "half prices"},
    {"pipelines/shop.yaml", "dbt: shop\ndepends_on: [ice]\n", ""},
};

struct rig {
    struct fixture fixture;
    struct run run;
    struct run_step step;
    struct buf text;
};

static int setup(void **state)
{
    struct rig *rig = mem_new(struct rig);
    rig->fixture = fixture_new(files, sizeof(files) / sizeof(files[0]));
    rig->fixture.settings = *rig->fixture.project->settings;
    rig->fixture.settings.tenant = S("tenant_acme");
    rig->fixture.settings.name = S("shop");
    rig->fixture.settings.root = S("/srv/shop");
    rig->run = (struct run){.id = S(RUN),
                            .environment = &rig->fixture.settings.environments[0],
                            .graph = rig->fixture.graph,
                            .trigger = S("manual"),
                            .steps = &rig->step,
                            .step_count = 1};
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    fixture_done(&rig->fixture);
    buf_done(&rig->text);
    mem_free(rig);
    return 0;
}

/* The event of a step with this report, parsed. */
static const struct json *written(struct rig *rig, enum lineage_type type, const char *asset, const char *report,
                                  const struct json *node, const struct json *edges)
{
    ptrdiff_t index = graph_find(rig->fixture.graph, str_from(asset));
    struct err err;
    assert_true(index >= 0);
    rig->step = (struct run_step){.node = (size_t)index,
                                  .asset = str_from(asset),
                                  .kind = rig->fixture.graph->nodes[index].asset->kind,
                                  .state = type == LINEAGE_FAIL ? STEP_FAILED : STEP_DONE,
                                  .committed = true,
                                  .rows = 3,
                                  .bytes = -1,
                                  .report = str_from(report)};
    if (type == LINEAGE_FAIL)
        err_set(&rig->step.error, ERR_INVALID, "it is wrong");
    const struct lineage_event event = {.type = type,
                                        .at_us = 1,
                                        .settings = &rig->fixture.settings,
                                        .run = &rig->run,
                                        .step = &rig->step,
                                        .node = node,
                                        .edges = edges};
    buf_clear(&rig->text);
    lineage_event_write(&event, &rig->text);
    const struct json *document = json_parse(rig->fixture.arena, buf_str(&rig->text), &err);
    assert_non_null(document);
    return document;
}

static struct str name_of(const struct json *document, const char *which, size_t index)
{
    return json_text(json_get(json_at(json_get(document, which), index), "name"));
}

static void step_has_an_id_of_its_own(void **state)
{
    struct rig *rig = *state;
    struct str a = lineage_step_id(rig->fixture.arena, S(RUN), S("a"));
    struct str again = lineage_step_id(rig->fixture.arena, S(RUN), S("a"));
    struct str b = lineage_step_id(rig->fixture.arena, S(RUN), S("b"));
    assert_true(str_equal(a, again) && !str_equal(a, b));
    assert_int_equal(a.len, 36);
    assert_true(a.ptr[14] == '8' && strchr("89ab", a.ptr[19]) && a.ptr[8] == '-' && a.ptr[23] == '-');
}

static void event_looks_through_ephemeral_assets(void **state)
{
    struct rig *rig = *state;
    const struct json *event = written(rig, LINEAGE_START, "ice", "", NULL, NULL);
    assert_true(str_equal(name_of(event, "inputs", 0), S("default.orders")));
    assert_true(str_equal(name_of(event, "inputs", 1), S("default.prices")));
    assert_int_equal(json_count(json_get(event, "inputs")), 2);
    assert_true(str_equal(name_of(event, "outputs", 0), S("iceberg.ice")));
    assert_null(json_get(json_at(json_get(event, "outputs"), 0), "outputFacets"));
}

static void event_survives_any_report(void **state)
{
    static const char *const reports[] = {
        "no JSON", "[]", "7",
        "{\"files\": 7, \"tests\": {}, \"columns\": [1, {}], \"lineage\": [{}], \"exports\": \"x\"}",
        "{\"lineage\": [{\"column\": null, \"from\": [null]}], \"tests\": [null], \"files\": [[]], \"sql\": []}"};
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
        const struct json *event = written(rig, LINEAGE_FAIL, "ice", reports[i], NULL, NULL);
        const struct json *facets = json_get(json_get(event, "run"), "facets");
        assert_true(str_equal(json_text(json_get(json_get(facets, "errorMessage"), "message")), S("it is wrong")));
    }
}

static void node_of_dbt_is_a_run_below_its_step(void **state)
{
    struct rig *rig = *state;
    struct err err;
    const struct json *report = json_parse(
        rig->fixture.arena,
        S("{\"nodes\": [{\"name\": \"sums\", \"kind\": \"model\", \"status\": \"success\", \"rows\": 5}], \"edges\": "
          "[{\"from\": \"ice\", \"to\": \"sums\"}, {\"from\": \"sums\", \"to\": \"others\"}]}"),
        &err);
    const struct json *node = json_at(json_get(report, "nodes"), 0);
    const struct json *event = written(rig, LINEAGE_COMPLETE, "shop", "", node, json_get(report, "edges"));
    assert_true(str_equal(json_text(json_get(json_get(event, "job"), "name")), S("shop.shop.sums")));
    assert_int_equal(json_count(json_get(event, "inputs")), 1);
    assert_true(str_equal(name_of(event, "inputs", 0), S("iceberg.ice")));
    assert_true(str_equal(name_of(event, "outputs", 0), S("default.sums")));
    const struct json *parent = json_get(json_get(json_get(event, "run"), "facets"), "parent");
    assert_true(str_equal(json_text(json_get(json_get(parent, "run"), "runId")),
                          lineage_step_id(rig->fixture.arena, S(RUN), S("shop"))));
    assert_true(str_equal(json_text(json_get(json_get(json_get(parent, "root"), "run"), "runId")), S(RUN)));
}

static void namespace_tells_environments_apart(void **state)
{
    struct rig *rig = *state;
    const struct json *event = written(rig, LINEAGE_START, "orders", "", NULL, NULL);
    assert_true(str_equal(json_text(json_get(json_get(event, "job"), "namespace")), S("tenant_acme")));
    rig->fixture.settings.lineage_namespace = S("lake");
    rig->run.environment = &rig->fixture.settings.environments[1];
    event = written(rig, LINEAGE_START, "orders", "", NULL, NULL);
    assert_true(str_equal(json_text(json_get(json_get(event, "job"), "namespace")), S("lake_dev")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(step_has_an_id_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(event_looks_through_ephemeral_assets, setup, teardown),
        cmocka_unit_test_setup_teardown(event_survives_any_report, setup, teardown),
        cmocka_unit_test_setup_teardown(node_of_dbt_is_a_run_below_its_step, setup, teardown),
        cmocka_unit_test_setup_teardown(namespace_tells_environments_apart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
