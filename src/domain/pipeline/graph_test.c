/* Graphs: what reads what, in which order, what cannot run; how they are chosen from and printed. */
#include "base/clock.h"
#include "domain/pipeline/graph_fixture.h"
#include "platform/json/json.h"

#define FILES(...) ((const struct fixture_file[]){__VA_ARGS__})
#define FIXTURE(...) fixture_new(FILES(__VA_ARGS__), sizeof(FILES(__VA_ARGS__)) / sizeof(struct fixture_file))

static const struct graph_node *node_of(struct fixture *fixture, const char *name)
{
    ptrdiff_t index = graph_find(fixture->graph, str_from(name));
    assert_true(index >= 0);
    return &fixture->graph->nodes[index];
}

static void graph_finds_assets_by_all_their_names(void **state)
{
    (void)state;
    struct fixture fixture = FIXTURE(
        {"pipelines/orders.sql", "x", ""}, {"pipelines/a.sql", "x", "orders"},
        {"pipelines/b.sql", "x", "default.ORDERS"}, {"pipelines/c.sql", "x", "tenant_acme.default.Orders"},
        {"pipelines/d.sql", "x", "iceberg.orders"}, {"pipelines/e.sql", "x", "tenant_acme_dev.iceberg.orders"},
        {"pipelines/f.sql", "x", "iceberg.iceberg.orders"},
        {"pipelines/g.sql", "x", "orders orders g main.orders tenant_other.default.orders iceberg.other.orders gone"},
        {"pipelines/h.sql", "x", "iceberg.gone orders"});
    assert_int_equal(fixture.graph->problem_count, 0);
    static const char *const down[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++) {
        const struct graph_node *node = node_of(&fixture, down[i]);
        assert_int_equal(node->upstream_count, 1);
        assert_int_equal(node->depth, 1);
        assert_true(fixture.graph->nodes[node->upstream[0]].asset == node_of(&fixture, "orders")->asset);
    }
    const struct graph_node *orders = node_of(&fixture, "orders"), *g = node_of(&fixture, "g");
    assert_int_equal(orders->downstream_count, 8);
    assert_int_equal(orders->downstream[7], 8);
    assert_int_equal(g->source_count, 4);
    assert_true(str_equal(g->sources[0], S("gone")));
    assert_true(str_equal(g->sources[1], S("iceberg.other.orders")));
    assert_true(str_equal(g->sources[2], S("main.orders")));
    assert_true(str_equal(g->sources[3], S("tenant_other.default.orders")));
    assert_true(str_equal(node_of(&fixture, "h")->sources[0], S("iceberg.gone")));
    assert_int_equal(graph_find(fixture.graph, S("gone")), -1);
    fixture_done(&fixture);
}

static void graph_has_an_order(void **state)
{
    (void)state;
    struct fixture fixture =
        FIXTURE({"pipelines/a.sql", "x", "z"}, {"pipelines/b.sql", "x", ""}, {"pipelines/m.sql", "x", "a b"},
                {"pipelines/z.sql", "x", ""}, {"tests/a_fits.sql", "x", "a m"},
                {"pipelines/k.yaml", "command: x\ndepends_on: [m]", NULL},
                {"pipelines/r.sql", "/* eider\ntests: [{relationships: {column: x, to: k.id}}]\n*/ SELECT 1", ""});
    assert_string_equal(fixture_names(&fixture, NULL), "b z a m a_fits k r");
    assert_int_equal(node_of(&fixture, "m")->depth, 2);
    assert_int_equal(node_of(&fixture, "r")->depth, 4);
    assert_false(node_of(&fixture, "r")->broken);
    fixture_done(&fixture);
}

