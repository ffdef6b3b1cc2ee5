/* Names: namespaces, lists and their pages, views beside tables, renaming, rights, and repeated requests. */
#include "base/limits.h"
#include "domain/catalog/page.h"
#include "domain/catalog/state_test.h"

static void names_of_namespaces_are_created_listed_and_dropped(void **in)
{
    struct state *state = *in;
    assert_int_equal(state_create_space(state, "a"), CATALOG_FINE);
    assert_int_equal(state_create_space(state, "a"), CATALOG_EXISTS);
    assert_string_equal(state->message.ptr, "Namespace already exists: a");
    assert_int_equal(state_create_space(state, "b.c"), CATALOG_NO_NAMESPACE);
    assert_int_equal(state_create_space(state, "a.c"), CATALOG_FINE);
    assert_int_equal(state_create_space(state, "a.c.d"), CATALOG_FINE);
    assert_string_equal(state_spaces(state, NULL, NULL).ptr, "a,iceberg");
    assert_string_equal(state_spaces(state, "a", NULL).ptr, "c");
    assert_int_equal(state_drop_space(state, "a"), CATALOG_NOT_EMPTY);
    assert_int_equal(state_drop_space(state, "a.c.d"), CATALOG_FINE);
    assert_int_equal(state_drop_space(state, "a.c"), CATALOG_FINE);
    assert_int_equal(state_drop_space(state, "a"), CATALOG_FINE);
    assert_int_equal(state_drop_space(state, "a"), CATALOG_NO_NAMESPACE);
    assert_int_equal(state_drop_space(state, "iceberg"), CATALOG_BAD_REQUEST);
    assert_string_equal(state_spaces(state, NULL, NULL).ptr, "iceberg");
}

static void names_that_mean_something_else_are_refused(void **in)
{
    struct state *state = *in;
    static const char *const reserved[] = {"main",       "MAIN",    "temp",   "information_schema",
                                           "pg_catalog", "default", "$mirror"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        assert_int_equal(state_create_space(state, reserved[i]), CATALOG_BAD_REQUEST);
    struct state_call *call = state_call(state);
    struct arena *arena = call->call.request.arena;
    const struct catalog_namespace in_default = state_space(arena, "iceberg");
    catalog_create(state->catalog, &call->call, CATALOG_TABLE, &in_default, state_json(arena, "{\"name\":\"..\"}"));
    assert_int_equal(state_wait(call), CATALOG_BAD_REQUEST);
    call = state_call(state);
    arena = call->call.request.arena;
    const struct catalog_namespace again = state_space(arena, "iceberg");
    catalog_create(state->catalog, &call->call, CATALOG_TABLE, &again, state_json(arena, "{}"));
    assert_int_equal(state_wait(call), CATALOG_BAD_REQUEST);
    /* Strange ones are names all the same. */
    assert_int_equal(state_create_space(state, "new/db"), CATALOG_FINE);
    assert_int_equal(state_create(state, "new/db.ta ble", NULL), CATALOG_FINE);
    assert_true(str_starts_with(state->answer.location,
                                str_format(state->arena, "%.*s/acme/new_db/ta_ble-", STR_ARG(state->warehouse))));
}

static void names_come_in_pages(void **in)
{
    struct state *state = *in;
    for (int i = 0; i < 5; i++)
        state_create(state, str_format(state->arena, "iceberg.t%d", i).ptr, NULL);
    struct str next;
    assert_string_equal(state_page(state, "iceberg", S(""), 2, &next).ptr, "t0,t1");
    state_drop(state, CATALOG_TABLE, "iceberg.t1", false);
    state_create(state, "iceberg.t11", NULL);
    assert_string_equal(state_page(state, "iceberg", next, 2, &next).ptr, "t11,t2");
    assert_string_equal(state_page(state, "iceberg", next, 2, &next).ptr, "t3,t4");
    assert_int_equal(next.len, 0);
    assert_string_equal(state_page(state, "iceberg", S("zz"), 2, &next).ptr, "");
    assert_int_equal(state->answer.problem, CATALOG_BAD_REQUEST);
    state_create_space(state, "b");
    state_create_space(state, "k");
    assert_string_equal(state_spaces(state, NULL, "2").ptr, "b,iceberg");
    assert_string_equal(page_token(state->arena, S("iceberg")).ptr, state->answer.next_page.ptr);
}

static void names_are_shared_by_tables_and_views(void **in)
{
    struct state *state = *in;
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    assert_int_equal(state_create_view(state, "iceberg.t"), CATALOG_EXISTS);
    assert_string_equal(state->message.ptr, "Table with same name already exists: iceberg.t");
    assert_int_equal(state_create_view(state, "iceberg.v"), CATALOG_FINE);
    assert_int_equal(state_create(state, "iceberg.v", NULL), CATALOG_EXISTS);
    assert_string_equal(state->message.ptr, "View with same name already exists: iceberg.v");
    assert_int_equal(state_create_view(state, "iceberg.v"), CATALOG_EXISTS);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.v"), CATALOG_NO_TABLE);
    assert_string_equal(state->message.ptr, "Table does not exist: iceberg.v");
    assert_int_equal(state_load(state, CATALOG_VIEW, "iceberg.v"), CATALOG_FINE);
    assert_int_equal(state_rename(state, CATALOG_VIEW, "iceberg.v", "iceberg.t"), CATALOG_EXISTS);
    assert_string_equal(state->message.ptr, "Cannot rename iceberg.v to iceberg.t. Table already exists");
    assert_string_equal(state_list(state, CATALOG_TABLE, "iceberg").ptr, "t");
    assert_string_equal(state_list(state, CATALOG_VIEW, "iceberg").ptr, "v");
    assert_true(catalog_has(state->catalog, S("acme"), S("iceberg"), S("v")));
    assert_false(catalog_has(state->catalog, S("acme"), S("iceberg"), S("w")));
}

static void names_change_across_namespaces(void **in)
{
    struct state *state = *in;
    state_create_space(state, "a");
    state_create(state, "iceberg.t", NULL);
    struct str file = state->answer.metadata_location;
    assert_int_equal(state_rename(state, CATALOG_TABLE, "iceberg.t", "b.t"), CATALOG_NO_NAMESPACE);
    assert_int_equal(state_rename(state, CATALOG_TABLE, "iceberg.u", "a.t"), CATALOG_NO_TABLE);
    assert_int_equal(state_rename(state, CATALOG_TABLE, "iceberg.t", "a.u"), CATALOG_FINE);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_NO_TABLE);
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "a.u"), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    assert_int_equal(state_drop_space(state, "a"), CATALOG_NOT_EMPTY);
}

