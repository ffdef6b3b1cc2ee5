#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "platform/net/connection.h"
#include "platform/net/listener.h"

struct probe {
    struct loop *loop;
    struct connection *connection;
    int peer; /* the other end */
    struct buf seen;
    size_t consume; /* bytes taken per call */
    bool pause;
    int inputs, timeouts, closed, released;
    enum connection_end end;
    struct loop_timer timer;
    int left; /* blocks that on_writable still writes */
};

static uint8_t block[100000];

static void note_release(void *owner)
{
    ((struct probe *)owner)->released++;
}

static size_t on_input(struct connection *connection, struct str bytes)
{
    struct probe *probe = connection_owner(connection);
    struct str part = str_slice(bytes, 0, probe->consume);
    probe->inputs++;
    buf_append_str(&probe->seen, part);
    if (probe->pause)
        connection_pause_input(connection);
    if (str_ends_with(buf_str(&probe->seen), S("!")))
        loop_stop(probe->loop);
    return part.len;
}

static void on_writable(struct connection *connection)
{
    struct probe *probe = connection_owner(connection);
    while (probe->left > 0 && outbox_len(connection_outbox(connection)) < CONNECTION_HIGH_WATER) {
        probe->left--;
        outbox_write(connection_outbox(connection),
                     (struct slice){.ptr = block, .len = sizeof(block), .release = note_release, .owner = probe});
    }
}

static void on_timeout(struct connection *connection)
{
    struct probe *probe = connection_owner(connection);
    probe->timeouts++;
    loop_stop(probe->loop);
}

static void on_closed(struct connection *connection, enum connection_end end)
{
    struct probe *probe = connection_owner(connection);
    probe->closed++;
    probe->end = end;
    probe->connection = NULL;
    loop_stop(probe->loop);
}

static const struct connection_protocol protocol = {on_input, on_writable, on_timeout, on_closed};

static void setup(struct probe *probe)
{
    struct err err = {0};
    int pair[2];
    *probe = (struct probe){.loop = loop_new(&err), .consume = SIZE_MAX};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    probe->peer = pair[1];
    probe->connection = connection_new(probe->loop, pair[0], NULL, &protocol, probe, &err);
    assert_non_null(probe->connection);
}

static void teardown(struct probe *probe)
{
    connection_free(&probe->connection);
    loop_free(&probe->loop);
    buf_done(&probe->seen);
    close(probe->peer);
}

static void stop_later(struct loop_timer *timer)
{
    loop_stop(((struct probe *)timer->owner)->loop);
}

static void run_for(struct probe *probe, int64_t us)
{
    probe->timer = (struct loop_timer){.on_time = stop_later, .owner = probe};
    loop_timer_set(probe->loop, &probe->timer, us);
    loop_run(probe->loop);
    loop_timer_cancel(probe->loop, &probe->timer);
}

static void connection_gives_again_what_was_not_consumed(void **state)
{
    (void)state;
    struct probe probe;
    setup(&probe);
    probe.consume = 2;
    assert_int_equal(write(probe.peer, "abcde", 5), 5);
    run_for(&probe, 5000);
    assert_true(str_equal(buf_str(&probe.seen), S("ab")));
    assert_int_equal(write(probe.peer, "f!", 2), 2);
    probe.consume = SIZE_MAX;
    loop_run(probe.loop);
    assert_true(str_equal(buf_str(&probe.seen), S("abcdef!")));
    teardown(&probe);
}

static void connection_reads_nothing_while_paused_but_notices_the_end(void **state)
{
    (void)state;
    struct probe probe;
    setup(&probe);
    probe.pause = true;
    probe.consume = 1;
    assert_int_equal(write(probe.peer, "ab!", 3), 3);
    run_for(&probe, 5000);
    assert_int_equal(probe.inputs, 1);
    probe.pause = false;
    probe.consume = SIZE_MAX;
    connection_resume_input(probe.connection);
    loop_run(probe.loop);
    assert_true(str_equal(buf_str(&probe.seen), S("ab!")));
    connection_pause_input(probe.connection);
    shutdown(probe.peer, SHUT_RDWR);
    loop_run(probe.loop);
    assert_int_equal(probe.closed, 1);
    assert_int_equal(probe.end, CONNECTION_END_PEER);
    teardown(&probe);
}

static void connection_asks_for_more_only_below_the_high_water_mark(void **state)
{
    (void)state;
    struct probe probe;
    setup(&probe);
    probe.left = 100;
    connection_flush(probe.connection);
    run_for(&probe, 5000);
    assert_true(probe.left > 80); /* the peer reads nothing */
    size_t total = 0;
    fcntl(probe.peer, F_SETFL, O_NONBLOCK);
    while (total < 100 * sizeof(block)) {
        static char sink[1 << 16];
        ssize_t got = read(probe.peer, sink, sizeof(sink));
        if (got > 0)
            total += (size_t)got;
        else
            run_for(&probe, 200);
    }
    run_for(&probe, 200);
    assert_int_equal(probe.released, 100);
    assert_int_equal(outbox_len(connection_outbox(probe.connection)), 0);
    teardown(&probe);
}

