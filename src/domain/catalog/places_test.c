/* Where things lie: locations, what is dropped and comes back or goes, registering, and the end of a tenant. */
#include "base/clock.h"
#include "base/limits.h"
#include "domain/catalog/state_test.h"

/* In a test that fakes time: how late it is. */
static void later(int64_t seconds)
{
    clock_fake(clock_now_us() + seconds * CLOCK_SECOND, clock_wall_us() + seconds * CLOCK_SECOND);
}

static struct str below(struct state *state, const char *path)
{
    return str_format(state->arena, "%.*s/acme/%s", STR_ARG(state->warehouse), path);
}

static enum catalog_problem create_at(struct state *state, const char *name, struct str location)
{
    return state_create(state, name, str_cstr(state->arena, location));
}

static void places_lie_in_the_warehouse(void **in)
{
    struct state *state = *in;
    static const char *const outside[] = {"file:///etc/x", "/tmp/x",     "s3://bucket/x",       "file://other/x/y",
                                          "http://host/x", "relative/x", "file:///tmp/../etc/x"};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        assert_int_equal(state_create(state, "iceberg.t", outside[i]), CATALOG_BAD_REQUEST);
    assert_int_equal(create_at(state, "iceberg.t", below(state, "a/../../beta/t")), CATALOG_BAD_REQUEST);
    assert_int_equal(create_at(state, "iceberg.t", below(state, "")), CATALOG_BAD_REQUEST);
    assert_int_equal(create_at(state, "iceberg.t", str_format(state->arena, "%.*s/acme2/t", STR_ARG(state->warehouse))),
                     CATALOG_BAD_REQUEST);
    /* All spellings of a directory become one. */
    struct str path = str_from_index(below(state, "mine/t"), 7);
    assert_int_equal(create_at(state, "iceberg.t", str_format(state->arena, "file:%.*s/", STR_ARG(path))),
                     CATALOG_FINE);
    assert_true(str_equal(state->answer.location, below(state, "mine/t")));
    assert_true(str_equal(json_text(json_get(state->metadata, "location")), below(state, "mine/t")));
    assert_int_equal(create_at(state, "iceberg.u", path), CATALOG_BAD_REQUEST);
    assert_int_equal(create_at(state, "iceberg.u", below(state, "mine")), CATALOG_BAD_REQUEST);
    assert_int_equal(create_at(state, "iceberg.u", below(state, "mine/t/data/u")), CATALOG_BAD_REQUEST);
    assert_int_equal(create_at(state, "iceberg.u", below(state, "mine/t2")), CATALOG_FINE);
    state_restart(state);
    assert_int_equal(create_at(state, "iceberg.v", path), CATALOG_BAD_REQUEST);
}

static struct str move_to(struct state *state, struct str location)
{
    return str_format(state->arena, "[{\"action\":\"set-location\",\"location\":\"%.*s\"}]", STR_ARG(location));
}

static void places_of_commits_are_checked(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    state_create(state, "iceberg.u", NULL);
    struct str other = state->answer.location;
    struct str moves = move_to(state, S("file:///etc"));
    assert_int_equal(state_commit(state, "iceberg.t", "[]", moves.ptr), CATALOG_BAD_REQUEST);
    moves = move_to(state, other);
    assert_int_equal(state_commit(state, "iceberg.t", "[]", moves.ptr), CATALOG_BAD_REQUEST);
    moves = move_to(state, str_from_index(below(state, "moved/t"), 7));
    assert_int_equal(state_commit(state, "iceberg.t", "[]", moves.ptr), CATALOG_FINE);
    assert_true(str_equal(json_text(json_get(state->metadata, "location")), below(state, "moved/t")));
    assert_int_equal(create_at(state, "iceberg.w", below(state, "moved/t")), CATALOG_BAD_REQUEST);
    const char *property = "[{\"action\":\"set-properties\",\"updates\":{\"write.data.path\":\"file:///etc/x\"}}]";
    assert_int_equal(state_commit(state, "iceberg.t", "[]", property), CATALOG_BAD_REQUEST);
    struct str meets =
        str_format(state->arena, "[{\"action\":\"set-properties\",\"updates\":{\"write.metadata.path\":\"%.*s/x\"}}]",
                   STR_ARG(other));
    assert_int_equal(state_commit(state, "iceberg.t", "[]", meets.ptr), CATALOG_BAD_REQUEST);
    assert_int_equal(state_commit(state, "iceberg.u", "[]", meets.ptr), CATALOG_FINE);
    meets = str_format(state->arena, "[{\"action\":\"set-properties\",\"updates\":{\"write.data.path\":\"%.*s\"}}]",
                       STR_ARG(below(state, "shared")));
    assert_int_equal(state_commit(state, "iceberg.t", "[]", meets.ptr), CATALOG_FINE);
    assert_int_equal(state_commit(state, "iceberg.u", "[]", meets.ptr), CATALOG_FINE);
    const char *snapshot =
        "[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":1,\"sequence-number\":1,\"timestamp-ms\":1,"
        "\"manifest-list\":\"file:///etc/passwd\",\"summary\":{\"operation\":\"append\"},\"schema-id\":0}}]";
    assert_int_equal(state_commit(state, "iceberg.t", "[]", snapshot), CATALOG_BAD_REQUEST);
}