static void names_of_properties_are_set_and_removed(void **in)
{
    struct state *state = *in;
    state_create_space(state, "a");
    const struct catalog_pair set[] = {{S("x"), S("1")}, {S("y"), S("2")}};
    const struct str none[] = {S("z"), S("x")};
    assert_int_equal(state_change_space(state, "a", NULL, 0, set, 2), CATALOG_FINE);
    assert_int_equal(state->answer.updated_count, 2);
    assert_int_equal(state_change_space(state, "a", none, 2, NULL, 0), CATALOG_FINE);
    assert_int_equal(state->answer.removed_count, 1);
    assert_int_equal(state->answer.missing_count, 1);
    assert_int_equal(state_change_space(state, "a", none, 2, set, 2), CATALOG_UNPROCESSABLE);
    state_restart(state);
    assert_string_equal(state_show_space(state, "a").ptr,
                        str_format(state->arena, "y=2 location=%.*s/acme/a ", STR_ARG(state->warehouse)).ptr);
    const struct catalog_pair outside = {S("location"), S("file:///etc")};
    assert_int_equal(state_change_space(state, "a", NULL, 0, &outside, 1), CATALOG_BAD_REQUEST);
    const struct catalog_pair inside = {
        S("location"), str_format(state->arena, "%.*s/acme/elsewhere/", STR_ARG(str_from_index(state->warehouse, 7)))};
    assert_int_equal(state_change_space(state, "a", NULL, 0, &inside, 1), CATALOG_FINE);
    state_create(state, "a.t", NULL);
    assert_true(str_starts_with(state->answer.location,
                                str_format(state->arena, "%.*s/acme/elsewhere/t-", STR_ARG(state->warehouse))));
    assert_int_equal(state_change_space(state, "b", NULL, 0, set, 2), CATALOG_NO_NAMESPACE);
    assert_int_equal(state_change_space(state, "iceberg", NULL, 0, set, 2), CATALOG_FINE);
}

