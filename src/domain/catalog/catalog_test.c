/* The catalog's state over a real store and real files. */
#include "base/limits.h"
#include "domain/catalog/state_test.h"

#define PROPERTY(key, value) "[{\"action\":\"set-properties\",\"updates\":{\"" key "\":\"" value "\"}}]"

static struct str text_of(const struct json *metadata, const char *key)
{
    return json_text(json_get(metadata, key));
}

static struct index_item *table_of(struct state *state)
{
    return index_item_find(index_space_find(catalog_tenant(state->catalog, S("acme")), S("iceberg")), S("t"));
}

static bool count_file(void *owner, const struct object_info *info)
{
    (void)info;
    ++*(size_t *)owner;
    return true;
}

static void on_drained(void *owner)
{
    *(bool *)owner = true;
}

static enum catalog_problem load_as(struct state *state, const struct catalog_load *load)
{
    struct state_call *call = state_call(state);
    const struct catalog_name name = state_name(call->call.request.arena, "iceberg.t");
    catalog_load(state->catalog, &call->call, CATALOG_TABLE, &name, load);
    return state_wait(call);
}

static enum catalog_problem commit_both(struct state *state, const char *one, const char *other,
                                        const char *requirements)
{
    struct state_call *call = state_call(state);
    struct arena *arena = call->call.request.arena;
    struct catalog_change changes[2];
    for (size_t i = 0; i < 2; i++)
        changes[i] =
            (struct catalog_change){.name = state_name(arena, str_format(arena, "iceberg.%s", i ? other : one).ptr),
                                    .requirements = state_json(arena, i ? requirements : "[]"),
                                    .updates = state_json(arena, PROPERTY("b", "1"))};
    catalog_commit_all(state->catalog, &call->call, changes, 2);
    return state_wait(call);
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
    assert_int_equal(state_commit(state, "iceberg.t", create, PROPERTY("a", "b")), CATALOG_COMMIT_FAILED);
    assert_int_equal(state_stage(state, "iceberg.t"), CATALOG_EXISTS);
}

static void on_audit(void *owner, const struct audit_row *rows, size_t count, const struct err *error)
{
    struct state *state = owner;
    AUTO(buf) struct buf text = {0};
    assert_null(error);
    for (size_t i = count; i > 0; i--)
        buf_printf(&text, "%.*s %s %.*s %s\n", STR_ARG(rows[i - 1].event.user),
                   audit_action_name(rows[i - 1].event.action), STR_ARG(rows[i - 1].event.object),
                   err_code_name(rows[i - 1].event.result));
    state->message = str_copy(state->arena, buf_str(&text));
    loop_stop(state->loop);
}

static void catalog_leaves_rows_in_the_audit_trail(void **in)
{
    struct state *state = *in;
    const struct audit_filter filter = {.tenant = S("acme")};
    state_create_space(state, "a");
    state_create(state, "a.t", NULL);
    struct str file = state->answer.metadata_location;
    state_commit(state, "a.t", "[]", PROPERTY("a", "b"));
    state_rename(state, CATALOG_TABLE, "a.t", "iceberg.t");
    state_drop(state, CATALOG_TABLE, "iceberg.t", false);
    state_register(state, "a.u", file, false);
    state_drop_space(state, "b");
    state->who = &state_reader;
    state_drop(state, CATALOG_TABLE, "a.u", false);
    state->who = &state_owner;
    state->internal = true;
    state_create(state, "iceberg.w", NULL);
    audit_list(state->audit, &state_owner, &filter, on_audit, state);
    loop_run(state->loop);
    assert_string_equal(
        state->message.ptr,
        "ann namespace.create a ok\nann table.create a.t ok\nann table.rename a.t to iceberg.t ok\n"
        "ann table.drop iceberg.t ok\nann table.register a.u ok\ncat table.drop a.u permission_denied\n");
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

static void catalog_compresses_metadata_as_the_table_says(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    assert_int_equal(state_commit(state, "iceberg.t", "[]", PROPERTY("write.metadata.compression-codec", "gzip")),
                     CATALOG_FINE);
    assert_true(str_ends_with(state->answer.metadata_location, S(".gz.metadata.json")));
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_FINE);
    assert_non_null(state->metadata);
    assert_int_equal(state_commit(state, "iceberg.t", "[]", PROPERTY("a", "b")), CATALOG_FINE);
    /* Packed bytes that become too many, and such that are none. */
    struct err error;
    assert_true(limits_set(S("catalog.max_metadata"), 500, &error));
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_UNPROCESSABLE);
    assert_true(limits_set(S("catalog.max_metadata"), 67108864, &error));
    assert_true(
        object_put(state->catalog->objects, table_of(state)->metadata, S("no gzip"), OBJECT_PUT_REPLACE, &error));
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_FAILED);
}

static void catalog_deletes_old_metadata_files_if_asked_to(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct str first = state->answer.metadata_location;
    const char *property =
        "[{\"action\":\"set-properties\",\"updates\":{\"write.metadata.delete-after-commit.enabled\":"
        "\"true\",\"write.metadata.previous-versions-max\":\"1\"}}]";
    assert_int_equal(state_commit(state, "iceberg.t", "[]", property), CATALOG_FINE);
    struct str second = state->answer.metadata_location;
    state_commit(state, "iceberg.t", "[]", PROPERTY("a", "1"));
    state_settle(state);
    assert_false(state_has(state, first));
    assert_true(state_has(state, second));
}

