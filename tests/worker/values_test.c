/* Values for parameters, metadata, progress, and what is logged, with real workers. */
#include "door.h"

/* --- Values for parameters --- */

static struct query_binds binds_of(const struct outcome *source)
{
    assert_true(source->kept.count >= 2);
    const struct slice *body = &source->kept.items[1].body;
    return (struct query_binds){
        .schema = bare_header(source, 0), .header = bare_header(source, 1), .body = str_bytes(body->ptr, body->len)};
}

static void values_come_as_a_batch_small_or_large(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    static const char *const sources[] = {"select 3::int as a", "select repeat('x', 200000) as a"};
    static const char *const wanted[] = {"n\n1\n", "n\n200000\n"};
    for (size_t i = 0; i < 2; i++) {
        AUTO(outcome) struct outcome source = {0};
        AUTO(outcome) struct outcome outcome = {0};
        collect(&source, fixture, sources[i]);
        struct query_binds binds = binds_of(&source);
        struct query_request request = {.tenant = S("acme"),
                                        .session = session,
                                        .sql = S("select length(?::text) as n"),
                                        .binds = &binds,
                                        .format = QUERY_FORMAT_CSV};
        outcome_request(&outcome, fixture, &request);
        outcome_wait(&outcome);
        if (outcome.error.code != ERR_OK)
            fail_msg("%s", outcome.error.message);
        assert_text(&outcome, wanted[i]);
    }
    query_session_close(&session);
}

static void values_that_follow_run_once_per_row(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome source = {0};
    AUTO(outcome) struct outcome outcome = {0};
    collect(&source, fixture, "select range::int as a from range(1000)");
    assert_csv(fixture, "acme", "create table t(a int); select 1 as a", "a\n1\n");
    struct query_request request = {
        .tenant = S("acme"), .sql = S("insert into t values (?)"), .binds_follow = true, .on_ready = outcome_on_ready};
    outcome_request(&outcome, fixture, &request);
    assert_non_null(outcome.statement);
    for (size_t i = 0; i < source.kept.count; i++) {
        const struct slice *from = &source.kept.items[i].body;
        uint8_t *body = query_upload_body(outcome.statement, from->len, &outcome.error);
        assert_non_null(body);
        if (from->len)
            memcpy(body, from->ptr, from->len);
        query_upload_message(outcome.statement, bare_header(&source, i));
    }
    query_upload_finish(outcome.statement);
    outcome_wait(&outcome);
    if (outcome.error.code != ERR_OK)
        fail_msg("%s", outcome.error.message);
    assert_int_equal(outcome.rows, 1000);
    assert_csv(fixture, "acme", "select count(*) as n, sum(a) as s from t", "n,s\n1000,499500\n");
}

/* --- Metadata, progress --- */

static void metadata_shows_what_the_session_made(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    assert_int_equal(run(fixture, session, NULL, "begin; create table made(a int)"), ERR_OK);
    for (int i = 0; i < 2; i++) {
        AUTO(outcome) struct outcome outcome = {.fixture = fixture};
        struct query_sink sink = outcome_sink(&outcome);
        struct query_metadata_request request = {.who = &anna,
                                                 .tenant = S("acme"),
                                                 .kind = QUERY_METADATA_TABLES,
                                                 .session = i ? session : NULL,
                                                 .table = S("made"),
                                                 .deadline_us = CLOCK_NEVER};
        outcome.statement = query_metadata(fixture->query, &request, &sink, &outcome.error);
        assert_non_null(outcome.statement);
        outcome_wait(&outcome);
        if (outcome.error.code != ERR_OK)
            fail_msg("%s", outcome.error.message);
        assert_int_equal(outcome.rows, i);
    }
    query_session_close(&session);
}

static void progress_is_told_to_who_asks(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome slow = {0};
    assert_csv(fixture, "acme", "create table t as select range as a from range(1000000); select 1 as a", "a\n1\n");
    struct query_request request = {.tenant = S("acme"),
                                    .sql =
                                        S("select sum(list_sum(list_transform(range(5000), lambda x: x + a))) from t"),
                                    .progress = true};
    outcome_request(&slow, fixture, &request);
    assert_true(query_statement_progress(slow.statement) < 0);
    double progress = -1;
    for (int i = 0; i < 500 && progress < 0 && !slow.ended; i++) {
        pause_for(fixture, 10000);
        progress = slow.ended ? -1 : query_statement_progress(slow.statement);
    }
    if (!slow.ended)
        query_cancel(slow.statement);
    outcome_wait(&slow);
    assert_true(progress >= 0 && progress <= 1);
}

