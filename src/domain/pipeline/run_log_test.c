#include "domain/pipeline/run_log.h"

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

#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/run_log_file.h"
#include "domain/pipeline/run_log_text.h"
#include "platform/net/loop.h"
#include "platform/net/work.h"

#define RUN "0190aaaa-0000-7000-8000-000000000001"

/* A loop, one thread of the work pool, a directory; and what the last read answered. */
struct rig {
    struct arena *arena;
    struct loop *loop;
    struct work_pool *pool;
    pthread_t thread;
    struct run_log_list *list;
    struct str data;
    struct run_log_line *lines;
    size_t count;
    uint64_t total;
    bool more, answered;
    enum err_code code;
    struct buf heard; /* what a subscriber was told: "number text;" */
    bool heard_end;
};

static void *pool_thread(void *owner)
{
    work_pool_thread(owner);
    return NULL;
}

static void rig_open(struct rig *rig)
{
    struct err err;
    rig->loop = loop_new(&err);
    rig->pool = work_pool_new(rig->loop);
    assert_int_equal(pthread_create(&rig->thread, NULL, pool_thread, rig->pool), 0);
    rig->list = run_log_list_new(rig->loop, rig->pool, rig->data, &err);
    assert_non_null(rig->list);
}

static void rig_close(struct rig *rig)
{
    work_pool_stop(rig->pool);
    pthread_join(rig->thread, NULL);
    run_log_list_free(&rig->list);
    work_pool_free(&rig->pool);
    loop_free(&rig->loop);
}

static int setup(void **state)
{
    char directory[] = "/tmp/eider-run-log-XXXXXX";
    struct rig *rig = mem_new(struct rig);
    rig->arena = arena_new();
    assert_non_null(mkdtemp(directory));
    rig->data = str_copy(rig->arena, str_from(directory));
    rig_open(rig);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    rig_close(rig);
    assert_true(limits_set(S("pipeline.max_log"), 268435456, &(struct err){0}));
    unlink(str_format(rig->arena, "%s/logs/runs/" RUN ".log", rig->data.ptr).ptr);
    unlink(str_format(rig->arena, "%s/logs/runs/" RUN ".idx", rig->data.ptr).ptr);
    rmdir(str_format(rig->arena, "%s/logs/runs", rig->data.ptr).ptr);
    rmdir(str_format(rig->arena, "%s/logs", rig->data.ptr).ptr);
    rmdir(rig->data.ptr);
    buf_done(&rig->heard);
    arena_free(&rig->arena);
    mem_free(rig);
    return 0;
}

static void on_read(void *owner, const struct run_log_line *lines, size_t count, uint64_t total, bool more,
                    const struct err *error)
{
    struct rig *rig = owner;
    rig->lines = arena_array(rig->arena, count, sizeof(*lines));
    rig->count = count;
    rig->total = total;
    rig->more = more;
    rig->code = error ? error->code : ERR_OK;
    for (size_t i = 0; i < count; i++) {
        rig->lines[i] = lines[i];
        rig->lines[i].asset = str_copy(rig->arena, lines[i].asset);
        rig->lines[i].text = str_copy(rig->arena, lines[i].text);
    }
    rig->answered = true;
    loop_stop(rig->loop);
}

static void read_page(struct rig *rig, struct run_log_filter filter)
{
    rig->answered = false;
    run_log_read(rig->list, S(RUN), &filter, on_read, rig);
    loop_run(rig->loop);
    assert_true(rig->answered);
}

static struct run_log_filter last(size_t limit)
{
    return (struct run_log_filter){.before = UINT64_MAX, .limit = limit, .step = RUN_LOG_NO_STEP};
}

static struct run_log *open_log(struct rig *rig)
{
    struct err err;
    struct run_log *log = run_log_open(rig->list, S(RUN), &err);
    assert_non_null(log);
    return log;
}

static void write_many(struct rig *rig, struct run_log *log, unsigned count)
{
    for (unsigned i = 1; i <= count; i++)
        run_log_write(log, i % 10 == 0 ? LOG_WARN : LOG_INFO, i % 3, 1, S("orders"),
                      str_format(rig->arena, "line %u of Many", i));
}

