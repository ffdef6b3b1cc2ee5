/* The one door with real workers and a real DuckDB: results, back-pressure, cancel, deadlines, crashes, uploads,
 * tenants. */
#include "door.h"

#define UNSTOPPABLE "select len(list_sort(list_transform(range(60000000), lambda x: hash(x))))"

/* --- Facts --- */

static void select_42_comes_back(void **state)
{
    struct fixture *fixture = *state;
    assert_csv(fixture, "acme", "select 42 as answer", "answer\n42\n");
    RUN(flight, fixture, "acme", "select 42 as answer", QUERY_FORMAT_FLIGHT);
    assert_int_equal(flight.pieces, 2);
    assert_int_equal(flight.rows, 1);
    assert_true(buf_len(&flight.first_header) > 0);
}

static void errors_name_no_host_path(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "acme", "select * from missing", QUERY_FORMAT_CSV, CLOCK_NEVER);
    outcome_wait(&outcome);
    assert_int_equal(outcome.error.code, ERR_NOT_FOUND);
    assert_null(strstr(outcome.error.message, "/tmp/"));
}

static void big_results_stream_through_few_blocks(void **state)
{
    struct fixture *fixture = *state;
    RUN(outcome, fixture, "acme", "select range as a, range * 2 as b from range(3000000)", QUERY_FORMAT_FLIGHT);
    assert_int_equal(outcome.rows, 3000000);
    assert_true(outcome.pieces > 20);
    assert_true(buf_len(&outcome.text) >= 48000000);
}

static void one_row_larger_than_a_block_comes_in_pieces(void **state)
{
    struct fixture *fixture = *state;
    RUN(outcome, fixture, "acme", "select repeat('x', 5000000) as a", QUERY_FORMAT_FLIGHT);
    assert_int_equal(outcome.rows, 1);
    assert_true(outcome.pieces >= 5);
    assert_true(buf_len(&outcome.text) >= 5000000);
}

static void a_client_that_takes_nothing_holds_the_worker(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {.keep = true};
    outcome_start(&outcome, fixture, "acme", "select range as a from range(10000000)", QUERY_FORMAT_FLIGHT,
                  CLOCK_NEVER);
    pause_for(fixture, 500000);
    for (int i = 0; i < 50; i++)
        pause_for(fixture, 2000);
    size_t waiting = outcome.pieces;
    assert_true(waiting <= 4 + 8);
    assert_csv(fixture, "acme", "select 1 as a", "a\n1\n");
    assert_int_equal(outcome.pieces, waiting);
    outcome.keep = false;
    outcome_release(&outcome);
    outcome_wait(&outcome);
    assert_int_equal(outcome.error.code, ERR_OK);
    assert_int_equal(outcome.rows, 10000000);
}

static void cancel_ends_a_running_statement(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "acme", "select count(*) from range(100000000) a, range(100000) b",
                  QUERY_FORMAT_CSV, CLOCK_NEVER);
    pause_for(fixture, 300000);
    assert_false(outcome.ended);
    int pid = worker_pid(fixture);
    query_cancel(outcome.statement);
    outcome_wait(&outcome);
    assert_int_equal(outcome.error.code, ERR_CANCELLED);
    assert_csv(fixture, "acme", "select 1 as a", "a\n1\n");
    assert_int_equal(worker_pid(fixture), pid); /* interrupted, not killed */
}

static void a_statement_that_cannot_be_interrupted_is_killed_at_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    assert_csv(fixture, "acme", "create table t as select 1 as a; select a from t", "a\n1\n");
    int64_t start_us = clock_now_us();
    outcome_start(&outcome, fixture, "acme", UNSTOPPABLE, QUERY_FORMAT_CSV, start_us + 400000);
    outcome_wait(&outcome);
    assert_int_equal(outcome.error.code, ERR_DEADLINE);
    assert_true(clock_now_us() - start_us < 2400000);
    assert_csv(fixture, "acme", "select a from t", "a\n1\n");
}

