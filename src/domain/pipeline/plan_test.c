/* Plans: what runs and why; fingerprints; partitions and their bounds; source files that moved. */
#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "domain/pipeline/graph_fixture.h"
#include "domain/pipeline/plan.h"

#define FILES(...) ((const struct fixture_file[]){__VA_ARGS__})
#define FIXTURE(...) fixture_new(FILES(__VA_ARGS__), sizeof(FILES(__VA_ARGS__)) / sizeof(struct fixture_file))

/* States of all assets, as if each was built once, in the graph's order. */
static struct asset_state *states_of(struct fixture *fixture)
{
    const struct graph *graph = fixture->graph;
    struct asset_state *states = arena_array(fixture->arena, graph->node_count, sizeof(*states));
    for (size_t i = 0; i < graph->node_count; i++) { /* ordered by name */
        size_t node = graph->by_name[i];
        states[i] = (struct asset_state){
            .asset = graph->nodes[node].asset->name,
            .fingerprint = plan_fingerprint(graph, node, fixture->arena),
            .built_us = (int64_t)node * CLOCK_SECOND,
            .version = node + 1,
            .report = S(""),
        };
    }
    return states;
}

static struct asset_state *state_of(struct asset_state *states, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(states[i].asset, str_from(name)))
            return &states[i];
    fail_msg("no state of %s", name);
    return NULL;
}

/* "a:changed SQL(why) b:…" */
static const char *plan_text(struct fixture *fixture, const struct plan_request *request)
{
    size_t count;
    struct str text = S("");
    bool *all = arena_array(fixture->arena, fixture->graph->node_count, sizeof(*all));
    memset(all, 1, fixture->graph->node_count);
    struct plan_request with = *request;
    if (!with.chosen)
        with.chosen = all;
    if (!with.state_count)
        with.state_count = with.states ? fixture->graph->node_count : 0;
    const struct plan_step *steps = plan_make(fixture->graph, &with, fixture->arena, &count);
    for (size_t i = 0; i < count; i++)
        text = str_format(fixture->arena, "%.*s%s%.*s:%s%s%.*s%s", STR_ARG(text), i ? " " : "",
                          STR_ARG(fixture->graph->nodes[steps[i].node].asset->name), plan_reason_name(steps[i].reason),
                          steps[i].because.len ? "(" : "", STR_ARG(steps[i].because), steps[i].because.len ? ")" : "");
    return str_cstr(fixture->arena, text);
}

static struct fixture chain(void)
{
    return FIXTURE({"pipelines/a.sql", "x", ""}, {"pipelines/b.sql", "x", "a"},
                   {"pipelines/e.sql", "/* eider materialize: ephemeral */ SELECT 1", "a"},
                   {"pipelines/f.sql", "/* eider freshness: 100s */ SELECT 1", "e"}, {"tests/t.sql", "x", "b"});
}

static void plan_gives_reasons(void **state)
{
    (void)state;
    struct fixture fixture = chain();
    struct asset_state *states = states_of(&fixture);
    size_t count = fixture.graph->node_count;
    assert_string_equal(fixture_names(&fixture, NULL), "a b e f t");
    assert_string_equal(plan_text(&fixture, &(struct plan_request){0}),
                        "a:never built b:never built f:never built t:never built");
    assert_string_equal(plan_text(&fixture, &(struct plan_request){.states = states, .changed_only = true}), "");
    assert_string_equal(plan_text(&fixture, &(struct plan_request){.states = states}),
                        "a:asked for b:changed upstream(a is built before) f:changed upstream(a is built before) "
                        "t:changed upstream(b is built before)");
    state_of(states, count, "a")->version = 9; /* since then */
    assert_string_equal(plan_text(&fixture, &(struct plan_request){.states = states, .changed_only = true}),
                        "b:changed upstream(a was built at 1970-01-01T00:00:00) "
                        "f:changed upstream(a was built at 1970-01-01T00:00:00) "
                        "t:changed upstream(b is built before)");
    state_of(states, count, "a")->version = 1;
    state_of(states, count, "b")->fingerprint = S("another");
    bool chosen[] = {false, true, false, false, false};
    assert_string_equal(
        plan_text(&fixture, &(struct plan_request){.states = states, .changed_only = true, .chosen = chosen}),
        "b:changed SQL");
    state_of(states, count, "b")->fingerprint = S("");
    assert_string_equal(plan_text(&fixture, &(struct plan_request){.states = states, .changed_only = true}),
                        "b:never built t:changed upstream(b is built before)");
    fixture_done(&fixture);
}