static void on_heard(void *owner, const struct run_log_line *line)
{
    struct rig *rig = owner;
    if (line)
        buf_printf(&rig->heard, "%llu %.*s;", (unsigned long long)line->number, STR_ARG(line->text));
    else
        rig->heard_end = true;
}

static void log_tells_subscribers_at_once_and_readers_all(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    struct run_log_subscriber subscriber = {.on_line = on_heard, .owner = rig};
    assert_true(run_log_subscribe(rig->list, S(RUN), &subscriber));
    run_log_write(log, LOG_INFO, 2, 3, S("orders"), S("one\r\n\x1b[31mtwo\x1b[0m \a\n"));
    run_log_write(log, LOG_ERROR, RUN_LOG_NO_STEP, 0, S(""), S("three\tx"));
    assert_true(str_equal(buf_str(&rig->heard), S("1 one;2 two ?;3 three\tx;")));
    read_page(rig, last(10));
    assert_int_equal(rig->count, 3);
    assert_int_equal(rig->total, 3);
    assert_false(rig->more);
    assert_true(str_equal(rig->lines[0].asset, S("orders")) && str_equal(rig->lines[0].text, S("one")));
    assert_true(rig->lines[0].step == 2 && rig->lines[0].attempt == 3 && rig->lines[0].level == LOG_INFO);
    assert_true(str_equal(rig->lines[2].text, S("three\tx")) && rig->lines[2].asset.len == 0);
    assert_true(rig->lines[2].step == RUN_LOG_NO_STEP && rig->lines[2].level == LOG_ERROR);
    run_log_close(&log);
    assert_true(rig->heard_end);
    assert_false(run_log_subscribe(rig->list, S(RUN), &subscriber));
    read_page(rig, last(10));
    assert_int_equal(rig->count, 3);
}

static void log_pages_from_both_ends(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    write_many(rig, log, 20000);
    read_page(rig, last(3));
    assert_true(rig->count == 3 && rig->more && rig->total == 20000 && rig->lines[0].number == 19998);
    read_page(rig, (struct run_log_filter){.before = 3, .limit = 100, .step = RUN_LOG_NO_STEP});
    assert_true(rig->count == 2 && !rig->more && rig->lines[1].number == 2);
    read_page(rig, (struct run_log_filter){.after = 0, .limit = 2, .step = RUN_LOG_NO_STEP});
    assert_true(rig->count == 2 && rig->more && rig->lines[0].number == 1);
    read_page(rig, (struct run_log_filter){.after = 19999, .limit = 2, .step = RUN_LOG_NO_STEP});
    assert_true(rig->count == 1 && !rig->more && rig->lines[0].number == 20000);
    read_page(rig, (struct run_log_filter){.after = 30000, .limit = 2, .step = RUN_LOG_NO_STEP});
    assert_true(rig->count == 0 && !rig->more);
    read_page(rig, (struct run_log_filter){.before = 1, .limit = 2, .step = RUN_LOG_NO_STEP});
    assert_true(rig->count == 0 && !rig->more);
    run_log_close(&log);
}

static void log_is_filtered(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    struct run_log_filter filter = last(5);
    write_many(rig, log, 20000);
    filter.level = LOG_WARN;
    read_page(rig, filter);
    assert_true(rig->count == 5 && rig->more && rig->lines[4].number == 20000 && rig->lines[0].number == 19960);
    filter.step = 1;
    read_page(rig, filter);
    assert_true(rig->count == 5 && rig->lines[4].number == 19990);
    filter = last(5);
    filter.text = S("NE 77 oF mANY");
    read_page(rig, filter);
    assert_true(rig->count == 1 && !rig->more && rig->lines[0].number == 77);
    filter.before = 0;
    filter.after = 10;
    filter.text = S("line 15");
    read_page(rig, filter);
    assert_true(rig->count == 5 && rig->more && rig->lines[0].number == 15 && rig->lines[1].number == 150);
    filter.text = S("orders"); /* the asset's name is no part of the text */
    read_page(rig, filter);
    assert_true(rig->count == 0 && !rig->more);
    filter.text = S("x\ny");
    read_page(rig, filter);
    assert_true(rig->count == 0);
    run_log_close(&log);
}

