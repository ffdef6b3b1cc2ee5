/* History in a store of its own: what is written is read again, pages go back, a new start marks what was left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/vec.h"
#include "domain/pipeline/run_priv.h"
#include "platform/store/store.h"

static const struct project_environment environments[] = {{.name = {"production", 10}, .tenant = {"tenant_acme", 11}},
                                                          {.name = {"dev", 3}, .tenant = {"tenant_acme_dev", 15}}};
static const struct project_settings settings = {.environments = environments, .environment_count = 2};
static const struct asset assets[] = {{.name = {"a", 1}}, {.name = {"b", 1}}};
static struct graph_node nodes[] = {{.asset = &assets[0]}, {.asset = &assets[1]}};
static struct graph graph = {.nodes = nodes, .node_count = 2};

struct history_test {
    char data[64];
    pthread_t thread;
    struct pipeline pipeline;
    struct arena *arena; /* of what was read */
    bool done;
    struct err error;
    VEC(struct history_run) runs;
    uint64_t before;
    struct history_step steps[2];
    size_t attempt_count, state_count;
    struct asset_state first;
    struct history_known *known;
};

static void *history_test_thread(void *owner)
{
    struct history_test *test = owner;
    store_thread(test->pipeline.options.store, test->pipeline.options.loop);
    return NULL;
}

static void history_test_end(struct history_test *test, const struct err *error)
{
    test->done = true;
    test->error = error ? *error : (struct err){0};
    loop_stop(test->pipeline.options.loop);
}

static void history_test_wait(struct history_test *test)
{
    while (!test->done)
        loop_run(test->pipeline.options.loop);
    test->done = false;
}

static void history_test_opened(struct pipeline *pipeline, const struct err *error)
{
    history_test_end(list_object(pipeline, struct history_test, pipeline), error);
}

static void history_test_open(struct history_test *test)
{
    history_close(&test->pipeline.history);
    history_open(&test->pipeline, history_test_opened);
    history_test_wait(test);
    assert_true(test->pipeline.history.open);
}

static int history_test_setup(void **state)
{
    struct history_test *test = mem_new(struct history_test);
    struct pipeline_options *options = &test->pipeline.options;
    struct err err;
    test->arena = arena_new();
    snprintf(test->data, sizeof(test->data), "/tmp/eider-history-XXXXXX");
    assert_non_null(mkdtemp(test->data));
    options->settings = &settings;
    options->loop = loop_new(&err);
    options->store = store_open(S(":memory:"), &err);
    assert_non_null(options->store);
    assert_true(store_run(store_db(options->store),
                          "INSERT INTO tenants(id, created_us, state) VALUES('tenant_acme', 1, 0)", NULL, 0, NULL, NULL,
                          &err));
    options->tenants = tenant_list_open(options->store, str_from(test->data), &err);
    assert_non_null(options->tenants);
    pthread_create(&test->thread, NULL, history_test_thread, test);
    history_test_open(test);
    *state = test;
    return 0;
}

static int history_test_teardown(void **state)
{
    struct history_test *test = *state;
    struct pipeline_options *options = &test->pipeline.options;
    store_stop(options->store);
    pthread_join(test->thread, NULL);
    loop_post(options->loop, (void (*)(void *))loop_stop, options->loop);
    loop_run(options->loop);
    tenant_list_close(&options->tenants);
    store_close(&options->store);
    loop_free(&options->loop);
    history_close(&test->pipeline.history);
    vec_done(&test->runs);
    rmdir(str_format(test->arena, "%s/tenants", test->data).ptr);
    assert_int_equal(rmdir(test->data), 0);
    arena_free(&test->arena);
    mem_free(test);
    return 0;
}

/* --- A run by hand --- */

static void history_test_written(struct run_flow *flow, const struct err *error)
{
    history_test_end(list_object(flow->pipeline, struct history_test, pipeline), error);
}

