/* Routing, negotiation, errors; and the OpenAPI file names exactly the routes that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/rest/rest_priv.h"

#include "openapi_json.h"

/* Handlers are never called here: every route gets the same one. */
#define HANDLER(name)                         \
    void name(struct rest_exchange *exchange) \
    {                                         \
        (void)exchange;                       \
        fail();                               \
    }
HANDLER(rest_index_get)
HANDLER(rest_login_post)
HANDLER(rest_whoami_get)
HANDLER(rest_users_get)
HANDLER(rest_users_post)
HANDLER(rest_users_import_post)
HANDLER(rest_user_delete)
HANDLER(rest_user_password_put)
HANDLER(rest_user_role_put)
HANDLER(rest_user_role_delete)
HANDLER(rest_grants_get)
HANDLER(rest_grant_put)
HANDLER(rest_grant_delete)
HANDLER(rest_tokens_get)
HANDLER(rest_tokens_post)
HANDLER(rest_token_delete)
HANDLER(rest_audit_get)
HANDLER(rest_health_get)
HANDLER(rest_ready_get)
HANDLER(rest_metrics_get)
HANDLER(rest_openapi_get)
HANDLER(rest_query_post)
HANDLER(rest_tenants_get)
HANDLER(rest_tenants_post)
HANDLER(rest_tenant_get)
HANDLER(rest_tenant_delete)
HANDLER(rest_tenant_tables_get)
HANDLER(rest_published_get)
HANDLER(rest_published_post)
HANDLER(rest_lake_namespaces_get)
HANDLER(rest_lake_tables_get)
HANDLER(rest_lake_table_delete)
HANDLER(rest_lake_snapshots_get)
HANDLER(rest_lake_refs_get)
HANDLER(rest_lake_ref_put)
HANDLER(rest_lake_ref_delete)
HANDLER(rest_lake_rollback_post)
HANDLER(rest_lake_dropped_get)
HANDLER(rest_lake_undrop_post)
HANDLER(rest_lake_maintain_post)
HANDLER(rest_lake_mirror_post)
HANDLER(rest_statements_get)
HANDLER(rest_statement_delete)
HANDLER(rest_log_level_get)
HANDLER(rest_log_level_put)
HANDLER(rest_backups_post)
HANDLER(rest_backups_get)
HANDLER(rest_backup_delete)
HANDLER(rest_backup_file_get)
HANDLER(rest_pipelines_get)
HANDLER(rest_assets_get)
HANDLER(rest_asset_get)
HANDLER(rest_graph_get)
HANDLER(rest_check_post)
HANDLER(rest_plan_post)
HANDLER(rest_runs_get)
HANDLER(rest_runs_post)
HANDLER(rest_run_get)
HANDLER(rest_run_cancel_post)
HANDLER(rest_run_retry_post)
HANDLER(rest_run_logs_get)
HANDLER(rest_run_events_get)
HANDLER(rest_schedules_get)
HANDLER(rest_schedule_pause_post)
HANDLER(rest_schedule_resume_post)
HANDLER(rest_schedule_trigger_post)
HANDLER(rest_ticks_get)
HANDLER(rest_backfills_get)
HANDLER(rest_backfills_post)
HANDLER(rest_backfill_cancel_post)

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    struct arena *arena = *state;
    arena_free(&arena);
    return 0;
}

struct found {
    const struct rest_route *route;
    struct str parameters[EDGE_PARAMETERS_MAX];
    struct str allow;
    struct err err;
};

static struct found find(void **state, struct str method, struct str path)
{
    struct found found = {0};
    found.route = rest_route_find(*state, method, path, found.parameters, &found.allow, &found.err);
    return found;
}

static void routes_bind_what_stands_in_braces(void **state)
{
    struct found found = find(state, S("GET"), S("/api/v1/tenants/acme/tables"));
    assert_string_equal(found.route->route.pattern, "/api/v1/tenants/{id}/tables");
    assert_true(str_equal(found.parameters[0], S("acme")));

    found = find(state, S("GET"), S("/api/v1/backups/7/files/tenants/acme/acme.duckdb"));
    assert_string_equal(found.route->route.pattern, "/api/v1/backups/{id}/files/{path+}");
    assert_true(str_equal(found.parameters[0], S("7")));
    assert_true(str_equal(found.parameters[1], S("tenants/acme/acme.duckdb")));

    assert_string_equal(find(state, S("GET"), S("/")).route->route.pattern, "/");
    assert_string_equal(find(state, S("HEAD"), S("/health")).route->route.pattern, "/health");
}

static void unknown_paths_are_not_found(void **state)
{
    static const char *const paths[] = {"/nope",
                                        "/health/",
                                        "//health",
                                        "/api/v1/tenants/",
                                        "/api/v1/tenants//tables",
                                        "/api/v1/backups/7/files/",
                                        "/api/v1/backups/7/files",
                                        "/healthy",
                                        "/heal"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct found found = find(state, S("GET"), str_from(paths[i]));
        assert_null(found.route);
        assert_int_equal(found.err.code, ERR_NOT_FOUND);
        assert_int_equal(found.allow.len, 0);
    }
}

static void wrong_methods_learn_the_right_ones(void **state)
{
    struct found found = find(state, S("PATCH"), S("/api/v1/tenants"));
    assert_null(found.route);
    assert_true(str_equal(found.allow, S("GET, HEAD, POST")));
    assert_true(str_equal(find(state, S("GET"), S("/api/v1/query")).allow, S("POST")));
}