static void plan_looks_at_time_and_files(void **state)
{
    (void)state;
    struct fixture fixture = chain();
    struct asset_state *states = states_of(&fixture);
    bool moved[] = {true, false, false, false, false};
    struct plan_request request = {.states = states, .changed_only = true, .now_us = 103 * CLOCK_SECOND};
    assert_string_equal(plan_text(&fixture, &request), "");
    request.now_us = 104 * CLOCK_SECOND;
    assert_string_equal(plan_text(&fixture, &request), "f:stale(built 101 s ago, fresh for 100 s)");
    bool chosen[] = {true, false, false, false, false};
    request.moved = moved;
    request.chosen = chosen;
    assert_string_equal(plan_text(&fixture, &request), "a:changed source files");
    fixture_done(&fixture);
}

static struct str fingerprint_of(const char *text)
{
    static char sum[65];
    struct fixture fixture =
        FIXTURE({"pipelines/a.sql", text, "e"}, {"pipelines/e.sql", "/* eider materialize: ephemeral */ SELECT 1", ""});
    assert_int_equal(fixture.graph->problem_count, 0);
    struct str print = plan_fingerprint(fixture.graph, (size_t)graph_find(fixture.graph, S("a")), fixture.arena);
    memcpy(sum, print.ptr, 64);
    fixture_done(&fixture);
    return str_from(sum);
}

static void plan_fingerprints_what_matters(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str plain = str_copy(arena, fingerprint_of("SELECT 1"));
    static const char *const same[] = {
        ("/* eider\nowner: ann\ntags: [a]\nschedule: 5m\nretries: 3\ntimeout: 1s\ndescription: x\ngroup: g\n"
         "freshness: 1d\n*/\nSELECT 1\n"),
        "\nSELECT 1\n\n", "/* eider materialize: table */ SELECT 1"};
    static const char *const other[] = {"SELECT 2",
                                        "/* eider materialize: view */ SELECT 1",
                                        "/* eider materialize: incremental */ SELECT 1",
                                        "/* eider export: data/final/x.csv */ SELECT 1",
                                        "/* eider export: data/final/y.csv */ SELECT 1",
                                        "/* eider tests: [{row_count: 1}] */ SELECT 1",
                                        "/* eider tests: [{row_count: 2}] */ SELECT 1",
                                        "/* eider columns: {a: INTEGER} */ SELECT 1"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_true(str_equal(fingerprint_of(same[i]), plain));
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        struct str one = str_copy(arena, fingerprint_of(other[i]));
        assert_false(str_equal(one, plain));
        for (size_t k = 0; k < i; k++)
            assert_false(str_equal(fingerprint_of(other[k]), one));
    }
    struct fixture fixture = FIXTURE({"pipelines/a.sql", "SELECT 1", "e"},
                                     {"pipelines/e.sql", "/* eider materialize: ephemeral */ SELECT 2", ""});
    assert_false(str_equal(plan_fingerprint(fixture.graph, 1, arena), plain));
    fixture_done(&fixture);
}

