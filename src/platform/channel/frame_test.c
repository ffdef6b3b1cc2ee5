/* Frames: what is encoded is decoded; what is cut, longer or out of range is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform/channel/frame.h"

/* The only frame in buf. */
static struct channel_frame frame_of(const struct buf *buf)
{
    struct err error;
    struct channel_frame frame;
    assert_int_equal(channel_frame_next(buf_str(buf), &frame, &error), 1);
    assert_int_equal(frame.payload.len + CHANNEL_HEADER_SIZE, buf_len(buf));
    return frame;
}

static void assert_text(struct str text, const char *wanted)
{
    assert_true(str_equal(text, str_from(wanted)));
}

static void frame_carries_type_statement_and_length(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    channel_encode_empty(&buf, CHANNEL_CANCEL, 77);
    struct channel_frame frame = frame_of(&buf);
    assert_int_equal(frame.type, CHANNEL_CANCEL);
    assert_int_equal(frame.statement, 77);
    for (size_t len = 0; len < buf_len(&buf); len++)
        assert_int_equal(channel_frame_next(str_slice(buf_str(&buf), 0, len), &frame, &error), 0);
}

static void frame_longer_than_the_limit_breaks_the_stream(void **state)
{
    (void)state;
    struct err error;
    struct channel_frame frame;
    uint8_t header[CHANNEL_HEADER_SIZE] = {0xff, 0xff, 0xff, 0xff, CHANNEL_DATA};
    assert_int_equal(channel_frame_next(str_bytes(header, sizeof(header)), &frame, &error), -1);
    assert_int_equal(error.code, ERR_RESOURCE);
}

static void frame_with_flags_breaks_the_stream(void **state)
{
    (void)state;
    struct err error;
    struct channel_frame frame;
    uint8_t header[CHANNEL_HEADER_SIZE] = {0, 0, 0, 0, CHANNEL_DATA, 0, 1};
    assert_int_equal(channel_frame_next(str_bytes(header, sizeof(header)), &frame, &error), -1);
}

static void hello_survives_the_way(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    AUTO(arena) struct arena *arena = arena_new();
    struct err error;
    struct str paths[] = {S("/data/a"), S("/data/b")};
    struct channel_hello hello = {.version = CHANNEL_VERSION,
                                  .external_access = true,
                                  .threads = 3,
                                  .max_running = 8,
                                  .block_size = 1 << 20,
                                  .memory_limit_bytes = 1 << 30,
                                  .directory = S("/t/acme"),
                                  .project = S("/p/acme"),
                                  .library = S("/lib/libduckdb.so"),
                                  .catalog_pass = S("secret"),
                                  .setup = S("LOAD 'x'"),
                                  .ports = {8080, 9000},
                                  .port_count = 2,
                                  .read_paths = paths,
                                  .read_path_count = 2};
    hello.limits[LIMIT_SQL] = 4711;
    channel_encode_hello(&buf, &hello);
    struct channel_hello got;
    assert_true(channel_decode_hello(frame_of(&buf).payload, arena, &got, &error));
    assert_true(got.external_access);
    assert_int_equal(got.threads, 3);
    assert_int_equal(got.limits[LIMIT_SQL], 4711);
    assert_text(got.directory, "/t/acme");
    assert_text(got.project, "/p/acme");
    assert_text(got.catalog_pass, "secret");
    assert_text(got.setup, "LOAD 'x'");
    assert_int_equal(got.port_count, 2);
    assert_int_equal(got.ports[1], 9000);
    assert_int_equal(got.read_path_count, 2);
    assert_text(got.read_paths[1], "/data/b");
}

static void hello_of_another_version_says_so(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    AUTO(arena) struct arena *arena = arena_new();
    struct err error;
    channel_encode_hello(&buf, &(struct channel_hello){.version = CHANNEL_VERSION + 1});
    struct channel_hello got;
    assert_false(channel_decode_hello(frame_of(&buf).payload, arena, &got, &error));
    assert_int_equal(error.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(error.message, "version"));
}