static void names_are_there_for_who_may_see_them(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    state->who = &state_reader;
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_FINE);
    assert_int_equal(state_commit(state, "iceberg.t", "[]", "[]"), CATALOG_FORBIDDEN);
    assert_int_equal(state_create(state, "iceberg.u", NULL), CATALOG_FORBIDDEN);
    state->who = &state_writer;
    assert_int_equal(state_commit(state, "iceberg.t", "[]", "[{\"action\":\"set-location\",\"location\":\"/x\"}]"),
                     CATALOG_FORBIDDEN);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.t", false), CATALOG_FORBIDDEN);
    assert_int_equal(state_rename(state, CATALOG_TABLE, "iceberg.t", "iceberg.u"), CATALOG_FORBIDDEN);
    state->who = &state_stranger;
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_NO_WAREHOUSE);
    assert_int_equal(state_create_space(state, "x"), CATALOG_NO_WAREHOUSE);
}

static void names_in_the_hidden_namespace_are_the_workers(void **in)
{
    struct state *state = *in;
    assert_int_equal(state_stage(state, "$mirror.x"), CATALOG_NO_NAMESPACE);
    state->internal = true;
    assert_int_equal(state_create(state, "$mirror.x", NULL), CATALOG_FINE);
    assert_true(str_starts_with(state->answer.location,
                                str_format(state->arena, "%.*s/acme/_mirror/x-", STR_ARG(state->warehouse))));
    assert_int_equal(state_load(state, CATALOG_TABLE, "$mirror.x"), CATALOG_FINE);
    assert_string_equal(state_spaces(state, NULL, NULL).ptr, "iceberg");
    state->internal = false;
    assert_int_equal(state_load(state, CATALOG_TABLE, "$mirror.x"), CATALOG_NO_TABLE);
    assert_string_equal(state_list(state, CATALOG_TABLE, "$mirror").ptr, "");
    assert_int_equal(state->answer.problem, CATALOG_NO_NAMESPACE);
    assert_int_equal(state_rename(state, CATALOG_TABLE, "$mirror.x", "iceberg.x"), CATALOG_NO_TABLE);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "$mirror.x", true), CATALOG_NO_TABLE);
    assert_false(catalog_is_used(state->catalog, S("acme")));
    state_create(state, "iceberg.t", NULL);
    assert_true(catalog_is_used(state->catalog, S("acme")));
}

#define KEY "0190a6c5-7f2b-7000-8000-00000000000"

static void key(struct state *state, const char *text, const char *fingerprint)
{
    state->key = str_from(text);
    state->fingerprint = str_from(fingerprint);
}

