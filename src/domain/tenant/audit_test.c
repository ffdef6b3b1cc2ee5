/* The audit trail: durable, bounded under floods, read by those who may. */
#include "domain/tenant/fixture_test.h"

#include "base/clock.h"
#include "base/limits.h"
#include "domain/tenant/audit_priv.h"

static struct audit_event refusal(struct str user, struct str address)
{
    return (struct audit_event){.user = user, .address = address, .action = AUDIT_LOGIN, .result = ERR_UNAUTHENTICATED};
}

static enum err_code write_down(struct fixture *fixture, const struct audit_event *event)
{
    audit_write(fixture->audit, event, fixture_on_done, fixture);
    return fixture_wait(fixture);
}

static int teardown(void **state)
{
    clock_real();
    return fixture_teardown(state);
}

/* --- Facts --- */

static void actions_have_names(void **state)
{
    (void)state;
    struct err error;
    for (int i = 0; i < AUDIT_ACTION_COUNT; i++) {
        enum audit_action action;
        const char *name = audit_action_name((enum audit_action)i);
        assert_true(audit_action_from_name(str_from(name), &action, &error));
        assert_int_equal(action, i);
    }
    enum audit_action action;
    assert_false(audit_action_from_name(S("user.sing"), &action, &error));
    assert_int_equal(error.code, ERR_INVALID);
}

static void a_row_holds_all_of_it(void **state)
{
    struct fixture *fixture = *state;
    clock_fake(clock_now_us(), 1234567890);
    const struct audit_event event = {.user = S("rita"),
                                      .address = S("[::1]:5"),
                                      .action = AUDIT_BACKUP,
                                      .object = S("nightly"),
                                      .tenant = S("acme"),
                                      .result = ERR_DENIED};
    assert_int_equal(write_down(fixture, &event), ERR_OK);
    clock_real();
    fixture_restart(fixture);
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &(struct audit_filter){0}), ERR_OK);
    assert_int_equal(fixture->row_count, 1);
    const struct audit_row *row = fixture->rows;
    assert_true(row->id == 1 && row->at_us == 1234567890 && row->times == 1);
    assert_true(str_equal(row->event.user, event.user) && str_equal(row->event.address, event.address));
    assert_true(str_equal(row->event.object, event.object) && str_equal(row->event.tenant, event.tenant));
    assert_true(row->event.action == AUDIT_BACKUP && row->event.result == ERR_DENIED);
}

static void long_texts_are_cut(void **state)
{
    struct fixture *fixture = *state;
    char text[4000];
    memset(text, 'x', sizeof(text));
    const struct audit_event event = refusal(str_bytes(text, sizeof(text)), S("1.2.3.4:5"));
    assert_int_equal(write_down(fixture, &event), ERR_OK);
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &(struct audit_filter){0}), ERR_OK);
    assert_int_equal(fixture->rows[0].event.user.len, 128);
}

static void repetitions_of_a_minute_share_a_row(void **state)
{
    struct fixture *fixture = *state;
    int64_t now_us = clock_now_us(), wall_us = clock_wall_us();
    clock_fake(now_us, wall_us);
    for (int i = 0; i < 5; i++) { /* from other ports of the address */
        const struct audit_event event = refusal(S("rita"), str_format(fixture->arena, "1.2.3.4:%d", 1000 + i));
        assert_int_equal(write_down(fixture, &event), ERR_OK);
        audit_note(fixture->audit, &event);
    }
    const struct audit_event other = refusal(S("rita"), S("1.2.3.5:1"));
    assert_int_equal(write_down(fixture, &other), ERR_OK);
    clock_fake(now_us + 60 * CLOCK_SECOND, wall_us + 60 * CLOCK_SECOND);
    assert_int_equal(write_down(fixture, &other), ERR_OK);
    clock_real();
    fixture_restart(fixture); /* what was only counted is written at the end */
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &(struct audit_filter){0}), ERR_OK);
    assert_int_equal(fixture->row_count, 3);
    assert_int_equal(fixture->rows[0].times, 1);
    assert_int_equal(fixture->rows[1].times, 1);
    assert_int_equal(fixture->rows[2].times, 10);
}

static void a_flood_is_a_few_hundred_rows_a_minute(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5000; i++) {
        const struct audit_event event = refusal(S("?"), str_format(fixture->arena, "10.0.%d.%d:1", i >> 8, i & 255));
        audit_note(fixture->audit, &event);
    }
    fixture_restart(fixture);
    const struct audit_filter all = {.limit = 10000};
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &all), ERR_OK);
    assert_int_equal(fixture->row_count, 300);
    int64_t times = 0;
    for (size_t i = 0; i < fixture->row_count; i++)
        times += fixture->rows[i].times;
    assert_int_equal(times, 5000);
}

