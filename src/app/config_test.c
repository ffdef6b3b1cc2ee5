/* Configuration: quantities, what eider.yaml may say, and who wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config.h"
#include "base/limits.h"

static char directory[64];

static struct str write_file(struct arena *arena, const char *text)
{
    struct str path = str_format(arena, "%s/eider.yaml", directory);
    FILE *file = fopen(path.ptr, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/config_test_XXXXXX");
    assert_non_null(mkdtemp(directory));
    static const char *const names[] = {"EIDER_CONFIG", "EIDER_DATA",      "EIDER_LISTEN",
                                        "EIDER_HOSTS",  "EIDER_LOG_LEVEL", "EIDER_LIMIT_QUERY_MAX_SQL"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    return chdir(directory);
}

static int teardown(void **state)
{
    (void)state;
    unlink("eider.yaml");
    return chdir("/") || rmdir(directory);
}

static void config_quantities_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit;
        int64_t value;
    } good[] = {
        {"0", "bytes", 0},
        {"64MiB", "bytes", 64 << 20},
        {"1 GB", "bytes", 1000000000},
        {"2kib", "bytes", 2048},
        {"30", "s", 30},
        {"30s", "s", 30},
        {"10min", "s", 600},
        {"2h", "s", 7200},
        {"1500ms", "ms", 1500},
        {"2s", "ms", 2000},
        {"5%", "% of the disk", 5},
        {"100", "tenants", 100},
        {" 7 ", "tenants", 7},
    };
    static const struct {
        const char *text, *unit;
    } bad[] = {{"", "bytes"},     {"x", "bytes"},          {"-1", "bytes"},
               {"1s", "bytes"},   {"1.5MiB", "bytes"},     {"1ms", "s"},
               {"5%", "tenants"}, {"9999999TiB", "bytes"}, {"99999999999999999999", "s"},
               {"1 2", "s"}};
    struct err err;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t value = -1;
        if (!config_quantity(str_from(good[i].text), str_from(good[i].unit), &value, &err))
            fail_msg("%s: %s", good[i].text, err.message);
        assert_int_equal(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t value;
        err = (struct err){0};
        if (config_quantity(str_from(bad[i].text), str_from(bad[i].unit), &value, &err))
            fail_msg("%s %s", bad[i].text, bad[i].unit);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void config_knows_loopback(void **state)
{
    (void)state;
    static const char *const yes[] = {"127.0.0.1:8815", "127.1.2.3:0", "localhost:8815", "[::1]:8815", "LocalHost:1"};
    static const char *const no[] = {
        "0.0.0.0:8815",         "*:8815",    "[::]:8815", ":8815", "", "10.0.0.1:8815", "127.evil.com:1",
        "localhost.evil.com:1", "[::1].x:1", "8815"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(config_is_loopback(str_from(yes[i])));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(config_is_loopback(str_from(no[i])));
}

static void config_has_defaults(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config config;
    struct err err = {0};
    setenv("XDG_DATA_HOME", "/share", 1);
    assert_true(config_load(arena, &(struct config_flags){0}, &config, &err));
    assert_true(str_equal(config.data, S("/share/eider")));
    assert_true(str_equal(config.listen[0], S("127.0.0.1:8815")));
    assert_int_equal(config.listen_count, 1);
    assert_int_equal(config.log_level, LOG_INFO);
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/nowhere/x", 1);
    assert_true(config_load(arena, &(struct config_flags){0}, &config, &err));
    assert_true(str_equal(config.data, S("/nowhere/x/.local/share/eider")));
    write_file(arena, "log_level: warn\n");
    assert_true(config_load(arena, &(struct config_flags){0}, &config, &err));
    assert_true(str_equal(config.data, S("db")));
    assert_int_equal(config.log_level, LOG_WARN);
}

static void config_flags_win_over_environment_over_file(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config config;
    struct err err = {0};
    int64_t before = limits_get(LIMIT_SQL);
    struct config_flags flags = {.file = write_file(arena, "data: files\nlisten: [127.0.0.1:1, 127.0.0.1:2]\nhosts: a\n"
                                                           "log_level: debug\nlimits: {query.max_sql: 2MiB}\n")};
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.data, str_format(arena, "%s/files", directory)));
    assert_int_equal(config.listen_count, 2);
    assert_true(str_equal(config.hosts[0], S("a")));
    assert_int_equal(limits_get(LIMIT_SQL), 2 << 20);
    setenv("EIDER_DATA", "environment", 1);
    setenv("EIDER_LISTEN", "127.0.0.1:3, 127.0.0.1:4", 1);
    setenv("EIDER_LOG_LEVEL", "error", 1);
    setenv("EIDER_LIMIT_QUERY_MAX_SQL", "3MiB", 1);
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.data, S("environment")));
    assert_true(str_equal(config.listen[1], S("127.0.0.1:4")));
    assert_int_equal(config.log_level, LOG_ERROR);
    assert_int_equal(limits_get(LIMIT_SQL), 3 << 20);
    flags.data = S("flag");
    flags.log_level = S("info");
    flags.listen = (struct str[]){S("localhost:5")};
    flags.limits = (struct str[]){S("query.max_sql=4MiB")};
    flags.listen_count = flags.limit_count = 1;
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.data, S("flag")));
    assert_true(str_equal(config.listen[0], S("localhost:5")));
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(limits_get(LIMIT_SQL), 4 << 20);
    struct config again;
    flags.limits = (struct str[]){S("query.max_sql=5MiB")};
    assert_true(config_reload(arena, &flags, &again, &err));
    assert_int_equal(limits_get(LIMIT_SQL), 4 << 20);
    assert_true(limits_set(S("query.max_sql"), before, &err));
}

static void config_warehouse_has_its_defaults(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config config;
    struct err err = {0};
    struct config_flags flags = {.file = write_file(arena, "data: x\n")};
    assert_true(config_load(arena, &flags, &config, &err));
    assert_null(config.warehouse);
    write_file(arena, "warehouse: lake/\n");
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.warehouse->root, str_format(arena, "file://%s/lake", directory)));
    assert_null(config.warehouse->s3);
    setenv("CONFIG_TEST_KEY", "k", 1);
    write_file(arena, "warehouse: {location: s3://b/p/, key_id: id, key: '${CONFIG_TEST_KEY}'}\n");
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.warehouse->root, S("s3://b/p")));
    assert_true(str_equal(config.warehouse->s3->region, S("us-east-1")));
    assert_true(secret_equal(config.warehouse->s3->key, S("k")));
    assert_false(config.warehouse->s3->path_style);
    assert_false(config.warehouse->vend); /* Amazon's STS needs a role */
    assert_true(config.warehouse->sign);
    setenv("AWS_ACCESS_KEY_ID", "AK", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "SK", 1);
    setenv("AWS_SESSION_TOKEN", "T", 1);
    setenv("AWS_REGION", "eu-central-1", 1);
    setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000", 1);
    write_file(arena, "warehouse: {location: s3://b/p, share_keys: true}\n");
    assert_true(config_load(arena, &flags, &config, &err));
    const struct object_s3 *s3 = config.warehouse->s3;
    assert_true(str_equal(s3->key_id, S("AK")) && secret_equal(s3->key, S("SK")));
    assert_true(str_equal(s3->session_token, S("T")) && str_equal(s3->region, S("eu-central-1")));
    assert_true(str_equal(s3->endpoint, S("http://127.0.0.1:9000")) && s3->path_style);
    assert_true(config.warehouse->vend && !config.warehouse->sign && config.warehouse->share_keys);
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                        "AWS_REGION",        "AWS_ENDPOINT_URL",      "CONFIG_TEST_KEY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
}

