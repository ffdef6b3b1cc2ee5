/* The codecs: what goes in comes out, and bad bytes are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "face/flight/action.h"
#include "face/flight/flight_data.h"
#include "face/flight/handshake.h"

struct sink {
    uint8_t body[256];
    size_t asked;
    bool refuse;
};

static uint8_t *sink_body(void *owner, size_t size, struct err *err)
{
    struct sink *sink = owner;
    sink->asked = size;
    if (sink->refuse || size > sizeof(sink->body)) {
        err_set(err, ERR_RESOURCE, "no room");
        return NULL;
    }
    return sink->body;
}

/* Feeds the message in steps of `step` bytes. */
static bool feed(struct flight_data_parser *parser, struct str message, size_t step, struct err *err)
{
    flight_data_begin(parser, (uint32_t)message.len);
    for (size_t at = 0; at < message.len; at += step) {
        if (!flight_data_feed(parser, str_slice(message, at, step), err))
            return false;
    }
    return flight_data_end(parser, err);
}

static void descriptors_survive_a_round_trip(void **state)
{
    (void)state;
    struct err err;
    AUTO(buf) struct buf bytes = {0};
    const struct flight_descriptor path = {
        .type = FLIGHT_DESCRIPTOR_PATH, .path = {S("tenant_acme"), S("default"), S("")}, .path_count = 3};
    flight_descriptor_encode(&bytes, &path);
    struct flight_descriptor back;
    assert_true(flight_descriptor_decode(buf_str(&bytes), &back, &err));
    assert_int_equal(back.type, FLIGHT_DESCRIPTOR_PATH);
    assert_int_equal(back.path_count, 3);
    assert_true(str_equal(back.path[0], S("tenant_acme")));
    assert_true(str_equal(back.path[2], S("")));
}

