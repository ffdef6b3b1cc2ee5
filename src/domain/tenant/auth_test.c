/* Who asks: passwords, bearers, certificates, and how often one may be wrong. */
#include "domain/tenant/fixture_test.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/tenant/auth_priv.h"

static const char *const people = "- {name: root, password_hash: '%H', admin: true}\n"
                                  "- {name: rita, password_hash: '%H', grants: {acme: reader}}\n"
                                  "- {name: nemo}\n"
                                  "- {name: gone, password_hash: '%H', disabled: true}\n";

static int setup(void **state)
{
    int failed = fixture_setup(state);
    struct fixture *fixture = *state;
    if (failed || fixture_tenant(fixture, "acme") != ERR_OK)
        return -1;
    return fixture_import(fixture, people) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    clock_real();
    return fixture_teardown(state);
}

static const char *bearer(struct fixture *fixture, struct str text)
{
    return str_format(fixture->arena, "Bearer %.*s", STR_ARG(text)).ptr;
}

/* A login by rita's password; its bearer. */
static struct str log_in(struct fixture *fixture)
{
    struct principal who;
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", FIXTURE_PASSWORD), &who), ERR_OK);
    assert_int_equal(who.proof, PRINCIPAL_PASSWORD);
    struct str text = auth_login_bearer(fixture->auth, &who, fixture->arena);
    assert_true(str_starts_with(text, S(AUTH_LOGIN_PREFIX)));
    return text;
}

/* --- Facts --- */

static void without_users_loopback_is_the_administrator(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    static const char *const anything[] = {"", "Basic !!!", "Bearer nonsense", "Negotiate x", "Basic YTpi"};
    for (size_t i = 0; i < sizeof(anything) / sizeof(anything[0]); i++) {
        assert_int_equal(fixture_check(fixture, anything[i], &who), ERR_OK);
        assert_true(who.admin && who.proof == PRINCIPAL_OPEN && who.login.len == 0);
    }
    const struct auth_request far = {.remote = S("10.0.0.1:5")};
    assert_int_equal(fixture_request(fixture, &far, &who), ERR_UNAUTHENTICATED);
    /* A login names a session there too, until there are users. */
    struct str text = auth_login_bearer(fixture->auth, &who, fixture->arena);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_OK);
    assert_true(who.proof == PRINCIPAL_OPEN && who.login.len == 32);
    assert_int_equal(fixture_import(fixture, "- {name: administrator, admin: true}"), ERR_OK);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_UNAUTHENTICATED);
}

static void a_password_is_right_or_wrong(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    assert_int_equal(fixture_check(fixture, "", &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", FIXTURE_PASSWORD), &who), ERR_OK);
    assert_true(str_equal(who.user, S("rita")) && !who.admin && who.proof == PRINCIPAL_PASSWORD);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_READER);
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", "wrong"), &who), ERR_UNAUTHENTICATED);
    struct err wrong = fixture->error;
    /* One text for all, so that nobody learns who exists. */
    static const char *const others[] = {"nobody", "nemo", "gone", "", "Rita", "\xff"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const char *shown = fixture_basic(fixture, others[i], FIXTURE_PASSWORD);
        assert_int_equal(fixture_check(fixture, shown, &who), ERR_UNAUTHENTICATED);
        assert_string_equal(fixture->error.message, wrong.message);
        assert_string_equal(fixture->error.hint, wrong.hint);
    }
    const struct auth_request payload = {
        .payload = S("root"), .payload_password = S(FIXTURE_PASSWORD), .remote = S("[::1]:3")};
    assert_int_equal(fixture_request(fixture, &payload, &who), ERR_OK);
    assert_true(who.admin);
}

static void a_verified_password_is_known_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    struct auth_request request = {.remote = S("127.0.0.1:1"), .loopback = true};
    request.authorization = str_from(fixture_basic(fixture, "rita", FIXTURE_PASSWORD));
    struct auth_wait wait = {0};
    struct principal who;
    struct err error;
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_OK);
    assert_int_equal(auth_check(fixture->auth, &request, fixture->arena, &wait, &who, &error), AUTH_DONE);
    clock_fake(clock_now_us() + 301 * CLOCK_SECOND, clock_wall_us());
    assert_int_equal(auth_check(fixture->auth, &request, fixture->arena, &wait, &who, &error), AUTH_LATER);
    auth_cancel(&wait);
    clock_real();
    user_set_password(fixture->users, &fixture_root, S("rita"), S("another password"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_UNAUTHENTICATED);
    request.authorization = str_from(fixture_basic(fixture, "rita", "another password"));
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_OK);
}

