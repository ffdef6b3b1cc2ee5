/* The front against workers that lie, die and babble. The test program is its own worker: started as `worker <script>`
 * it plays the script's part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/query/process.h"
#include "platform/channel/port.h"

/* --- The worker's part --- */

struct script {
    struct str name;
    struct channel_port port;
    struct buf out;
    struct channel_frame frame; /* the statement that was asked for */
    struct channel_run run;
};

static bool script_is(const struct script *script, const char *name)
{
    return str_equal(script->name, str_from(name));
}

static void script_send(struct script *script)
{
    if (!channel_port_write(&script->port, buf_str(&script->out)))
        _exit(0);
    buf_clear(&script->out);
}

/* Frames until one of this type. */
static void script_expect(struct script *script, unsigned type)
{
    struct err error;
    do {
        if (channel_port_read(&script->port, -1, &script->frame, &error) != CHANNEL_PORT_FRAME)
            _exit(0);
    } while (script->frame.type != type);
}

static void script_data(struct script *script, struct channel_data data)
{
    channel_encode_data(&script->out, script->frame.statement, &data);
}

static void script_end(struct script *script)
{
    channel_encode_end(&script->out, script->frame.statement, &(struct channel_end){.rows = 1});
}

static void script_before_ready(struct script *script)
{
    if (script_is(script, "exit"))
        _exit(3);
    if (script_is(script, "silent"))
        pause();
    if (script_is(script, "eager"))
        channel_encode_end(&script->out, 1, &(struct channel_end){.rows = 1});
    if (script_is(script, "babble"))
        for (int i = 0; i < 100000; i++)
            fputs("a line that nobody asked for\n", stderr);
    struct channel_ready ready = {.engine_version = S("v0")};
    if (script_is(script, "sorry"))
        ready = (struct channel_ready){.code = ERR_PRECONDITION, .message = S("no library"), .hint = S("install it")};
    channel_encode_ready(&script->out, &ready);
    if (script_is(script, "ready twice"))
        channel_encode_ready(&script->out, &ready);
    script_send(script);
}

static void script_answer(struct script *script)
{
    uint32_t block = script->run.blocks[0];
    uint64_t size = (uint64_t)limits_get(LIMIT_BLOCK);
    struct channel_data good = {.first = true, .len = 4, .body_total = 4, .body = S("body")};
    struct str big = str_bytes(mem_alloc(CHANNEL_INLINE_MAX), CHANNEL_INLINE_MAX);
    if (script_is(script, "unknown block"))
        script_data(script, (struct channel_data){.first = true, .block = 99, .len = 1, .body_total = 1});
    else if (script_is(script, "too long"))
        script_data(script,
                    (struct channel_data){.first = true, .block = block, .len = size + 1, .body_total = size + 1});
    else if (script_is(script, "block twice"))
        for (int i = 0; i < 2; i++)
            script_data(script, (struct channel_data){.first = true, .block = block, .len = 1, .body_total = 1});
    else if (script_is(script, "not announced"))
        script_data(script, (struct channel_data){.first = true, .block = block, .len = 9, .body_total = 8});
    else if (script_is(script, "no first piece"))
        script_data(script, (struct channel_data){.block = block, .len = 9});
    else if (script_is(script, "cut message"))
        script_data(script, (struct channel_data){.first = true, .block = block, .len = 9, .body_total = 10});
    else if (script_is(script, "flood"))
        for (int i = 0; i < 4; i++)
            script_data(script,
                        (struct channel_data){.first = true, .len = big.len, .body_total = big.len, .body = big});
    else if (script_is(script, "unknown type"))
        channel_encode_empty(&script->out, (enum channel_type)999, script->frame.statement);
    else if (script_is(script, "other statement"))
        channel_encode_empty(&script->out, CHANNEL_END, script->frame.statement + 1);
    else if (script_is(script, "put done"))
        channel_encode_put_done(&script->out, script->frame.statement, &(struct channel_put_done){.len = 5});
    else if (script_is(script, "not asked for"))
        script_data(script, (struct channel_data){.role = CHANNEL_DATA_RESULT_SCHEMA, .first = true, .header = S("x")});
    else if (script_is(script, "unknown kind"))
        channel_encode_end(&script->out, script->frame.statement, &(struct channel_end){.kind = 9});
    else if (script_is(script, "huge frame"))
        buf_append(&script->out, "\xff\xff\xff\x7f\x41\0\0\0\1\0\0\0\0\0\0\0", CHANNEL_HEADER_SIZE);
    else if (script_is(script, "progress"))
        channel_encode_progress(&script->out, script->frame.statement, &(struct channel_progress){.permille = 420});
    else if (script_is(script, "crash"))
        abort();
    else if (!script_is(script, "deaf"))
        script_data(script, good);
    if (!script_is(script, "deaf"))
        script_end(script);
    script_send(script);
    if (script_is(script, "answer and die"))
        _exit(9);
}