static void log_keeps_errors_when_it_is_full(void **state)
{
    struct rig *rig = *state;
    struct err err;
    struct run_log *log = open_log(rig);
    assert_true(limits_set(S("pipeline.max_log"), 100000, &err));
    write_many(rig, log, 5000);
    run_log_write(log, LOG_ERROR, 1, 1, S("orders"), S("the reason"));
    run_log_close(&log);
    read_page(rig, last(2));
    assert_true(rig->total > 1000 && rig->total < 2000);
    assert_true(str_equal(rig->lines[0].text, S("the reason")));
    assert_true(str_find(rig->lines[1].text, S("lines were not kept")) > 0);
    assert_true(str_starts_with(rig->lines[1].text,
                                str_format(rig->arena, "%llu lines", 5000 - (unsigned long long)(rig->total - 2))));
}

static void log_goes_on_behind_a_torn_end(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    write_many(rig, log, 10);
    run_log_close(&log);
    rig_close(rig);
    const char *lines = str_format(rig->arena, "%s/logs/runs/" RUN ".log", rig->data.ptr).ptr;
    const char *index = str_format(rig->arena, "%s/logs/runs/" RUN ".idx", rig->data.ptr).ptr;
    struct stat size;
    assert_int_equal(stat(lines, &size), 0);
    assert_int_equal(truncate(lines, size.st_size - 3), 0); /* line 10 is torn */
    int fd = open(index, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "half a record and zeros\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 45), 45);
    close(fd);
    rig_open(rig);
    read_page(rig, last(100));
    assert_true(rig->count == 9 && rig->total == 9);
    log = open_log(rig);
    run_log_write(log, LOG_INFO, 0, 1, S("orders"), S("again"));
    read_page(rig, last(100));
    assert_true(rig->count == 10 && rig->lines[9].number == 10 && str_equal(rig->lines[9].text, S("again")));
    run_log_close(&log);
}

static void log_leaves_damaged_lines_out(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    write_many(rig, log, 10);
    run_log_close(&log);
    read_page(rig, last(1));
    int fd = open(str_format(rig->arena, "%s/logs/runs/" RUN ".idx", rig->data.ptr).ptr, O_WRONLY);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, 4 * RUN_LOG_RECORD_SIZE), 4);
    close(fd);
    read_page(rig, last(100));
    assert_true(rig->count == 9 && rig->lines[3].number == 4 && rig->lines[4].number == 6);
}

static void log_takes_long_lines_and_any_bytes(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    char *text = arena_alloc(rig->arena, 200000);
    memset(text, 'x', 200000);
    run_log_write(log, LOG_INFO, 0, 1, S("a"), str_bytes(text, 65536));
    run_log_write(log, LOG_INFO, 0, 1, S("a"), str_bytes(text, 65537));
    for (size_t i = 0; i < 256; i++)
        text[i] = (char)i;
    run_log_write(log, LOG_INFO, 0, 1, S("a"), str_bytes(text, 256));
    run_log_write(log, LOG_INFO, 0, 1, S("a"), S(""));
    for (int i = 0; i < 300; i++) /* more than a page may hold */
        run_log_write(log, LOG_INFO, 0, 1, S("a"), str_bytes(text + 256, 65536));
    run_log_close(&log);
    read_page(rig, (struct run_log_filter){.limit = 10, .step = RUN_LOG_NO_STEP});
    assert_int_equal(rig->lines[0].text.len, 65536);
    assert_int_equal(rig->lines[1].text.len, 65536);
    assert_true(str_ends_with(rig->lines[1].text, S("x \xe2\x80\xa6")));
    assert_true(str_ends_with(rig->lines[4].text, str_bytes(text + 128, 128)));
    assert_int_equal(rig->lines[5].text.len, 0);
    read_page(rig, last(1000));
    assert_true(rig->count == 127 && rig->more);
}