struct crowd {
    struct auth_wait waits[40];
    struct fixture *fixture;
    size_t answers, right;
};

static void crowd_on_answer(struct auth_wait *wait, const struct principal *who, const struct err *error)
{
    struct crowd *crowd = wait->owner;
    crowd->answers++;
    crowd->right += who != NULL && error == NULL;
    loop_stop(crowd->fixture->loop);
}

static void one_password_at_once_is_hashed_once(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.fixture = fixture};
    struct auth_request request = {.remote = S("127.0.0.1:1")};
    request.authorization = str_from(fixture_basic(fixture, "rita", FIXTURE_PASSWORD));
    struct principal who;
    struct err error;
    assert_true(limits_set(S("user.max_hashing"), 1, &error));
    for (size_t i = 0; i < 40; i++) {
        crowd.waits[i] = (struct auth_wait){.done = crowd_on_answer, .owner = &crowd};
        assert_int_equal(auth_check(fixture->auth, &request, fixture->arena, &crowd.waits[i], &who, &error),
                         AUTH_LATER);
    }
    /* Another one finds no room. */
    struct auth_request other = {.remote = S("127.0.0.1:1")};
    other.authorization = str_from(fixture_basic(fixture, "root", FIXTURE_PASSWORD));
    struct auth_wait wait = {0};
    assert_int_equal(auth_check(fixture->auth, &other, fixture->arena, &wait, &who, &error), AUTH_ERROR);
    assert_int_equal(error.code, ERR_UNAVAILABLE);
    auth_cancel(&crowd.waits[7]);
    auth_cancel(&crowd.waits[7]);
    while (crowd.answers < 39)
        loop_run(fixture->loop);
    assert_int_equal(crowd.right, 39);
    assert_true(limits_set(S("user.max_hashing"), 64, &error));
}

static void headers_come_in_many_forms(void **state)
{
    struct fixture *fixture = *state;
    AUTO(arena) struct arena *arena = arena_new();
    (void)fixture;
    struct auth_credentials shown;
    struct err error;
    static const char *const good[] = {"Basic cml0YTph", "basic cml0YTph", "BASIC   cml0YTph ", " Basic cml0YTph"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(auth_header_parse(arena, str_from(good[i]), &shown, &error));
        assert_true(shown.scheme == AUTH_BASIC && str_equal(shown.user, S("rita")) &&
                    str_equal(shown.password, S("a")));
    }
    /* "a:b:\xff>" and "u:" in both alphabets, padded and not. */
    static const char *const pairs[] = {"Basic YTpiOv8+", "Basic YTpiOv8-", "Basic dTo=", "Basic dTo"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(auth_header_parse(arena, str_from(pairs[i]), &shown, &error));
        assert_true(str_equal(shown.user, i < 2 ? S("a") : S("u")));
        assert_true(str_equal(shown.password, i < 2 ? S("b:\xff>") : S("")));
    }
    static const char *const bad[] = {"Basic",
                                      "Basic ",
                                      "Basic a",
                                      "Basic YT pi",
                                      "Basic YWI=",
                                      "Bearer",
                                      "Bearer ",
                                      "Bearer a b",
                                      "Digest x",
                                      "cml0YTph",
                                      "Basic YTpiOv8+YTpiOv8-",
                                      "Basic ===="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (auth_header_parse(arena, str_from(bad[i]), &shown, &error))
            fail_msg("%s", bad[i]);
        assert_int_equal(error.code, ERR_UNAUTHENTICATED);
    }
    assert_true(auth_header_parse(arena, S("bearer abc"), &shown, &error));
    assert_true(shown.scheme == AUTH_BEARER && str_equal(shown.token, S("abc")));
}

