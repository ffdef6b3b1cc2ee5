/* Tenants over a real store: ids, creation, deletion that a crash interrupts, links that lead out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/tenant/tenant_priv.h"
#include "platform/net/loop.h"
#include "platform/store/store.h"

struct fixture {
    char data[64];
    struct arena *arena;
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    pthread_t thread;
    size_t done;
    struct err error; /* of the last change */
    struct tenant *ending;
    struct tenant_change *lost; /* a crash would have ended it */
};

static void *run_store(void *owner)
{
    struct fixture *fixture = owner;
    store_thread(fixture->store, fixture->loop);
    return NULL;
}

static void fixture_open(struct fixture *fixture)
{
    struct err error;
    fixture->store = store_open(str_format(fixture->arena, "%s/eider.db", fixture->data), &error);
    assert_non_null(fixture->store);
    fixture->tenants = tenant_list_open(fixture->store, str_from(fixture->data), &error);
    assert_non_null(fixture->tenants);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run_store, fixture), 0);
}

static void fixture_close(struct fixture *fixture)
{
    store_stop(fixture->store);
    pthread_join(fixture->thread, NULL);
    tenant_list_close(&fixture->tenants);
    store_close(&fixture->store);
}

static int fixture_setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    struct err error;
    snprintf(fixture->data, sizeof(fixture->data), "/tmp/eider-tenant-XXXXXX");
    if (!mkdtemp(fixture->data))
        return -1;
    fixture->arena = arena_new();
    fixture->loop = loop_new(&error);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    fixture_close(fixture);
    loop_free(&fixture->loop);
    bool removed = tenant_tree_remove(S("/tmp"), str_from(fixture->data + strlen("/tmp/")), &error);
    if (fixture->lost) {
        struct arena *arena = fixture->lost->arena;
        arena_free(&arena);
    }
    arena_free(&fixture->arena);
    mem_free(fixture);
    return removed ? 0 : -1;
}

static void on_done(void *owner, const struct err *error)
{
    struct fixture *fixture = owner;
    fixture->done++;
    fixture->error = error ? *error : (struct err){0};
    loop_stop(fixture->loop);
}

static enum err_code create(struct fixture *fixture, const char *id)
{
    tenant_create(fixture->tenants, NULL, str_from(id), on_done, fixture);
    loop_run(fixture->loop);
    return fixture->error.code;
}

static enum err_code remove_tenant(struct fixture *fixture, const char *id)
{
    tenant_delete(fixture->tenants, NULL, str_from(id), on_done, fixture);
    loop_run(fixture->loop);
    return fixture->error.code;
}

static const char *path_of(struct fixture *fixture, const char *below)
{
    return str_format(fixture->arena, "%s/%s", fixture->data, below).ptr;
}

static bool exists(struct fixture *fixture, const char *below)
{
    struct stat status;
    return lstat(path_of(fixture, below), &status) == 0;
}