/* --- The log --- */

struct logged {
    struct str sql, user, session, role;
    struct fixture *fixture;
    size_t rows;
};

static void logged_row(void *owner, const struct store_value *columns, size_t count)
{
    struct logged *logged = owner;
    assert_int_equal(count, 4);
    logged->rows++;
    logged->sql = str_copy(logged->fixture->arena, columns[0].text);
    logged->user = str_copy(logged->fixture->arena, columns[1].text);
    logged->session = str_copy(logged->fixture->arena, columns[2].text);
    logged->role = str_copy(logged->fixture->arena, columns[3].text);
}

static bool logged_read(struct store_job *job, struct store_db *db, struct err *err)
{
    return store_run(db, "SELECT sql, user, session, role FROM statements ORDER BY number", NULL, 0, logged_row,
                     job->owner, err);
}

static void logged_done(struct store_job *job, const struct err *error)
{
    struct logged *logged = job->owner;
    on_done(logged->fixture, error);
}

static void read_log(struct fixture *fixture, struct logged *logged)
{
    *logged = (struct logged){.fixture = fixture};
    struct store_job job = {.apply = logged_read, .done = logged_done, .owner = logged};
    fixture->done = false;
    store_submit(fixture->store, &job);
    while (!fixture->done)
        loop_run(fixture->loop);
    assert_int_equal(fixture->error.code, ERR_OK);
}

static void statements_are_logged_without_secrets_and_not_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    struct logged logged;
    struct err err;
    assert_in(fixture, session, NULL, "select 1 as password, 'x' as a", "password,a\n1,x\n");
    assert_int_equal(run(fixture, session, NULL, "select {'token': 'hidden'} as a"), ERR_OK);
    do {
        pause_for(fixture, 50000);
        read_log(fixture, &logged);
    } while (logged.rows < 2);
    assert_int_equal(logged.rows, 2);
    assert_true(str_equal(logged.sql, S("select {'token': '***'} as a")));
    assert_true(str_equal(logged.user, S("anna")));
    assert_true(str_equal(logged.session, query_session_id(session)));
    assert_true(str_equal(logged.role, S("owner")));
    assert_true(limits_set(S("query.log_rows"), 1, &err));
    assert_int_equal(run(fixture, session, NULL, "select 2"), ERR_OK);
    do {
        pause_for(fixture, 50000);
        read_log(fixture, &logged);
    } while (logged.rows != 1);
    assert_true(limits_set(S("query.log_rows"), 1000000, &err));
    assert_true(str_equal(logged.sql, S("select 2")));
    query_session_close(&session);
}

static void slow_statements_have_a_line(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    int ends[2];
    char text[65536] = "";
    size_t len = 0;
    assert_int_equal(pipe(ends), 0);
    assert_true(limits_set(S("query.slow"), 0, &err));
    log_set_level(LOG_WARN);
    log_set_fd(ends[1]);
    assert_csv(fixture, "acme", "select 'token', 'hidden' as a", "'token',a\ntoken,hidden\n");
    /* A worker that starts slowly has lines of its own, which come first. */
    while (!strstr(text, "statement.slow")) {
        ssize_t got = read(ends[0], text + len, sizeof(text) - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
    }
    log_set_fd(2);
    log_set_level(LOG_ERROR);
    assert_true(limits_set(S("query.slow"), 1000, &err));
    close(ends[0]);
    close(ends[1]);
    assert_non_null(strstr(text, "tenant=acme"));
    assert_non_null(strstr(text, "user=anna"));
    assert_null(strstr(text, "hidden"));
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(values_come_as_a_batch_small_or_large),
        FACT(values_that_follow_run_once_per_row),
        FACT(metadata_shows_what_the_session_made),
        FACT(progress_is_told_to_who_asks),
        FACT(statements_are_logged_without_secrets_and_not_for_ever),
        FACT(slow_statements_have_a_line),
    };
    cmocka_set_test_filter(getenv("EIDER_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