static int script_main(const char *name)
{
    struct script script = {.name = str_from(name)};
    struct err error;
    channel_port_init(&script.port, 3);
    script_expect(&script, CHANNEL_HELLO);
    script_before_ready(&script);
    for (;;) {
        script_expect(&script, CHANNEL_RUN);
        if (!channel_decode_run(script.frame.payload, &script.run, &error))
            _exit(1);
        script_answer(&script);
    }
}

/* --- The front's part --- */

struct fixture {
    struct loop *loop;
    struct query_process *process;
    struct query_task task;
    VEC(struct slice) held;
    bool hold;
    bool ready, gone, ended;
    struct err end; /* of the task; code ERR_OK: success */
    struct err why; /* of the process */
    bool was_ready;
    size_t pieces;
};

static void on_piece(struct query_task *task, struct query_piece *piece)
{
    struct fixture *fixture = task->owner;
    fixture->pieces++;
    slice_release(&piece->header);
    if (fixture->hold)
        vec_push(&fixture->held, piece->body);
    else
        slice_release(&piece->body);
}

static void on_end(struct query_task *task, const struct query_task_end *end)
{
    struct fixture *fixture = task->owner;
    fixture->ended = true;
    fixture->end = end->error ? *end->error : (struct err){0};
    loop_stop(fixture->loop);
}

static const struct query_task_events task_events = {.on_piece = on_piece, .on_end = on_end};

static void on_ready(void *owner)
{
    struct fixture *fixture = owner;
    fixture->ready = true;
    struct channel_run run = {.sql = S("select 42")};
    query_task_run(&fixture->task, fixture->process, CHANNEL_RUN, &run);
    loop_stop(fixture->loop);
}

static void on_gone(void *owner, const struct err *why, bool was_ready)
{
    struct fixture *fixture = owner;
    fixture->gone = true;
    fixture->why = *why;
    fixture->was_ready = was_ready;
    loop_stop(fixture->loop);
}

static int fixture_setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    struct err error;
    log_set_level(LOG_ERROR);
    fixture->loop = loop_new(&error);
    fixture->task.owner = fixture;
    fixture->task.events = &task_events;
    list_init(&fixture->task.node);
    *state = fixture;
    return fixture->loop ? 0 : -1;
}

static int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    query_process_free(&fixture->process);
    for (size_t i = 0; i < fixture->held.count; i++)
        slice_release(&fixture->held.items[i]);
    vec_done(&fixture->held);
    loop_free(&fixture->loop);
    mem_free(fixture);
    return 0;
}

static void start(struct fixture *fixture, const char *script)
{
    struct err error;
    struct channel_hello hello;
    query_process_hello(&hello);
    struct query_process_options options = {.program = S("/proc/self/exe"), .name = str_from(script), .hello = &hello};
    struct query_process_events events = {.on_ready = on_ready, .on_gone = on_gone, .owner = fixture};
    fixture->process = query_process_start(fixture->loop, &options, &events, &error);
    assert_non_null(fixture->process);
}

static void wait_for(struct fixture *fixture, const bool *flag)
{
    while (!*flag)
        loop_run(fixture->loop);
}

/* --- Facts --- */

static void an_honest_worker_answers(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "honest");
    wait_for(fixture, &fixture->ended);
    assert_int_equal(fixture->end.code, ERR_OK);
    assert_int_equal(fixture->pieces, 1);
    assert_false(fixture->gone);
}

static void progress_is_noted(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "progress");
    wait_for(fixture, &fixture->ready);
    assert_int_equal(fixture->task.permille, -1);
    wait_for(fixture, &fixture->ended);
    assert_int_equal(fixture->task.permille, 420);
}

