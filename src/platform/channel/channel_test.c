/* The two ends together, over a real socketpair: blocks, credits, and a worker that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/channel/channel.h"
#include "platform/channel/pool.h"
#include "platform/channel/port.h"

struct fixture {
    struct loop *loop;
    struct channel *channel;
    struct channel_port port;
    size_t frames;
    uint16_t last_type;
    bool refuse;
    bool closed;
    struct err error;
};

static bool fixture_on_frame(void *owner, const struct channel_frame *frame, struct err *err)
{
    struct fixture *fixture = owner;
    fixture->frames++;
    fixture->last_type = frame->type;
    loop_stop(fixture->loop);
    return fixture->refuse ? err_set(err, ERR_INTERNAL, "refused") : true;
}

static void fixture_on_closed(void *owner, const struct err *error)
{
    struct fixture *fixture = owner;
    fixture->closed = true;
    fixture->error = *error;
    loop_stop(fixture->loop);
}

static int fixture_setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    struct err error;
    int pair[2];
    fixture->loop = loop_new(&error);
    if (!fixture->loop || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    struct channel_handler handler = {.on_frame = fixture_on_frame, .on_closed = fixture_on_closed, .owner = fixture};
    fixture->channel = channel_open(fixture->loop, pair[0], &handler, &error);
    channel_port_init(&fixture->port, pair[1]);
    *state = fixture;
    return fixture->channel ? 0 : -1;
}

static int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    channel_close(&fixture->channel);
    channel_port_done(&fixture->port);
    loop_free(&fixture->loop);
    mem_free(fixture);
    return 0;
}

/* The worker's next frame, which must be of this type. */
static struct channel_frame fixture_read(struct fixture *fixture, enum channel_type type)
{
    struct err error;
    struct channel_frame frame;
    assert_int_equal(channel_port_read(&fixture->port, 1000, &frame, &error), CHANNEL_PORT_FRAME);
    assert_int_equal(frame.type, type);
    return frame;
}

static void block_is_the_same_memory_on_both_sides(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    struct channel_block ours, theirs;
    struct channel_attach attach;
    assert_true(channel_block_create(&ours, 100000, &error));
    assert_int_equal(ours.size % 4096, 0);
    channel_attach(fixture->channel, &ours);
    channel_flush(fixture->channel);
    assert_true(channel_decode_attach(fixture_read(fixture, CHANNEL_ATTACH).payload, &attach, &error));
    assert_int_equal(attach.block, ours.id);
    assert_true(channel_block_map(&theirs, attach.block, channel_port_take_fd(&fixture->port), attach.size, &error));
    theirs.ptr[99999] = 42;
    assert_int_equal(ours.ptr[99999], 42);
    channel_block_done(&ours);
    channel_block_done(&theirs);
}

static void many_blocks_arrive_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    struct channel_block ours[100];
    for (size_t i = 0; i < 100; i++) {
        assert_true(channel_block_create(&ours[i], 4096, &error));
        ours[i].ptr[0] = (uint8_t)i;
        channel_attach(fixture->channel, &ours[i]);
    }
    channel_flush(fixture->channel);
    for (size_t i = 0; i < 100; i++) {
        struct channel_attach attach;
        struct channel_block theirs;
        assert_true(channel_decode_attach(fixture_read(fixture, CHANNEL_ATTACH).payload, &attach, &error));
        int fd = channel_port_take_fd(&fixture->port);
        assert_true(fd >= 0);
        assert_true(channel_block_map(&theirs, attach.block, fd, attach.size, &error));
        assert_int_equal(theirs.ptr[0], i);
        channel_block_done(&theirs);
        channel_block_done(&ours[i]);
    }
}

static void block_that_could_shrink_is_not_mapped(void **state)
{
    (void)state;
    struct err error;
    struct channel_block block;
    int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_false(channel_block_map(&block, 1, fd, 4096, &error));
}

static void block_of_another_size_is_not_mapped(void **state)
{
    (void)state;
    struct err error;
    struct channel_block ours, theirs;
    assert_true(channel_block_create(&ours, 4096, &error));
    assert_false(channel_block_map(&theirs, 1, dup(ours.fd), 8192, &error));
    channel_block_done(&ours);
}

static void pool_gives_a_held_block_back_as_credit(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    uint32_t blocks[2];
    struct slice slice;
    struct channel_pool *pool = channel_pool_new(fixture->channel, 4096, 4);
    assert_int_equal(channel_pool_grant(pool, 7, 2, blocks), 2);
    channel_flush(fixture->channel);
    fixture_read(fixture, CHANNEL_ATTACH);
    fixture_read(fixture, CHANNEL_ATTACH);
    assert_true(channel_pool_hold(pool, 7, blocks[0], 100, &slice, &error));
    assert_int_equal(slice.len, 100);
    slice_release(&slice);
    struct channel_frame frame = fixture_read(fixture, CHANNEL_CREDIT);
    uint32_t credited;
    assert_true(channel_decode_credit(frame.payload, &credited, &error));
    assert_int_equal(credited, blocks[0]);
    assert_int_equal(frame.statement, 7);
    channel_pool_free(&pool);
}

