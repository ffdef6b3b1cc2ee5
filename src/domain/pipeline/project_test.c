/* Projects: which files are assets, what is wrong between them, and what is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "domain/pipeline/project_files.h"

static char root[64];
static struct project_settings settings;

static void write_file(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    static const struct project_connection connection = {.name = {"shop", 4}};
    snprintf(root, sizeof(root), "/tmp/project_test_XXXXXX");
    assert_non_null(mkdtemp(root));
    settings = (struct project_settings){
        .root = str_from(root),
        .connections = &connection,
        .connection_count = 1,
        .retries = {.max = 7, .on = ASSET_FAILS_SOURCE},
    };
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about, (void)kind, (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct project *load(const struct project *before)
{
    struct err err = {0};
    struct project *project = project_load(&settings, before, &err);
    if (!project)
        fail_msg("%s", err.message);
    return project;
}

static const struct asset *asset_of(const struct project *project, const char *name)
{
    const struct asset *asset = project_asset(project, str_from(name));
    if (!asset)
        fail_msg("no asset %s", name);
    return asset;
}

static void project_finds_its_files(void **state)
{
    (void)state;
    write_file("eider.yaml", "tenant: tenant_a");
    write_file("pipelines/a/b/orders.sql", "/* eider retries: 2 */ SELECT 1");
    write_file("pipelines/customers.sql", "SELECT 1");
    write_file("pipelines/load.yaml", "command: ls");
    write_file("pipelines/README.md", "no asset");
    write_file("pipelines/.hidden.sql", "no asset");
    write_file("pipelines/.git/x.sql", "no asset");
    write_file("seeds/countries.csv", "a,b\n");
    write_file("seeds/notes.txt", "");
    write_file("tests/fits.sql", "SELECT 1");
    write_file("tests/fits.yaml", "no asset");
    write_file("data/source/x.sql", "no asset");
    struct project *project = load(NULL);
    assert_int_equal(project->problem_count, 0);
    assert_int_equal(project->asset_count, 5);
    assert_true(str_equal(project->assets[0]->name, S("countries")));
    assert_true(str_equal(asset_of(project, "orders")->path, S("pipelines/a/b/orders.sql")));
    assert_int_equal(asset_of(project, "load")->kind, ASSET_COMMAND);
    assert_int_equal(asset_of(project, "fits")->kind, ASSET_TEST);
    assert_int_equal(asset_of(project, "countries")->kind, ASSET_SEED);
    assert_int_equal(asset_of(project, "orders")->retries.max, 2);
    assert_int_equal(asset_of(project, "customers")->retries.max, 7);
    assert_int_equal(asset_of(project, "customers")->retries.on, ASSET_FAILS_SOURCE);
    assert_null(project_asset(project, S("x")));
    project_unref(&project);
    settings.root = S("/nonexistent");
    struct err err = {0};
    assert_null(project_load(&settings, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* Settled files are not parsed again; the texts of the old project stay as long as it is used. */
static void project_reads_only_what_changed(void **state)
{
    (void)state;
    write_file("pipelines/a.sql", "SELECT 1");
    write_file("pipelines/b.sql", "SELECT 1");
    int64_t wall = clock_wall_us();
    clock_fake(0, wall + 3600 * CLOCK_SECOND); /* a file just written may change again and look the same */
    struct project *first = load(NULL), *second = load(first);
    assert_ptr_equal(asset_of(first, "a"), asset_of(second, "a"));
    assert_true(str_equal(first->digest, second->digest));
    project_unref(&first);
    clock_fake(0, wall);
    write_file("pipelines/a.sql", "SELECT 2");
    struct project *third = load(second);
    assert_ptr_not_equal(asset_of(second, "a"), asset_of(third, "a"));
    assert_ptr_equal(asset_of(second, "b"), asset_of(third, "b"));
    assert_false(str_equal(second->digest, third->digest));
    struct project *fourth = load(third); /* a.sql is too new to be trusted */
    assert_ptr_not_equal(asset_of(third, "a"), asset_of(fourth, "a"));
    assert_true(str_equal(third->digest, fourth->digest));
    project_unref(&second);
    assert_true(str_equal(asset_of(third, "b")->text, S("SELECT 1")));
    struct project *again = project_ref(third);
    project_unref(&third);
    project_unref(&again);
    project_unref(&fourth);
    clock_real();
}

static void project_tells_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int line;
        const char *asset, *message, *hint;
    } expected[] = {
        {"pipelines/Bad.sql", 0, "Bad", "'Bad' is no name of an asset", ""},
        {"pipelines/a/twice.sql", 0, "twice", "two assets are named 'twice': the other one is tests/twice.sql", ""},
        {"pipelines/after.sql", 2, "after", "after: there is no asset 'nobody'", ""},
        {"pipelines/import.sql", 1, "import", "eider.yaml has no connection 'shpo'", "did you mean 'shop'?"},
        {"pipelines/wrong.sql", 2, "wrong", "unknown property 'retires'", "did you mean 'retries'?"},
        {"pipelines/y.sql", 2, "y", "'x' exports to this path too (pipelines/x.sql)", ""},
        {"tests/twice.sql", 0, "twice", "the other one is pipelines/a/twice.sql", ""},
    };
    write_file("pipelines/Bad.sql", "SELECT 1");
    write_file("pipelines/a/twice.sql", "SELECT 1");
    write_file("tests/twice.sql", "SELECT 1");
    write_file("pipelines/wrong.sql", "/* eider\nretires: 3\n*/ SELECT 1");
    write_file("pipelines/after.sql", "/* eider\nschedule: {after: [nobody, wrong, x]}\n*/ SELECT 1");
    write_file("pipelines/import.sql", "/* eider\nconnection: shpo\n*/ SELECT 1");
    write_file("pipelines/x.sql", "/* eider\nexport: data/final/x.csv\n*/ SELECT 1");
    write_file("pipelines/y.sql", "/* eider\nexport: data/final/x.csv\n*/ SELECT 1");
    struct project *project = load(NULL);
    for (size_t i = 0; i < project->problem_count && i < 7; i++) {
        const struct asset_problem *problem = &project->problems[i];
        if (!str_equal(problem->path, str_from(expected[i].path)) || problem->line != expected[i].line ||
            !str_equal(problem->asset, str_from(expected[i].asset)) ||
            !strstr(problem->message.ptr, expected[i].message) || !strstr(problem->hint.ptr, expected[i].hint))
            fail_msg("%.*s:%d: %.*s (%.*s)", STR_ARG(problem->path), problem->line, STR_ARG(problem->message),
                     STR_ARG(problem->hint));
    }
    assert_int_equal(project->problem_count, 7);
    assert_null(project_asset(project, S("twice")));
    project_unref(&project);
}