static void catalog_leaves_no_file_of_a_lost_swap(void **in)
{
    struct state *state = *in;
    struct err error;
    state_create(state, "iceberg.t", NULL);
    struct str location = state->answer.location;
    /* The row says otherwise than the index: what only another process could do. */
    struct str elsewhere = str_format(state->arena, "%.*s/metadata/00000-copy.metadata.json", STR_ARG(location));
    struct str bytes;
    assert_true(
        object_read(state->catalog->objects, state->arena, state->answer.metadata_location, 1 << 20, &bytes, &error));
    assert_true(object_put(state->catalog->objects, elsewhere, bytes, OBJECT_PUT_REPLACE, &error));
    index_item_point(table_of(state), elsewhere, S("x"));
    assert_int_equal(state_commit(state, "iceberg.t", "[]", PROPERTY("a", "1")), CATALOG_COMMIT_FAILED);
    state_settle(state);
    size_t files = 0;
    assert_true(object_list(state->catalog->objects, location, count_file, &files, &error));
    assert_int_equal(files, 2);
}

static void catalog_tells_what_has_not_changed(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_FINE);
    struct str etag = state->answer.etag;
    struct catalog_load load = {.if_none_match = etag};
    assert_int_equal(load_as(state, &load), CATALOG_FINE);
    assert_true(state->answer.not_modified && !state->metadata);
    load.refs_only = true;
    assert_int_equal(load_as(state, &load), CATALOG_FINE);
    assert_true(!state->answer.not_modified && state->metadata);
    assert_false(str_equal(state->answer.etag, etag));
    assert_int_equal(load_as(state, &load), CATALOG_FINE); /* from memory */
    load = (struct catalog_load){.head = true};
    assert_int_equal(load_as(state, &load), CATALOG_FINE);
    assert_null(state->metadata);
    state_commit(state, "iceberg.t", "[]", PROPERTY("a", "1"));
    load = (struct catalog_load){.if_none_match = etag};
    assert_int_equal(load_as(state, &load), CATALOG_FINE);
    assert_false(state->answer.not_modified);
}

static void catalog_commits_several_tables_or_none(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    state_create(state, "iceberg.u", NULL);
    assert_int_equal(commit_both(state, "t", "u", "[]"), CATALOG_FINE);
    assert_int_equal(commit_both(state, "t", "u", "[{\"type\":\"assert-table-uuid\",\"uuid\":\"x\"}]"),
                     CATALOG_COMMIT_FAILED);
    assert_int_equal(commit_both(state, "t", "z", "[]"), CATALOG_NO_TABLE);
    assert_int_equal(commit_both(state, "t", "t", "[]"), CATALOG_BAD_REQUEST);
    for (int i = 0; i < 2; i++) {
        state_load(state, CATALOG_TABLE, i ? "iceberg.u" : "iceberg.t");
        assert_int_equal(json_count(json_get(state->metadata, "metadata-log")), 1);
    }
}

static void catalog_finishes_what_nobody_waits_for(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct state_call *call = state_commit_begin(state, "iceberg.t", "[]", PROPERTY("a", "1"));
    catalog_cancel(&call->call);
    catalog_cancel(&call->call);
    state->waiting--;
    state_settle(state);
    state_load(state, CATALOG_TABLE, "iceberg.t");
    assert_string_equal(json_text(json_get(json_get(state->metadata, "properties"), "a")).ptr, "1");
}

static void catalog_ends_with_work_under_way(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    for (int i = 0; i < 20; i++)
        state_commit_begin(state, "iceberg.t", "[]", PROPERTY("a", "1"));
    state_restart(state);
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_FINE);
}

static void catalog_drains(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct state_call *call = state_commit_begin(state, "iceberg.t", "[]", PROPERTY("a", "1"));
    bool drained = false;
    catalog_drain(state->catalog, on_drained, &drained);
    assert_int_equal(state_wait(call), CATALOG_FINE);
    state_settle(state);
    assert_true(drained);
    drained = false;
    catalog_drain(state->catalog, on_drained, &drained);
    state_settle(state);
    assert_true(drained);
    assert_int_equal(state_commit(state, "iceberg.t", "[]", PROPERTY("a", "2")), CATALOG_FINE);
}

static void catalog_gives_passes(void **in)
{
    struct state *state = *in;
    char pass[CATALOG_PASS_BYTES + 1], other[CATALOG_PASS_BYTES + 1];
    catalog_pass_new(state->catalog, S("acme"), pass);
    catalog_pass_new(state->catalog, S("beta"), other);
    assert_string_not_equal(pass, other);
    assert_true(str_equal(catalog_pass_tenant(state->catalog, str_from(pass)), S("acme")));
    assert_null(catalog_pass_tenant(state->catalog, S("x")).ptr);
    catalog_pass_end(state->catalog, str_from(pass));
    catalog_pass_end(state->catalog, str_from(pass));
    assert_null(catalog_pass_tenant(state->catalog, str_from(pass)).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CATALOG_TEST(name) cmocka_unit_test_setup_teardown(name, state_setup, state_teardown)
        CATALOG_TEST(catalog_makes_shows_and_changes_a_table),
        CATALOG_TEST(catalog_stages_a_table_and_creates_it_by_a_commit),
        CATALOG_TEST(catalog_leaves_rows_in_the_audit_trail),
        CATALOG_TEST(catalog_lets_commits_to_one_table_wait_for_each_other),
        CATALOG_TEST(catalog_compresses_metadata_as_the_table_says),
        CATALOG_TEST(catalog_deletes_old_metadata_files_if_asked_to),
        CATALOG_TEST(catalog_leaves_no_file_of_a_lost_swap),
        CATALOG_TEST(catalog_tells_what_has_not_changed),
        CATALOG_TEST(catalog_commits_several_tables_or_none),
        CATALOG_TEST(catalog_finishes_what_nobody_waits_for),
        CATALOG_TEST(catalog_ends_with_work_under_way),
        CATALOG_TEST(catalog_drains),
        CATALOG_TEST(catalog_gives_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