static void accept_picks_the_best_that_can_be_made(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum query_format format;
    } cases[] = {
        {"", QUERY_FORMAT_JSON},
        {"*/*", QUERY_FORMAT_JSON},
        {"application/*", QUERY_FORMAT_JSON},
        {"text/*", QUERY_FORMAT_CSV},
        {"TEXT/CSV", QUERY_FORMAT_CSV},
        {"text/html, application/xhtml+xml, */*;q=0.8", QUERY_FORMAT_JSON},
        {"application/json;q=0.5, text/csv ; charset=utf-8 ; q=0.9", QUERY_FORMAT_CSV},
        {"application/x-ndjson", QUERY_FORMAT_JSON_LINES},
        {"application/jsonl", QUERY_FORMAT_JSON_LINES},
        {"application/vnd.apache.arrow.stream", QUERY_FORMAT_ARROW},
        {"application/vnd.apache.parquet,*/*;q=0.1", QUERY_FORMAT_PARQUET},
        {"application/json;q=0, text/csv", QUERY_FORMAT_CSV},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum query_format format;
        struct str content_type;
        struct err err;
        assert_true(rest_accept(str_from(cases[i].accept), &format, &content_type, &err));
        assert_int_equal(format, cases[i].format);
    }
    static const char *const refused[] = {"image/png", "application/json;q=0", "application/json;q=x", ";", ",,"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        enum query_format format;
        struct str content_type;
        struct err err;
        assert_false(rest_accept(str_from(refused[i]), &format, &content_type, &err));
    }
}

static void moments_are_said_in_three_ways(void **state)
{
    (void)state;
    static const int64_t now_us = INT64_C(1795255200123456);
    static const struct {
        const char *text;
        int64_t wall_us;
    } cases[] = {
        {"0", 0},
        {"1795255200", INT64_C(1795255200000000)},
        {"90s", now_us - INT64_C(90000000)},
        {"15m", now_us - INT64_C(900000000)},
        {"2h", now_us - INT64_C(7200000000)},
        {"7d", now_us - INT64_C(604800000000)},
        {"90000d", 0},
        {"2026-11-21T10:00:00Z", INT64_C(1795255200000000)},
        {"2026-11-21t12:00:00.25+02:00", INT64_C(1795255200250000)},
        {"2026-11-21 04:30:00.1234567-05:30", INT64_C(1795255200123456)},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t wall_us;
        struct err err;
        if (!rest_since(str_from(cases[i].text), now_us, &wall_us, &err))
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_int_equal(wall_us, cases[i].wall_us);
    }
    static const char *const refused[] = {"",
                                          "h",
                                          "-2h",
                                          "1.5h",
                                          "2w",
                                          "2 h",
                                          "253402300800",
                                          "99999999999999999999s",
                                          "9223372036854775807d",
                                          "2026-11-21",
                                          "2026-11-21T10:00:00",
                                          "2026-02-31T10:00:00Z",
                                          "2026-13-01T10:00:00Z",
                                          "2026-00-10T10:00:00Z",
                                          "2026-11-21T24:00:00Z",
                                          "2026-11-21T10:00:00.Z",
                                          "2026-11-21T10:00:00+2",
                                          "2026-11-21T10:00:00+24:00",
                                          "2026-11-21T10:00:00Zx",
                                          "+026-11-21T10:00:00Z",
                                          "1969-12-31T23:59:59Z",
                                          "yesterday"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int64_t wall_us = -1;
        struct err err;
        if (rest_since(str_from(refused[i]), now_us, &wall_us, &err))
            fail_msg("%s is taken for %lld", refused[i], (long long)wall_us);
        assert_int_equal(wall_us, -1);
    }
}

static void errors_become_json(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err err;
    err_set(&err, ERR_NOT_FOUND, "no \"such\" thing");
    rest_error_encode(&buf, &err);
    assert_true(
        str_equal(buf_str(&buf), S("{\"error\":{\"code\":\"not_found\",\"message\":\"no \\\"such\\\" thing\"}}")));
    for (int code = ERR_CANCELLED; code <= ERR_UNAUTHENTICATED; code++)
        assert_in_range(rest_error_status((enum err_code)code), 400, 504);
}

/* "{path+}" of a pattern is "{path}" in OpenAPI. */
static struct str openapi_path(struct arena *arena, const char *pattern)
{
    struct str path = str_from(pattern);
    if (!str_ends_with(path, S("+}")))
        return path;
    return str_format(arena, "%.*s}", (int)path.len - 2, pattern);
}

static void openapi_names_every_route_and_no_other(void **state)
{
    struct err err;
    size_t route_count, described = 0;
    const struct rest_route *routes = rest_routes(&route_count);
    const struct json *document = json_parse(*state, str_bytes(openapi_json, sizeof(openapi_json)), &err);
    assert_non_null(document);
    const struct json *paths = json_get(document, "paths");
    for (size_t i = 0; i < json_count(paths); i++)
        described += json_count(json_at(paths, i));
    assert_int_equal(described, route_count);
    for (size_t i = 0; i < route_count; i++) {
        struct str path = openapi_path(*state, routes[i].route.pattern);
        struct str method = str_lower(*state, str_from(routes[i].route.method));
        const struct json *operation = json_get(json_get(paths, str_cstr(*state, path)), method.ptr);
        if (!operation)
            fail_msg("openapi.json lacks %s %s", routes[i].route.method, routes[i].route.pattern);
        assert_true(json_text(json_get(operation, "operationId")).len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_bind_what_stands_in_braces, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_paths_are_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_methods_learn_the_right_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(accept_picks_the_best_that_can_be_made, setup, teardown),
        cmocka_unit_test(moments_are_said_in_three_ways),
        cmocka_unit_test_setup_teardown(errors_become_json, setup, teardown),
        cmocka_unit_test_setup_teardown(openapi_names_every_route_and_no_other, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
