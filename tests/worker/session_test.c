/* Sessions with real workers: what stays between statements, their order, transactions, prepared statements, loss, and
 * who may. */
#include "door.h"

/* --- Transactions --- */

static void step(struct outcome *outcome, struct fixture *fixture, struct query_session *session,
                 enum query_transaction_step asked, const char *transaction)
{
    struct query_request request = {
        .tenant = S("acme"), .session = session, .transaction = str_from(transaction), .step = asked};
    outcome_request(outcome, fixture, &request);
    outcome_wait(outcome);
}

static void begin(struct fixture *fixture, struct query_session *session, char transaction[40])
{
    AUTO(outcome) struct outcome outcome = {0};
    step(&outcome, fixture, session, QUERY_BEGIN, NULL);
    if (outcome.error.code != ERR_OK)
        fail_msg("begin: %s", outcome.error.message);
    snprintf(transaction, 40, "%s", outcome.transaction);
    assert_int_equal(strlen(transaction), 32);
}

static enum err_code end(struct fixture *fixture, struct query_session *session, enum query_transaction_step asked,
                         const char *transaction)
{
    AUTO(outcome) struct outcome outcome = {0};
    step(&outcome, fixture, session, asked, transaction);
    return outcome.error.code;
}

/* --- What stays --- */

static void temporary_tables_and_settings_stay_in_the_session_alone(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture), *other = open_session(fixture);
    assert_false(query_session_is_kept(session));
    assert_int_equal(run(fixture, session, NULL, "create temp table t as select 5 as a"), ERR_OK);
    assert_true(query_session_is_kept(session));
    assert_int_equal(run(fixture, session, NULL, "set timezone='Asia/Tokyo'"), ERR_OK);
    assert_in(fixture, session, NULL, "select a, current_setting('timezone') as z from t", "a,z\n5,Asia/Tokyo\n");
    assert_int_equal(run(fixture, other, NULL, "select a from t"), ERR_NOT_FOUND);
    assert_int_equal(run(fixture, NULL, NULL, "select a from t"), ERR_NOT_FOUND);
    query_session_close(&session);
    query_session_close(&other);
    assert_csv(fixture, "acme", "select count(*) as n from duckdb_tables()", "n\n0\n");
}

