#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/flight/proto.h"
#include "face/probe/answer.h"

/* The number of the answer's last field, and its bytes. */
static uint32_t ask(uint32_t field, struct str text, struct buf *answer, struct str *bytes_out)
{
    AUTO(buf) struct buf request = {0};
    struct err err = {0};
    flight_proto_put_bytes(&request, 1, S("here"));
    flight_proto_put_item(&request, field, text);
    buf_clear(answer);
    assert_true(probe_answer(answer, buf_str(&request), &err));
    struct reader reader = reader_from(buf_str(answer));
    struct flight_field part = {0};
    assert_true(flight_proto_next(&reader, &part));
    assert_true(part.number == 1 && str_equal(part.bytes, S("here")));
    assert_true(flight_proto_next(&reader, &part));
    assert_true(part.number == 2 && str_equal(part.bytes, buf_str(&request)));
    assert_true(flight_proto_next(&reader, &part));
    assert_int_equal(reader_left(&reader), 0);
    *bytes_out = part.bytes;
    return part.number;
}

static size_t count(struct str message)
{
    struct reader reader = reader_from(message);
    struct flight_field field;
    size_t fields = 0;
    while (flight_proto_next(&reader, &field))
        fields++;
    assert_false(reader.failed);
    return fields;
}

static void services_are_listed(void **state)
{
    (void)state;
    AUTO(buf) struct buf answer = {0};
    struct str bytes;
    assert_int_equal(ask(7, S("*"), &answer, &bytes), 6);
    assert_int_equal(count(bytes), 4);
    assert_true(str_find(bytes, S("arrow.flight.protocol.FlightService")) >= 0);
    assert_true(str_find(bytes, S("grpc.health.v1.Health")) >= 0);
    assert_true(str_find(bytes, S("grpc.reflection.v1.ServerReflection")) >= 0);
    assert_true(str_find(bytes, S("grpc.reflection.v1alpha.ServerReflection")) >= 0);
}

static void a_symbol_brings_its_file_and_what_that_imports(void **state)
{
    static const char *const symbols[] = {
        "arrow.flight.protocol.FlightService",
        "arrow.flight.protocol.FlightService.DoGet",
        "arrow.flight.protocol.FlightDescriptor.DescriptorType",
        "arrow.flight.protocol.FlightDescriptor.cmd",
        "arrow.flight.protocol.SessionOptionValue.StringListValue.values",
    };
    (void)state;
    AUTO(buf) struct buf answer = {0};
    struct str bytes;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        assert_int_equal(ask(4, str_from(symbols[i]), &answer, &bytes), 4);
        assert_int_equal(count(bytes), 2);
        assert_true(str_find(bytes, S("google/protobuf/timestamp.proto")) >= 0);
    }
    assert_int_equal(ask(4, S("grpc.health.v1.HealthCheckResponse.ServingStatus"), &answer, &bytes), 4);
    assert_int_equal(count(bytes), 1);
}

static void a_file_is_found_by_its_name(void **state)
{
    (void)state;
    AUTO(buf) struct buf answer = {0};
    struct str bytes;
    assert_int_equal(ask(3, S("flight.proto"), &answer, &bytes), 4);
    assert_int_equal(count(bytes), 2);
    assert_int_equal(ask(3, S("google/protobuf/timestamp.proto"), &answer, &bytes), 4);
    assert_int_equal(count(bytes), 1);
}

static void what_is_not_there_is_an_error_in_the_answer(void **state)
{
    static const char *const symbols[] = {"",
                                          ".",
                                          "arrow.flight.protocol",
                                          "arrow.",
                                          "arrow.flight.protocol.",
                                          "arrow.flight.protocolFlightService",
                                          "arrow.flight.protocol.FlightService.DoIt",
                                          "arrow.flight.protocol.Flight"};
    (void)state;
    AUTO(buf) struct buf answer = {0};
    struct str bytes;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
        assert_int_equal(ask(4, str_from(symbols[i]), &answer, &bytes), 7);
    assert_int_equal(ask(3, S("nothing.proto"), &answer, &bytes), 7);
    assert_int_equal(ask(5, S(""), &answer, &bytes), 7);
    assert_int_equal(ask(6, S("arrow.flight.protocol.Nothing"), &answer, &bytes), 7);
    assert_int_equal(ask(6, S("arrow.flight.protocol.Ticket"), &answer, &bytes), 5);
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf answer = {0};
    struct err err = {0};
    assert_false(probe_answer(&answer, S(""), &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_false(probe_answer(&answer, S("\x3a\x7f"), &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(buf_len(&answer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_are_listed),         cmocka_unit_test(a_symbol_brings_its_file_and_what_that_imports),
        cmocka_unit_test(a_file_is_found_by_its_name), cmocka_unit_test(what_is_not_there_is_an_error_in_the_answer),
        cmocka_unit_test(other_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