static size_t dropped_count;
static char dropped_name[32];

static void on_dropped(void *owner, const struct catalog_dropped *dropped, size_t count, const struct err *error)
{
    struct state *state = owner;
    assert_null(error);
    dropped_count = count;
    dropped_name[0] = 0;
    if (count)
        memcpy(dropped_name, dropped[0].name.name.ptr, dropped[0].name.name.len + 1);
    loop_stop(state->loop);
}

static size_t count_dropped(struct state *state)
{
    catalog_list_dropped(state->catalog, state->who, S("acme"), on_dropped, state);
    loop_run(state->loop);
    return dropped_count;
}

static enum catalog_problem undrop(struct state *state, const char *name, const char *as)
{
    struct state_call *call = state_call(state);
    const struct catalog_name from = state_name(call->call.request.arena, name);
    const struct catalog_name to = state_name(call->call.request.arena, as ? as : name);
    catalog_undrop(state->catalog, &call->call, &from, S(""), as ? &to : NULL);
    return state_wait(call);
}

static void places_of_the_dropped_are_kept_for_undrop(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct str first = state->answer.location;
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.t", false), CATALOG_FINE);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.t", false), CATALOG_NO_TABLE);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_NO_TABLE);
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    assert_false(str_equal(state->answer.location, first));
    assert_int_equal(create_at(state, "iceberg.u", first), CATALOG_BAD_REQUEST);
    assert_int_equal(undrop(state, "iceberg.t", NULL), CATALOG_EXISTS);
    assert_int_equal(undrop(state, "iceberg.t", "x.t"), CATALOG_NO_NAMESPACE);
    assert_int_equal(undrop(state, "iceberg.z", NULL), CATALOG_NO_TABLE);
    state_restart(state);
    assert_int_equal(count_dropped(state), 1);
    assert_string_equal(dropped_name, "t");
    assert_int_equal(undrop(state, "iceberg.t", "iceberg.old"), CATALOG_FINE);
    assert_true(str_equal(state->answer.location, first));
    assert_non_null(state->metadata);
    assert_int_equal(count_dropped(state), 0);
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.old"), CATALOG_FINE);
}

static void places_of_the_dropped_go_after_the_retention(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct str location = state->answer.location;
    state_create(state, "iceberg.u", NULL);
    struct str other = state->answer.location;
    clock_fake(clock_now_us(), clock_wall_us());
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.t", false), CATALOG_FINE);
    later(limits_get(LIMIT_CATALOG_RETENTION) - 10);
    state_settle(state);
    assert_true(state_has(state, location));
    later(20);
    state_settle(state);
    assert_false(state_has(state, location));
    assert_int_equal(count_dropped(state), 0);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.u", true), CATALOG_FINE);
    state_settle(state);
    assert_false(state_has(state, other));
    clock_real();
    state_restart(state);
    assert_int_equal(count_dropped(state), 0);
    assert_int_equal(state_create_view(state, "iceberg.v"), CATALOG_FINE);
    assert_int_equal(state_drop(state, CATALOG_VIEW, "iceberg.v", false), CATALOG_FINE);
    assert_int_equal(count_dropped(state), 1);
}

static void places_of_the_dropped_go_after_a_restart(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct str location = state->answer.location;
    struct err error;
    assert_true(limits_set(S("catalog.retention"), 0, &error));
    catalog_drain(state->catalog, (void (*)(void *))loop_stop, state->loop); /* nothing is swept any more */
    loop_run(state->loop);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.t", false), CATALOG_FINE);
    state_settle(state);
    assert_true(state_has(state, location));
    state_restart(state);
    state_settle(state);
    assert_false(state_has(state, location));
    assert_true(limits_set(S("catalog.retention"), 604800, &error));
}