static const struct {
    const char *text, *message, *hint;
} error_cases[] = {
    {"listen: x:1\nlog_levle: info", "line 2: unknown key 'log_levle'", "'log_level'"},
    {"limits:\n  query.max_sq: 1", "line 2: unknown limit 'query.max_sq'", "'query.max_sql'"},
    {"limits:\n  query.max_sql: 1s", "line 2: limit query.max_sql: '1s' is not a number of bytes", "MiB"},
    {"limits: 3", "line 1: limits must be a map", ""},
    {"log_level: loud", "line 1: 'loud' is not a log level", ""},
    {"listen: []", "line 1: listen must be", ""},
    {"data: [x]", "line 1: data must be", ""},
    {"trino: {}", "line 1: 'trino' is not supported by this version", ""},
    {"tls: {}", "line 1: tls must be a map", ""},
    {"tls: on", "line 1: tls must be a map", ""},
    {"tls:\n  crt: a", "line 2: unknown key 'crt'", "'cert'"},
    {"tls: {cert: [a], key: b}", "line 1: tls must be a map", ""},
    {"tls: {cert: a}", "tls needs both cert and key", ""},
    {"tls: {client_ca: a}", "tls.client_ca is of no use", ""},
    {"tls: {cert: /none.crt, key: b}", "tls: open /none.crt", ""},
    {"tls: {cert: eider.yaml, key: '${CONFIG_TEST_NONE}'}", "variable CONFIG_TEST_NONE is not set", ""},
    {"tls: {cert: eider.yaml, key: none.key}", "tls.key: open", ""},
    {"users: []", "line 1: users must be", ""},
    {"- a", "line 1: expected", ""},
    {"a: [", "line", ""},
    {"warehouse: {}", "line 1: warehouse takes s3://", ""},
    {"warehouse: ftp://x", "line 1: warehouse takes s3://", ""},
    {"warehouse:\n  locaton: x", "line 2: unknown key 'locaton'", "'location'"},
    {"warehouse: {location: x, region: [a]}", "line 1: warehouse.region must be a text", ""},
    {"warehouse:\n  location: x\n  region: a", "line 3: warehouse.region is for s3:// locations", ""},
    {"warehouse: s3://b/p", "line 1: a warehouse in S3 needs keys", "AWS_ACCESS_KEY_ID"},
    {"warehouse: {location: s3://b/p, key_id: a}", "warehouse.key_id needs warehouse.key", ""},
    {"warehouse: {location: s3://b/p, key: 'file:x'}", "warehouse.key needs warehouse.key_id", ""},
    {"warehouse: {location: s3://b/p, key_id: a, key: plain}", "warehouse.key holds a secret", "${VARIABLE}"},
    {"warehouse: {location: s3://b/p, key_id: a, key: 'file:none'}", "line 1: warehouse.key: open", ""},
    {"warehouse: {location: x, outside: 1}", "line 1: warehouse.outside must be true or false", ""},
    {"warehouse: {location: s3://b/p, vend: maybe}", "line 1: warehouse.vend must be true or false", ""},
    {"warehouse: {location: s3://b/p, vend: true}", "line 1: warehouse.vend needs warehouse.role", ""},
    {"listen: 0.0.0.0:8815", "reachable from other machines", "--tls-self-signed"},
    {"port: 70000", "line 1: port must be a number up to 65535", ""},
    {"schedules: {a: 5m}", "line 1: schedules belongs to a project, which has a tenant", ""},
    {"tenant: Acme", "line 1: 'Acme' is no name of a tenant", ""},
    {"tenant: t\nparalel: 3", "line 2: unknown key 'paralel'", "'parallel'"},
    {"tenant: t\nparallel: 0", "line 2: parallel must be 1 at least", ""},
    {"tenant: t\nresume: maybe", "line 2: resume must be true or false, not 'maybe'", ""},
    {"tenant: t\nretries: {max: 1, dely: 1s}", "line 2: unknown property 'dely'", "'delay'"},
    {"tenant: t\nenvironments: [dev]", "line 2: environments must be a map of names", ""},
    {"tenant: t\nenvironments: {Dev: {}}", "line 2: environments: 'Dev' is no name", ""},
    {"tenant: t\nenvironments: {dev: {tenant: t}}", "line 2: two environments have the tenant 't'", ""},
    {"tenant: t\nenvironments: {production: {tenant: u}}", "line 2: production has the project's own tenant", ""},
    {"tenant: t\nschedules: {a: {evry: 5m}}", "line 2: unknown property 'evry'", "'every'"},
    {"tenant: t\nschedules: {a: {select: b}}", "line 2: a needs one of cron, every, on_file, after", ""},
    {"tenant: t\nschedules: {a: '61 * * * *'}", "line 2: ", ""},
    {"tenant: t\nconnections: {a: {user: b}}", "line 2: a connection needs url", ""},
    {"tenant: t\nconnections: {a: {type: mysql, url: b}}", "line 2: unknown type 'mysql'", ""},
    {"tenant: t\nconnections: {a: {url: 'postgres://u:p@h/d'}}", "its password does not stand in its url", ""},
    {"tenant: t\nconnections:\n  a: {url: 'postgres://h/d', password: x}", "line 3: password holds a secret", "${V"},
    {"tenant: t\nconnections: {a: {url: 'https://h/', password: '${CONFIG_TEST_NO}'}}", "CONFIG_TEST_NO is not", ""},
    {"tenant: t\nconnections: {a: {url: 'https://h/', region: x}}", "are for s3:// alone", ""},
    {"tenant: t\nconnections: {a: {url: 's3://b', password: 'file:eider.yaml'}}", "has key_id and key", ""},
    {"tenant: t\nalerts: {on: failure}", "line 2: an alert needs webhook or command", ""},
    {"tenant: t\nalerts: {on: failed, webhook: 'http://a'}", "line 2: unknown event 'failed'", "'failure'"},
    {"tenant: t\nalerts: [{webhook: a}]", "line 2: webhook must begin with http://", ""},
    {"tenant: t\nlineage: lineage.jsonl", "line 2: lineage must be below logs/", ""},
    {"tenant: t\nlineage: {fiel: logs/x}", "line 2: unknown property 'fiel'", "'file'"},
};