static void a_login_survives_a_restart_and_ends_with_the_password(void **state)
{
    struct fixture *fixture = *state;
    struct principal who, again;
    struct str text = log_in(fixture);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_OK);
    assert_true(who.proof == PRINCIPAL_LOGIN && str_equal(who.user, S("rita")) && who.login.len == 32);
    assert_int_equal(auth_login_bearer(fixture->auth, &who, fixture->arena).len, 0);
    fixture_restart(fixture);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &again), ERR_OK);
    assert_true(str_equal(who.login, again.login));
    user_set_password(fixture->users, &fixture_root, S("rita"), S("another password"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_UNAUTHENTICATED);
}

static void a_login_of_a_removed_user_does_not_come_back_with_the_name(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    struct str text = log_in(fixture);
    user_remove(fixture->users, &fixture_root, S("rita"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_import(fixture, "- {name: rita, password_hash: '%H'}"), ERR_OK);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_UNAUTHENTICATED);
}

static void a_login_has_its_life(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    int64_t now_us = clock_now_us(), wall_us = clock_wall_us(), life_us = 43200 * CLOCK_SECOND;
    clock_fake(now_us, wall_us);
    struct str text = log_in(fixture);
    clock_fake(now_us, wall_us + life_us - 1);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_OK);
    clock_fake(now_us, wall_us + life_us);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_UNAUTHENTICATED);
    assert_non_null(strstr(fixture->error.message, "user.login_life"));
    clock_fake(now_us, wall_us - 299 * CLOCK_SECOND);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_OK);
    clock_fake(now_us, wall_us - 301 * CLOCK_SECOND);
    assert_int_equal(fixture_check(fixture, bearer(fixture, text), &who), ERR_UNAUTHENTICATED);
}

static void a_changed_bearer_is_not_ours(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    unsigned char key[AUTH_KEY_SIZE], other[AUTH_KEY_SIZE];
    random_bytes(key, sizeof(key));
    random_bytes(other, sizeof(other));
    struct auth_login login = {.user = S("rita"), .issued_us = 1234567, .epoch = INT64_MAX}, seen;
    random_bytes(login.id, sizeof(login.id));
    struct str text = auth_bearer_sign(arena, key, &login);
    assert_true(auth_bearer_open(arena, key, text, &seen));
    assert_true(str_equal(seen.user, login.user) && seen.issued_us == 1234567 && seen.epoch == INT64_MAX);
    assert_memory_equal(seen.id, login.id, sizeof(seen.id));
    assert_false(auth_bearer_open(arena, other, text, &seen));
    char *changed = str_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            changed[i] = (char)(text.ptr[i] ^ (1 << bit));
            assert_false(auth_bearer_open(arena, key, str_bytes(changed, text.len), &seen));
        }
        changed[i] = text.ptr[i];
        assert_false(auth_bearer_open(arena, key, str_bytes(text.ptr, i), &seen));
    }
    for (int i = 0; i < 1000; i++) {
        struct str random = str_format(arena, AUTH_LOGIN_PREFIX "%.*s", STR_ARG(random_hex(arena, (size_t)i % 120)));
        assert_false(auth_bearer_open(arena, key, random, &seen));
    }
}