static void settings_are_the_sessions_own(void **state)
{
    static const char *const settings[][2] = {
        {"TimeZone", "Asia/Tokyo"},      {"Calendar", "japanese"},
        {"default_order", "desc"},       {"default_null_order", "first"},
        {"default_collation", "nocase"}, {"integer_division", "true"},
        {"search_path", "main"},         {"ieee_floating_point_ops", "false"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        struct query_session *session = open_session(fixture);
        char set[80], get[80], reset[80];
        snprintf(set, sizeof(set), "set %s = '%s'", settings[i][0], settings[i][1]);
        snprintf(get, sizeof(get), "select current_setting('%s')::text as s", settings[i][0]);
        snprintf(reset, sizeof(reset), "reset %s", settings[i][0]);
        AUTO(outcome) struct outcome before = {0};
        AUTO(outcome) struct outcome inside = {0};
        AUTO(outcome) struct outcome outside = {0};
        AUTO(outcome) struct outcome after = {0};
        start(&before, fixture, NULL, NULL, get);
        outcome_wait(&before);
        RUN_IN(changed, fixture, session, NULL, set);
        start(&inside, fixture, session, NULL, get);
        outcome_wait(&inside);
        start(&outside, fixture, NULL, NULL, get);
        outcome_wait(&outside);
        assert_int_equal(inside.error.code, ERR_OK);
        assert_false(str_equal(buf_str(&before.text), buf_str(&inside.text)));
        if (!str_equal(buf_str(&before.text), buf_str(&outside.text)))
            fail_msg("%s is seen outside of the session", settings[i][0]);
        RUN_IN(back, fixture, session, NULL, reset);
        start(&after, fixture, session, NULL, get);
        outcome_wait(&after);
        if (i < 6 && !str_equal(buf_str(&before.text), buf_str(&after.text)))
            fail_msg("%s is %.*s after reset", settings[i][0], STR_ARG(buf_str(&after.text)));
        query_session_close(&session);
    }
}

static void begin_and_commit_work_as_text(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    assert_csv(fixture, "acme", "create table t(a int); select 1 as a", "a\n1\n");
    assert_int_equal(run(fixture, session, NULL, "begin"), ERR_OK);
    assert_int_equal(run(fixture, session, NULL, "insert into t values (1)"), ERR_OK);
    assert_in(fixture, session, NULL, "select count(*) as n from t", "n\n1\n");
    assert_csv(fixture, "acme", "select count(*) as n from t", "n\n0\n");
    assert_int_equal(run(fixture, session, NULL, "commit"), ERR_OK);
    assert_csv(fixture, "acme", "select count(*) as n from t", "n\n1\n");
    assert_false(query_session_is_kept(session));
    query_session_close(&session);
}

static void a_session_without_leftovers_runs_side_by_side(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    AUTO(outcome) struct outcome slow = {0};
    start(&slow, fixture, session, NULL, LONG);
    pause_for(fixture, 100000);
    assert_in(fixture, session, NULL, "select 1 as a", "a\n1\n");
    assert_int_equal(run(fixture, session, NULL, "create temp table t(a int)"), ERR_OK);
    assert_false(slow.ended);
    query_cancel(slow.statement);
    outcome_wait(&slow);
    query_session_close(&session);
}

static void a_session_with_leftovers_runs_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    assert_int_equal(run(fixture, session, NULL, "create temp table t as select 0 as a"), ERR_OK);
    struct outcome outcomes[10] = {0};
    for (size_t i = 0; i < 10; i++)
        start(&outcomes[i], fixture, session, NULL, "update t set a = a + 1; select a from t");
    for (size_t i = 10; i-- > 0;)
        outcome_wait(&outcomes[i]);
    for (size_t i = 0; i < 10; i++) {
        char wanted[16];
        snprintf(wanted, sizeof(wanted), "a\n%zu\n", i + 1);
        assert_text(&outcomes[i], wanted);
        outcome_done(&outcomes[i]);
    }
    query_session_close(&session);
}

static void whoever_waits_too_long_is_told_for_what(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    struct err err;
    assert_true(limits_set(S("session.busy_wait"), 1, &err));
    assert_int_equal(run(fixture, session, NULL, "begin"), ERR_OK);
    AUTO(outcome) struct outcome slow = {0};
    AUTO(outcome) struct outcome waits = {0};
    start(&slow, fixture, session, NULL, LONG);
    char id[24];
    snprintf(id, sizeof(id), "%.*s", STR_ARG(query_statement_id(slow.statement)));
    start(&waits, fixture, session, NULL, "select 1 as a");
    outcome_wait(&waits);
    assert_true(limits_set(S("session.busy_wait"), 60, &err));
    assert_int_equal(waits.error.code, ERR_CONFLICT);
    assert_non_null(strstr(waits.error.message, id));
    assert_non_null(strstr(waits.error.message, "session.busy_wait"));
    query_cancel(slow.statement);
    outcome_wait(&slow);
    assert_int_equal(slow.error.code, ERR_CANCELLED);
    query_session_close(&session);
}