static void config_errors_name_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(error_cases) / sizeof(error_cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct config_flags flags = {.file = write_file(arena, error_cases[i].text)};
        struct config config;
        struct err err = {0};
        assert_false(config_load(arena, &flags, &config, &err));
        if (!strstr(err.message, error_cases[i].message) || !strstr(err.hint, error_cases[i].hint))
            fail_msg("%s: %s (%s)", error_cases[i].text, err.message, err.hint);
    }
}

static void config_without_tenant_has_no_project(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config config;
    struct err err = {0};
    struct config_flags flags = {.file = write_file(arena, "port: 3001\n")};
    assert_true(config_load(arena, &flags, &config, &err));
    assert_null(config.project);
    assert_true(config.listen_count == 1 && str_equal(config.listen[0], S("127.0.0.1:3001")));
    write_file(arena, "port: 3001\nlisten: 127.0.0.1:4\n");
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.listen[0], S("127.0.0.1:4")));
    flags.listen = (struct str[]){S("127.0.0.1:5")};
    flags.listen_count = 1;
    write_file(arena, "port: 3001\n");
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(config.listen[0], S("127.0.0.1:5")));
}

static void config_project_has_defaults(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config config;
    struct err err = {0};
    write_file(arena, "tenant: tenant_acme\n");
    assert_true(config_load(arena, &(struct config_flags){0}, &config, &err));
    const struct project_settings *project = config.project;
    assert_true(str_equal(project->root, str_from(directory)));
    assert_true(str_equal(project->name, str_from(directory + 5)));
    assert_true(project->environment_count == 1 && project->environments[0].schedules);
    assert_true(project_environment_find(project, S("")) == &project->environments[0]);
    assert_true(str_equal(project->environments[0].tenant, S("tenant_acme")));
    assert_true(project->parallel == 4 && project->retries.max == 0 && project->retries.on == ASSET_FAILS_ANY);
    assert_false(project->resume || project->commands);
    assert_true(str_equal(project->lineage_namespace, S("tenant_acme")) && project->lineage_file.len == 0);
    assert_non_null(project->outgoing);
}