static void tokens_are_bearers(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    const struct token_spec spec = {.user = S("rita"), .name = S("job"), .role = ROLE_OWNER, .tenant = S("acme")};
    assert_int_equal(fixture_token(fixture, &fixture_root, &spec), ERR_OK);
    assert_int_equal(fixture_check(fixture, bearer(fixture, fixture->token), &who), ERR_OK);
    assert_true(who.proof == PRINCIPAL_TOKEN && str_equal(who.tenant, S("acme")) && who.login.len == 0);
    assert_int_equal(fixture_check(fixture, "Bearer eider_t1_", &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, "Bearer eider_x", &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, "Bearer e30.e30.e30", &who), ERR_UNAUTHENTICATED);
    user_remove(fixture->users, &fixture_root, S("rita"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_int_equal(fixture_check(fixture, bearer(fixture, fixture->token), &who), ERR_UNAUTHENTICATED);
}

static bool jwt_of_rita(struct auth_jwt *jwt, struct str token, struct arena *arena, struct principal *who_out,
                        struct err *err)
{
    (void)jwt;
    if (!str_equal(token, S("e30.e30.e30")))
        return err_set(err, ERR_UNAUTHENTICATED, "no");
    *who_out = (struct principal){.user = str_copy(arena, S("rita")), .proof = PRINCIPAL_JWT};
    return true;
}

static void other_bearers_go_to_whoever_checks_jwts(void **state)
{
    struct fixture *fixture = *state;
    struct auth_jwt jwt = {.check = jwt_of_rita};
    struct principal who;
    auth_set_jwt(fixture->auth, &jwt);
    assert_int_equal(fixture_check(fixture, "Bearer e30.e30.e30", &who), ERR_OK);
    assert_int_equal(who.proof, PRINCIPAL_JWT);
    assert_int_equal(fixture_check(fixture, "Bearer e30.e30.e31", &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, "Bearer eider_e30.e30.e30", &who), ERR_UNAUTHENTICATED);
}

static void a_certificate_names_a_user_unless_a_header_does(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    struct auth_request request = {.certificate = S("rita"), .remote = S("10.0.0.1:1")};
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_OK);
    assert_true(who.proof == PRINCIPAL_CERTIFICATE && str_equal(who.user, S("rita")));
    request.authorization = str_from(fixture_basic(fixture, "root", FIXTURE_PASSWORD));
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_OK);
    assert_true(str_equal(who.user, S("root")));
    request.authorization = S("Bearer nonsense");
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_UNAUTHENTICATED);
    request.authorization = S("");
    request.certificate = S("gone");
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_UNAUTHENTICATED);
    request.certificate = S("CN=rita");
    assert_int_equal(fixture_request(fixture, &request, &who), ERR_UNAUTHENTICATED);
}

static void failures_have_to_wait_ever_longer(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    int64_t now_us = clock_now_us(), wall_us = clock_wall_us();
    const char *right = fixture_basic(fixture, "rita", FIXTURE_PASSWORD);
    clock_fake(now_us, wall_us);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", "wrong"), &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, right, &who), ERR_RESOURCE);
    assert_non_null(strstr(fixture->error.message, "user.max_failures"));
    assert_string_equal(fixture->error.hint, "wait 1 s before the next attempt");
    /* Others, and rita from elsewhere, are not concerned. */
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "root", FIXTURE_PASSWORD), &who), ERR_OK);
    const struct auth_request elsewhere = {.authorization = str_from(right), .remote = S("10.1.1.1:1")};
    assert_int_equal(fixture_request(fixture, &elsewhere, &who), ERR_OK);
    for (int wait_s = 1; wait_s < 300; wait_s *= 2) {
        now_us += wait_s * CLOCK_SECOND;
        clock_fake(now_us - 1, wall_us);
        assert_int_equal(fixture_check(fixture, right, &who), ERR_RESOURCE);
        clock_fake(now_us, wall_us);
        assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", "wrong"), &who), ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fixture_check(fixture, right, &who), ERR_RESOURCE);
    assert_string_equal(fixture->error.hint, "wait 300 s before the next attempt");
    clock_fake(now_us + 300 * CLOCK_SECOND, wall_us);
    assert_int_equal(fixture_check(fixture, right, &who), ERR_OK);
    /* A success forgets. */
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", "wrong"), &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, right, &who), ERR_OK);
}