static void pool_refuses_what_a_lying_worker_says(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    uint32_t blocks[2];
    struct slice slice, other;
    struct channel_pool *pool = channel_pool_new(fixture->channel, 4096, 4);
    assert_int_equal(channel_pool_grant(pool, 7, 1, blocks), 1);
    assert_false(channel_pool_hold(pool, 7, 99, 1, &slice, &error));           /* no such block */
    assert_false(channel_pool_hold(pool, 8, blocks[0], 1, &slice, &error));    /* another statement's */
    assert_false(channel_pool_hold(pool, 7, blocks[0], 4097, &slice, &error)); /* longer than the block */
    assert_false(channel_pool_hold(pool, 7, blocks[0], UINT64_MAX, &slice, &error));
    assert_true(channel_pool_hold(pool, 7, blocks[0], 4096, &slice, &error));
    assert_false(channel_pool_hold(pool, 7, blocks[0], 1, &other, &error)); /* twice */
    slice_release(&slice);
    channel_pool_free(&pool);
}

static void pool_outlives_its_worker_while_a_block_is_held(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    uint32_t blocks[2];
    struct slice slice;
    struct channel_pool *pool = channel_pool_new(fixture->channel, 4096, 4);
    assert_int_equal(channel_pool_grant(pool, 7, 2, blocks), 2);
    assert_true(channel_pool_hold(pool, 7, blocks[1], 10, &slice, &error));
    channel_pool_end(pool, 7);
    channel_pool_free(&pool);
    assert_int_equal(slice.ptr[0], 0);
    slice_release(&slice);
}

static void pool_feeds_a_statement_that_got_no_block(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    uint32_t blocks[2], credited;
    struct slice slice;
    struct channel_pool *pool = channel_pool_new(fixture->channel, 4096, 1);
    assert_int_equal(channel_pool_grant(pool, 1, 2, blocks), 1);
    assert_int_equal(channel_pool_grant(pool, 2, 2, blocks + 1), 0);
    channel_pool_want(pool, 2);
    channel_flush(fixture->channel);
    fixture_read(fixture, CHANNEL_ATTACH);
    assert_true(channel_pool_hold(pool, 1, blocks[0], 10, &slice, &error));
    channel_pool_end(pool, 1);
    slice_release(&slice);
    struct channel_frame frame = fixture_read(fixture, CHANNEL_CREDIT);
    assert_int_equal(frame.statement, 2);
    assert_true(channel_decode_credit(frame.payload, &credited, &error));
    assert_int_equal(credited, blocks[0]);
    channel_pool_free(&pool);
}

static void channel_hands_out_frames_and_sees_the_end(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf frames = {0};
    channel_encode_empty(&frames, CHANNEL_USAGE, 0);
    channel_encode_empty(&frames, CHANNEL_END, 1);
    assert_true(channel_port_write(&fixture->port, buf_str(&frames)));
    loop_run(fixture->loop);
    assert_int_equal(fixture->frames, 2);
    assert_int_equal(fixture->last_type, CHANNEL_END);
    shutdown(fixture->port.fd, SHUT_RDWR);
    loop_run(fixture->loop);
    assert_true(fixture->closed);
    assert_int_equal(fixture->error.code, ERR_UNAVAILABLE);
}

static void channel_closes_on_a_frame_that_the_handler_refuses(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf frames = {0};
    fixture->refuse = true;
    channel_encode_empty(&frames, CHANNEL_USAGE, 0);
    channel_encode_empty(&frames, CHANNEL_END, 1);
    assert_true(channel_port_write(&fixture->port, buf_str(&frames)));
    loop_run(fixture->loop);
    assert_int_equal(fixture->frames, 1);
    assert_true(fixture->closed);
    assert_string_equal(fixture->error.message, "refused");
}

/* More than the socket takes at once: the rest follows when the worker reads. */
static void *reader_thread(void *owner)
{
    struct fixture *fixture = owner;
    struct err error;
    struct channel_frame frame;
    struct channel_run run;
    size_t got = 0;
    while (got < 40 && channel_port_read(&fixture->port, 5000, &frame, &error) == CHANNEL_PORT_FRAME)
        got += channel_decode_run(frame.payload, &run, &error) && run.sql.len == 100000;
    AUTO(buf) struct buf answer = {0};
    channel_encode_empty(&answer, got == 40 ? CHANNEL_END : CHANNEL_USAGE, 1);
    bool sent = channel_port_write(&fixture->port, buf_str(&answer));
    return sent ? NULL : owner;
}

static void channel_queues_what_the_socket_does_not_take(void **state)
{
    struct fixture *fixture = *state;
    char *sql = mem_alloc(100000);
    for (uint64_t i = 1; i <= 40; i++) {
        struct channel_run run = {.sql = str_bytes(sql, 100000)};
        channel_encode_run(channel_out(fixture->channel), CHANNEL_RUN, i, &run);
    }
    channel_flush(fixture->channel);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, reader_thread, fixture), 0);
    loop_run(fixture->loop);
    pthread_join(thread, NULL);
    assert_int_equal(fixture->last_type, CHANNEL_END);
    mem_free(sql);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(block_is_the_same_memory_on_both_sides),         FACT(many_blocks_arrive_in_order),
        FACT(block_that_could_shrink_is_not_mapped),          FACT(block_of_another_size_is_not_mapped),
        FACT(pool_gives_a_held_block_back_as_credit),         FACT(pool_refuses_what_a_lying_worker_says),
        FACT(pool_outlives_its_worker_while_a_block_is_held), FACT(pool_feeds_a_statement_that_got_no_block),
        FACT(channel_hands_out_frames_and_sees_the_end),      FACT(channel_closes_on_a_frame_that_the_handler_refuses),
        FACT(channel_queues_what_the_socket_does_not_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