static void run_survives_the_way(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_run run = {.format = 4,
                              .rights = 2,
                              .batch_target = 700000,
                              .statement_id = S("q1"),
                              .refusal = S("disk"),
                              .sql = S("select 42"),
                              .parameters = S("[1]"),
                              .blocks = {7, 9},
                              .block_count = 2};
    channel_encode_run(&buf, CHANNEL_RUN, 5, &run);
    struct channel_run got;
    assert_true(channel_decode_run(frame_of(&buf).payload, &got, &error));
    assert_int_equal(got.format, 4);
    assert_int_equal(got.rights, 2);
    assert_false(got.files_allowed);
    assert_int_equal(got.batch_target, 700000);
    assert_text(got.sql, "select 42");
    assert_text(got.parameters, "[1]");
    assert_text(got.refusal, "disk");
    assert_int_equal(got.block_count, 2);
    assert_int_equal(got.blocks[1], 9);
}

static void run_carries_connection_and_bound_values(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_run run = {.binds = CHANNEL_BINDS_INLINE,
                              .procedure = CHANNEL_MIRROR,
                              .progress = true,
                              .run_unless_reads = true,
                              .connection = 7,
                              .prepared = UINT64_MAX,
                              .sql = S("select ?"),
                              .bind_schema = S("schema"),
                              .bind_header = S("header"),
                              .bind_body = S("body"),
                              .absent = {S("orders"), S("a b")},
                              .absent_count = 2,
                              .changed = {S("\"iceberg\".\"t\"")},
                              .changed_count = 1};
    channel_encode_run(&buf, CHANNEL_DESCRIBE, 5, &run);
    struct channel_run got;
    assert_int_equal(frame_of(&buf).type, CHANNEL_DESCRIBE);
    assert_true(channel_decode_run(frame_of(&buf).payload, &got, &error));
    assert_int_equal(got.binds, CHANNEL_BINDS_INLINE);
    assert_int_equal(got.procedure, CHANNEL_MIRROR);
    assert_true(got.progress);
    assert_true(got.run_unless_reads);
    assert_int_equal(got.connection, 7);
    assert_true(got.prepared == UINT64_MAX);
    assert_text(got.bind_schema, "schema");
    assert_text(got.bind_header, "header");
    assert_text(got.bind_body, "body");
    assert_int_equal(got.absent_count, 2);
    assert_text(got.absent[1], "a b");
    assert_int_equal(got.changed_count, 1);
    assert_text(got.changed[0], "\"iceberg\".\"t\"");
}

static void run_with_unknown_binds_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_run got;
    channel_encode_run(&buf, CHANNEL_RUN, 5, &(struct channel_run){.binds = CHANNEL_BINDS_PUT + 1});
    assert_false(channel_decode_run(frame_of(&buf).payload, &got, &error));
}

static void upload_survives_the_way(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_upload got;
    struct channel_upload upload = {
        .mode = 2, .rights = 1, .temporary = true, .connection = 9, .refusal = S("disk"), .table = S("t")};
    channel_encode_upload(&buf, 3, &upload);
    assert_true(channel_decode_upload(frame_of(&buf).payload, &got, &error));
    assert_int_equal(got.mode, 2);
    assert_int_equal(got.rights, 1);
    assert_true(got.temporary);
    assert_int_equal(got.connection, 9);
    assert_text(got.refusal, "disk");
    assert_text(got.schema, "");
    assert_text(got.table, "t");
}

static void metadata_tells_absent_from_empty(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_metadata got;
    struct channel_metadata metadata = {.kind = 2,
                                        .include_schema = true,
                                        .has_schema = true,
                                        .has_fk_schema = true,
                                        .connection = 4,
                                        .fk_schema = S("s"),
                                        .types = {S("TABLE"), S("VIEW")},
                                        .type_count = 2,
                                        .blocks = {5},
                                        .block_count = 1};
    channel_encode_metadata(&buf, 3, &metadata);
    assert_true(channel_decode_metadata(frame_of(&buf).payload, &got, &error));
    assert_int_equal(got.kind, 2);
    assert_true(got.include_schema);
    assert_false(got.has_catalog);
    assert_true(got.has_schema);
    assert_false(got.has_table);
    assert_false(got.has_fk_catalog);
    assert_true(got.has_fk_schema);
    assert_int_equal(got.connection, 4);
    assert_text(got.fk_schema, "s");
    assert_int_equal(got.type_count, 2);
    assert_text(got.types[1], "VIEW");
    assert_int_equal(got.blocks[0], 5);
}