/* Many guesses at once are as many as one after the other. */
static void guesses_at_once_are_counted_when_they_begin(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.fixture = fixture};
    size_t refused = 0;
    for (size_t i = 0; i < 40; i++) {
        struct auth_request request = {.remote = S("127.0.0.1:1")};
        struct principal who;
        struct err error;
        const char *guess = str_format(fixture->arena, "guess%zu", i).ptr;
        request.authorization = str_from(fixture_basic(fixture, "rita", guess));
        crowd.waits[i] = (struct auth_wait){.done = crowd_on_answer, .owner = &crowd};
        if (auth_check(fixture->auth, &request, fixture->arena, &crowd.waits[i], &who, &error) == AUTH_ERROR)
            refused++;
    }
    while (crowd.answers + refused < 40)
        loop_run(fixture->loop);
    assert_int_equal(crowd.right, 0);
    assert_int_equal(refused, 34); /* 5 guesses, and the first refusal waits for its row */
}

static void an_address_that_tries_many_names_has_to_wait(void **state)
{
    struct fixture *fixture = *state;
    struct auth_backoff backoff;
    struct err error;
    (void)fixture;
    auth_backoff_init(&backoff, false);
    AUTO(arena) struct arena *arena = arena_new();
    for (int i = 0; i < 20; i++) {
        assert_true(auth_backoff_check(&backoff, S("x"), S("[2001:db8::1]:5"), &error));
        auth_backoff_failed(&backoff, S("[2001:db8::1]:5"));
    }
    /* One machine has all addresses of its network. */
    assert_false(auth_backoff_check(&backoff, S("x"), S("[2001:db8::2]:6"), &error));
    assert_true(auth_backoff_check(&backoff, S("x"), S("[2001:db8:0:1::2]:6"), &error));
    for (int i = 0; i < 20; i++)
        auth_backoff_failed(&backoff, S("[::ffff:10.0.0.1]:5"));
    assert_false(auth_backoff_check(&backoff, S("x"), S("[::ffff:10.0.0.1]:6"), &error));
    assert_true(auth_backoff_check(&backoff, S("x"), S("[::ffff:10.0.0.2]:6"), &error));
    /* A flood of addresses is forgotten from its other end. */
    for (int i = 0; i < 40000; i++)
        auth_backoff_failed(&backoff, str_format(arena, "10.%d.%d.%d:1", i >> 16, (i >> 8) & 255, i & 255));
    assert_true(backoff.failures.entries.count <= 16384);
    auth_backoff_done(&backoff);
    /* Behind a proxy all have one address. */
    auth_backoff_init(&backoff, true);
    for (int i = 0; i < 100; i++)
        auth_backoff_begin(&backoff, S("x"), S("10.0.0.1:1"));
    assert_false(auth_backoff_check(&backoff, S("x"), S("10.0.0.1:1"), &error));
    assert_true(auth_backoff_check(&backoff, S("y"), S("10.0.0.1:1"), &error));
    auth_backoff_done(&backoff);
}

/* Nobody guesses 256 bits; an old login that is shown again and again must not lock its address out. */
static void wrong_bearers_keep_nobody_waiting(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    for (int i = 0; i < 100; i++)
        assert_int_equal(fixture_check(fixture, "Bearer eider_l1.AAAA", &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", FIXTURE_PASSWORD), &who), ERR_OK);
}

static void refusals_are_written_before_they_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", "wrong"), &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "My Secret!", "x"), &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, fixture_basic(fixture, "rita", FIXTURE_PASSWORD), &who), ERR_OK);
    fixture_restart(fixture);
    const struct audit_filter filter = {.action = S("login")};
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &filter), ERR_OK);
    assert_int_equal(fixture->row_count, 3);
    assert_true(str_equal(fixture->rows[0].event.user, S("rita")) && fixture->rows[0].event.result == ERR_OK);
    assert_true(str_equal(fixture->rows[1].event.user, S("?")));
    assert_true(fixture->rows[2].event.result == ERR_UNAUTHENTICATED && fixture->rows[2].times == 3);
    assert_true(str_equal(fixture->rows[2].event.address, S("127.0.0.1:40000")));
}

