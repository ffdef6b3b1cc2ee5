/* Commands and tickets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "face/flight/ticket.h"

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    struct arena *arena = *state;
    arena_free(&arena);
    return 0;
}

static void sql_text_is_a_command(void **state)
{
    struct flight_command command;
    struct err err;
    assert_true(flight_command_parse(*state, S(" select 42 "), &command, &err));
    assert_true(str_equal(command.sql, S(" select 42 ")));
    assert_int_equal(command.tenant.len, 0);
}

static void json_names_tenant_and_parameters(void **state)
{
    struct flight_command command;
    struct err err;
    assert_true(flight_command_parse(
        *state, S("{\"sql\":\"select ?\",\"tenant\":\"tenant_a\",\"parameters\":[1,\"x\",null,[true],{\"a\":1.5}]}"),
        &command, &err));
    assert_true(str_equal(command.sql, S("select ?")));
    assert_true(str_equal(command.tenant, S("tenant_a")));
    assert_true(str_equal(command.parameters, S("[1,\"x\",null,[true],{\"a\":1.5}]")));
}

static void wrong_commands_are_refused(void **state)
{
    static const struct str bad[] = {
        {"", 0},
        {"  ", 2},
        {"{}", 2},
        {"{\"sql\":1}", 9},
        {"{\"sql\":\"x\",\"sq\":1}", 18},
        {"{\"sql\":\"x\",\"parameters\":5}", 26},
        {"{\"sql\":\"x\"", 10},
        {"\xff\xfe", 2},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct flight_command command;
        struct err err = {0};
        assert_false(flight_command_parse(*state, bad[i], &command, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void paths_are_quoted(void **state)
{
    struct flight_command command;
    struct err err;
    const struct flight_descriptor descriptor = {
        .type = FLIGHT_DESCRIPTOR_PATH, .path = {S("tenant_a"), S("default"), S("a\"b; drop")}, .path_count = 3};
    assert_true(flight_command_from_descriptor(*state, &descriptor, &command, &err));
    assert_true(str_equal(command.sql, S("SELECT * FROM \"tenant_a\".\"default\".\"a\"\"b; drop\"")));
    assert_true(str_equal(command.tenant, S("tenant_a")));
}

static void paths_that_name_no_table_are_refused(void **state)
{
    static const struct flight_descriptor bad[] = {
        {.type = FLIGHT_DESCRIPTOR_PATH},
        {.type = FLIGHT_DESCRIPTOR_PATH, .path = {{"", 0}}, .path_count = 1},
        {.type = FLIGHT_DESCRIPTOR_PATH, .path = {{"a\0b", 3}}, .path_count = 1},
        {.type = FLIGHT_DESCRIPTOR_PATH, .path = {{"a", 1}, {"a", 1}, {"a", 1}, {"a", 1}}, .path_count = 4},
        {.type = FLIGHT_DESCRIPTOR_UNKNOWN, .path = {{"a", 1}}, .path_count = 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct flight_command command;
        struct err err = {0};
        assert_false(flight_command_from_descriptor(*state, &bad[i], &command, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void tickets_are_bound_to_their_user(void **state)
{
    struct flight_tickets tickets;
    struct flight_command back;
    struct err err;
    flight_tickets_init(&tickets);
    const struct flight_command command = {.sql = S("select 1"), .tenant = S("t")};
    struct str name = flight_tickets_add(&tickets, &command, S("ada"), *state);
    assert_true(flight_ticket_is_name(name));
    assert_true(flight_tickets_find(&tickets, name, S("ada"), *state, &back, &err));
    assert_true(str_equal(back.sql, S("select 1")));
    assert_false(flight_tickets_find(&tickets, name, S("bob"), *state, &back, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_false(flight_tickets_remove(&tickets, name, S("bob")));
    assert_true(flight_tickets_remove(&tickets, name, S("ada")));
    assert_false(flight_tickets_find(&tickets, name, S("ada"), *state, &back, &err));
    flight_tickets_done(&tickets);
}

static void tickets_are_forgotten_by_age_and_by_number(void **state)
{
    struct flight_tickets tickets;
    struct flight_command back;
    struct err err;
    const struct flight_command command = {.sql = S("select 1")};
    int64_t most = limits_get(LIMIT_TICKETS);
    assert_true(limits_set(S("flight.max_tickets"), 2, &err));
    clock_fake(1000, 0);
    flight_tickets_init(&tickets);
    struct str first = flight_tickets_add(&tickets, &command, S("ada"), *state);
    struct str second = flight_tickets_add(&tickets, &command, S("ada"), *state);
    struct str third = flight_tickets_add(&tickets, &command, S("ada"), *state);
    assert_false(flight_tickets_find(&tickets, first, S("ada"), *state, &back, &err));
    assert_true(flight_tickets_find(&tickets, second, S("ada"), *state, &back, &err));
    clock_fake(1000 + limits_get(LIMIT_TICKET_LIFE) * CLOCK_SECOND, 0);
    assert_false(flight_tickets_find(&tickets, third, S("ada"), *state, &back, &err));
    clock_real();
    flight_tickets_done(&tickets);
    assert_true(limits_set(S("flight.max_tickets"), most, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sql_text_is_a_command, setup, teardown),
        cmocka_unit_test_setup_teardown(json_names_tenant_and_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_commands_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_are_quoted, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_that_name_no_table_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_are_bound_to_their_user, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_are_forgotten_by_age_and_by_number, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