static void graph_names_cycles_with_their_lines(void **state)
{
    (void)state;
    struct fixture fixture =
        FIXTURE({"pipelines/a.sql", "x", "other b"}, {"pipelines/b.sql", "x", "other other c"},
                {"pipelines/c.sql", "x", "a"}, {"pipelines/after.sql", "x", "c"}, {"pipelines/fine.sql", "x", ""},
                {"pipelines/p.sql", "x", "q"}, {"pipelines/q.sql", "x", "p a"});
    assert_int_equal(fixture.graph->problem_count, 2);
    assert_non_null(strstr(fixture.graph->problems[1].message.ptr, "cycle: p (pipelines/p.sql:1) needs q "));
    const struct asset_problem *problem = &fixture.graph->problems[0];
    assert_string_equal(problem->message.ptr, "cycle: a (pipelines/a.sql:2) needs b (pipelines/b.sql:3) needs c "
                                              "(pipelines/c.sql:1) needs a");
    assert_string_equal(problem->path.ptr, "pipelines/a.sql");
    assert_int_equal(problem->line, 2);
    assert_string_equal(fixture_names(&fixture, NULL), "fine a after b c p q");
    for (size_t i = 0; i < fixture.graph->node_count; i++)
        assert_int_equal(fixture.graph->nodes[i].broken, i > 0);
    fixture_done(&fixture);
}

static void graph_knows_what_cannot_run(void **state)
{
    (void)state;
    struct fixture fixture = FIXTURE({"pipelines/bad.sql", "/* eider\nretires: 1\n*/ SELECT 1", ""},
                                     {"pipelines/below.sql", "x", "bad"}, {"pipelines/deeper.sql", "x", "below"},
                                     {"tests/check.sql", "x", "fine"}, {"pipelines/fine.sql", "x", ""},
                                     {"pipelines/asks.sql", "/* eider\ndepends_on: [fien]\n*/ SELECT 1", ""},
                                     {"pipelines/reads_test.sql", "x", "fine check"});
    assert_string_equal(fixture_names(&fixture, NULL), "asks below deeper fine check reads_test");
    assert_int_equal(fixture.graph->problem_count, 3);
    assert_string_equal(fixture.graph->problems[0].message.ptr, "unknown property 'retires'");
    assert_string_equal(fixture.graph->problems[1].message.ptr, "depends_on: there is no asset 'fien'");
    assert_string_equal(fixture.graph->problems[1].hint.ptr, "did you mean 'fine'?");
    assert_int_equal(fixture.graph->problems[1].line, 1);
    assert_non_null(strstr(fixture.graph->problems[2].message.ptr, "'check' is a test (tests/check.sql)"));
    assert_int_equal(fixture.graph->problems[2].line, 2);
    assert_int_equal(fixture.graph->problems[2].column, 3);
    assert_true(node_of(&fixture, "below")->broken && node_of(&fixture, "deeper")->broken);
    assert_true(node_of(&fixture, "asks")->broken && node_of(&fixture, "reads_test")->broken);
    assert_false(node_of(&fixture, "fine")->broken || node_of(&fixture, "check")->broken);
    assert_int_equal(node_of(&fixture, "below")->source_count, 0);
    fixture_done(&fixture);
}

static void graph_passes_errors_of_syntax_on(void **state)
{
    (void)state;
    struct fixture fixture = FIXTURE({"pipelines/a.sql", "SELEC", ""}, {"pipelines/b.sql", "x", "a"});
    struct str files[] = {S("data/source/b.csv"), S("data/source/a.csv"), S("data/source/b.csv")};
    graph_free(&fixture.graph);
    (void)err_set(&fixture.analyses[0].error, ERR_INVALID, "syntax error");
    fixture.analyses[0].line = 7;
    fixture.analyses[0].column = 9;
    fixture.analyses[1].files = files;
    fixture.analyses[1].file_count = 3;
    fixture.graph = graph_new(fixture.project, fixture.analyses, fixture.analysis_count);
    assert_int_equal(fixture.graph->problem_count, 1);
    assert_int_equal(fixture.graph->problems[0].line, 7);
    assert_int_equal(fixture.graph->problems[0].column, 9);
    assert_true(node_of(&fixture, "a")->broken && node_of(&fixture, "b")->broken);
    assert_int_equal(node_of(&fixture, "b")->file_count, 2);
    assert_true(str_equal(node_of(&fixture, "b")->files[0], S("data/source/a.csv")));
    fixture_done(&fixture);
}