static void plan_sees_files_that_moved(void **state)
{
    (void)state;
    char root[] = "/tmp/plan_test_XXXXXX", report[512];
    assert_non_null(mkdtemp(root));
    assert_int_equal(chdir(root), 0);
    assert_true(mkdir("data", 0700) == 0 && mkdir("data/source", 0700) == 0 && mkdir("data/source/d", 0700) == 0);
    fclose(fopen("data/source/a.csv", "w"));
    fclose(fopen("data/source/d/b.csv", "w"));
    struct stat a, b;
    assert_true(stat("data/source/a.csv", &a) == 0 && stat("data/source/d/b.csv", &b) == 0);
    snprintf(report, sizeof(report),
             "{\"files\":[{\"path\":\"data/source/a.csv\",\"size\":0,\"modified_us\":%lld},"
             "{\"path\":\"data/source/d/b.csv\",\"size\":0,\"modified_us\":%lld}]}",
             (long long)a.st_mtim.tv_sec * 1000000 + a.st_mtim.tv_nsec / 1000,
             (long long)b.st_mtim.tv_sec * 1000000 + b.st_mtim.tv_nsec / 1000);
    struct fixture fixture = FIXTURE({"pipelines/a.sql", "x", ""}, {"pipelines/z.yaml", "dbt: models", NULL});
    struct str glob = S("data/source/**/*.csv");
    graph_free(&fixture.graph);
    fixture.analyses[0].files = &glob;
    fixture.analyses[0].file_count = 1;
    ((struct project_settings *)(uintptr_t)fixture.project->settings)->root = str_from(root);
    fixture.graph = graph_new(fixture.project, fixture.analyses, fixture.analysis_count);
    struct asset_state *states = states_of(&fixture);
    states[0].report = str_from(report);
    states[1].built_us = clock_wall_us();
    const bool *moved = plan_files_look(fixture.graph, states, 2, fixture.arena);
    assert_false(moved[0] || moved[1]);
    fclose(fopen("data/source/new.csv", "w"));
    assert_true(mkdir("models", 0700) == 0 && mkdir("models/models", 0700) == 0);
    fclose(fopen("models/models/m.sql", "w"));
    assert_int_equal(
        utimensat(AT_FDCWD, "models/models/m.sql", (struct timespec[]){{4000000000, 0}, {4000000000, 0}}, 0), 0);
    moved = plan_files_look(fixture.graph, states, 2, fixture.arena);
    assert_true(moved[0] && moved[1]);
    unlink("data/source/new.csv");
    assert_false(plan_files_look(fixture.graph, states, 2, fixture.arena)[0]);
    unlink("data/source/a.csv");
    assert_true(plan_files_look(fixture.graph, states, 2, fixture.arena)[0]);
    fixture_done(&fixture);
    unlink("data/source/d/b.csv");
    unlink("models/models/m.sql");
    assert_true(rmdir("models/models") == 0 && rmdir("models") == 0 && rmdir("data/source/d") == 0);
    assert_true(rmdir("data/source") == 0 && rmdir("data") == 0 && chdir("/") == 0 && rmdir(root) == 0);
}

#define BY_DAY "/* eider\nmaterialize: incremental\npartition_by: {day: at, start: 2026-02-27}\n*/ SELECT 1"
#define BY_HOUR "/* eider\nmaterialize: incremental\npartition_by: {hour: at, start: 2026-02-28T22}\n*/ SELECT 1"
#define BY_KEY "/* eider\nmaterialize: incremental\npartition_by: {key: r, values: [no'rth, south, west]}\n*/ SELECT 1"