static void places_that_are_registered_become_tables(void **in)
{
    struct state *state = *in;
    state_create_space(state, "a");
    state_create(state, "iceberg.t", NULL);
    struct str file = state->answer.metadata_location;
    assert_int_equal(state_register(state, "iceberg.t", file, false), CATALOG_EXISTS);
    assert_int_equal(state_register(state, "a.t", file, false), CATALOG_BAD_REQUEST); /* it is one already */
    assert_int_equal(state_register(state, "iceberg.t", file, true), CATALOG_FINE);
    state_commit(state, "iceberg.t", "[]", "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"b\"}}]");
    assert_int_equal(state_register(state, "iceberg.t", file, true), CATALOG_FINE); /* back to the first */
    assert_null(json_get(json_get(state->metadata, "properties"), "a"));
    state_drop(state, CATALOG_TABLE, "iceberg.t", false);
    assert_int_equal(state_register(state, "a.t", file, false), CATALOG_FINE);
    assert_int_equal(count_dropped(state), 0);
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "a.t"), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    assert_int_equal(state_register(state, "a.u", below(state, "a/u/metadata/00000-x.metadata.json"), false),
                     CATALOG_NO_FILE);
    assert_int_equal(state_register(state, "a.u", S("file:///etc/passwd"), false), CATALOG_BAD_REQUEST);
    assert_int_equal(state_register(state, "b.u", file, false), CATALOG_NO_NAMESPACE);
    struct err error;
    struct str broken = below(state, "a/broken.metadata.json");
    assert_true(object_put(state->catalog->objects, broken, S("{}"), OBJECT_PUT_REPLACE, &error));
    assert_int_equal(state_register(state, "a.u", broken, false), CATALOG_BAD_REQUEST);
}

static void places_that_are_forgotten_stay(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct str file = state->answer.metadata_location;
    struct state_call *call = state_call(state);
    const struct catalog_name name = state_name(call->call.request.arena, "iceberg.t");
    const struct catalog_drop drop = {.forget = true};
    catalog_drop(state->catalog, &call->call, CATALOG_TABLE, &name, &drop);
    assert_int_equal(state_wait(call), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    assert_int_equal(count_dropped(state), 0);
    assert_int_equal(state_register(state, "iceberg.t", file, false), CATALOG_FINE);
}

static void on_tenant(void *owner, const struct err *error)
{
    struct state *state = owner;
    assert_null(error);
    loop_stop(state->loop);
}

static void places_of_a_tenant_go_with_it(void **in)
{
    struct state *state = *in;
    state_create_space(state, "a");
    state_create(state, "a.t", NULL);
    struct str location = state->answer.location;
    tenant_delete(state->tenants, NULL, S("acme"), on_tenant, state);
    loop_run(state->loop);
    assert_false(state_has(state, location));
    assert_int_equal(state_load(state, CATALOG_TABLE, "a.t"), CATALOG_NO_WAREHOUSE);
    tenant_create(state->tenants, NULL, S("acme"), on_tenant, state);
    loop_run(state->loop);
    assert_string_equal(state_spaces(state, NULL, NULL).ptr, "iceberg");
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "a.t"), CATALOG_NO_TABLE);
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
}

/* --- With an engine --- */

struct engine {
    struct catalog_engine engine;
    const char *local; /* the one DuckDB table; NULL: none */
    enum err_code locals_code, inspect_code;
    size_t asked, lists;
};

static void engine_locals(void *owner, struct str tenant, struct str name, catalog_locals_done *done, void *done_owner)
{
    struct engine *engine = owner;
    struct err error = {.code = engine->locals_code};
    (void)tenant;
    engine->asked++;
    const struct catalog_local local = {.name = name};
    bool is_there = engine->local && str_equal(name, str_from(engine->local));
    done(done_owner, &local, is_there, engine->locals_code ? &error : NULL);
}

static void engine_inspect(void *owner, struct str tenant, struct str root, const struct str *manifest_lists,
                           size_t count, const struct catalog_pair *credentials, size_t credential_count,
                           catalog_engine_done *done, void *done_owner)
{
    struct engine *engine = owner;
    struct err error = {.code = engine->inspect_code};
    (void)credentials;
    (void)credential_count;
    assert_true(str_equal(tenant, S("acme")));
    assert_true(location_is_below(root, manifest_lists[0]));
    engine->lists += count;
    done(done_owner, S("{}"), engine->inspect_code ? &error : NULL);
}

static void engine_cancel(void *owner, void *done_owner)
{
    (void)owner;
    (void)done_owner;
}

static void engine_set(struct state *state, struct engine *engine)
{
    *engine = (struct engine){
        .engine = {.owner = engine, .locals = engine_locals, .inspect = engine_inspect, .cancel = engine_cancel}};
    catalog_set_engine(state->catalog, &engine->engine);
}