/* Layers of a hundred, each asset reading ten of the layer above; quadratic code would take minutes. */
static void graph_of_ten_thousand_is_quick(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct fixture_file *files = arena_array(arena, 10000, sizeof(*files));
    for (size_t i = 0; i < 10000; i++) {
        files[i] = (struct fixture_file){str_format(arena, "pipelines/a%05zu.sql", i).ptr, "x", ""};
        for (size_t k = 0; i >= 100 && k < 10; k++)
            files[i].reads =
                str_format(arena, "%s%sa%05zu", files[i].reads, k ? " " : "", i / 100 * 100 - 100 + (i * 7 + k) % 100)
                    .ptr;
    }
    struct fixture fixture = fixture_new(files, 10000);
    assert_int_equal(fixture.graph->node_count, 10000);
    int64_t before = clock_now_us();
    struct graph *again = graph_new(fixture.project, fixture.analyses, fixture.analysis_count);
    print_message("graph of 10,000 nodes and 99,000 edges: %lld us\n", (long long)(clock_now_us() - before));
    assert_int_equal(again->nodes[9999].depth, 99);
    assert_int_equal(again->nodes[9999].upstream_count, 10);
    graph_free(&again);
    fixture_done(&fixture);
}

static void graph_select_chooses(void **state)
{
    (void)state;
    struct fixture fixture =
        FIXTURE({"pipelines/source/raw.sql", "/* eider\ntags: [daily]\n*/ SELECT 1", ""},
                {"pipelines/trans/clean.sql", "x", "raw"}, {"pipelines/trans/other.sql", "x", ""},
                {"pipelines/summary/report.sql", "/* eider\ntags: [daily, final]\n*/ SELECT 1", "clean other"},
                {"pipelines/summary/top.sql", "x", "report"}, {"tests/clean_fits.sql", "x", "clean"},
                {"tests/both_fit.sql", "x", "clean other"}, {"pipelines/bad.sql", "/* eider\nretires: 1\n*/ x", ""});
    static const struct {
        const char *selectors, *names;
    } cases[] = {
        {"", "other raw clean both_fit clean_fits report top"},
        {"clean", "clean clean_fits"},
        {"clean other", "other clean both_fit clean_fits"},
        {"tag:daily", "raw report"},
        {"tag:fin*", "report"},
        {"group:trans", "other clean both_fit clean_fits"},
        {"pipelines/trans/", "other clean both_fit clean_fits"},
        {"pipelines/*/r*.sql", "raw report"},
        {"tests/*", "both_fit clean_fits"},
        {"c*", "clean clean_fits"},
        {"+report", "other raw clean both_fit clean_fits report"},
        {"1+report", "other clean both_fit clean_fits report"},
        {"raw+", "raw clean both_fit clean_fits report top"},
        {"raw+1", "raw clean clean_fits"},
        {"1+clean+1", "raw clean both_fit clean_fits report"},
        {"+top,group:trans", "other clean both_fit clean_fits"},
        {"group:trans !clean", "other"},
        {"!clean* group:trans", "other"},
        {"!+report", "top"},
        {"group:trans !tests/*", "other clean"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str selectors[4], rest = str_from(cases[i].selectors);
        size_t count = 0;
        while (str_split_next(&rest, ' ', &selectors[count]))
            count++;
        bool chosen[7];
        struct err err = {0};
        if (!graph_select(fixture.graph, selectors, count, chosen, &err))
            fail_msg("%s: %s", cases[i].selectors, err.message);
        if (strcmp(fixture_names(&fixture, chosen), cases[i].names) != 0)
            fail_msg("%s: %s", cases[i].selectors, fixture_names(&fixture, chosen));
    }
    static const struct {
        const char *selector, *message, *hint;
        enum err_code code;
    } wrong[] = {
        {"claen", "no asset is 'claen'", "did you mean 'clean'?", ERR_NOT_FOUND},
        {"tag:dialy", "no asset is 'tag:dialy'", "did you mean 'tag:daily'?", ERR_NOT_FOUND},
        {"group:tran", "no asset is 'group:tran'", "did you mean 'group:trans'?", ERR_NOT_FOUND},
        {"!claen", "no asset is 'claen'", "clean", ERR_NOT_FOUND},
        {"raw,top", "no asset is all of 'raw,top'", "", ERR_NOT_FOUND},
        {"+", "no asset is ''", "", ERR_NOT_FOUND},
        {"", "an empty selector", "", ERR_INVALID},
        {"bad+", "pipelines/bad.sql:2: unknown property 'retires'", "'retries'", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct str selector = str_from(wrong[i].selector);
        bool chosen[7];
        struct err err = {0};
        assert_false(graph_select(fixture.graph, &selector, 1, chosen, &err));
        if (!strstr(err.message, wrong[i].message) || !strstr(err.hint, wrong[i].hint) || err.code != wrong[i].code)
            fail_msg("%s: %s (%s)", wrong[i].selector, err.message, err.hint);
    }
    fixture_done(&fixture);
}

static void graph_prints_itself(void **state)
{
    (void)state;
    struct fixture fixture = FIXTURE({"pipelines/raw.sql", "x", ""},
                                     {"pipelines/trans/clean.sql", "/* eider\nmaterialize: view\n*/ x", "raw orders"},
                                     {"pipelines/x.sql", "/* eider\ndepends_on: y\n*/ x", NULL});
    static const char *const expected[] = {
        "raw  table\n  clean  view  from raw, orders\nx  table  (broken)\n",
        "digraph eider {\n  rankdir=LR;\n  node [shape=box];\n  \"raw\" [label=\"raw\\ntable\"];\n"
        "  \"clean\" [label=\"clean\\nview\"];\n  \"raw\" -> \"clean\";\n"
        "  \"x\" [label=\"x\\ntable\", color=red];\n}\n",
        NULL,
        "flowchart LR\n  n0[\"raw\"]\n  n1[\"clean\"]\n  n0 --> n1\n  n2[\"x\"]\n",
    };
    for (int format = GRAPH_TEXT; format <= GRAPH_MERMAID; format++) {
        AUTO(buf) struct buf out = {0};
        graph_print(fixture.graph, NULL, (enum graph_format)format, &out);
        if (expected[format])
            assert_string_equal(str_cstr(fixture.arena, buf_str(&out)), expected[format]);
    }
    AUTO(buf) struct buf out = {0};
    struct err err;
    bool chosen[] = {true, true, false};
    graph_print(fixture.graph, chosen, GRAPH_JSON, &out);
    const struct json *json = json_parse(fixture.arena, buf_str(&out), &err);
    const struct json *clean = json_at(json_get(json, "nodes"), 1);
    assert_int_equal(json_count(json_get(json, "nodes")), 2);
    assert_int_equal(json_count(json_get(json, "edges")), 1);
    assert_true(str_equal(json_text(json_get(clean, "group")), S("trans")));
    assert_true(str_equal(json_text(json_at(json_get(clean, "sources"), 0)), S("orders")));
    chosen[0] = false;
    buf_clear(&out);
    graph_print(fixture.graph, chosen, GRAPH_MERMAID, &out);
    assert_string_equal(str_cstr(fixture.arena, buf_str(&out)), "flowchart LR\n  n1[\"clean\"]\n");
    fixture_done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_finds_assets_by_all_their_names),
        cmocka_unit_test(graph_has_an_order),
        cmocka_unit_test(graph_names_cycles_with_their_lines),
        cmocka_unit_test(graph_knows_what_cannot_run),
        cmocka_unit_test(graph_passes_errors_of_syntax_on),
        cmocka_unit_test(graph_of_ten_thousand_is_quick),
        cmocka_unit_test(graph_select_chooses),
        cmocka_unit_test(graph_prints_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