static void a_waiting_statement_can_be_cancelled_and_holds_no_slot(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    assert_int_equal(run(fixture, session, NULL, "begin"), ERR_OK);
    struct outcome outcomes[20] = {0};
    for (size_t i = 0; i < 20; i++)
        start(&outcomes[i], fixture, session, NULL, i ? "select 1 as a" : LONG);
    assert_csv(fixture, "acme", "select 1 as a", "a\n1\n"); /* more wait than there are slots */
    query_cancel(outcomes[5].statement);
    outcome_wait(&outcomes[5]);
    assert_int_equal(outcomes[5].error.code, ERR_CANCELLED);
    assert_false(outcomes[0].ended || outcomes[1].ended);
    query_cancel(outcomes[0].statement);
    for (size_t i = 0; i < 20; i++) {
        outcome_wait(&outcomes[i]);
        outcome_done(&outcomes[i]);
    }
    query_session_close(&session);
}

/* --- Transactions by id --- */

static void a_transaction_is_seen_by_its_own_statements_until_commit(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    char first[40], second[40];
    assert_csv(fixture, "acme", "create table t(a int); select 1 as a", "a\n1\n");
    begin(fixture, session, first);
    begin(fixture, session, second);
    assert_int_equal(run(fixture, session, first, "insert into t values (1)"), ERR_OK);
    assert_int_equal(run(fixture, session, second, "insert into t values (2), (3)"), ERR_OK);
    assert_in(fixture, session, first, "select sum(a) as n from t", "n\n1\n");
    assert_in(fixture, session, second, "select sum(a) as n from t", "n\n5\n");
    assert_in(fixture, session, NULL, "select count(*) as n from t", "n\n0\n");
    assert_int_equal(end(fixture, session, QUERY_ROLLBACK, first), ERR_OK);
    assert_int_equal(end(fixture, session, QUERY_COMMIT, second), ERR_OK);
    assert_in(fixture, session, NULL, "select sum(a) as n from t", "n\n5\n");
    assert_int_equal(run(fixture, session, first, "select 1"), ERR_NOT_FOUND);
    assert_int_equal(end(fixture, session, QUERY_COMMIT, second), ERR_NOT_FOUND);
    assert_false(query_session_is_kept(session));
    query_session_close(&session);
}

static void temporary_tables_of_the_first_transaction_survive_its_commit(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    char transaction[40];
    begin(fixture, session, transaction);
    assert_int_equal(run(fixture, session, transaction, "create temp table t as select 8 as a"), ERR_OK);
    assert_int_equal(end(fixture, session, QUERY_COMMIT, transaction), ERR_OK);
    begin(fixture, session, transaction);
    assert_in(fixture, session, transaction, "select a from t", "a\n8\n");
    assert_int_equal(end(fixture, session, QUERY_ROLLBACK, transaction), ERR_OK);
    query_session_close(&session);
}

static void a_commit_that_fails_ends_the_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    char first[40], second[40];
    assert_csv(fixture, "acme", "create table t(a int primary key); select 1 as a", "a\n1\n");
    begin(fixture, session, first);
    begin(fixture, session, second);
    assert_int_equal(run(fixture, session, first, "insert into t values (1)"), ERR_OK);
    assert_int_equal(run(fixture, session, second, "insert into t values (1)"), ERR_OK);
    assert_int_equal(end(fixture, session, QUERY_COMMIT, first), ERR_OK);
    assert_int_not_equal(end(fixture, session, QUERY_COMMIT, second), ERR_OK);
    assert_int_equal(run(fixture, session, second, "select 1"), ERR_NOT_FOUND);
    assert_in(fixture, session, NULL, "select count(*) as n from t", "n\n1\n");
    assert_false(query_session_is_kept(session));
    query_session_close(&session);
}

static void a_closed_session_is_rolled_back_even_while_it_runs(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    char transaction[40];
    assert_csv(fixture, "acme", "create table t(a int); select 1 as a", "a\n1\n");
    begin(fixture, session, transaction);
    assert_int_equal(run(fixture, session, transaction, "insert into t values (1)"), ERR_OK);
    AUTO(outcome) struct outcome slow = {0};
    AUTO(outcome) struct outcome waits = {0};
    start(&slow, fixture, session, transaction, LONG);
    start(&waits, fixture, session, transaction, "insert into t values (2)");
    pause_for(fixture, 50000);
    query_session_close(&session);
    assert_false(slow.ended || waits.ended);
    outcome_wait(&slow);
    outcome_wait(&waits);
    assert_int_equal(slow.error.code, ERR_CANCELLED);
    assert_int_equal(waits.error.code, ERR_CANCELLED);
    assert_csv(fixture, "acme", "select count(*) as n from t", "n\n0\n");
    assert_csv(fixture, "acme", "alter table t add column b int; select 1 as a", "a\n1\n"); /* nothing holds it */
}