static void a_worker_that_lies_is_killed(void **state)
{
    static const char *const lies[] = {"unknown block",   "too long",    "block twice", "not announced",
                                       "no first piece",  "cut message", "flood",       "unknown type",
                                       "other statement", "put done",    "huge frame",  "ready twice",
                                       "not asked for",   "unknown kind"};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct fixture *fixture = *state;
        fixture->hold = true;
        start(fixture, lies[i]);
        wait_for(fixture, &fixture->gone);
        if (!fixture->ended || (fixture->end.code != ERR_INTERNAL && fixture->end.code != ERR_RESOURCE))
            fail_msg("'%s' ended with %d: %s", lies[i], fixture->end.code, fixture->end.message);
        assert_int_equal(fixture_teardown(state), 0);
        assert_int_equal(fixture_setup(state), 0);
    }
}

static void a_worker_that_answers_before_it_is_asked_is_killed(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "eager");
    wait_for(fixture, &fixture->gone);
    assert_false(fixture->was_ready);
    assert_int_equal(fixture->why.code, ERR_INTERNAL);
}

static void a_crash_fails_the_statement_with_its_signal(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "crash");
    wait_for(fixture, &fixture->gone);
    assert_true(fixture->ended);
    assert_int_equal(fixture->end.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(fixture->end.message, "signal 6"));
    assert_true(fixture->was_ready);
}

static void an_answer_sent_before_the_end_counts(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "answer and die");
    wait_for(fixture, &fixture->gone);
    assert_true(fixture->ended);
    assert_int_equal(fixture->end.code, ERR_OK);
    assert_int_equal(fixture->pieces, 1);
}

static void a_worker_that_cannot_start_says_why(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "sorry");
    wait_for(fixture, &fixture->gone);
    assert_false(fixture->was_ready);
    assert_int_equal(fixture->why.code, ERR_PRECONDITION);
    assert_non_null(strstr(fixture->why.message, "no library"));
    assert_string_equal(fixture->why.hint, "install it");
}

static void a_worker_that_exits_at_once_is_reported(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "exit");
    wait_for(fixture, &fixture->gone);
    assert_false(fixture->was_ready);
    assert_non_null(strstr(fixture->why.message, "exit code 3"));
}

static void a_worker_that_never_gets_ready_is_killed(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    int64_t before = limits_get(LIMIT_WORKER_START);
    assert_true(limits_set(S("worker.start_timeout"), 1, &error));
    start(fixture, "silent");
    assert_true(limits_set(S("worker.start_timeout"), before, &error));
    wait_for(fixture, &fixture->gone);
    assert_non_null(strstr(fixture->why.message, "worker.start_timeout"));
}

static void a_killed_worker_ends_its_statement_with_the_reason(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "deaf");
    wait_for(fixture, &fixture->ready);
    struct err why;
    err_set(&why, ERR_DEADLINE, "too late");
    query_process_kill(fixture->process, &why);
    wait_for(fixture, &fixture->gone);
    assert_int_equal(fixture->end.code, ERR_DEADLINE);
}

static void a_babbling_worker_does_not_drown_the_log(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "babble");
    wait_for(fixture, &fixture->ended);
    assert_int_equal(fixture->end.code, ERR_OK);
    assert_true(fixture->process->log_bytes > 8192); /* it was read, and beyond the bound dropped */
}

int main(int argc, char **argv)
{
    if (argc > 2 && str_equal(str_from(argv[1]), S("worker")))
        return script_main(argv[2]);
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(an_honest_worker_answers),
        FACT(progress_is_noted),
        FACT(a_worker_that_lies_is_killed),
        FACT(a_worker_that_answers_before_it_is_asked_is_killed),
        FACT(a_crash_fails_the_statement_with_its_signal),
        FACT(an_answer_sent_before_the_end_counts),
        FACT(a_worker_that_cannot_start_says_why),
        FACT(a_worker_that_exits_at_once_is_reported),
        FACT(a_worker_that_never_gets_ready_is_killed),
        FACT(a_killed_worker_ends_its_statement_with_the_reason),
        FACT(a_babbling_worker_does_not_drown_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