static void log_is_not_found_by_other_names(void **state)
{
    struct rig *rig = *state;
    struct err err;
    read_page(rig, last(1));
    assert_int_equal(rig->code, ERR_NOT_FOUND);
    const struct run_log_filter filter = last(1);
    run_log_read(rig->list, S("../../eider"), &filter, on_read, rig);
    loop_run(rig->loop);
    assert_int_equal(rig->code, ERR_NOT_FOUND);
    assert_null(run_log_open(rig->list, S("a/b"), &err));
    assert_int_equal(err.code, ERR_INVALID);
}

static void log_is_removed(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    write_many(rig, log, 10);
    run_log_close(&log);
    read_page(rig, last(1));
    run_log_remove(rig->list, S(RUN));
    read_page(rig, last(1));
    assert_int_equal(rig->code, ERR_NOT_FOUND);
}

static void log_is_whole_after_the_list_is_freed(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    write_many(rig, log, 1000);
    rig_close(rig); /* nothing ran on the loop */
    rig_open(rig);
    read_page(rig, last(1));
    assert_int_equal(rig->total, 1000);
}

static void log_is_written_when_the_disk_takes_it_again(void **state)
{
    struct rig *rig = *state;
    struct run_log *log = open_log(rig);
    const char *runs = str_format(rig->arena, "%s/logs/runs", rig->data.ptr).ptr;
    const char *away = str_format(rig->arena, "%s/logs/away", rig->data.ptr).ptr;
    assert_int_equal(rename(runs, away), 0);
    log_set_fd(open("/dev/null", O_WRONLY));
    write_many(rig, log, 10);
    read_page(rig, last(1));
    assert_true(rig->code == ERR_OK && rig->count == 0);
    log_set_fd(2);
    assert_int_equal(rename(away, runs), 0);
    run_log_close(&log); /* its last lines are tried again after a second, and when the list is freed */
    rig_close(rig);
    rig_open(rig);
    read_page(rig, last(1));
    assert_int_equal(rig->total, 10);
}

static void text_is_found_where_a_slow_search_finds_it(void **state)
{
    (void)state;
    char text[400];
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        size_t len = (size_t)(rand_r(&seed) % 400), needle_len = 1 + (size_t)(rand_r(&seed) % 4);
        char needle[4];
        for (size_t i = 0; i < len; i++)
            text[i] = "aAbB@`"[rand_r(&seed) % 6];
        for (size_t i = 0; i < needle_len; i++)
            needle[i] = "ab`@"[rand_r(&seed) % 4];
        ptrdiff_t first = -1, final = -1;
        for (size_t i = 0; i + needle_len <= len; i++) {
            if (str_equal_nocase(str_bytes(text + i, needle_len), str_bytes(needle, needle_len))) {
                final = (ptrdiff_t)i;
                first = first < 0 ? final : first;
            }
        }
        assert_int_equal(run_log_text_find_first(str_bytes(text, len), str_bytes(needle, needle_len)), first);
        assert_int_equal(run_log_text_find_last(str_bytes(text, len), str_bytes(needle, needle_len)), final);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_tells_subscribers_at_once_and_readers_all, setup, teardown),
        cmocka_unit_test_setup_teardown(log_pages_from_both_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(log_is_filtered, setup, teardown),
        cmocka_unit_test_setup_teardown(log_keeps_errors_when_it_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(log_goes_on_behind_a_torn_end, setup, teardown),
        cmocka_unit_test_setup_teardown(log_leaves_damaged_lines_out, setup, teardown),
        cmocka_unit_test_setup_teardown(log_takes_long_lines_and_any_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(log_is_not_found_by_other_names, setup, teardown),
        cmocka_unit_test_setup_teardown(log_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(log_is_whole_after_the_list_is_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(log_is_written_when_the_disk_takes_it_again, setup, teardown),
        cmocka_unit_test(text_is_found_where_a_slow_search_finds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
