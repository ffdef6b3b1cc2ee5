/* The process is killed between two steps of a change: afterwards the change is there whole, or it is not there at all,
 * and everything can be loaded. */
#include "domain/catalog/state_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SET(value) "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"" value "\"}}]"

/* iceberg.t and iceberg.u, a = 1. */
static void prepare(struct state *state)
{
    assert_int_equal(state_create(state, "iceberg.t", NULL), CATALOG_FINE);
    assert_int_equal(state_commit(state, "iceberg.t", "[]", SET("1")), CATALOG_FINE);
    assert_int_equal(state_create(state, "iceberg.u", NULL), CATALOG_FINE);
    assert_int_equal(state_commit(state, "iceberg.u", "[]", SET("1")), CATALOG_FINE);
}

static void do_commit(struct state *state)
{
    state_commit(state, "iceberg.t", "[]", SET("2"));
}

static void do_commit_all(struct state *state)
{
    struct state_call *call = state_call(state);
    struct arena *arena = call->call.request.arena;
    struct catalog_change changes[2];
    for (size_t i = 0; i < 2; i++)
        changes[i] = (struct catalog_change){.name = state_name(arena, i ? "iceberg.u" : "iceberg.t"),
                                             .requirements = state_json(arena, "[]"),
                                             .updates = state_json(arena, SET("2"))};
    catalog_commit_all(state->catalog, &call->call, changes, 2);
    state_wait(call);
}

static void do_create(struct state *state)
{
    state_create(state, "iceberg.n", NULL);
}

static void do_drop(struct state *state)
{
    state_drop(state, CATALOG_TABLE, "iceberg.t", true);
    state_settle(state);
}

static void do_rename(struct state *state)
{
    state_rename(state, CATALOG_TABLE, "iceberg.t", "iceberg.n");
}

static void do_register(struct state *state)
{
    state_load(state, CATALOG_TABLE, "iceberg.t");
    struct str file = state->answer.metadata_location;
    state_drop(state, CATALOG_TABLE, "iceberg.t", false);
    state_register(state, "iceberg.n", file, false);
}

/* "1", "2", or "-" when it is not there. */
static const char *look(struct state *state, const char *name)
{
    enum catalog_problem problem = state_load(state, CATALOG_TABLE, name);
    if (problem == CATALOG_NO_TABLE)
        return "-";
    if (problem != CATALOG_FINE) {
        fprintf(stderr, "%s: %s\n", name, state->message.ptr);
        _exit(3);
    }
    struct str value = json_text(json_get(json_get(state->metadata, "properties"), "a"));
    return value.len ? str_cstr(state->arena, value) : "0";
}

/* A process of its own works with the files; the exit status as waitpid has it. This one never reaches a failpoint, or
 * its children would not look for theirs. */
static int run(const char *data, const char *failpoint, void (*act)(struct state *state))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setenv("EIDER_FAILPOINT", failpoint, 1);
        struct state *state = state_begin(data);
        act(state);
        _exit(0); /* nothing is flushed or ended in order */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool is_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

struct crash {
    const char *failpoint;
    void (*act)(struct state *state);
    const char *after; /* t, u, n */
};

static const struct crash crashes[] = {
    {"catalog.file.before", do_commit, "11-"},        {"catalog.file.written", do_commit, "11-"},
    {"catalog.commit.before_rows", do_commit, "11-"}, {"catalog.commit.row", do_commit, "11-"},
    {"catalog.commit.stored", do_commit, "21-"},      {"catalog.commit.before_answer", do_commit, "21-"},
    {"catalog.file.before:2", do_commit_all, "11-"},  {"catalog.file.written:2", do_commit_all, "11-"},
    {"catalog.commit.row", do_commit_all, "11-"},     {"catalog.commit.row:2", do_commit_all, "11-"},
    {"catalog.commit.stored", do_commit_all, "22-"},  {"catalog.create.directories", do_create, "11-"},
    {"catalog.file.written", do_create, "11-"},       {"catalog.create.before_row", do_create, "11-"},
    {"catalog.create.stored", do_create, "110"},      {"catalog.drop.before_row", do_drop, "11-"},
    {"catalog.drop.stored", do_drop, "-1-"},          {"catalog.delete.before", do_drop, "-1-"},
    {"catalog.delete.files", do_drop, "-1-"},         {"catalog.rename.before_row", do_rename, "11-"},
    {"catalog.rename.stored", do_rename, "-11"},      {"catalog.register.before_row", do_register, "-1-"},
    {"catalog.register.stored", do_register, "-11"},
};

static const struct crash *crashed; /* what check looks at */

static void check(struct state *state)
{
    struct str after = str_format(state->arena, "%s%s%s", look(state, "iceberg.t"), look(state, "iceberg.u"),
                                  look(state, "iceberg.n"));
    if (!str_equal(after, str_from(crashed->after))) {
        fprintf(stderr, "%s: %s instead of %s\n", crashed->failpoint, after.ptr, crashed->after);
        _exit(1);
    }
    /* And it goes on. */
    if (state_commit(state, "iceberg.u", "[]", SET("3")) != CATALOG_FINE)
        _exit(2);
    state_settle(state);
    state_end(&state);
}

static void crash_leaves_all_or_nothing(void **in)
{
    (void)in;
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        char data[] = "/tmp/eider-crash-XXXXXX";
        assert_non_null(mkdtemp(data));
        crashed = &crashes[i];
        assert_int_equal(run(data, "", prepare), 0);
        if (!is_killed(run(data, crashed->failpoint, crashed->act)))
            fail_msg("%s was not reached", crashed->failpoint);
        assert_int_equal(run(data, "", check), 0);
        assert_true(state_remove(data));
    }
}

static void on_tenant(void *owner, const struct err *error)
{
    struct state *state = owner;
    (void)error;
    loop_stop(state->loop);
}

static void do_end_tenant(struct state *state)
{
    tenant_delete(state->tenants, NULL, S("acme"), on_tenant, state);
    loop_run(state->loop);
}

/* There is a new tenant of the same name. */
static void check_tenant(struct state *state)
{
    state_settle(state);
    struct str left = str_format(state->arena, "%.*s/acme/iceberg", STR_ARG(state->warehouse));
    if (state_list(state, CATALOG_TABLE, "iceberg").len || state_has(state, left))
        _exit(1);
    if (state_create(state, "iceberg.t", NULL) != CATALOG_FINE)
        _exit(2);
    state_end(&state);
}

static void crash_brings_no_tenant_back(void **in)
{
    (void)in;
    static const char *const failpoints[] = {"catalog.removal.before_files", "catalog.removal.files"};
    for (size_t i = 0; i < 2; i++) {
        char data[] = "/tmp/eider-crash-XXXXXX";
        assert_non_null(mkdtemp(data));
        assert_int_equal(run(data, "", prepare), 0);
        assert_true(is_killed(run(data, failpoints[i], do_end_tenant)));
        assert_int_equal(run(data, "", check_tenant), 0);
        assert_true(state_remove(data));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_leaves_all_or_nothing),
        cmocka_unit_test(crash_brings_no_tenant_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