static void project_follows_no_link_out(void **state)
{
    (void)state;
    char path[128];
    write_file("pipelines/a.sql", "SELECT 1");
    write_file("data/b.sql", "SELECT 1");
    snprintf(path, sizeof(path), "%s/pipelines/inside.sql", root);
    assert_int_equal(symlink("../data/b.sql", path), 0);
    snprintf(path, sizeof(path), "%s/pipelines/outside.sql", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/pipelines/directory", root);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof(path), "%s/pipelines/pipe.sql", root);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct project *project = load(NULL);
    assert_int_equal(project->asset_count, 2);
    assert_int_equal(project->problem_count, 2);
    assert_string_equal(project->problems[0].message.ptr, "the link leads out of the project");
    assert_string_equal(project->problems[1].message.ptr, "not a file");
    project_unref(&project);
}

static void project_has_limits(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t file = limits_get(LIMIT_PIPELINE_FILE), assets = limits_get(LIMIT_PIPELINE_ASSETS);
    write_file("pipelines/a.sql", "SELECT 1234567890");
    write_file("pipelines/b.sql", "SELECT 1");
    assert_true(limits_set(S("pipeline.max_file"), 10, &err));
    struct project *project = load(NULL);
    assert_int_equal(project->asset_count, 1);
    assert_non_null(strstr(project->problems[0].message.ptr, "pipeline.max_file"));
    assert_true(limits_set(S("pipeline.max_file"), file, &err) && limits_set(S("pipeline.max_assets"), 1, &err));
    assert_null(project_load(&settings, project, &err));
    assert_int_equal(err.code, ERR_RESOURCE);
    assert_true(limits_set(S("pipeline.max_assets"), assets, &err));
    project_unref(&project);
}

static void project_of_a_thousand_is_quick(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char path[64], text[256];
        snprintf(path, sizeof(path), "pipelines/g%d/a%d.sql", i % 10, i);
        snprintf(text, sizeof(text),
                 "/* eider\nmaterialize: view\ntags: [t%d]\nowner: ann\ntests: [{unique: id}]\n*/\n"
                 "SELECT * FROM a%d\n",
                 i % 7, i - 1);
        write_file(path, text);
    }
    int64_t before = clock_now_us();
    struct project *first = load(NULL);
    int64_t between = clock_now_us();
    struct project *second = load(first);
    print_message("1,000 assets: %lld us, again %lld us\n", (long long)(between - before),
                  (long long)(clock_now_us() - between));
    assert_int_equal(second->asset_count, 1000);
    project_unref(&first);
    project_unref(&second);
}

#define PROJECT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROJECT_TEST(project_finds_its_files),
        PROJECT_TEST(project_reads_only_what_changed),
        PROJECT_TEST(project_tells_what_does_not_fit),
        PROJECT_TEST(project_follows_no_link_out),
        PROJECT_TEST(project_has_limits),
        PROJECT_TEST(project_of_a_thousand_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