static void config_project_has_all_its_keys(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config config;
    struct err err = {0};
    setenv("CONFIG_TEST_KEY", "geheim", 1);
    struct config_flags flags = {
        .file =
            write_file(arena, "name: shop\ntenant: tenant_acme\nport: 3001\n"
                              "environments: {staging: {tenant: other, schedules: true}, dev: {}, production: "
                              "{schedules: false}}\n"
                              "connections:\n"
                              "  shop: {url: 'postgres://reader@10.0.0.1:5433/shop', password: '${CONFIG_TEST_KEY}'}\n"
                              "  feed: {type: http, url: 'https://example.com/feed/'}\n"
                              "  lake: {url: 's3://bucket/in', key_id: '${CONFIG_TEST_KEY}', key: "
                              "'${CONFIG_TEST_KEY}', region: eu-west-1, endpoint: 'http://10.0.0.2:9000'}\n"
                              "schedules:\n"
                              "  nightly: {cron: '0 2 * * *', zone: Europe/Berlin, select: ['tag:daily', '!top']}\n"
                              "  often: 5m\n"
                              "alerts:\n"
                              "  - {on: [failure, recovery], webhook: 'https://example.com/hook', select: orders}\n"
                              "  - {command: [logger, -t, eider]}\n"
                              "retries: {max: 2, delay: 1s}\nparallel: 8\nresume: true\ncommands: true\n"
                              "lineage: {file: logs/lineage.jsonl, url: 'https://example.com/lineage', namespace: "
                              "n}\n")};
    if (!config_load(arena, &flags, &config, &err))
        fail_msg("%s", err.message);
    const struct project_settings *project = config.project;
    assert_true(str_equal(project->name, S("shop")) && str_equal(config.listen[0], S("127.0.0.1:3001")));
    assert_int_equal(project->environment_count, 3);
    assert_false(project->environments[0].schedules);
    const struct project_environment *dev = project_environment_find(project, S("dev"));
    assert_true(str_equal(dev->tenant, S("tenant_acme_dev")) && !dev->schedules);
    assert_true(str_equal(project_environment_find(project, S("staging"))->tenant, S("other")));
    assert_null(project_environment_find(project, S("none")));
    assert_int_equal(project->connection_count, 3);
    assert_int_equal(project->connections[0].kind, PROJECT_POSTGRES);
    assert_true(secret_equal(project->connections[0].password, S("geheim")));
    assert_true(project->connections[1].kind == PROJECT_HTTP && !project->connections[1].password);
    assert_true(project->connections[2].kind == PROJECT_S3 && project->connections[2].line == 8);
    assert_true(str_equal(project->connections[2].key_id, S("geheim")));
    assert_int_equal(project->schedule_count, 2);
    assert_true(str_equal(project->schedules[0].when.zone, S("Europe/Berlin")));
    assert_true(project->schedules[0].select_count == 2 && str_equal(project->schedules[0].select[1], S("!top")));
    assert_true(project->schedules[1].when.every_us == 300000000 && project->schedules[1].select_count == 0);
    assert_int_equal(project->alert_count, 2);
    assert_true(project->alerts[0].on_failure && project->alerts[0].on_recovery && !project->alerts[0].on_freshness);
    assert_true(project->alerts[0].select_count == 1 && project->alerts[1].command_count == 3);
    assert_true(project->alerts[1].on_freshness);
    assert_true(project->retries.max == 2 && project->parallel == 8 && project->resume && project->commands);
    assert_true(str_equal(project->lineage_file, S("logs/lineage.jsonl")));
    assert_true(str_equal(project->lineage_namespace, S("n")));
    unsetenv("CONFIG_TEST_KEY");
}