static void a_transaction_needs_a_session_and_an_id_of_it(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture), *other = open_session(fixture);
    char transaction[40];
    begin(fixture, session, transaction);
    assert_int_equal(run(fixture, other, transaction, "select 1"), ERR_NOT_FOUND);
    assert_int_equal(run(fixture, NULL, transaction, "select 1"), ERR_PRECONDITION);
    assert_int_equal(end(fixture, NULL, QUERY_BEGIN, NULL), ERR_PRECONDITION);
    assert_int_equal(end(fixture, session, QUERY_COMMIT, NULL), ERR_NOT_FOUND);
    assert_int_equal(end(fixture, session, QUERY_BEGIN, transaction), ERR_INVALID);
    AUTO(outcome) struct outcome outcome = {0};
    struct query_request request = {
        .tenant = S("beta"), .sql = S("select 1"), .session = session, .transaction = str_from(transaction)};
    outcome_request(&outcome, fixture, &request);
    assert_int_equal(outcome.error.code, ERR_INVALID);
    request.tenant = S("");
    outcome_request(&outcome, fixture, &request); /* the transaction names the tenant */
    outcome_wait(&outcome);
    query_session_close(&session);
    query_session_close(&other);
}

/* --- Loss --- */

static void a_lost_session_says_so_once(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture), *clean = open_session(fixture);
    char transaction[40];
    assert_csv(fixture, "acme", "create table t(a int); select 1 as a", "a\n1\n");
    assert_int_equal(run(fixture, session, NULL, "create temp table own(a int)"), ERR_OK);
    begin(fixture, session, transaction);
    assert_int_equal(run(fixture, session, transaction, "insert into t values (1)"), ERR_OK);
    assert_in(fixture, clean, NULL, "select 1 as a", "a\n1\n");
    kill_worker(fixture);
    AUTO(outcome) struct outcome outcome = {0};
    start(&outcome, fixture, session, transaction, "insert into t values (2)");
    assert_null(outcome.statement);
    assert_int_equal(outcome.error.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(outcome.error.message, "session lost"));
    assert_int_equal(run(fixture, session, transaction, "select 1"), ERR_NOT_FOUND);
    assert_in(fixture, session, NULL, "select count(*) as n from t", "n\n0\n");
    assert_int_equal(run(fixture, session, NULL, "select * from own"), ERR_NOT_FOUND);
    assert_in(fixture, clean, NULL, "select 2 as a", "a\n2\n");
    query_session_close(&session);
    query_session_close(&clean);
}

static void a_worker_that_dies_under_a_session_takes_those_that_wait(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    assert_int_equal(run(fixture, session, NULL, "begin"), ERR_OK);
    AUTO(outcome) struct outcome slow = {0};
    AUTO(outcome) struct outcome first = {0};
    AUTO(outcome) struct outcome second = {0};
    start(&slow, fixture, session, NULL, LONG);
    start(&first, fixture, session, NULL, "select 1 as a");
    start(&second, fixture, session, NULL, "select 2 as a");
    pause_for(fixture, 50000);
    kill_worker(fixture);
    outcome_wait(&slow);
    outcome_wait(&first);
    outcome_wait(&second);
    assert_int_equal(slow.error.code, ERR_UNAVAILABLE);
    assert_int_equal(first.error.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(first.error.message, "session lost"));
    assert_int_equal(second.error.code, ERR_OK);
    query_session_close(&session);
}