static void a_killed_worker_fails_its_statements_and_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    assert_csv(fixture, "acme", "create table t as select 7 as a; select a from t", "a\n7\n");
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "acme", "select count(*) from range(100000000) a, range(100000) b",
                  QUERY_FORMAT_CSV, CLOCK_NEVER);
    pause_for(fixture, 100000);
    int pid = worker_pid(fixture);
    kill(pid, SIGKILL);
    outcome_wait(&outcome);
    assert_int_equal(outcome.error.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(outcome.error.message, "signal 9"));
    assert_csv(fixture, "acme", "select a from t", "a\n7\n");
    assert_int_not_equal(worker_pid(fixture), pid);
}

static void tenants_do_not_see_each_other(void **state)
{
    struct fixture *fixture = *state;
    assert_csv(fixture, "acme", "create table t as select 'acme' as a; select a from t", "a\nacme\n");
    assert_csv(fixture, "beta", "create table t as select 'beta' as a; select a from t", "a\nbeta\n");
    assert_csv(fixture, "acme", "select a from t", "a\nacme\n");
}

static void a_request_without_tenant_is_told_to_name_one(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "", "select 1", QUERY_FORMAT_CSV, CLOCK_NEVER);
    assert_null(outcome.statement);
    assert_int_equal(outcome.error.code, ERR_INVALID);
    assert_non_null(strstr(outcome.error.hint, "--tenant"));
}

static void more_statements_than_slots_wait_and_then_are_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t slots = (size_t)limits_get(LIMIT_RUNNING), queue = (size_t)limits_get(LIMIT_QUEUED);
    size_t count = slots + queue;
    struct outcome *outcomes = mem_array(count + 1, sizeof(*outcomes));
    for (size_t i = 0; i < count; i++) {
        outcome_start(&outcomes[i], fixture, "acme", "select sum(range) as a from range(1000000)", QUERY_FORMAT_CSV,
                      CLOCK_NEVER);
        assert_non_null(outcomes[i].statement);
    }
    outcome_start(&outcomes[count], fixture, "acme", "select 1", QUERY_FORMAT_CSV, CLOCK_NEVER);
    assert_null(outcomes[count].statement);
    assert_int_equal(outcomes[count].error.code, ERR_RESOURCE);
    assert_non_null(strstr(outcomes[count].error.message, "query.max_queued"));
    for (size_t i = 0; i < count; i++) {
        outcome_wait(&outcomes[i]);
        assert_int_equal(outcomes[i].error.code, ERR_OK);
        outcome_done(&outcomes[i]);
    }
    mem_free(outcomes);
}

static void a_queued_statement_can_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    size_t slots = (size_t)limits_get(LIMIT_RUNNING);
    struct outcome *outcomes = mem_array(slots + 1, sizeof(*outcomes));
    for (size_t i = 0; i <= slots; i++)
        outcome_start(&outcomes[i], fixture, "acme", "select count(*) from range(100000000) a, range(100000) b",
                      QUERY_FORMAT_CSV, CLOCK_NEVER);
    query_cancel(outcomes[slots].statement);
    assert_false(outcomes[slots].ended);
    outcome_wait(&outcomes[slots]);
    assert_int_equal(outcomes[slots].error.code, ERR_CANCELLED);
    for (size_t i = 0; i < slots; i++)
        query_cancel(outcomes[i].statement);
    for (size_t i = 0; i < slots; i++) {
        outcome_wait(&outcomes[i]);
        assert_int_equal(outcomes[i].error.code, ERR_CANCELLED);
    }
    for (size_t i = 0; i <= slots; i++)
        outcome_done(&outcomes[i]);
    mem_free(outcomes);
}