static void close_forget_and_progress_survive_the_way(void **state)
{
    (void)state;
    AUTO(buf) struct buf close = {0};
    AUTO(buf) struct buf forget = {0};
    AUTO(buf) struct buf progress = {0};
    struct err error;
    uint64_t connection, prepared;
    struct channel_progress got;
    channel_encode_close(&close, 11);
    assert_true(channel_decode_close(frame_of(&close).payload, &connection, &error));
    assert_int_equal(connection, 11);
    channel_encode_forget(&forget, 12, 13);
    assert_true(channel_decode_forget(frame_of(&forget).payload, &connection, &prepared, &error));
    assert_int_equal(connection, 12);
    assert_int_equal(prepared, 13);
    assert_false(channel_decode_close(frame_of(&forget).payload, &connection, &error));
    channel_encode_progress(&progress, 1, &(struct channel_progress){.permille = UINT32_MAX, .rows = 14});
    assert_true(channel_decode_progress(frame_of(&progress).payload, &got, &error));
    assert_true(got.permille == UINT32_MAX);
    assert_int_equal(got.rows, 14);
}

static void end_says_what_is_left_in_the_connection(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_end got;
    channel_encode_end(&buf, 1, &(struct channel_end){.transaction = true, .kept = true, .memory_bytes = 77});
    assert_true(channel_decode_end(frame_of(&buf).payload, &got, &error));
    assert_true(got.transaction);
    assert_true(got.kept);
    assert_false(got.ran);
    assert_false(got.depends);
    assert_int_equal(got.memory_bytes, 77);
}

static void data_of_an_unknown_role_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_data got;
    channel_encode_data(&buf, 1, &(struct channel_data){.role = CHANNEL_DATA_PARAMETER_SCHEMA});
    assert_true(channel_decode_data(frame_of(&buf).payload, &got, &error));
    assert_int_equal(got.role, CHANNEL_DATA_PARAMETER_SCHEMA);
    buf_clear(&buf);
    channel_encode_data(&buf, 1, &(struct channel_data){.role = CHANNEL_DATA_PARAMETER_SCHEMA + 1});
    assert_false(channel_decode_data(frame_of(&buf).payload, &got, &error));
}

static void data_carries_its_body_or_names_a_block(void **state)
{
    (void)state;
    AUTO(buf) struct buf small = {0};
    AUTO(buf) struct buf large = {0};
    struct err error;
    struct channel_data got;
    channel_encode_data(
        &small, 1,
        &(struct channel_data){
            .first = true, .len = 4, .body_total = 4, .rows = 1, .header = S("head"), .body = S("body")});
    assert_true(channel_decode_data(frame_of(&small).payload, &got, &error));
    assert_text(got.body, "body");
    assert_text(got.header, "head");
    channel_encode_data(&large, 1,
                        &(struct channel_data){.first = true, .block = 3, .len = 500, .body_total = 900, .rows = 2});
    assert_true(channel_decode_data(frame_of(&large).payload, &got, &error));
    assert_int_equal(got.block, 3);
    assert_int_equal(got.len, 500);
    assert_int_equal(got.body.len, 0);
}

static void data_with_a_lying_length_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_data got;
    channel_encode_data(&buf, 1, &(struct channel_data){.len = 4, .body = S("body")});
    struct str payload = frame_of(&buf).payload;
    uint8_t bytes[64];
    memcpy(bytes, payload.ptr, payload.len);
    for (int lie = 0; lie < 256; lie++) {
        bytes[6] = (uint8_t)lie; /* low byte of len, behind role, first and block */
        assert_int_equal(channel_decode_data(str_bytes(bytes, payload.len), &got, &error), lie == 4);
    }
}

static void end_with_an_unknown_code_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = {0};
    struct err error;
    struct channel_end got;
    channel_encode_end(&buf, 1,
                       &(struct channel_end){.code = ERR_CONFLICT, .last = true, .rows = 3, .message = S("no")});
    struct str payload = frame_of(&buf).payload;
    assert_true(channel_decode_end(payload, &got, &error));
    assert_int_equal(got.code, ERR_CONFLICT);
    assert_true(got.last);
    assert_text(got.message, "no");
    uint8_t bytes[64];
    memcpy(bytes, payload.ptr, payload.len);
    bytes[0] = 17;
    assert_false(channel_decode_end(str_bytes(bytes, payload.len), &got, &error));
}