static void connection_close_sends_the_rest_and_abort_drops_it(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        struct probe probe;
        setup(&probe);
        probe.left = 1;
        on_writable(probe.connection);
        drop ? connection_abort(probe.connection) : connection_close(probe.connection);
        assert_int_equal(probe.closed, 0); /* later, from the loop */
        loop_run(probe.loop);
        assert_int_equal(probe.closed, 1);
        assert_int_equal(probe.end, CONNECTION_END_LOCAL);
        assert_int_equal(probe.released, 1);
        static char sink[sizeof(block) + 1];
        size_t total = 0;
        for (ssize_t got; (got = read(probe.peer, sink, sizeof(sink))) > 0;)
            total += (size_t)got;
        assert_int_equal(total, drop ? 0 : sizeof(block));
        close(probe.peer);
        probe.peer = -1;
        run_for(&probe, 5000); /* the end of lingering */
        teardown(&probe);
    }
}

static void connection_calls_the_latest_deadline_only(void **state)
{
    (void)state;
    struct probe probe;
    setup(&probe);
    connection_set_deadline(probe.connection, clock_deadline_us(2000));
    connection_set_deadline(probe.connection, clock_deadline_us(20000));
    int64_t began_us = clock_now_us();
    loop_run(probe.loop);
    assert_true(clock_now_us() - began_us >= 19000);
    assert_int_equal(probe.timeouts, 1);
    connection_set_deadline(probe.connection, clock_deadline_us(1000));
    connection_set_deadline(probe.connection, CLOCK_NEVER);
    run_for(&probe, 5000);
    assert_int_equal(probe.timeouts, 1);
    teardown(&probe);
}

static void slice_parts_release_once(void **state)
{
    (void)state;
    struct probe probe = {0};
    struct slice whole = {.ptr = block, .len = 10, .release = note_release, .owner = &probe};
    struct slice first = slice_split(&whole, 3);
    struct slice second = slice_split(&whole, 3);
    struct slice third = slice_split(&whole, 4);
    assert_int_equal(whole.len, 0);
    assert_ptr_equal(third.ptr, block + 6);
    slice_release(&third);
    slice_release(&first);
    assert_int_equal(probe.released, 0);
    slice_release(&second);
    slice_release(&whole);
    assert_int_equal(probe.released, 1);
}

static int accepted;
static void on_accept(void *owner, int fd)
{
    (void)owner;
    accepted++;
    close(fd);
}

static void listener_waits_when_there_are_no_descriptors(void **state)
{
    (void)state;
    struct err err = {0};
    struct probe probe = {.loop = loop_new(&err)};
    const struct str address = S("127.0.0.1:0");
    struct listener *listener =
        listener_new(probe.loop, &(struct listener_options){&address, 1, 0}, on_accept, NULL, &err);
    assert_non_null(listener);
    struct rlimit limit, tight;
    int client = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)client + 1;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(listener_port(listener, 0)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setrlimit(RLIMIT_NOFILE, &tight);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    run_for(&probe, 20000);
    assert_int_equal(accepted, 0);
    setrlimit(RLIMIT_NOFILE, &limit);
    run_for(&probe, 200000);
    assert_int_equal(accepted, 1);
    close(client);
    listener_free(&listener);
    loop_free(&probe.loop);
}

static void listener_names_what_is_wrong_with_an_address(void **state)
{
    (void)state;
    struct err err = {0};
    struct loop *loop = loop_new(&err);
    const struct str bad[] = {S(""),       S("localhost"), S("localhost:"), S(":80"), S("localhost:65536"),
                              S("::1:80"), S("a:b")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct listener_options options = {&bad[i], 1, 0};
        assert_null(listener_new(loop, &options, on_accept, NULL, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
    loop_free(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_gives_again_what_was_not_consumed),
        cmocka_unit_test(connection_reads_nothing_while_paused_but_notices_the_end),
        cmocka_unit_test(connection_asks_for_more_only_below_the_high_water_mark),
        cmocka_unit_test(connection_close_sends_the_rest_and_abort_drops_it),
        cmocka_unit_test(connection_calls_the_latest_deadline_only),
        cmocka_unit_test(slice_parts_release_once),
        cmocka_unit_test(listener_waits_when_there_are_no_descriptors),
        cmocka_unit_test(listener_names_what_is_wrong_with_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