static void descriptors_with_endless_paths_are_refused(void **state)
{
    (void)state;
    struct err err;
    AUTO(buf) struct buf bytes = {0};
    for (int i = 0; i < FLIGHT_PATH_MAX + 1; i++)
        flight_proto_put_item(&bytes, 3, S("x"));
    struct flight_descriptor back;
    assert_false(flight_descriptor_decode(buf_str(&bytes), &back, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

static void infos_carry_unknown_totals_and_their_ticket(void **state)
{
    (void)state;
    struct err err;
    AUTO(buf) struct buf bytes = {0};
    const struct flight_info info = {.schema = S("schema"),
                                     .descriptor = {.type = FLIGHT_DESCRIPTOR_CMD, .cmd = S("select 1")},
                                     .endpoints = {{.ticket = S("t")}, {.ticket = S("u"), .expires_us = 1500000}},
                                     .endpoint_count = 2,
                                     .ordered = true,
                                     .metadata = S("m")};
    flight_info_encode(&bytes, &info);
    struct flight_info back;
    assert_true(flight_info_decode(buf_str(&bytes), &back, &err));
    assert_true(str_equal(back.schema, info.schema));
    assert_int_equal(back.endpoint_count, 2);
    assert_true(str_equal(back.endpoints[0].ticket, S("t")));
    assert_true(str_equal(back.endpoints[1].ticket, S("u")));
    assert_true(back.ordered);
    assert_true(str_equal(back.metadata, S("m")));
    assert_true(str_equal(back.descriptor.cmd, info.descriptor.cmd));

    struct reader reader = reader_from(buf_str(&bytes));
    struct flight_field field;
    unsigned totals = 0;
    while (flight_proto_next(&reader, &field))
        totals += (field.number == 4 || field.number == 5) && field.value == UINT64_MAX;
    assert_int_equal(totals, 2);
}

static void endpoints_say_when_they_expire(void **state)
{
    (void)state;
    AUTO(buf) struct buf bytes = {0};
    flight_endpoint_encode(&bytes, &(struct flight_endpoint){.ticket = S("u"), .expires_us = 1500001});
    /* {1: {1: "u"}, 3: {1: 1 s, 2: 500001000 ns}} */
    static const struct str expected = {"\x0a\x03\x0a\x01\x75\x1a\x08\x08\x01\x10\xe8\xd1\xb5\xee\x01", 15};
    assert_true(str_equal(buf_str(&bytes), expected));
    struct flight_endpoint back;
    struct err err;
    assert_true(flight_endpoint_decode(buf_str(&bytes), &back, &err));
    assert_true(str_equal(back.ticket, S("u")));
    assert_false(flight_endpoint_decode(S("\x0a\x7f"), &back, &err));
}

static void poll_infos_end_when_they_have_no_descriptor(void **state)
{
    (void)state;
    const struct flight_info info = {0};
    const struct flight_descriptor next = {.type = FLIGHT_DESCRIPTOR_CMD, .cmd = S("next")};
    for (int last = 0; last < 2; last++) {
        AUTO(buf) struct buf bytes = {0};
        flight_poll_info_encode(
            &bytes, &(struct flight_poll_info){.info = &info, .next = last ? NULL : &next, .progress = last ? 1 : -1});
        struct reader reader = reader_from(buf_str(&bytes));
        struct flight_field field;
        unsigned seen = 0;
        while (flight_proto_next(&reader, &field)) {
            seen |= 1U << field.number;
            if (field.number == 3)
                assert_true(field.wire == FLIGHT_WIRE_I64 && field.value == UINT64_C(0x3ff0000000000000));
        }
        assert_false(reader.failed);
        assert_int_equal(seen, last ? 1U << 1 | 1U << 3 : 1U << 1 | 1U << 2);
    }
}

static void cancel_requests_name_the_ticket(void **state)
{
    (void)state;
    struct err err;
    AUTO(buf) struct buf info_bytes = {0};
    AUTO(buf) struct buf request = {0};
    flight_info_encode(&info_bytes, &(struct flight_info){.endpoints = {{.ticket = S("abc")}}, .endpoint_count = 1});
    flight_proto_put_item(&request, 1, buf_str(&info_bytes));
    struct flight_info back;
    assert_true(flight_cancel_request_decode(buf_str(&request), &back, &err));
    assert_true(str_equal(back.endpoints[0].ticket, S("abc")));
    assert_false(flight_cancel_request_decode((struct str){"\x0a\x05"
                                                           "ab",
                                                           4},
                                              &back, &err));
}

static void actions_and_handshakes_survive_a_round_trip(void **state)
{
    (void)state;
    struct err err;
    AUTO(buf) struct buf bytes = {0};
    flight_action_encode(&bytes, &(struct flight_action){.type = S("CancelFlightInfo"), .body = S("body")});
    struct flight_action action;
    assert_true(flight_action_decode(buf_str(&bytes), &action, &err));
    assert_true(str_equal(action.type, S("CancelFlightInfo")));
    assert_true(str_equal(action.body, S("body")));

    buf_clear(&bytes);
    flight_handshake_encode(&bytes, &(struct flight_handshake){.version = 7, .payload = S("p")});
    struct flight_handshake handshake;
    assert_true(flight_handshake_decode(buf_str(&bytes), &handshake, &err));
    assert_int_equal(handshake.version, 7);
    assert_true(str_equal(handshake.payload, S("p")));
}

static void groups_field_zero_and_cut_fields_are_refused(void **state)
{
    (void)state;
    static const struct str bad[] = {{"\x0b", 1},
                                     {"\x00\x01", 2},
                                     {"\x0a\x05"
                                      "x",
                                      3},
                                     {"\x08", 1},
                                     {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11},
                                     {"\x0d\x01", 2},
                                     {"\x09\x01", 2}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reader reader = reader_from(bad[i]);
        struct flight_field field;
        while (flight_proto_next(&reader, &field))
            continue;
        assert_true(reader.failed);
        struct sink sink = {0};
        struct flight_data_parser parser = {.on_body = sink_body, .owner = &sink};
        struct err err;
        assert_false(feed(&parser, bad[i], 1, &err));
        assert_int_equal(err.code, ERR_INVALID);
        flight_data_done(&parser);
    }
}

/* Descriptor, unknown fields of each wire type, header, metadata, body; in the order that a client may choose. */
static void data_message(struct buf *bytes, bool body_first)
{
    uint8_t tag[FLIGHT_DATA_TAG_MAX];
    if (body_first) {
        buf_append(bytes, tag, flight_data_body_tag(tag, 5));
        buf_append_str(bytes, S("BODY!"));
    }
    flight_proto_put_item(bytes, 3, S("meta"));
    flight_proto_put_varint(bytes, 77, 300);
    flight_proto_put_item(bytes, 78, S("skipped"));
    writer_varint(bytes, FLIGHT_TAG(79, FLIGHT_WIRE_I64));
    writer_u64le(bytes, 1);
    writer_varint(bytes, FLIGHT_TAG(80, FLIGHT_WIRE_I32));
    writer_u32le(bytes, 1);
    flight_proto_put_item(bytes, 1, S("\x08\x01"));
    buf_append(bytes, tag, flight_data_header_tag(tag, 6));
    buf_append_str(bytes, S("header"));
    if (!body_first) {
        buf_append(bytes, tag, flight_data_body_tag(tag, 5));
        buf_append_str(bytes, S("BODY!"));
    }
}

static void data_is_parsed_however_it_is_cut_and_ordered(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        AUTO(buf) struct buf bytes = {0};
        data_message(&bytes, order == 1);
        struct sink sink = {0};
        struct flight_data_parser parser = {.on_body = sink_body, .owner = &sink};
        for (size_t step = 1; step <= buf_len(&bytes); step++) {
            struct err err;
            memset(sink.body, 0, sizeof(sink.body));
            assert_true(feed(&parser, buf_str(&bytes), step, &err));
            assert_true(parser.has_descriptor);
            assert_true(str_equal(buf_str(&parser.descriptor), S("\x08\x01")));
            assert_true(str_equal(buf_str(&parser.header), S("header")));
            assert_true(str_equal(buf_str(&parser.metadata), S("meta")));
            assert_int_equal(parser.body_len, 5);
            assert_memory_equal(sink.body, "BODY!", 5);
        }
        flight_data_done(&parser);
    }
}

static void data_lengths_that_lie_ask_for_no_memory(void **state)
{
    (void)state;
    struct sink sink = {0};
    struct flight_data_parser parser = {.on_body = sink_body, .owner = &sink};
    uint8_t tag[FLIGHT_DATA_TAG_MAX];
    size_t len = flight_data_body_tag(tag, UINT64_C(1) << 40);
    struct err err;
    assert_false(feed(&parser, str_bytes(tag, len), 3, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(sink.asked, 0);
    flight_data_done(&parser);
}

static void data_fields_may_not_repeat(void **state)
{
    (void)state;
    AUTO(buf) struct buf bytes = {0};
    data_message(&bytes, false);
    data_message(&bytes, false);
    struct sink sink = {0};
    struct flight_data_parser parser = {.on_body = sink_body, .owner = &sink};
    struct err err;
    assert_false(feed(&parser, buf_str(&bytes), 7, &err));
    assert_int_equal(err.code, ERR_INVALID);
    flight_data_done(&parser);
}

static void data_errors_of_the_body_come_through(void **state)
{
    (void)state;
    AUTO(buf) struct buf bytes = {0};
    data_message(&bytes, false);
    struct sink sink = {.refuse = true};
    struct flight_data_parser parser = {.on_body = sink_body, .owner = &sink};
    struct err err;
    assert_false(feed(&parser, buf_str(&bytes), 64, &err));
    assert_int_equal(err.code, ERR_RESOURCE);
    flight_data_done(&parser);
}

static void data_headers_have_a_limit(void **state)
{
    (void)state;
    int64_t before = limits_get(LIMIT_IPC_HEADER);
    struct err err;
    assert_true(limits_set(S("flight.max_ipc_header"), 4, &err));
    AUTO(buf) struct buf bytes = {0};
    data_message(&bytes, false);
    struct sink sink = {0};
    struct flight_data_parser parser = {.on_body = sink_body, .owner = &sink};
    assert_false(feed(&parser, buf_str(&bytes), 64, &err));
    assert_int_equal(err.code, ERR_RESOURCE);
    flight_data_done(&parser);
    assert_true(limits_set(S("flight.max_ipc_header"), before, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_survive_a_round_trip),
        cmocka_unit_test(descriptors_with_endless_paths_are_refused),
        cmocka_unit_test(infos_carry_unknown_totals_and_their_ticket),
        cmocka_unit_test(endpoints_say_when_they_expire),
        cmocka_unit_test(poll_infos_end_when_they_have_no_descriptor),
        cmocka_unit_test(cancel_requests_name_the_ticket),
        cmocka_unit_test(actions_and_handshakes_survive_a_round_trip),
        cmocka_unit_test(groups_field_zero_and_cut_fields_are_refused),
        cmocka_unit_test(data_is_parsed_however_it_is_cut_and_ordered),
        cmocka_unit_test(data_lengths_that_lie_ask_for_no_memory),
        cmocka_unit_test(data_fields_may_not_repeat),
        cmocka_unit_test(data_errors_of_the_body_come_through),
        cmocka_unit_test(data_headers_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