static void put_and_its_answer_survive_the_way(void **state)
{
    (void)state;
    AUTO(buf) struct buf put = {0};
    AUTO(buf) struct buf done = {0};
    struct err error;
    struct channel_put got_put;
    struct channel_put_done got_done;
    channel_encode_put(&put, 2, &(struct channel_put){.len = 3, .header = S("h"), .body = S("abc")});
    assert_true(channel_decode_put(frame_of(&put).payload, &got_put, &error));
    assert_text(got_put.body, "abc");
    channel_encode_put_done(&done, 2, &(struct channel_put_done){.block = 4, .len = 99});
    assert_true(channel_decode_put_done(frame_of(&done).payload, &got_done, &error));
    assert_int_equal(got_done.block, 4);
    assert_int_equal(got_done.len, 99);
}

/* Every prefix of every message is refused: each decoder reads all of its payload. */
static void cut_messages_are_refused(void **state)
{
    (void)state;
    struct err error;
    AUTO(buf) struct buf run = {0};
    AUTO(buf) struct buf ready = {0};
    AUTO(buf) struct buf usage = {0};
    AUTO(buf) struct buf metadata = {0};
    channel_encode_metadata(&metadata, 1, &(struct channel_metadata){.type_count = 1, .block_count = 1});
    struct channel_metadata got_metadata;
    struct str asked = frame_of(&metadata).payload;
    for (size_t len = 0; len < asked.len; len++)
        assert_false(channel_decode_metadata(str_slice(asked, 0, len), &got_metadata, &error));
    channel_encode_run(&run, CHANNEL_RUN, 1, &(struct channel_run){.sql = S("select 1"), .block_count = 1});
    channel_encode_ready(&ready, &(struct channel_ready){.message = S("m"), .engine_version = S("v1")});
    channel_encode_usage(&usage, &(struct channel_usage){.rss_bytes = 1});
    struct channel_run got_run;
    struct channel_ready got_ready;
    struct channel_usage got_usage;
    struct str payload = frame_of(&run).payload;
    for (size_t len = 0; len < payload.len; len++)
        assert_false(channel_decode_run(str_slice(payload, 0, len), &got_run, &error));
    payload = frame_of(&ready).payload;
    for (size_t len = 0; len < payload.len; len++)
        assert_false(channel_decode_ready(str_slice(payload, 0, len), &got_ready, &error));
    payload = frame_of(&usage).payload;
    for (size_t len = 0; len < payload.len; len++)
        assert_false(channel_decode_usage(str_slice(payload, 0, len), &got_usage, &error));
}

static void block_zero_cannot_be_attached_or_credited(void **state)
{
    (void)state;
    struct err error;
    AUTO(buf) struct buf attach = {0};
    AUTO(buf) struct buf credit = {0};
    struct channel_attach got;
    uint32_t block;
    channel_encode_attach(&attach, &(struct channel_attach){.block = 0, .size = 4096});
    assert_false(channel_decode_attach(frame_of(&attach).payload, &got, &error));
    channel_encode_credit(&credit, 1, 0);
    assert_false(channel_decode_credit(frame_of(&credit).payload, &block, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_carries_type_statement_and_length),
        cmocka_unit_test(frame_longer_than_the_limit_breaks_the_stream),
        cmocka_unit_test(frame_with_flags_breaks_the_stream),
        cmocka_unit_test(hello_survives_the_way),
        cmocka_unit_test(hello_of_another_version_says_so),
        cmocka_unit_test(run_survives_the_way),
        cmocka_unit_test(run_carries_connection_and_bound_values),
        cmocka_unit_test(run_with_unknown_binds_is_refused),
        cmocka_unit_test(upload_survives_the_way),
        cmocka_unit_test(metadata_tells_absent_from_empty),
        cmocka_unit_test(close_forget_and_progress_survive_the_way),
        cmocka_unit_test(end_says_what_is_left_in_the_connection),
        cmocka_unit_test(data_of_an_unknown_role_is_refused),
        cmocka_unit_test(data_carries_its_body_or_names_a_block),
        cmocka_unit_test(data_with_a_lying_length_is_refused),
        cmocka_unit_test(end_with_an_unknown_code_is_refused),
        cmocka_unit_test(put_and_its_answer_survive_the_way),
        cmocka_unit_test(cut_messages_are_refused),
        cmocka_unit_test(block_zero_cannot_be_attached_or_credited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