static void touch(struct fixture *fixture, const char *below)
{
    int fd = open(path_of(fixture, below), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* --- Facts --- */

static void ids_follow_the_rule(void **state)
{
    (void)state;
    struct err error;
    static const char *const good[] = {"a", "tenant_acme", "a1_", "z9"};
    static const char *const bad[] = {"", "A", "1a", "_a", "a-b", "a.b", "a/b", "../a", "a b", "tenant_\xc3\xa4"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(tenant_id_check(str_from(good[i]), &error));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(tenant_id_check(str_from(bad[i]), &error));
    assert_false(tenant_id_check(str_bytes("a\0b", 3), &error));
    char text[65];
    memset(text, 'a', sizeof(text));
    assert_true(tenant_id_check(str_bytes(text, 63), &error));
    assert_false(tenant_id_check(str_bytes(text, 64), &error));
}

static void the_engines_own_catalogs_are_no_tenants(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(create(fixture, "iceberg"), ERR_INVALID);
    assert_int_equal(create(fixture, "temp"), ERR_INVALID);
    assert_int_equal(create(fixture, "iceberg_"), ERR_OK);
}

static void a_created_tenant_is_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    assert_int_equal(create(fixture, "beta"), ERR_OK);
    assert_int_equal(create(fixture, "acme"), ERR_OK);
    struct stat status;
    assert_int_equal(stat(path_of(fixture, "tenants/acme"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(tenant_count(fixture->tenants), 2);
    assert_true(str_equal(tenant_at(fixture->tenants, 0)->id, S("acme")));
    assert_true(str_equal(tenant_at(fixture->tenants, 1)->id, S("beta")));
    assert_non_null(tenant_find(fixture->tenants, S("beta"), &error));
}

static void creating_twice_and_deleting_nothing_are_errors(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(create(fixture, "acme"), ERR_OK);
    assert_int_equal(create(fixture, "acme"), ERR_EXISTS);
    assert_int_equal(create(fixture, "No"), ERR_INVALID);
    assert_int_equal(remove_tenant(fixture, "beta"), ERR_NOT_FOUND);
    assert_int_equal(tenant_count(fixture->tenants), 1);
}

static void two_creations_at_once_make_one_tenant(void **state)
{
    struct fixture *fixture = *state;
    tenant_create(fixture->tenants, NULL, S("acme"), on_done, fixture);
    tenant_create(fixture->tenants, NULL, S("acme"), on_done, fixture);
    while (fixture->done < 2)
        loop_run(fixture->loop);
    assert_int_equal(fixture->error.code, ERR_EXISTS);
    assert_int_equal(tenant_count(fixture->tenants), 1);
}

static void files_of_an_unknown_tenant_are_left_alone(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(create(fixture, "acme"), ERR_OK);
    assert_int_equal(mkdir(path_of(fixture, "tenants/old"), 0700), 0);
    assert_int_equal(create(fixture, "old"), ERR_OK); /* empty: what a crash leaves */
    assert_int_equal(mkdir(path_of(fixture, "tenants/older"), 0700), 0);
    touch(fixture, "tenants/older/older.duckdb");
    assert_int_equal(create(fixture, "older"), ERR_EXISTS);
    assert_true(exists(fixture, "tenants/older/older.duckdb"));
}

static void deletion_removes_all_and_follows_no_link(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(create(fixture, "acme"), ERR_OK);
    assert_int_equal(mkdir(path_of(fixture, "keep"), 0700), 0);
    touch(fixture, "keep/precious");
    assert_int_equal(mkdir(path_of(fixture, "tenants/acme/tmp"), 0700), 0);
    touch(fixture, "tenants/acme/tmp/spill");
    assert_int_equal(symlink(path_of(fixture, "keep"), path_of(fixture, "tenants/acme/out")), 0);
    assert_int_equal(remove_tenant(fixture, "acme"), ERR_OK);
    assert_false(exists(fixture, "tenants/acme"));
    assert_true(exists(fixture, "keep/precious"));
    assert_int_equal(create(fixture, "acme"), ERR_OK);
}

/* The hook that never calls back stands for a crash between tombstone and removal. */
static void end_never(void *owner, struct tenant *tenant, void (*finished)(void *), void *finished_owner)
{
    struct fixture *fixture = owner;
    (void)finished;
    fixture->ending = tenant;
    fixture->lost = finished_owner;
    loop_stop(fixture->loop);
}

static void an_interrupted_deletion_finishes_at_start(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    assert_int_equal(create(fixture, "acme"), ERR_OK);
    assert_int_equal(create(fixture, "beta"), ERR_OK);
    touch(fixture, "tenants/acme/acme.duckdb");
    tenant_on_delete(fixture->tenants, end_never, fixture);
    tenant_delete(fixture->tenants, NULL, S("acme"), on_done, fixture);
    loop_run(fixture->loop);
    assert_non_null(fixture->ending);
    assert_null(tenant_find(fixture->tenants, S("acme"), &error));
    assert_int_equal(mkdir(path_of(fixture, "tenants/.deleted-gone-00"), 0700), 0);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_false(exists(fixture, "tenants/acme"));
    assert_false(exists(fixture, "tenants/.deleted-gone-00"));
    assert_int_equal(tenant_count(fixture->tenants), 1);
    assert_int_equal(create(fixture, "acme"), ERR_OK);
}

static void the_only_tenant_is_meant_when_none_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    assert_null(tenant_resolve(fixture->tenants, NULL, S(""), &error));
    assert_int_equal(create(fixture, "acme"), ERR_OK);
    assert_non_null(tenant_resolve(fixture->tenants, NULL, S(""), &error));
    assert_int_equal(create(fixture, "beta"), ERR_OK);
    assert_null(tenant_resolve(fixture->tenants, NULL, S(""), &error));
    assert_non_null(strstr(error.hint, "eider-tenant"));
    assert_non_null(tenant_resolve(fixture->tenants, NULL, S("beta"), &error));
}

static void a_hidden_tenant_is_like_none(void **state)
{
    struct fixture *fixture = *state;
    struct err hidden, missing;
    const struct grant grants[] = {{S("acme"), ROLE_READER}, {S("gone"), ROLE_OWNER}};
    struct principal who = {.user = S("rita"), .grants = grants, .grant_count = 2};
    assert_null(tenant_resolve(fixture->tenants, &who, S(""), &missing));
    assert_non_null(strstr(missing.hint, "rita"));
    static const char *const ids[] = {"acme", "beta"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(create(fixture, ids[i]), ERR_OK);
    assert_true(str_equal(tenant_resolve(fixture->tenants, &who, S(""), &missing)->id, S("acme")));
    assert_true(str_equal(tenant_resolve(fixture->tenants, &who, S("acme"), &missing)->id, S("acme")));
    assert_null(tenant_resolve(fixture->tenants, &who, S("beta"), &hidden));
    assert_null(tenant_resolve(fixture->tenants, &who, S("beto"), &missing));
    assert_true(hidden.code == ERR_NOT_FOUND && missing.code == ERR_NOT_FOUND);
    assert_string_equal(hidden.message, "tenant 'beta' does not exist");
    assert_string_equal(missing.message, "tenant 'beto' does not exist");
    assert_string_equal(hidden.hint, missing.hint);
    assert_false(principal_need(&who, S("beta"), ROLE_READER, &missing));
    assert_string_equal(hidden.message, missing.message);
    assert_false(principal_need(&who, S("acme"), ROLE_WRITER, &missing));
    assert_int_equal(missing.code, ERR_DENIED);
    who.everywhere = ROLE_WRITER;
    assert_null(tenant_resolve(fixture->tenants, &who, S(""), &missing));
    assert_non_null(tenant_resolve(fixture->tenants, &who, S("beta"), &missing));
    assert_int_equal(principal_role(&who, S("acme")), ROLE_WRITER);
    who.tenant = S("beta");
    assert_true(str_equal(tenant_resolve(fixture->tenants, &who, S(""), &missing)->id, S("beta")));
}

static void a_thousand_tenants_open_quickly(void **state)
{
    struct fixture *fixture = *state;
    AUTO(arena) struct arena *arena = arena_new();
    for (int i = 0; i < 1000; i++)
        tenant_create(fixture->tenants, NULL, str_format(arena, "t%d", i), on_done, fixture);
    while (fixture->done < 1000)
        loop_run(fixture->loop);
    assert_int_equal(tenant_count(fixture->tenants), 1000);
    fixture_close(fixture);
    int64_t start_us = clock_now_us();
    fixture_open(fixture);
    assert_true(clock_now_us() - start_us < 250000);
    assert_int_equal(tenant_count(fixture->tenants), 1000);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_follow_the_rule),
        FACT(the_engines_own_catalogs_are_no_tenants),
        FACT(a_created_tenant_is_there_after_a_restart),
        FACT(creating_twice_and_deleting_nothing_are_errors),
        FACT(two_creations_at_once_make_one_tenant),
        FACT(files_of_an_unknown_tenant_are_left_alone),
        FACT(deletion_removes_all_and_follows_no_link),
        FACT(an_interrupted_deletion_finishes_at_start),
        FACT(the_only_tenant_is_meant_when_none_is_named),
        FACT(a_hidden_tenant_is_like_none),
        FACT(a_thousand_tenants_open_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
