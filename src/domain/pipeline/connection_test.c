/* Addresses of connections, and the SQL that an import worker starts with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/pipeline/connection.h"

static const struct project_connection base = {.name = {"c", 1}};

static bool parse(struct arena *arena, enum project_connection_kind kind, const char *url, struct connection *out,
                  struct err *err)
{
    struct project_connection *settings = arena_new_object(arena, struct project_connection);
    *settings = base;
    settings->kind = kind;
    settings->url = str_from(url);
    return connection_parse(settings, arena, out, err);
}

static void addresses_have_a_host_a_port_and_a_user(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct connection connection;
    struct err error;
    assert_true(
        parse(arena, PROJECT_POSTGRES, "postgres://ann@db.example:5433/shop?sslmode=require", &connection, &error));
    assert_true(str_equal(connection.host, S("db.example")) && connection.port == 5433);
    assert_true(str_equal(connection.user, S("ann")) && str_equal(connection.path, S("/shop")));
    assert_true(parse(arena, PROJECT_POSTGRES, "postgresql://[::1]/shop", &connection, &error));
    assert_true(str_equal(connection.host, S("::1")) && connection.port == 5432);
    assert_true(parse(arena, PROJECT_HTTP, "https://files.example/a/b", &connection, &error));
    assert_true(connection.is_secure && connection.port == 443 &&
                str_equal(connection.place, S("https://files.example/a/b")));
    assert_true(parse(arena, PROJECT_S3, "s3://lake/in", &connection, &error));
    assert_true(str_equal(connection.host, S("s3.amazonaws.com")) && str_equal(connection.place, S("s3://lake/in")));
}

static void addresses_that_mean_something_else_are_errors(void **state)
{
    (void)state;
    static const struct {
        enum project_connection_kind kind;
        const char *url, *says;
    } cases[] = {
        {PROJECT_POSTGRES, "mysql://db/shop", "postgres://"},
        {PROJECT_POSTGRES, "postgres://ann:secret@db/shop", "password"},
        {PROJECT_POSTGRES, "postgres://db:99999/shop", "port"},
        {PROJECT_POSTGRES, "postgres:///shop", "host"},
        {PROJECT_POSTGRES, "postgres://[::1/shop", "host"},
        {PROJECT_POSTGRES, "postgres://db/shop?options=-c", "sslmode"},
        {PROJECT_HTTP, "ftp://files/a", "http://"},
        {PROJECT_S3, "https://lake", "s3://"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct connection ignored;
        struct err error;
        assert_false(parse(arena, cases[i].kind, cases[i].url, &ignored, &error));
        assert_non_null(strstr(error.message, cases[i].says));
    }
}

static void secrets_are_quoted_in_the_setup_and_scrubbed_from_errors(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct secret *password = secret_new(S("it's"));
    struct project_connection settings = {
        .name = S("erp"), .kind = PROJECT_POSTGRES, .url = S("postgres://db/shop"), .password = password};
    struct connection connection;
    struct err error;
    assert_true(connection_parse(&settings, arena, &connection, &error));
    connection.address = S("10.0.0.1");
    struct str setup = connection_setup(&connection, S("/ext"), arena);
    assert_true(str_find(setup, S("LOAD '/ext/postgres_scanner.duckdb_extension'; ")) == 0);
    assert_true(str_find(setup, S("PASSWORD 'it''s'")) > 0 && str_find(setup, S("READ_ONLY")) > 0);
    assert_true(str_find(setup, S("hostaddr=10.0.0.1")) > 0);
    err_set(&error, ERR_UNAVAILABLE, "cannot say it's to the server");
    connection_scrub(&connection, &error);
    assert_string_equal(error.message, "cannot say **** to the server");
    secret_free(&password);
}

static void a_private_address_is_refused_unless_it_is_listed(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct connection connection;
    struct err error;
    const struct str listed = S("127.0.0.1");
    assert_true(parse(arena, PROJECT_HTTP, "http://127.0.0.1:1/", &connection, &error));
    assert_false(connection_resolve(&connection, http_outgoing_new(arena, NULL, 0, &error), arena, &error));
    assert_int_equal(error.code, ERR_DENIED);
    assert_true(connection_resolve(&connection, http_outgoing_new(arena, &listed, 1, &error), arena, &error));
    assert_true(str_equal(connection.address, S("127.0.0.1")));
}

static void an_unknown_name_has_a_nearest_one(void **state)
{
    (void)state;
    struct project_connection list[] = {{.name = S("warehouse")}, {.name = S("erp")}};
    const struct project_settings settings = {.connections = list, .connection_count = 2};
    struct err error;
    assert_ptr_equal(connection_find(&settings, S("erp"), &error), &list[1]);
    assert_null(connection_find(&settings, S("warehose"), &error));
    assert_true(error.code == ERR_NOT_FOUND && strstr(error.hint, "warehouse"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_a_host_a_port_and_a_user),
        cmocka_unit_test(addresses_that_mean_something_else_are_errors),
        cmocka_unit_test(secrets_are_quoted_in_the_setup_and_scrubbed_from_errors),
        cmocka_unit_test(a_private_address_is_refused_unless_it_is_listed),
        cmocka_unit_test(an_unknown_name_has_a_nearest_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