static void deleting_a_tenant_ends_what_runs_in_it(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "acme", UNSTOPPABLE, QUERY_FORMAT_CSV, CLOCK_NEVER);
    pause_for(fixture, 300000);
    fixture->done = false;
    tenant_delete(fixture->tenants, NULL, S("acme"), on_done, fixture);
    while (!fixture->done)
        loop_run(fixture->loop);
    assert_int_equal(fixture->error.code, ERR_OK);
    assert_true(outcome.ended);
    struct stat stat_of;
    char path[128];
    snprintf(path, sizeof(path), "%s/tenants/acme", fixture->data);
    assert_int_equal(stat(path, &stat_of), -1);
    struct err error;
    assert_null(tenant_find(fixture->tenants, S("acme"), &error));
    assert_true(create_tenant(fixture, "acme"));
    assert_csv(fixture, "acme", "select count(*) as a from duckdb_tables()", "a\n0\n");
}

static void writes_are_refused_beyond_the_quota(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    assert_csv(fixture, "acme", "create table t as select range as a from range(300000); select 1 as a", "a\n1\n");
    assert_true(limits_set(S("tenant.disk_quota"), 100000, &error));
    pause_for(fixture, 1100000); /* the last look at the disk is a second old */
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "acme", "insert into t values (1)", QUERY_FORMAT_CSV, CLOCK_NEVER);
    outcome_wait(&outcome);
    assert_true(limits_set(S("tenant.disk_quota"), 0, &error));
    assert_int_equal(outcome.error.code, ERR_RESOURCE);
    assert_non_null(strstr(outcome.error.message, "tenant.disk_quota"));
    assert_csv(fixture, "acme", "select count(*) as a from t", "a\n300000\n");
}

/* --- Uploads: the messages of a result go in again --- */

static void send_messages(struct outcome *upload, struct outcome *source, int times)
{
    struct err error;
    for (int round = 0; round < times; round++) {
        for (size_t i = round ? 1 : 0; i < source->kept.count && !upload->ended; i++) {
            struct query_piece *piece = &source->kept.items[i];
            assert_true(piece->first);
            uint8_t *body = query_upload_body(upload->statement, piece->body.len, &error);
            assert_non_null(body);
            assert_int_equal((uintptr_t)body % 64, 0);
            if (piece->body.len)
                memcpy(body, piece->body.ptr, piece->body.len);
            query_upload_message(upload->statement, bare_header(source, i));
            while (!upload->ended && query_upload_is_full(upload->statement))
                loop_run(upload->fixture->loop);
        }
    }
}

static void upload_start(struct outcome *upload, struct fixture *fixture, const char *tenant, enum query_mode mode)
{
    struct err error;
    upload->fixture = fixture;
    struct query_sink sink = outcome_sink(upload);
    struct query_upload_request request = {.who = &anna,
                                           .tenant = str_from(tenant),
                                           .table = S("copy"),
                                           .mode = mode,
                                           .deadline_us = CLOCK_NEVER,
                                           .protocol = S("test")};
    upload->statement = query_upload(fixture->query, &request, &sink, outcome_on_ready, &error);
    assert_non_null(upload->statement);
}

static void an_upload_is_there_when_its_end_says_so(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome source = {0};
    AUTO(outcome) struct outcome upload = {0};
    collect(&source, fixture, "select range as a, 'text ' || range as b from range(100000)");
    upload_start(&upload, fixture, "acme", QUERY_MODE_CREATE);
    send_messages(&upload, &source, 10);
    query_upload_finish(upload.statement);
    outcome_wait(&upload);
    if (upload.error.code != ERR_OK)
        fail_msg("%s", upload.error.message);
    assert_int_equal(upload.rows, 1000000);
    kill_worker(fixture);
    assert_csv(fixture, "acme", "select count(*) as n, sum(a) as s, max(b) as m from copy",
               "n,s,m\n1000000,49999500000,text 99999\n");
}

