/* The store: schema, statements, and jobs that share a commit without sharing their failures. The loop is a double that
 * keeps what was posted until the test runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#include "platform/net/loop.h"
#include "platform/store/store.h"

struct loop {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct {
        void (*run)(void *);
        void *owner;
    } posts[256];
    size_t count, taken;
};

void loop_post(struct loop *loop, void (*run)(void *owner), void *owner)
{
    pthread_mutex_lock(&loop->lock);
    assert_true(loop->count < 256);
    loop->posts[loop->count].run = run;
    loop->posts[loop->count++].owner = owner;
    pthread_cond_signal(&loop->posted);
    pthread_mutex_unlock(&loop->lock);
}

static void loop_double_turn(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    while (loop->taken == loop->count)
        pthread_cond_wait(&loop->posted, &loop->lock);
    size_t at = loop->taken++;
    pthread_mutex_unlock(&loop->lock);
    loop->posts[at].run(loop->posts[at].owner);
}

struct fixture {
    struct loop loop;
    char directory[64];
    char path[96];
    struct store *store;
    pthread_t thread;
    size_t ended, failed;
    struct err last;
};

struct job {
    struct store_job job;
    struct fixture *fixture;
    char id[32];
    bool fails;
};

static int setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    pthread_mutex_init(&fixture->loop.lock, NULL);
    pthread_cond_init(&fixture->loop.posted, NULL);
    snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/store_test_XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof(fixture->path), "%s/eider.db", fixture->directory);
    struct err err = {0};
    fixture->store = store_open(str_from(fixture->path), &err);
    if (!fixture->store)
        fail_msg("%s", err.message);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    store_close(&fixture->store);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", fixture->path, suffixes[i]);
        unlink(path);
    }
    rmdir(fixture->directory);
    mem_free(fixture);
    return 0;
}

static void keep_number(void *owner, const struct store_value *columns, size_t count)
{
    assert_int_equal(count, 1);
    *(int64_t *)owner = columns[0].number;
}

static int64_t number(struct store_db *db, const char *sql)
{
    int64_t value = -1;
    struct err err = {0};
    if (!store_run(db, sql, NULL, 0, keep_number, &value, &err))
        fail_msg("%s", err.message);
    return value;
}

static bool insert(struct store_db *db, const char *id, struct err *err)
{
    const struct store_value values[] = {STORE_STRING(str_from(id)), STORE_NUMBER(7)};
    return store_run(db, "INSERT INTO tenants VALUES (?, ?, 0)", values, 2, NULL, NULL, err);
}

static void *thread_main(void *owner)
{
    struct fixture *fixture = owner;
    store_thread(fixture->store, &fixture->loop);
    return NULL;
}

static void start(struct fixture *fixture)
{
    assert_int_equal(pthread_create(&fixture->thread, NULL, thread_main, fixture), 0);
}

static void finish(struct fixture *fixture)
{
    store_stop(fixture->store);
    pthread_join(fixture->thread, NULL);
}

static bool job_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct job *mine = job->owner;
    if (!insert(db, mine->id, err))
        return false;
    return !mine->fails || err_set(err, ERR_PRECONDITION, "told to fail");
}

static void job_done(struct store_job *job, const struct err *error)
{
    struct job *mine = job->owner;
    struct fixture *fixture = mine->fixture;
    fixture->ended++;
    if (error) {
        fixture->failed++;
        fixture->last = *error;
    }
    mem_free(mine);
}

static void submit(struct fixture *fixture, const char *id, bool fails)
{
    struct job *job = mem_new(struct job);
    job->job = (struct store_job){.apply = job_apply, .done = job_done, .owner = job};
    job->fixture = fixture;
    job->fails = fails;
    snprintf(job->id, sizeof(job->id), "%s", id);
    store_submit(fixture->store, &job->job);
}

static void store_is_durable_and_strict(void **state)
{
    struct fixture *fixture = *state;
    struct store_db *db = store_db(fixture->store);
    assert_int_equal(number(db, "PRAGMA synchronous"), 2);
    assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number(db, "PRAGMA busy_timeout"), 5000);
    assert_int_equal(number(db, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
}

static void store_values_go_in_and_come_out(void **state)
{
    struct fixture *fixture = *state;
    struct store_db *db = store_db(fixture->store);
    struct err err = {0};
    assert_true(insert(db, "a", &err));
    assert_false(insert(db, "a", &err));
    assert_int_equal(err.code, ERR_EXISTS);
    assert_true(insert(db, "", &err));
    assert_int_equal(number(db, "SELECT count(*) FROM tenants WHERE created_us = 7"), 2);
    assert_false(store_run(db, "SELECT nothing", NULL, 0, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
}

static void store_reopens_and_refuses_a_newer_schema(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    assert_true(insert(store_db(fixture->store), "kept", &err));
    store_close(&fixture->store);
    fixture->store = store_open(str_from(fixture->path), &err);
    assert_non_null(fixture->store);
    assert_int_equal(number(store_db(fixture->store), "SELECT count(*) FROM tenants"), 1);
    assert_true(store_run(store_db(fixture->store), "PRAGMA user_version = 1000", NULL, 0, NULL, NULL, &err));
    store_close(&fixture->store);
    fixture->store = store_open(str_from(fixture->path), &err);
    assert_null(fixture->store);
    assert_int_equal(err.code, ERR_PRECONDITION);
    assert_non_null(strstr(err.message, "newer eider"));
}

static void store_refuses_what_is_no_database(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    store_close(&fixture->store);
    FILE *file = fopen(fixture->path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database ", file);
    fclose(file);
    fixture->store = store_open(str_from(fixture->path), &err);
    assert_null(fixture->store);
    assert_int_equal(err.code, ERR_DATA_LOSS);
    assert_non_null(strstr(err.message, fixture->path));
    assert_null(store_open(S("/nonexistent/eider.db"), &err));
    assert_int_equal(err.code, ERR_UNAVAILABLE);
}

static void store_jobs_that_wait_share_a_commit(void **state)
{
    struct fixture *fixture = *state;
    char id[32];
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof(id), "t%d", i);
        submit(fixture, id, false);
    }
    start(fixture);
    loop_double_turn(&fixture->loop);
    assert_int_equal(fixture->ended, 100);
    assert_int_equal(fixture->loop.count, 1);
    finish(fixture);
    assert_int_equal(fixture->failed, 0);
    assert_int_equal(number(store_db(fixture->store), "SELECT count(*) FROM tenants"), 100);
}

static void store_a_failing_job_fails_alone(void **state)
{
    struct fixture *fixture = *state;
    submit(fixture, "first", false);
    submit(fixture, "bad", true);
    submit(fixture, "first", false);
    submit(fixture, "last", false);
    start(fixture);
    loop_double_turn(&fixture->loop);
    finish(fixture);
    assert_int_equal(fixture->ended, 4);
    assert_int_equal(fixture->failed, 2);
    assert_int_equal(fixture->last.code, ERR_EXISTS);
    assert_int_equal(number(store_db(fixture->store), "SELECT count(*) FROM tenants"), 2);
    assert_int_equal(number(store_db(fixture->store), "SELECT count(*) FROM tenants WHERE id = 'bad'"), 0);
}

static void store_a_failing_commit_fails_every_job(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    assert_true(store_run(store_db(fixture->store), "PRAGMA busy_timeout = 1", NULL, 0, NULL, NULL, &err));
    sqlite3 *other;
    assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    submit(fixture, "a", false);
    submit(fixture, "b", false);
    start(fixture);
    loop_double_turn(&fixture->loop);
    assert_int_equal(fixture->failed, 2);
    assert_int_equal(fixture->last.code, ERR_UNAVAILABLE);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    submit(fixture, "a", false);
    loop_double_turn(&fixture->loop);
    finish(fixture);
    assert_int_equal(fixture->ended, 3);
    assert_int_equal(fixture->failed, 2);
}

static void store_stop_ends_after_the_last_job(void **state)
{
    struct fixture *fixture = *state;
    submit(fixture, "late", false);
    store_stop(fixture->store);
    start(fixture);
    pthread_join(fixture->thread, NULL);
    loop_double_turn(&fixture->loop);
    assert_int_equal(fixture->ended, 1);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(store_is_durable_and_strict),
        STORE_TEST(store_values_go_in_and_come_out),
        STORE_TEST(store_reopens_and_refuses_a_newer_schema),
        STORE_TEST(store_refuses_what_is_no_database),
        STORE_TEST(store_jobs_that_wait_share_a_commit),
        STORE_TEST(store_a_failing_job_fails_alone),
        STORE_TEST(store_a_failing_commit_fails_every_job),
        STORE_TEST(store_stop_ends_after_the_last_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