/* The work for a user who does not exist is the work for one who does, with the costs that we choose. */
static void unknown_users_cost_as_much(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    user_set_password(fixture->users, &fixture_root, S("rita"), S("another password"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    int64_t best_us[2] = {INT64_MAX, INT64_MAX};
    bool alike = false;
    for (int i = 0; i < 20 && !alike; i++) { /* a busy machine makes single ones slow, and none fast */
        struct auth_request request = {.remote = str_format(fixture->arena, "10.0.0.%d:1", i)};
        request.authorization = str_from(fixture_basic(fixture, i % 2 ? "rita" : "nobody", "wrong"));
        int64_t start_us = clock_now_us();
        assert_int_equal(fixture_request(fixture, &request, &who), ERR_UNAUTHENTICATED);
        int64_t took_us = clock_now_us() - start_us;
        best_us[i % 2] = took_us < best_us[i % 2] ? took_us : best_us[i % 2];
        alike = i >= 3 && best_us[0] > best_us[1] / 2 && best_us[1] > best_us[0] / 2;
    }
    assert_true(alike);
}

static void a_pass_owns_one_tenant_until_it_ends(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    struct str pass = auth_pass_new(fixture->auth, S("acme"), fixture->arena);
    struct str other = auth_pass_new(fixture->auth, S("beta"), fixture->arena);
    assert_int_equal(fixture_check(fixture, bearer(fixture, pass), &who), ERR_OK);
    assert_true(str_equal(who.user, S("pipeline")) && str_equal(who.tenant, S("acme")) && !who.admin);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_OWNER);
    assert_int_equal(principal_role(&who, S("beta")), ROLE_NONE);
    auth_pass_end(fixture->auth, pass);
    assert_int_equal(fixture_check(fixture, bearer(fixture, pass), &who), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_check(fixture, bearer(fixture, other), &who), ERR_OK);
    auth_pass_end(fixture->auth, other);
    auth_pass_end(fixture->auth, other);
}

static void a_pass_is_looked_at_while_no_users_exist(void **state)
{
    struct fixture *fixture = *state;
    struct principal who;
    struct str pass = auth_pass_new(fixture->auth, S("acme"), fixture->arena);
    assert_int_equal(fixture_check(fixture, bearer(fixture, pass), &who), ERR_OK);
    assert_true(!who.admin && principal_role(&who, S("acme")) == ROLE_OWNER);
    auth_pass_end(fixture->auth, pass);
    assert_int_equal(fixture_check(fixture, bearer(fixture, pass), &who), ERR_UNAUTHENTICATED);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_users_loopback_is_the_administrator, fixture_setup, teardown),
        cmocka_unit_test_setup_teardown(a_pass_is_looked_at_while_no_users_exist, fixture_setup, teardown),
        FACT(a_pass_owns_one_tenant_until_it_ends),
        FACT(a_password_is_right_or_wrong),
        FACT(a_verified_password_is_known_for_a_while),
        FACT(one_password_at_once_is_hashed_once),
        FACT(headers_come_in_many_forms),
        FACT(a_login_survives_a_restart_and_ends_with_the_password),
        FACT(a_login_of_a_removed_user_does_not_come_back_with_the_name),
        FACT(a_login_has_its_life),
        cmocka_unit_test(a_changed_bearer_is_not_ours),
        FACT(tokens_are_bearers),
        FACT(other_bearers_go_to_whoever_checks_jwts),
        FACT(a_certificate_names_a_user_unless_a_header_does),
        FACT(failures_have_to_wait_ever_longer),
        FACT(guesses_at_once_are_counted_when_they_begin),
        FACT(an_address_that_tries_many_names_has_to_wait),
        FACT(wrong_bearers_keep_nobody_waiting),
        FACT(refusals_are_written_before_they_are_told),
        FACT(unknown_users_cost_as_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