static void plan_lists_partitions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *from, *to, *names;
    } good[] = {
        {BY_DAY, "", "", "2026-02-27 2026-02-28 2026-03-01"},
        {BY_DAY, "2026-02-28", "", "2026-02-28"},
        {BY_DAY, "2026-02-28", "2026-03-02", "2026-02-28 2026-03-01 2026-03-02"},
        {BY_DAY, "", "2026-02-27", "2026-02-27"},
        {BY_HOUR, "", "", "2026-02-28T22 2026-02-28T23 2026-03-01T00 2026-03-01T01"},
        {BY_HOUR, "2026-03-01 00", "2026-03-01T01", "2026-03-01T00 2026-03-01T01"},
        {BY_KEY, "", "", "no'rth south west"},
        {BY_KEY, "south", "", "south"},
        {BY_KEY, "south", "west", "south west"},
    };
    static const struct {
        const char *text, *from, *to, *message;
        enum err_code code;
    } bad[] = {
        {"SELECT 1", "", "", "'a' has no partitions", ERR_INVALID},
        {BY_DAY, "2026-02-30", "", "'2026-02-30' is no partition of 'a'", ERR_INVALID},
        {BY_DAY, "2026-02-28T01", "", "is no partition", ERR_INVALID},
        {BY_HOUR, "2026-02-28", "", "is no partition", ERR_INVALID},
        {BY_DAY, "2026-02-26", "", "is before the first partition", ERR_INVALID},
        {BY_DAY, "2026-03-01", "2026-02-28", "has no partition there", ERR_INVALID},
        {BY_DAY, "", "9999-12-31", "pipeline.max_partitions", ERR_RANGE},
        {BY_KEY, "east", "", "'east' is no partition", ERR_INVALID},
        {BY_KEY, "west", "south", "comes before", ERR_INVALID},
    };
    int64_t now = INT64_C(1772328600) * CLOCK_SECOND; /* 2026-03-01T01:30Z */
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]) + sizeof(bad) / sizeof(bad[0]); i++) {
        bool is_good = i < sizeof(good) / sizeof(good[0]);
        size_t k = is_good ? i : i - sizeof(good) / sizeof(good[0]), count;
        const char *from = is_good ? good[k].from : bad[k].from, *to = is_good ? good[k].to : bad[k].to;
        struct fixture fixture = FIXTURE({"pipelines/a.sql", is_good ? good[k].text : bad[k].text, ""});
        const struct str *names;
        struct str text = S("");
        struct err err = {0};
        assert_int_equal(fixture.graph->node_count, 1);
        bool ok = plan_partitions(fixture.graph->nodes[0].asset, str_from(from), str_from(to), now, fixture.arena,
                                  &names, &count, &err);
        for (size_t n = 0; ok && n < count; n++)
            text = str_format(fixture.arena, "%.*s%s%.*s", STR_ARG(text), n ? " " : "", STR_ARG(names[n]));
        if (ok != is_good || (ok && !str_equal(text, str_from(good[k].names))))
            fail_msg("%s to %s: %.*s%s", from, to, STR_ARG(text), err.message);
        if (!ok && (!strstr(err.message, bad[k].message) || err.code != bad[k].code))
            fail_msg("%s to %s: %s", from, to, err.message);
        fixture_done(&fixture);
    }
}

static void plan_partitions_have_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *from, *to;
    } cases[] = {
        {BY_DAY, "2026-12-31", "TIMESTAMP '2026-12-31 00:00:00'", "TIMESTAMP '2027-01-01 00:00:00'"},
        {BY_DAY, "2028-02-28", "TIMESTAMP '2028-02-28 00:00:00'", "TIMESTAMP '2028-02-29 00:00:00'"},
        {BY_HOUR, "2026-03-29T01", "TIMESTAMP '2026-03-29 01:00:00'", "TIMESTAMP '2026-03-29 02:00:00'"},
        {BY_KEY, "no'rth", "'no''rth'", ""},
        {BY_KEY, "east", NULL, NULL},
        {BY_DAY, "2026-01-01", NULL, NULL},
        {"SELECT 1", "x", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture = FIXTURE({"pipelines/a.sql", cases[i].text, ""});
        struct str from, to;
        struct err err = {0};
        bool ok = plan_partition_bounds(fixture.graph->nodes[0].asset, str_from(cases[i].name), fixture.arena, &from,
                                        &to, &err);
        assert_int_equal(ok, cases[i].from != NULL);
        if (ok && (!str_equal(from, str_from(cases[i].from)) || !str_equal(to, str_from(cases[i].to))))
            fail_msg("%s: %.*s %.*s", cases[i].name, STR_ARG(from), STR_ARG(to));
        assert_int_equal(ok ? ERR_OK : ERR_INVALID, err.code);
        fixture_done(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_gives_reasons),
        cmocka_unit_test(plan_looks_at_time_and_files),
        cmocka_unit_test(plan_fingerprints_what_matters),
        cmocka_unit_test(plan_sees_files_that_moved),
        cmocka_unit_test(plan_lists_partitions),
        cmocka_unit_test(plan_partitions_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