/* --- Prepared statements --- */

static void prepared_statements_belong_to_their_session_and_survive_the_worker(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    struct err err;
    struct query_prepared *prepared =
        query_prepared_new(session, S("select 42 as a, ?::int as b"), S("acme"), S(""), &err);
    assert_non_null(prepared);
    struct query_request request = {
        .session = session, .prepared = prepared, .purpose = QUERY_DESCRIBE, .tenant = S("acme")};
    AUTO(outcome) struct outcome described = {0};
    outcome_request(&described, fixture, &request);
    outcome_wait(&described);
    if (described.error.code != ERR_OK)
        fail_msg("%s", described.error.message);
    assert_int_equal(described.kind, QUERY_KIND_READ);
    request.purpose = QUERY_RUN;
    request.format = QUERY_FORMAT_CSV;
    request.parameters = S("[7]");
    for (int i = 0; i < 3; i++) {
        AUTO(outcome) struct outcome outcome = {0};
        outcome_request(&outcome, fixture, &request);
        outcome_wait(&outcome);
        if (outcome.error.code != ERR_OK)
            fail_msg("%s", outcome.error.message);
        assert_text(&outcome, "a,b\n42,7\n");
        if (i == 1)
            kill_worker(fixture);
    }
    assert_ptr_equal(query_prepared_find(session, prepared->handle, &err), prepared);
    struct str handle = str_copy(fixture->arena, prepared->handle);
    query_prepared_close(&prepared);
    assert_null(query_prepared_find(session, handle, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    query_session_close(&session);
}

static void a_long_prepared_statement_does_not_hold_the_session(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    struct err err;
    struct query_prepared *prepared = query_prepared_new(session, S(LONG), S("acme"), S(""), &err);
    struct query_request request = {.session = session, .prepared = prepared, .format = QUERY_FORMAT_CSV};
    AUTO(outcome) struct outcome slow = {0};
    outcome_request(&slow, fixture, &request);
    pause_for(fixture, 50000);
    assert_int_equal(run(fixture, session, NULL, "create temp table t as select 1 as a"), ERR_OK);
    assert_in(fixture, session, NULL, "select a from t", "a\n1\n");
    assert_false(slow.ended);
    query_cancel(slow.statement);
    outcome_wait(&slow);
    assert_in(fixture, session, NULL, "select a from t", "a\n1\n");
    query_session_close(&session);
}

static void describe_or_run_describes_what_reads_and_runs_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    struct query_request request = {
        .tenant = S("acme"), .session = session, .purpose = QUERY_DESCRIBE_OR_RUN, .sql = S("select 1 as a")};
    AUTO(outcome) struct outcome reads = {0};
    outcome_request(&reads, fixture, &request);
    outcome_wait(&reads);
    assert_int_equal(reads.error.code, ERR_OK);
    assert_false(reads.ran);
    assert_int_equal(reads.roles[QUERY_ROLE_RESULT_SCHEMA], 1);
    assert_int_equal(reads.roles[QUERY_ROLE_PARAMETER_SCHEMA], 1);
    assert_int_equal(reads.roles[QUERY_ROLE_RESULT], 0);
    request.sql = S("create temp table t as select 1 as a");
    AUTO(outcome) struct outcome runs = {0};
    outcome_request(&runs, fixture, &request);
    outcome_wait(&runs);
    if (runs.error.code != ERR_OK)
        fail_msg("%s", runs.error.message);
    assert_true(runs.ran);
    assert_true(runs.roles[QUERY_ROLE_RESULT] > 0);
    assert_in(fixture, session, NULL, "select a from t", "a\n1\n");
    query_session_close(&session);
}

/* --- Bounds --- */

static void sessions_and_what_they_hold_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    struct query_session *session = open_session(fixture);
    assert_true(limits_set(S("session.max_sessions"), 1, &err));
    assert_null(query_session_open(fixture->query, &anna, on_expired, fixture, &err));
    assert_int_equal(err.code, ERR_RESOURCE);
    assert_non_null(strstr(err.message, "session.max_sessions"));
    struct query_session *of_another = query_session_open(fixture->query, &rita, on_expired, fixture, &err);
    assert_non_null(of_another);
    query_session_close(&of_another);
    assert_true(limits_set(S("session.max_sessions"), 1000, &err));

    assert_true(limits_set(S("session.max_prepared"), 1, &err));
    assert_non_null(query_prepared_new(session, S("select 1"), S("acme"), S(""), &err));
    assert_null(query_prepared_new(session, S("select 1"), S("acme"), S(""), &err));
    assert_true(limits_set(S("session.max_prepared"), 1000, &err));
    assert_int_equal(err.code, ERR_RESOURCE);

    char transaction[40];
    assert_true(limits_set(S("session.max_transactions"), 1, &err));
    begin(fixture, session, transaction);
    assert_int_equal(end(fixture, session, QUERY_BEGIN, NULL), ERR_RESOURCE);
    assert_int_equal(end(fixture, session, QUERY_ROLLBACK, transaction), ERR_OK);
    begin(fixture, session, transaction);
    assert_true(limits_set(S("session.max_transactions"), 16, &err));

    assert_true(limits_set(S("session.max_statements"), 1, &err));
    AUTO(outcome) struct outcome slow = {0};
    start(&slow, fixture, session, NULL, LONG);
    assert_int_equal(run(fixture, session, NULL, "select 1"), ERR_RESOURCE);
    assert_true(limits_set(S("session.max_statements"), 32, &err));
    query_session_close(&session);
    outcome_wait(&slow);
}

