/* The catalog's state over a real store and real files. */
#include "domain/catalog/state_test.h"

#define PROPERTY(key, value) "[{\"action\":\"set-properties\",\"updates\":{\"" key "\":\"" value "\"}}]"

static struct str text_of(const struct json *metadata, const char *key)
{
    return json_text(json_get(metadata, key));
}

static void catalog_makes_shows_and_changes_a_table(void **in)
{
    struct state *state = *in;
    assert_int_equal(state_create_space(state, "sales"), CATALOG_FINE);
    assert_int_equal(state_create(state, "sales.orders", NULL), CATALOG_FINE);
    struct str file = state->answer.metadata_location, uuid = text_of(state->metadata, "table-uuid");
    assert_true(location_is_below(str_format(state->arena, "%.*s/acme/sales", STR_ARG(state->warehouse)), file));
    assert_true(state_has(state, file));
    assert_true(state_has(state, str_format(state->arena, "%.*s/data", STR_ARG(state->answer.location))));
    assert_int_equal(state_commit(state, "sales.orders", "[]", PROPERTY("a", "b")), CATALOG_FINE);
    assert_string_equal(json_text(json_get(json_get(state->metadata, "properties"), "a")).ptr, "b");
    assert_int_equal(state_load(state, CATALOG_TABLE, "sales.orders"), CATALOG_FINE);
    assert_true(str_equal(text_of(state->metadata, "table-uuid"), uuid));
    assert_false(str_equal(state->answer.metadata_location, file));
    assert_string_equal(state_list(state, CATALOG_TABLE, "sales").ptr, "orders");
    state_restart(state);
    struct str latest = state->answer.metadata_location;
    assert_int_equal(state_load(state, CATALOG_TABLE, "sales.orders"), CATALOG_FINE);
    assert_false(str_equal(latest, file));
    assert_string_equal(json_text(json_get(json_get(state->metadata, "properties"), "a")).ptr, "b");
}

static void catalog_stages_a_table_and_creates_it_by_a_commit(void **in)
{
    struct state *state = *in;
    assert_int_equal(state_stage(state, "iceberg.t"), CATALOG_FINE);
    assert_true(state_has(state, str_format(state->arena, "%.*s/metadata", STR_ARG(state->answer.location))));
    struct str location = state->answer.location, uuid = text_of(state->metadata, "table-uuid");
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_NO_TABLE);
    struct str updates = str_format(
        state->arena,
        "[{\"action\":\"assign-uuid\",\"uuid\":\"%.*s\"},{\"action\":\"upgrade-format-version\",\"format-version\":2},"
        "{\"action\":\"add-schema\",\"schema\":{\"type\":\"struct\",\"schema-id\":0,\"fields\":[{\"id\":1,\"name\":"
        "\"x\","
        "\"required\":false,\"type\":\"long\"}]}},{\"action\":\"set-current-schema\",\"schema-id\":-1},"
        "{\"action\":\"add-spec\",\"spec\":{\"spec-id\":0,\"fields\":[]}},{\"action\":\"set-default-spec\",\"spec-id\":"
        "-1},"
        "{\"action\":\"add-sort-order\",\"sort-order\":{\"order-id\":0,\"fields\":[]}},"
        "{\"action\":\"set-default-sort-order\",\"sort-order-id\":-1},{\"action\":\"set-location\",\"location\":\"%.*"
        "s\"}]",
        STR_ARG(uuid), STR_ARG(str_from_index(location, 7)));
    const char *create = "[{\"type\":\"assert-create\"}]";
    assert_int_equal(state_commit(state, "iceberg.t", create, updates.ptr), CATALOG_FINE);
    struct str file = state->answer.metadata_location;
    assert_true(str_equal(state->answer.location, location));
    assert_true(str_equal(text_of(state->metadata, "location"), location));
    /* DuckDB repeats what it got no answer to. */
    assert_int_equal(state_commit(state, "iceberg.t", create, updates.ptr), CATALOG_FINE);
    assert_true(str_equal(state->answer.metadata_location, file));
    assert_int_equal(state_commit(state, "iceberg.t", create, PROPERTY("a", "b")), CATALOG_EXISTS);
    assert_int_equal(state_stage(state, "iceberg.t"), CATALOG_EXISTS);
}

static void catalog_lets_commits_to_one_table_wait_for_each_other(void **in)
{
    struct state *state = *in;
    struct state_call *calls[32];
    state_create(state, "iceberg.t", NULL);
    for (size_t i = 0; i < 32; i++) {
        struct str updates =
            str_format(state->arena, "[{\"action\":\"set-properties\",\"updates\":{\"p%zu\":\"1\"}}]", i);
        calls[i] = state_commit_begin(state, "iceberg.t", "[]", updates.ptr);
    }
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(state_wait(calls[i]), CATALOG_FINE);
    state_load(state, CATALOG_TABLE, "iceberg.t");
    for (size_t i = 0; i < 32; i++)
        assert_non_null(json_get(json_get(state->metadata, "properties"), str_format(state->arena, "p%zu", i).ptr));
    assert_int_equal(json_count(json_get(state->metadata, "metadata-log")), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CATALOG_TEST(name) cmocka_unit_test_setup_teardown(name, state_setup, state_teardown)
        CATALOG_TEST(catalog_makes_shows_and_changes_a_table),
        CATALOG_TEST(catalog_stages_a_table_and_creates_it_by_a_commit),
        CATALOG_TEST(catalog_lets_commits_to_one_table_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