static void names_with_an_idempotency_key_are_made_once(void **in)
{
    struct state *state = *in;
    key(state, KEY "1", "create t");
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    struct str file = state->answer.metadata_location;
    state_restart(state);
    key(state, KEY "1", "create t");
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    assert_non_null(state->metadata);
    key(state, KEY "1", "create u");
    assert_int_equal(state_create(state, "iceberg.u", NULL), CATALOG_UNPROCESSABLE);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.u"), CATALOG_NO_TABLE);
    /* What failed for good fails again, even where it would not now. */
    key(state, KEY "2", "drop x");
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.x", false), CATALOG_NO_TABLE);
    state_create(state, "iceberg.x", NULL);
    key(state, KEY "2", "drop x");
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.x", false), CATALOG_NO_TABLE);
    assert_string_equal(state->message.ptr, "Table does not exist: iceberg.x");
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.x"), CATALOG_FINE);
    key(state, KEY "3", "drop x");
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.x", false), CATALOG_FINE);
    key(state, KEY "3", "drop x");
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.x", false), CATALOG_FINE);
    key(state, KEY "4", "commit t");
    assert_int_equal(
        state_commit(state, "iceberg.t", "[]", "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"1\"}}]"),
        CATALOG_FINE);
    file = state->answer.metadata_location;
    state_commit(state, "iceberg.t", "[]", "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"2\"}}]");
    key(state, KEY "4", "commit t");
    assert_int_equal(
        state_commit(state, "iceberg.t", "[]", "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"1\"}}]"),
        CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    key(state, "no uuid", "x");
    assert_int_equal(state_create_space(state, "z"), CATALOG_BAD_REQUEST);
    key(state, KEY "5", "space z");
    assert_int_equal(state_create_space(state, "z"), CATALOG_FINE);
    key(state, KEY "5", "space z");
    assert_int_equal(state_create_space(state, "z"), CATALOG_FINE);
    assert_string_equal(state->answer.properties[0].key.ptr, "location");
}

static void names_with_a_key_are_made_once_by_two_at_once(void **in)
{
    struct state *state = *in;
    struct state_call *calls[2];
    state_create(state, "iceberg.t", NULL);
    const char *updates = "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"1\"}}]";
    for (int i = 0; i < 2; i++) {
        key(state, KEY "6", "commit");
        calls[i] = state_commit_begin(state, "iceberg.t", "[]", updates);
    }
    assert_int_equal(state_wait(calls[0]), CATALOG_FINE);
    struct str file = state->answer.metadata_location;
    assert_int_equal(state_wait(calls[1]), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
}

static void names_have_limits(void **in)
{
    struct state *state = *in;
    struct err error;
    assert_true(limits_set(S("catalog.max_tables"), 1, &error));
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    assert_int_equal(state_create(state, "iceberg.u", NULL), CATALOG_UNPROCESSABLE);
    assert_non_null(strstr(state->message.ptr, "catalog.max_tables"));
    assert_true(limits_set(S("catalog.max_tables"), 100000, &error));
    assert_true(limits_set(S("catalog.max_namespaces"), 2, &error)); /* iceberg and $mirror */
    assert_int_equal(state_create_space(state, "a"), CATALOG_UNPROCESSABLE);
    assert_true(limits_set(S("catalog.max_namespaces"), 1000, &error));
    assert_true(limits_set(S("catalog.max_properties"), 2, &error));
    const struct catalog_pair long_one = {S("x"), S("123")};
    assert_int_equal(state_change_space(state, "iceberg", NULL, 0, &long_one, 1), CATALOG_UNPROCESSABLE);
    assert_true(limits_set(S("catalog.max_properties"), 65536, &error));
    assert_true(limits_set(S("catalog.max_waiting"), 1, &error));
    struct state_call *first = state_commit_begin(state, "iceberg.t", "[]", "[]");
    struct state_call *second = state_commit_begin(state, "iceberg.t", "[]", "[]");
    assert_int_equal(state_wait(second), CATALOG_UNAVAILABLE);
    assert_int_equal(second->answer.retry_after_s, 1);
    assert_int_equal(state_wait(first), CATALOG_FINE);
    assert_true(limits_set(S("catalog.max_waiting"), 256, &error));
    assert_true(limits_set(S("catalog.max_changes"), 0, &error));
    assert_int_equal(state_create_space(state, "a"), CATALOG_UNAVAILABLE);
    assert_true(limits_set(S("catalog.max_changes"), 1024, &error));
    assert_true(limits_set(S("catalog.max_metadata"), 100, &error));
    assert_int_equal(state_create(state, "iceberg.u", NULL), CATALOG_UNPROCESSABLE);
    assert_true(limits_set(S("catalog.max_metadata"), 67108864, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define NAMES_TEST(name) cmocka_unit_test_setup_teardown(name, state_setup, state_teardown)
        NAMES_TEST(names_of_namespaces_are_created_listed_and_dropped),
        NAMES_TEST(names_that_mean_something_else_are_refused),
        NAMES_TEST(names_come_in_pages),
        NAMES_TEST(names_are_shared_by_tables_and_views),
        NAMES_TEST(names_change_across_namespaces),
        NAMES_TEST(names_of_properties_are_set_and_removed),
        NAMES_TEST(names_are_there_for_who_may_see_them),
        NAMES_TEST(names_in_the_hidden_namespace_are_the_workers),
        NAMES_TEST(names_with_an_idempotency_key_are_made_once),
        NAMES_TEST(names_with_a_key_are_made_once_by_two_at_once),
        NAMES_TEST(names_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