static struct run_flow *history_test_run(struct history_test *test, const char *id, const char *backfill)
{
    struct arena *arena = arena_new();
    struct run_flow *flow = arena_new_object(arena, struct run_flow);
    struct run *run = &flow->run;
    flow->pipeline = &test->pipeline;
    *run = (struct run){.arena = arena,
                        .number = ++test->pipeline.number,
                        .id = str_copy(arena, str_from(id)),
                        .environment = &environments[0],
                        .graph = &graph,
                        .trigger = S("schedule:nightly"),
                        .state = RUN_QUEUED,
                        .created_us = 1000,
                        .step_count = 2};
    run->steps = arena_array(arena, 2, sizeof(*run->steps));
    flow->slots = arena_array(arena, 2, sizeof(*flow->slots));
    list_init(&flow->unwritten);
    list_init(&run->node);
    list_init(&flow->wake.node);
    for (uint32_t i = 0; i < 2; i++) {
        run->steps[i] = (struct run_step){.index = i, .node = i, .asset = assets[i].name, .rows = -1, .bytes = -1};
        flow->slots[i] = (struct run_slot){.flow = flow,
                                           .step = &run->steps[i],
                                           .fingerprint = S("print"),
                                           .build_run = run->id,
                                           .build_step = i,
                                           .upstream = i ? S("[\"a\"]") : S("[]")};
    }
    const struct history_new new = {.selection = S("a+"), .backfill = str_from(backfill)};
    history_create(flow, &new, history_test_written);
    history_test_wait(test);
    assert_int_equal(test->error.code, ERR_OK);
    return flow;
}

static void history_test_step(struct run_flow *flow, uint32_t index, enum step_state state)
{
    struct run_step *step = &flow->run.steps[index];
    step->state = (int)state;
    step->attempt = 1;
    step->started_us = 2000 + index;
    step->ended_us = state >= STEP_DONE ? 3000 + index : 0;
    if (state == STEP_DONE) {
        step->rows = 7;
        step->committed = true;
        history_success(flow, step, ++flow->pipeline->version);
    } else if (state == STEP_FAILED) {
        step->failure = ASSET_FAILS_SQL;
        err_set(&step->error, ERR_INVALID, "wrong");
        err_hint(&step->error, "do right");
        history_attempt(flow, step, step->ended_us);
    } else {
        history_step(flow, step);
    }
}

static void history_test_finish(struct history_test *test, struct run_flow *flow, enum run_state state)
{
    history_end(flow, (int)state, 4000, history_test_written);
    history_test_wait(test);
    run_flow_free(flow);
}

/* --- Reading --- */

static void history_test_on_runs(void *owner, const struct history_run *runs, size_t count, uint64_t before,
                                 const struct err *error)
{
    struct history_test *test = owner;
    vec_clear(&test->runs);
    for (size_t i = 0; i < count; i++) {
        vec_push(&test->runs, runs[i]);
        test->runs.items[i].id = str_copy(test->arena, runs[i].id);
    }
    test->before = before;
    history_test_end(test, error);
}

static void history_test_page(struct history_test *test, struct history_filter filter, size_t count)
{
    filter.limit = filter.limit ? filter.limit : 10;
    history_runs(&test->pipeline, &filter, history_test_on_runs, test);
    history_test_wait(test);
    assert_int_equal(test->error.code, ERR_OK);
    assert_int_equal(test->runs.count, count);
}

static void history_test_on_run(void *owner, const struct history_run *run, const struct history_step *steps,
                                size_t step_count, const struct history_attempt *attempts, size_t attempt_count,
                                const struct err *error)
{
    struct history_test *test = owner;
    (void)attempts;
    vec_clear(&test->runs);
    if (run)
        vec_push(&test->runs, *run);
    test->attempt_count = attempt_count;
    for (size_t i = 0; i < step_count; i++) {
        test->steps[i] = steps[i];
        test->steps[i].error = str_copy(test->arena, steps[i].error);
        test->steps[i].upstream = str_copy(test->arena, steps[i].upstream);
    }
    history_test_end(test, error);
}

static void history_test_look(struct history_test *test, const char *id)
{
    history_run(&test->pipeline, str_from(id), history_test_on_run, test);
    history_test_wait(test);
}