static void idle_sessions_expire(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    assert_true(limits_set(S("session.idle_timeout"), 1, &err));
    struct query_session *session = open_session(fixture);
    int64_t from_us = clock_now_us();
    pause_for(fixture, 600000);
    assert_in(fixture, session, NULL, "select 1 as a", "a\n1\n"); /* keeps it */
    while (!fixture->done)
        loop_run(fixture->loop);
    assert_true(clock_now_us() - from_us >= 1500000);
    assert_true(limits_set(S("session.idle_timeout"), 1800, &err));
    query_session_close(&session);
}

static void sessions_expire_with_their_user_and_their_tenant(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    struct query_session *session = open_session(fixture);
    AUTO(outcome) struct outcome slow = {0};
    start(&slow, fixture, session, NULL, LONG);
    query_end_user(fixture->query, anna.user);
    while (!fixture->done)
        loop_run(fixture->loop);
    query_session_close(&session);
    outcome_wait(&slow);
    assert_int_equal(slow.error.code, ERR_UNAUTHENTICATED);

    session = open_session(fixture);
    assert_false(query_session_set_tenant(session, &rita, S("beta"), &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_true(query_session_set_tenant(session, &anna, S("acme"), &err));
    assert_true(str_equal(query_session_tenant(session), S("acme")));
    assert_int_equal(run(fixture, session, NULL, "begin"), ERR_OK);
    struct fixture deletion = {.loop = fixture->loop};
    tenant_delete(fixture->tenants, NULL, S("acme"), on_done, &deletion);
    while (!deletion.done || !fixture->done)
        loop_run(fixture->loop);
    assert_int_equal(deletion.error.code, ERR_OK);
    query_session_close(&session);
}

/* --- Uploads --- */

static void upload(struct outcome *outcome, struct fixture *fixture, struct query_session *session, bool temporary,
                   struct outcome *source)
{
    struct query_sink sink = outcome_sink(outcome);
    outcome->fixture = fixture;
    struct query_upload_request request = {.who = &anna,
                                           .tenant = S("acme"),
                                           .table = S("copy"),
                                           .mode = QUERY_MODE_CREATE_APPEND,
                                           .temporary = temporary,
                                           .session = session,
                                           .deadline_us = CLOCK_NEVER};
    outcome->statement = query_upload(fixture->query, &request, &sink, outcome_on_ready, &outcome->error);
    outcome->ended = !outcome->statement;
    if (outcome->ended)
        return;
    for (size_t i = 0; i < source->kept.count; i++) {
        struct query_piece *piece = &source->kept.items[i];
        uint8_t *body = query_upload_body(outcome->statement, piece->body.len, &outcome->error);
        assert_non_null(body);
        if (piece->body.len)
            memcpy(body, piece->body.ptr, piece->body.len);
        query_upload_message(outcome->statement, bare_header(source, i));
    }
    query_upload_finish(outcome->statement);
    outcome_wait(outcome);
}

static void an_upload_joins_the_single_open_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    AUTO(outcome) struct outcome source = {0};
    collect(&source, fixture, "select range as a from range(100)");
    char first[40], second[40];
    begin(fixture, session, first);
    AUTO(outcome) struct outcome joins = {0};
    upload(&joins, fixture, session, false, &source);
    if (joins.error.code != ERR_OK)
        fail_msg("%s", joins.error.message);
    assert_int_equal(run(fixture, NULL, NULL, "select * from copy"), ERR_NOT_FOUND);
    assert_in(fixture, session, first, "select count(*) as n from copy", "n\n100\n");
    begin(fixture, session, second);
    AUTO(outcome) struct outcome unsure = {0};
    upload(&unsure, fixture, session, false, &source);
    assert_int_equal(unsure.error.code, ERR_INVALID);
    assert_int_equal(end(fixture, session, QUERY_ROLLBACK, second), ERR_OK);
    assert_int_equal(end(fixture, session, QUERY_COMMIT, first), ERR_OK);
    assert_csv(fixture, "acme", "select count(*) as n from copy", "n\n100\n");
    query_session_close(&session);
}

static void a_temporary_upload_stays_in_its_session(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    AUTO(outcome) struct outcome source = {0};
    collect(&source, fixture, "select range as a from range(100)");
    AUTO(outcome) struct outcome without = {0};
    upload(&without, fixture, NULL, true, &source);
    assert_int_equal(without.error.code, ERR_PRECONDITION);
    AUTO(outcome) struct outcome with = {0};
    upload(&with, fixture, session, true, &source);
    if (with.error.code != ERR_OK)
        fail_msg("%s", with.error.message);
    assert_in(fixture, session, NULL, "select count(*) as n from copy", "n\n100\n");
    assert_int_equal(run(fixture, NULL, NULL, "select * from copy"), ERR_NOT_FOUND);
    query_session_close(&session);
}

/* --- Rights --- */

static enum err_code run_as(struct fixture *fixture, const struct principal *who, const char *tenant, const char *sql)
{
    AUTO(outcome) struct outcome outcome = {0};
    struct query_request request = {
        .who = who, .tenant = str_from(tenant), .sql = str_from(sql), .format = QUERY_FORMAT_CSV};
    outcome_request(&outcome, fixture, &request);
    outcome_wait(&outcome);
    return outcome.error.code;
}

static void roles_bound_what_runs(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_as(fixture, &anna, "acme", "create table t(a int)"), ERR_OK);
    assert_int_equal(run_as(fixture, &rita, "acme", "select * from t"), ERR_OK);
    assert_int_equal(run_as(fixture, &rita, "acme", "insert into t values (1)"), ERR_DENIED);
    assert_int_equal(run_as(fixture, &rita, "acme", "create temp table x(a int)"), ERR_DENIED);
    assert_int_equal(run_as(fixture, &rita, "beta", "select 1"), ERR_NOT_FOUND);
    assert_int_equal(run_as(fixture, &will, "acme", "insert into t values (1)"), ERR_OK);
    assert_int_equal(run_as(fixture, &will, "acme", "create table x(a int)"), ERR_DENIED);
    assert_int_equal(run_as(fixture, &will, "acme", "drop table t"), ERR_DENIED);
    assert_csv(fixture, "acme", "select count(*) as n from t", "n\n1\n");
}