static void places_of_duckdb_tables_are_taken(void **in)
{
    struct state *state = *in;
    struct engine engine;
    engine_set(state, &engine);
    engine.local = "t";
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_EXISTS);
    assert_non_null(strstr(state->message.ptr, "'t' is a DuckDB table"));
    assert_int_equal(state_stage(state, "iceberg.t"), CATALOG_EXISTS);
    assert_int_equal(state_create(state, "iceberg.u", NULL), CATALOG_FINE);
    assert_int_equal(state_rename(state, CATALOG_TABLE, "iceberg.u", "iceberg.t"), CATALOG_EXISTS);
    assert_int_equal(state_commit(state, "iceberg.t", "[{\"type\":\"assert-create\"}]", "[]"), CATALOG_EXISTS);
    size_t asked = engine.asked;
    state_create_space(state, "a");
    assert_int_equal(state_create(state, "a.t", NULL), CATALOG_FINE);
    state->internal = true;
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    assert_int_equal(engine.asked, asked);
    state->internal = false;
    engine.locals_code = ERR_UNAVAILABLE;
    assert_int_equal(state_create(state, "iceberg.w", NULL), CATALOG_UNAVAILABLE);
    assert_int_equal(state_create(state, "default.w", NULL), CATALOG_READ_ONLY);
    assert_int_equal(state_create_space(state, "default"), CATALOG_EXISTS);
    assert_int_equal(state_drop_space(state, "default"), CATALOG_READ_ONLY);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "default.w", true), CATALOG_READ_ONLY);
    assert_int_equal(state_commit(state, "default.w", "[]", "[]"), CATALOG_READ_ONLY);
    assert_string_equal(state_spaces(state, NULL, NULL).ptr, "a,default,iceberg");
    assert_string_equal(state_spaces(state, "default", NULL).ptr, "");
    catalog_set_engine(state->catalog, NULL);
}

static void places_in_manifests_are_inspected_before_the_swap(void **in)
{
    struct state *state = *in;
    struct engine engine;
    engine_set(state, &engine);
    state_create(state, "iceberg.t", NULL);
    struct str location = state->answer.location;
    struct str file = state->answer.metadata_location;
    struct str updates = str_format(
        state->arena,
        "[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":1,\"sequence-number\":1,\"timestamp-ms\":%lld,"
        "\"manifest-list\":\"%.*s/metadata/snap-1.avro\",\"summary\":{\"operation\":\"append\"},\"schema-id\":0}},"
        "{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\",\"type\":\"branch\",\"snapshot-id\":1}]",
        (long long)(clock_wall_us() / CLOCK_MILLISECOND), STR_ARG(location));
    engine.inspect_code = ERR_INVALID;
    assert_int_equal(state_commit(state, "iceberg.t", "[]", updates.ptr), CATALOG_BAD_REQUEST);
    assert_int_equal(engine.lists, 1);
    engine.inspect_code = ERR_UNAVAILABLE;
    assert_int_equal(state_commit(state, "iceberg.t", "[]", updates.ptr), CATALOG_UNAVAILABLE);
    state_load(state, CATALOG_TABLE, "iceberg.t");
    assert_true(str_equal(state->answer.metadata_location, file));
    engine.inspect_code = ERR_OK;
    state->who = &state_writer;
    const char *requirement = "[{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":null}]";
    assert_int_equal(state_commit(state, "iceberg.t", requirement, updates.ptr), CATALOG_FINE);
    file = state->answer.metadata_location;
    assert_int_equal(engine.lists, 3);
    /* The same again is the same answer; another one that began where it did has lost. */
    assert_int_equal(state_commit(state, "iceberg.t", requirement, updates.ptr), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    assert_int_equal(state_commit(state, "iceberg.t", requirement, "[]"), CATALOG_COMMIT_FAILED);
    state->who = &state_owner;
    state_drop(state, CATALOG_TABLE, "iceberg.t", false);
    engine.inspect_code = ERR_INVALID;
    assert_int_equal(state_register(state, "iceberg.t", file, false), CATALOG_BAD_REQUEST);
    assert_int_equal(engine.lists, 4);
    engine.inspect_code = ERR_OK;
    assert_int_equal(state_register(state, "iceberg.t", file, false), CATALOG_FINE);
    catalog_set_engine(state->catalog, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define PLACES_TEST(name) cmocka_unit_test_setup_teardown(name, state_setup, state_teardown)
        PLACES_TEST(places_lie_in_the_warehouse),
        PLACES_TEST(places_of_commits_are_checked),
        PLACES_TEST(places_of_the_dropped_are_kept_for_undrop),
        PLACES_TEST(places_of_the_dropped_go_after_the_retention),
        PLACES_TEST(places_of_the_dropped_go_after_a_restart),
        PLACES_TEST(places_that_are_registered_become_tables),
        PLACES_TEST(places_that_are_forgotten_stay),
        PLACES_TEST(places_of_a_tenant_go_with_it),
        PLACES_TEST(places_of_duckdb_tables_are_taken),
        PLACES_TEST(places_in_manifests_are_inspected_before_the_swap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
