/* A worker and a front that keeps no rules: connections closed, forgotten or used twice while a statement runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/channel/port.h"

enum { TEST_CHANNEL = 3, TEST_WAIT_MS = 60000, TEST_THREADS = 8 };

#define TEST_ENDLESS "select len(list_sort(list_transform(range(60000000), lambda x: hash(x))))"

struct test_worker {
    pid_t pid;
    struct channel_port port;
    uint64_t last; /* statement */
};

static void test_send(struct test_worker *worker, struct buf *frames)
{
    assert_true(channel_port_write(&worker->port, buf_str(frames)));
    buf_clear(frames);
}

static struct channel_frame test_frame(struct test_worker *worker)
{
    struct channel_frame frame;
    struct err error = {0};
    if (channel_port_read(&worker->port, TEST_WAIT_MS, &frame, &error) != CHANNEL_PORT_FRAME)
        fail_msg("the worker has gone: %s", error.message);
    return frame;
}

static int test_setup(void **state)
{
    struct test_worker *worker = mem_new(struct test_worker);
    struct buf frames = {0};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    if ((worker->pid = fork()) == 0) {
        dup2(pair[1], TEST_CHANNEL);
        execl(getenv("EIDER_TEST_WORKER"), "worker", (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    channel_port_init(&worker->port, pair[0]);
    struct channel_hello hello = {.version = CHANNEL_VERSION,
                                  .threads = 2,
                                  .max_running = TEST_THREADS,
                                  .block_size = 1 << 20,
                                  .memory_limit_bytes = UINT64_C(1) << 30,
                                  .library = str_from(getenv("EIDER_TEST_LIBRARY"))};
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        hello.limits[i] = limits_get((enum limit)i);
    channel_encode_hello(&frames, &hello);
    test_send(worker, &frames);
    struct channel_ready ready;
    struct err error;
    struct channel_frame frame = test_frame(worker);
    assert_true(channel_decode_ready(frame.payload, &ready, &error) && ready.code == ERR_OK);
    buf_done(&frames);
    *state = worker;
    return 0;
}

static int test_teardown(void **state)
{
    struct test_worker *worker = *state;
    kill(worker->pid, SIGKILL);
    waitpid(worker->pid, NULL, 0);
    close(worker->port.fd);
    channel_port_done(&worker->port);
    mem_free(worker);
    return 0;
}

static uint64_t test_start(struct test_worker *worker, uint64_t connection, uint64_t prepared, const char *sql)
{
    struct buf frames = {0};
    struct channel_run run = {.format = 4, /* CSV */
                              .connection = connection,
                              .prepared = prepared,
                              .batch_target = 1000,
                              .sql = str_from(sql)};
    channel_encode_run(&frames, CHANNEL_RUN, ++worker->last, &run);
    test_send(worker, &frames);
    buf_done(&frames);
    return worker->last;
}

/* The next END; its texts are not valid any more. */
static struct channel_end test_next_end(struct test_worker *worker, uint64_t *statement_out)
{
    struct channel_frame frame = test_frame(worker);
    struct channel_end end;
    struct err error;
    while (frame.type != CHANNEL_END)
        frame = test_frame(worker);
    assert_true(channel_decode_end(frame.payload, &end, &error));
    *statement_out = frame.statement;
    return end;
}

static struct channel_end test_end(struct test_worker *worker, uint64_t statement)
{
    uint64_t ended;
    struct channel_end end = test_next_end(worker, &ended);
    assert_int_equal(ended, statement);
    return end;
}

/* A statement that runs on the connection for certain: another one has been refused because of it. */
static uint64_t test_start_endless(struct test_worker *worker, uint64_t connection, uint64_t prepared)
{
    uint64_t endless = test_start(worker, connection, prepared, TEST_ENDLESS), ended;
    for (;;) {
        uint64_t other = test_start(worker, connection, 0, "select 1");
        struct channel_end end = test_next_end(worker, &ended);
        if (ended == other && end.code == ERR_INTERNAL)
            return endless;
        assert_int_equal(end.code, ended == other ? ERR_OK : ERR_INTERNAL);
        if (ended == other)
            continue;
        assert_int_equal(test_end(worker, other).code, ERR_OK); /* it was faster */
        endless = test_start(worker, connection, prepared, TEST_ENDLESS);
    }
}

static struct channel_end test_run(struct test_worker *worker, uint64_t connection, const char *sql)
{
    return test_end(worker, test_start(worker, connection, 0, sql));
}

static void test_close(struct test_worker *worker, uint64_t connection)
{
    struct buf frames = {0};
    channel_encode_close(&frames, connection);
    test_send(worker, &frames);
    buf_done(&frames);
}

static void test_forget(struct test_worker *worker, uint64_t connection, uint64_t prepared)
{
    struct buf frames = {0};
    channel_encode_forget(&frames, connection, prepared);
    test_send(worker, &frames);
    buf_done(&frames);
}

static void test_cancel(struct test_worker *worker, uint64_t statement)
{
    struct buf frames = {0};
    channel_encode_empty(&frames, CHANNEL_CANCEL, statement);
    test_send(worker, &frames);
    buf_done(&frames);
}

static void what_is_left_stays_under_its_number_until_closed(void **state)
{
    struct test_worker *worker = *state;
    struct channel_end end = test_run(worker, 5, "create temp table t (a int)");
    assert_true(end.code == ERR_OK && end.kept && !end.transaction && end.ran);
    assert_int_equal(test_run(worker, 6, "from t").code, ERR_NOT_FOUND);
    end = test_run(worker, 5, "begin");
    assert_true(end.kept && end.transaction);
    end = test_run(worker, 5, "insert into t values (1), (2)");
    assert_int_equal(end.rows, 2);
    assert_int_equal(test_run(worker, 5, "rollback").code, ERR_OK);
    test_close(worker, 5);
    test_close(worker, 5);
    assert_int_equal(test_run(worker, 5, "from t").code, ERR_NOT_FOUND);
}

static void connection_without_number_keeps_nothing(void **state)
{
    struct test_worker *worker = *state;
    struct channel_end end = test_run(worker, 0, "begin; create table t (a int)");
    assert_true(end.code == ERR_OK && !end.kept && !end.transaction);
    assert_int_equal(test_run(worker, 0, "from t").code, ERR_NOT_FOUND);
}

static void second_statement_of_a_connection_is_refused(void **state)
{
    struct test_worker *worker = *state;
    assert_true(test_run(worker, 5, "create temp table t (a int)").kept);
    uint64_t slow = test_start_endless(worker, 5, 0);
    test_cancel(worker, slow);
    assert_int_equal(test_end(worker, slow).code, ERR_CANCELLED);
    assert_int_equal(test_run(worker, 5, "from t").code, ERR_OK);
}

static void close_and_forget_wait_for_the_statement(void **state)
{
    struct test_worker *worker = *state;
    assert_true(test_run(worker, 5, "create temp table t (a int)").kept);
    uint64_t slow = test_start_endless(worker, 5, 9);
    test_forget(worker, 5, 9);
    test_forget(worker, 5, 10);
    test_close(worker, 5);
    test_close(worker, 5);
    test_cancel(worker, slow);
    assert_int_equal(test_end(worker, slow).code, ERR_CANCELLED);
    assert_int_equal(test_run(worker, 5, "from t").code, ERR_NOT_FOUND);
}

static void unknown_numbers_are_ignored(void **state)
{
    struct test_worker *worker = *state;
    test_close(worker, 0);
    test_close(worker, 77);
    test_forget(worker, 0, 0);
    test_forget(worker, 77, 1);
    assert_int_equal(test_end(worker, test_start(worker, 5, 9, "select 1")).code, ERR_OK);
    test_forget(worker, 5, 10);
    test_forget(worker, 5, 9);
    assert_int_equal(test_end(worker, test_start(worker, 5, 9, "select 1")).code, ERR_OK);
}

static void memory_of_a_long_statement_is_told(void **state)
{
    struct test_worker *worker = *state;
    uint64_t slow = test_start(worker, 0, 0,
                               "create table t as select hash(i) h, i::varchar s from range(5000000) r(i) order by h");
    struct channel_end end = test_end(worker, slow);
    assert_int_equal(end.code, ERR_OK);
    assert_true(end.memory_bytes > 1 << 20);
    assert_true(test_run(worker, 0, "select 1").memory_bytes == 0);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
    const struct CMUnitTest tests[] = {
        FACT(what_is_left_stays_under_its_number_until_closed),
        FACT(connection_without_number_keeps_nothing),
        FACT(second_statement_of_a_connection_is_refused),
        FACT(close_and_forget_wait_for_the_statement),
        FACT(unknown_numbers_are_ignored),
        FACT(memory_of_a_long_statement_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