static void config_insecure_may_listen_anywhere(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config_flags flags = {.file = write_file(arena, "listen: 0.0.0.0:8815"), .insecure = true};
    struct config config;
    struct err err = {0};
    assert_true(config_load(arena, &flags, &config, &err));
    flags.file = S("/nonexistent.yaml");
    assert_false(config_load(arena, &flags, &config, &err));
    assert_non_null(strstr(err.message, "/nonexistent.yaml"));
}

/* Paths in the file are beside the file; a key may also be in the environment. */
static void config_reads_the_files_of_tls(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config_flags flags = {
        .file = write_file(arena, "tls: {cert: eider.yaml, key: 'file:eider.yaml', client_ca: eider.yaml}\n"
                                  "users: users.yaml\nlisten: 0.0.0.0:1")};
    struct config config;
    struct err err = {0};
    if (!config_load(arena, &flags, &config, &err))
        fail_msg("%s", err.message);
    assert_true(config_has_tls(&config) && config_needs_users(&config));
    assert_true(str_starts_with(config.tls.certificate, S("tls: {")));
    assert_true(str_equal(secret_reveal(config.tls.key), str_trim(config.tls.client_ca)));
    assert_true(str_ends_with(config.users, S("/users.yaml")));

    setenv("CONFIG_TEST_KEY", "  key \n", 1);
    flags.file = write_file(arena, "tls: {cert: eider.yaml, key: '${CONFIG_TEST_KEY}'}");
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(str_equal(secret_reveal(config.tls.key), S("  key")));
    assert_false(config_needs_users(&config));
    flags.tls_self_signed = true;
    assert_false(config_load(arena, &flags, &config, &err));
    assert_non_null(strstr(err.message, "--tls-self-signed"));
}

static void config_knows_of_a_proxy(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct config_flags flags = {.file = write_file(arena, "tls: proxy\nlisten: 0.0.0.0:1")};
    struct config config;
    struct err err = {0};
    assert_true(config_load(arena, &flags, &config, &err));
    assert_true(config.tls.proxy && config_needs_users(&config) && !config_has_tls(&config));
    flags.tls_certificate = S("a");
    assert_false(config_load(arena, &flags, &config, &err));
    assert_non_null(strstr(err.message, "proxy"));
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(config_quantities_have_units),
        CONFIG_TEST(config_knows_loopback),
        CONFIG_TEST(config_has_defaults),
        CONFIG_TEST(config_flags_win_over_environment_over_file),
        CONFIG_TEST(config_warehouse_has_its_defaults),
        CONFIG_TEST(config_errors_name_the_place),
        CONFIG_TEST(config_without_tenant_has_no_project),
        CONFIG_TEST(config_project_has_defaults),
        CONFIG_TEST(config_project_has_all_its_keys),
        CONFIG_TEST(config_insecure_may_listen_anywhere),
        CONFIG_TEST(config_reads_the_files_of_tls),
        CONFIG_TEST(config_knows_of_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