static void history_test_on_states(void *owner, const struct asset_state *states, size_t count, const struct err *error)
{
    struct history_test *test = owner;
    test->state_count = count;
    if (count) {
        test->first = states[0];
        test->first.asset = str_copy(test->arena, states[0].asset);
    }
    history_test_end(test, error);
}

static void history_test_on_known(void *owner, struct history_known *known, const struct err *error)
{
    struct history_test *test = owner;
    test->known = known;
    history_test_end(test, error);
}

static enum err_code history_test_know(struct history_test *test, const char *parent)
{
    history_know(&test->pipeline, &environments[0], S(""), str_from(parent), history_test_on_known, test);
    history_test_wait(test);
    return test->error.code;
}

/* --- Tests --- */

static void history_keeps_runs_steps_and_attempts(void **state)
{
    struct history_test *test = *state;
    struct run_flow *flow = history_test_run(test, "one", "");
    history_test_step(flow, 0, STEP_DONE);
    history_test_step(flow, 1, STEP_FAILED);
    history_test_finish(test, flow, RUN_FAILED);
    history_test_look(test, "one");
    assert_int_equal(test->error.code, ERR_OK);
    const struct history_run *run = test->runs.items;
    assert_int_equal(run->state, RUN_FAILED);
    assert_int_equal(run->steps, 2);
    assert_int_equal(run->done, 1);
    assert_int_equal(run->failed, 1);
    assert_int_equal(run->rows, 7);
    assert_int_equal(run->ended_us, 4000);
    assert_int_equal(test->attempt_count, 2);
    assert_int_equal(test->steps[1].state, STEP_FAILED);
    assert_true(str_equal(test->steps[1].error, S("wrong; hint: do right")));
    assert_true(str_equal(test->steps[1].failure, S("sql")));
    assert_true(str_equal(test->steps[1].upstream, S("[\"a\"]")));
    history_test_look(test, "two");
    assert_int_equal(test->error.code, ERR_NOT_FOUND);
}

static void history_knows_the_last_success_of_each_asset(void **state)
{
    struct history_test *test = *state;
    struct run_flow *flow = history_test_run(test, "one", "");
    history_test_step(flow, 0, STEP_DONE);
    history_test_step(flow, 1, STEP_FAILED);
    history_test_finish(test, flow, RUN_FAILED);
    history_states(&test->pipeline, S("production"), history_test_on_states, test);
    history_test_wait(test);
    assert_int_equal(test->state_count, 1);
    assert_true(str_equal(test->first.asset, S("a")));
    assert_int_equal(test->first.version, 1);
    assert_int_equal(test->first.rows, 7);
    struct err err;
    tenant_find(test->pipeline.options.tenants, S("tenant_acme"), &err)->created_us = 3001; /* made anew since */
    history_states(&test->pipeline, S("production"), history_test_on_states, test);
    history_test_wait(test);
    assert_int_equal(test->state_count, 0);
    history_states(&test->pipeline, S("dev"), history_test_on_states, test);
    history_test_wait(test);
    assert_int_equal(test->state_count, 0);
}

static void history_pages_go_back_from_the_newest(void **state)
{
    struct history_test *test = *state;
    static const char *const ids[] = {"r1", "r2", "r3", "r4", "r5"};
    for (size_t i = 0; i < 5; i++)
        history_test_finish(test, history_test_run(test, ids[i], i == 2 ? "bf" : ""), i == 3 ? RUN_FAILED : RUN_DONE);
    history_test_page(test, (struct history_filter){.state = -1, .limit = 2}, 2);
    assert_true(str_equal(test->runs.items[0].id, S("r5")));
    assert_int_equal(test->before, 4);
    history_test_page(test, (struct history_filter){.state = -1, .limit = 3, .before = test->before}, 3);
    assert_true(str_equal(test->runs.items[0].id, S("r3")));
    assert_int_equal(test->before, 0);
    history_test_page(test, (struct history_filter){.state = RUN_FAILED}, 1);
    history_test_page(test, (struct history_filter){.state = -1, .backfill = S("bf")}, 1);
    history_test_page(test, (struct history_filter){.state = -1, .trigger = S("schedule")}, 5);
    history_test_page(test, (struct history_filter){.state = -1, .trigger = S("schedule:nightly")}, 5);
    history_test_page(test, (struct history_filter){.state = -1, .trigger = S("manual")}, 0);
    history_test_page(test, (struct history_filter){.state = -1, .asset = S("b")}, 5);
    history_test_page(test, (struct history_filter){.state = -1, .asset = S("c")}, 0);
    history_test_page(test, (struct history_filter){.state = -1, .environment = S("dev")}, 0);
    history_test_page(test, (struct history_filter){.state = -1, .since_us = 1001}, 0);
}