static void a_session_serves_its_own_user_only(void **state)
{
    struct fixture *fixture = *state;
    struct query_session *session = open_session(fixture);
    AUTO(outcome) struct outcome outcome = {0};
    struct query_request request = {.who = &rita, .tenant = S("acme"), .sql = S("select 1"), .session = session};
    outcome_request(&outcome, fixture, &request);
    assert_int_equal(outcome.error.code, ERR_DENIED);
    query_session_close(&session);
}

static void statements_are_seen_and_cancelled_by_their_owners_only(void **state)
{
    struct fixture *fixture = *state;
    static const struct grant acme_owner = {.tenant = {"acme", 4}, .role = ROLE_OWNER};
    const struct principal olga = {.user = S("olga"), .grants = &acme_owner, .grant_count = 1};
    AUTO(outcome) struct outcome slow = {0};
    struct query_request request = {.who = &will, .tenant = S("acme"), .sql = S(LONG)};
    outcome_request(&slow, fixture, &request);
    assert_int_equal(count_statements(fixture, &rita, ""), 0);
    assert_int_equal(count_statements(fixture, &will, ""), 1);
    assert_int_equal(count_statements(fixture, &olga, "acme"), 1);
    struct query_info info;
    struct err err;
    struct str id = str_copy(fixture->arena, query_statement_id(slow.statement));
    assert_false(query_cancel_id(fixture->query, &rita, id, &info, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_true(query_cancel_id(fixture->query, &olga, id, &info, &err));
    assert_true(str_equal(info.user, S("will")) && str_equal(info.tenant, S("acme")));
    outcome_wait(&slow);
    assert_int_equal(count_statements(fixture, &rita, ""), 0);
    assert_int_equal(count_statements(fixture, &will, ""), 1);
    assert_int_equal(count_statements(fixture, &olga, "acme"), 1);
    assert_int_equal(slow.error.code, ERR_CANCELLED);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(temporary_tables_and_settings_stay_in_the_session_alone),
        FACT(settings_are_the_sessions_own),
        FACT(begin_and_commit_work_as_text),
        FACT(a_session_without_leftovers_runs_side_by_side),
        FACT(a_session_with_leftovers_runs_in_order),
        FACT(whoever_waits_too_long_is_told_for_what),
        FACT(a_waiting_statement_can_be_cancelled_and_holds_no_slot),
        FACT(a_transaction_is_seen_by_its_own_statements_until_commit),
        FACT(temporary_tables_of_the_first_transaction_survive_its_commit),
        FACT(a_commit_that_fails_ends_the_transaction),
        FACT(a_closed_session_is_rolled_back_even_while_it_runs),
        FACT(a_transaction_needs_a_session_and_an_id_of_it),
        FACT(a_lost_session_says_so_once),
        FACT(a_worker_that_dies_under_a_session_takes_those_that_wait),
        FACT(prepared_statements_belong_to_their_session_and_survive_the_worker),
        FACT(a_long_prepared_statement_does_not_hold_the_session),
        FACT(describe_or_run_describes_what_reads_and_runs_the_rest),
        FACT(sessions_and_what_they_hold_are_bounded),
        FACT(idle_sessions_expire),
        FACT(sessions_expire_with_their_user_and_their_tenant),
        FACT(an_upload_joins_the_single_open_transaction),
        FACT(a_temporary_upload_stays_in_its_session),
        FACT(roles_bound_what_runs),
        FACT(a_session_serves_its_own_user_only),
        FACT(statements_are_seen_and_cancelled_by_their_owners_only),
    };
    cmocka_set_test_filter(getenv("EIDER_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