static void rows_are_filtered_and_paged(void **state)
{
    struct fixture *fixture = *state;
    int64_t wall_us = clock_wall_us();
    for (int i = 0; i < 10; i++) {
        clock_fake(clock_now_us(), wall_us + i * CLOCK_SECOND);
        const struct audit_event event = {.user = i % 2 ? S("rita") : S("olga"),
                                          .address = str_format(fixture->arena, "1.1.1.%d:1", i),
                                          .action = i % 3 ? AUDIT_GRANT : AUDIT_REVOKE,
                                          .tenant = i < 5 ? S("acme") : S("beta")};
        assert_int_equal(write_down(fixture, &event), ERR_OK);
        clock_real();
    }
    const struct {
        struct audit_filter filter;
        size_t count;
    } cases[] = {
        {{.user = S("rita")}, 5},
        {{.tenant = S("acme")}, 5},
        {{.action = S("revoke")}, 4},
        {{.since_us = wall_us + 7 * CLOCK_SECOND}, 3},
        {{.limit = 2}, 2},
        {{.user = S("rita"), .tenant = S("acme"), .action = S("revoke")}, 1},
        {{.before_id = 4}, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(fixture_audit(fixture, fixture_root.who, &cases[i].filter), ERR_OK);
        assert_int_equal(fixture->row_count, cases[i].count);
        for (size_t k = 1; k < fixture->row_count; k++)
            assert_true(fixture->rows[k].id < fixture->rows[k - 1].id);
    }
    const struct audit_filter wrong = {.action = S("sing")}, large = {.limit = 10001};
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &wrong), ERR_INVALID);
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &large), ERR_INVALID);
    const struct principal auditor = {.user = S("ann"), .audit = true};
    assert_int_equal(fixture_audit(fixture, &auditor, &(struct audit_filter){0}), ERR_OK);
    assert_int_equal(fixture->row_count, 10);
}

static void more_old_rows_than_a_sweep_takes_go_too(void **state)
{
    struct fixture *fixture = *state;
    clock_fake(clock_now_us(), 1);
    AUTO(arena) struct arena *arena = arena_new();
    for (int i = 0; i < 12000; i++) {
        const struct audit_event event = {.user = str_format(arena, "u%d", i), .action = AUDIT_LOGIN};
        audit_note(fixture->audit, &event);
    }
    clock_real();
    fixture_restart(fixture);
    do /* the second sweep comes a second after the first */
        assert_int_equal(fixture_audit(fixture, fixture_root.who, &(struct audit_filter){0}), ERR_OK);
    while (fixture->row_count);
}

static void old_rows_go(void **state)
{
    struct fixture *fixture = *state;
    struct audit_event event = refusal(S("rita"), S("1.2.3.4:5"));
    int64_t wall_us = clock_wall_us(), day_us = 24 * 3600 * CLOCK_SECOND;
    clock_fake(clock_now_us(), wall_us - 91 * day_us);
    assert_int_equal(write_down(fixture, &event), ERR_OK);
    clock_fake(clock_now_us(), wall_us - 89 * day_us);
    event.address = S("1.2.3.5:5");
    assert_int_equal(write_down(fixture, &event), ERR_OK);
    clock_real();
    fixture_restart(fixture); /* it sweeps when it starts */
    event.address = S("1.2.3.6:5");
    assert_int_equal(write_down(fixture, &event), ERR_OK);
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &(struct audit_filter){0}), ERR_OK);
    assert_int_equal(fixture->row_count, 2);
    assert_int_equal(fixture->rows[1].id, 2);
}

static void tenants_leave_rows_whoever_waits(void **state)
{
    struct fixture *fixture = *state;
    tenant_create(fixture->tenants, &fixture_root, S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    tenant_create(fixture->tenants, &fixture_root, S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_EXISTS);
    tenant_delete(fixture->tenants, &fixture_root, S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    tenant_delete(fixture->tenants, &fixture_root, S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_NOT_FOUND);
    fixture_restart(fixture);
    const struct audit_filter filter = {.tenant = S("acme")};
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &filter), ERR_OK);
    static const enum audit_action actions[] = {AUDIT_TENANT_DELETE, AUDIT_TENANT_DELETE, AUDIT_TENANT_CREATE,
                                                AUDIT_TENANT_CREATE};
    static const enum err_code results[] = {ERR_NOT_FOUND, ERR_OK, ERR_EXISTS, ERR_OK};
    assert_int_equal(fixture->row_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct audit_event *event = &fixture->rows[i].event;
        assert_int_equal(event->action, actions[i]);
        assert_int_equal(event->result, results[i]);
        assert_true(str_equal(event->object, S("acme")) && str_equal(event->user, fixture_root.who->user));
        assert_true(str_equal(event->address, S("127.0.0.1:1")));
    }
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_have_names),
        FACT(a_row_holds_all_of_it),
        FACT(long_texts_are_cut),
        FACT(repetitions_of_a_minute_share_a_row),
        FACT(a_flood_is_a_few_hundred_rows_a_minute),
        FACT(rows_are_filtered_and_paged),
        FACT(old_rows_go),
        FACT(tenants_leave_rows_whoever_waits),
        FACT(more_old_rows_than_a_sweep_takes_go_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