static void a_cancelled_upload_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome source = {0};
    AUTO(outcome) struct outcome upload = {0};
    collect(&source, fixture, "select range as a from range(100000)");
    upload_start(&upload, fixture, "acme", QUERY_MODE_CREATE);
    send_messages(&upload, &source, 20);
    query_cancel(upload.statement);
    outcome_wait(&upload);
    assert_int_equal(upload.error.code, ERR_CANCELLED);
    assert_csv(fixture, "acme", "select count(*) as a from duckdb_tables()", "a\n0\n");
}

/* --- Import --- */

static void import_run(struct fixture *fixture, const char *sql, const struct str *paths, size_t path_count,
                       struct outcome *outcome)
{
    struct err error;
    struct query_import_options options = {.program = str_from(getenv("EIDER_TEST_WORKER")),
                                           .library = str_from(getenv("EIDER_TEST_LIBRARY")),
                                           .paths = paths,
                                           .path_count = path_count};
    outcome->fixture = fixture;
    struct query_sink sink = outcome_sink(outcome);
    struct query_import *import = query_import_start(fixture->loop, &options, str_from(sql), &sink, &error);
    assert_non_null(import);
    outcome_wait(outcome);
    query_import_free(&import);
}

static void an_import_reads_what_it_was_given_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct str path = str_format(fixture->arena, "%s/given.csv", fixture->data);
    struct str other = str_format(fixture->arena, "%s/other.csv", fixture->data);
    FILE *files[] = {fopen(path.ptr, "w"), fopen(other.ptr, "w")};
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(files[i]);
        fputs("a,b\n1,x\n2,y\n", files[i]);
        fclose(files[i]);
    }
    AUTO(outcome) struct outcome good = {0};
    struct str sql = str_format(fixture->arena, "select * from read_csv('%s')", path.ptr);
    import_run(fixture, sql.ptr, &path, 1, &good);
    if (good.error.code != ERR_OK)
        fail_msg("%s", good.error.message);
    assert_int_equal(good.rows, 2);
    AUTO(outcome) struct outcome bad = {0};
    sql = str_format(fixture->arena, "select * from read_csv('%s')", other.ptr);
    import_run(fixture, sql.ptr, &path, 1, &bad);
    assert_int_not_equal(bad.error.code, ERR_OK);
}

/* --- Lists --- */

static void statements_are_listed_while_they_run_and_after(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    outcome_start(&outcome, fixture, "acme", "select 1", QUERY_FORMAT_CSV, CLOCK_NEVER);
    assert_int_equal(count_statements(fixture, &anna, ""), 1);
    outcome_wait(&outcome);
    assert_int_equal(count_statements(fixture, &anna, "acme"), 1);
    assert_int_equal(count_statements(fixture, &anna, "beta"), 0);
    struct query_info info;
    struct err error;
    assert_false(query_cancel_id(fixture->query, &anna, S("q0"), &info, &error));
    assert_int_equal(error.code, ERR_NOT_FOUND);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(select_42_comes_back),
        FACT(errors_name_no_host_path),
        FACT(big_results_stream_through_few_blocks),
        FACT(one_row_larger_than_a_block_comes_in_pieces),
        FACT(a_client_that_takes_nothing_holds_the_worker),
        FACT(cancel_ends_a_running_statement),
        FACT(a_statement_that_cannot_be_interrupted_is_killed_at_its_deadline),
        FACT(a_killed_worker_fails_its_statements_and_is_replaced),
        FACT(tenants_do_not_see_each_other),
        FACT(a_request_without_tenant_is_told_to_name_one),
        FACT(more_statements_than_slots_wait_and_then_are_refused),
        FACT(a_queued_statement_can_be_cancelled),
        FACT(deleting_a_tenant_ends_what_runs_in_it),
        FACT(writes_are_refused_beyond_the_quota),
        FACT(an_upload_is_there_when_its_end_says_so),
        FACT(a_cancelled_upload_leaves_nothing),
        FACT(an_import_reads_what_it_was_given_and_nothing_else),
        FACT(statements_are_listed_while_they_run_and_after),
    };
    cmocka_set_test_filter(getenv("EIDER_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