static void history_marks_what_a_killed_server_left(void **state)
{
    struct history_test *test = *state;
    struct run_flow *open = history_test_run(test, "open", ""), *over = history_test_run(test, "over", "");
    struct run_flow *cancelled = history_test_run(test, "cancelled", ""),
                    *filled = history_test_run(test, "filled", "x");
    history_test_step(open, 0, STEP_DONE);
    history_test_step(open, 1, STEP_RUNNING);
    history_test_step(over, 0, STEP_DONE);
    history_test_step(over, 1, STEP_FAILED);
    history_test_step(cancelled, 1, STEP_RUNNING);
    cancelled->run.state = RUN_CANCELLING;
    history_run_state(cancelled);
    history_test_open(test);
    assert_int_equal(test->pipeline.number, 4);
    assert_int_equal(test->pipeline.version, 2);
    assert_int_equal(test->pipeline.history.left_count, 1);
    assert_true(str_equal(test->pipeline.history.left[0].id, S("open")));
    history_test_look(test, "open");
    assert_int_equal(test->runs.items[0].state, RUN_INTERRUPTED);
    assert_int_equal(test->runs.items[0].ended_us, 3000);
    assert_int_equal(test->steps[0].state, STEP_DONE);
    assert_int_equal(test->steps[1].state, STEP_INTERRUPTED);
    history_test_look(test, "over");
    assert_int_equal(test->runs.items[0].state, RUN_FAILED);
    history_test_look(test, "cancelled");
    assert_int_equal(test->runs.items[0].state, RUN_CANCELLED);
    assert_int_equal(test->steps[0].state, STEP_CANCELLED);
    history_test_look(test, "filled");
    assert_int_equal(test->runs.items[0].state, RUN_INTERRUPTED);
    struct run_flow *flows[] = {open, over, cancelled, filled};
    for (size_t i = 0; i < 4; i++)
        run_flow_free(flows[i]);
}

static void history_tells_what_a_run_has_left_to_do(void **state)
{
    struct history_test *test = *state;
    assert_int_equal(history_test_know(test, "last"), ERR_NOT_FOUND);
    struct run_flow *flow = history_test_run(test, "one", "");
    assert_int_equal(history_test_know(test, "one"), ERR_PRECONDITION);
    history_test_step(flow, 0, STEP_DONE);
    history_test_step(flow, 1, STEP_FAILED);
    flow->run.steps[1].committed = true;
    flow->run.steps[1].failure = ASSET_FAILS_EXPORT;
    history_step(flow, &flow->run.steps[1]);
    history_test_finish(test, flow, RUN_FAILED);
    assert_int_equal(history_test_know(test, "last"), ERR_OK);
    assert_int_equal(test->known->origin_count, 1);
    const struct history_origin *origin = test->known->origins;
    assert_true(str_equal(origin->asset, S("b")) && str_equal(origin->build_run, S("one")));
    assert_int_equal(origin->build_step, 1);
    assert_true(origin->export_only);
    assert_int_equal(test->known->state_count, 1);
    history_known_free(&test->known);
    assert_int_equal(history_test_know(test, "two"), ERR_NOT_FOUND);
}

int main(void)
{
#define HISTORY_TEST(name) cmocka_unit_test_setup_teardown(name, history_test_setup, history_test_teardown)
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(history_keeps_runs_steps_and_attempts),
        HISTORY_TEST(history_knows_the_last_success_of_each_asset),
        HISTORY_TEST(history_pages_go_back_from_the_newest),
        HISTORY_TEST(history_marks_what_a_killed_server_left),
        HISTORY_TEST(history_tells_what_a_run_has_left_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
