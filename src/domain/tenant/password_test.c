/* Passwords: hashed and verified by threads, a bounded number at once; and which hashes from outside are taken. */
#include "domain/tenant/fixture_test.h"

#include "base/limits.h"

struct answer {
    struct loop *loop;
    bool told, ok;
    char hash[160];
};

static void on_password(void *owner, bool ok, struct str hash)
{
    struct answer *answer = owner;
    answer->told = true;
    answer->ok = ok;
    memcpy(answer->hash, hash.ptr, hash.len);
    loop_stop(answer->loop);
}

static bool verify(struct fixture *fixture, struct str hash, struct str password)
{
    struct answer answer = {.loop = fixture->loop};
    struct err error;
    assert_non_null(password_verify(fixture->pool, hash, password, on_password, &answer, &error));
    assert_false(answer.told);
    while (!answer.told)
        loop_run(fixture->loop);
    return answer.ok;
}

static void a_hash_verifies_its_password_only(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = {.loop = fixture->loop};
    struct err error;
    assert_non_null(password_hash(fixture->pool, S("correct horse"), on_password, &answer, &error));
    while (!answer.told)
        loop_run(fixture->loop);
    assert_true(answer.ok);
    struct str hash = str_from(answer.hash);
    assert_true(password_hash_check(hash, &error));
    assert_true(verify(fixture, hash, S("correct horse")));
    assert_false(verify(fixture, hash, S("correct horsf")));
    assert_false(verify(fixture, hash, S("")));
    assert_false(verify(fixture, S(""), S("correct horse")));
    assert_true(verify(fixture, S(FIXTURE_HASH), S(FIXTURE_PASSWORD)));
}

static void as_many_as_the_limit_are_in_work(void **state)
{
    struct fixture *fixture = *state;
    struct answer answers[3] = {{.loop = fixture->loop}, {.loop = fixture->loop}, {.loop = fixture->loop}};
    struct err error;
    assert_true(limits_set(S("user.max_hashing"), 2, &error));
    struct password_job *first =
        password_verify(fixture->pool, S(FIXTURE_HASH), S("x"), on_password, &answers[0], &error);
    assert_non_null(first);
    assert_non_null(password_verify(fixture->pool, S(FIXTURE_HASH), S("x"), on_password, &answers[1], &error));
    assert_null(password_verify(fixture->pool, S(FIXTURE_HASH), S("x"), on_password, &answers[2], &error));
    assert_int_equal(error.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(error.message, "user.max_hashing"));
    password_cancel(first);
    while (!answers[1].told)
        loop_run(fixture->loop);
    assert_false(answers[0].told);
    assert_non_null(password_verify(fixture->pool, S(FIXTURE_HASH), S("x"), on_password, &answers[2], &error));
    while (!answers[2].told)
        loop_run(fixture->loop);
    assert_true(limits_set(S("user.max_hashing"), 64, &error));
}

static void new_passwords_have_a_length(void **state)
{
    (void)state;
    struct err error;
    char text[PASSWORD_BYTES_MAX + 1];
    memset(text, 'x', sizeof(text));
    assert_false(password_check(str_bytes(text, 7), &error));
    assert_true(password_check(str_bytes(text, 8), &error));
    assert_true(password_check(str_bytes(text, PASSWORD_BYTES_MAX), &error));
    assert_false(password_check(str_bytes(text, PASSWORD_BYTES_MAX + 1), &error));
}

static void hashes_from_outside_are_argon2id_and_affordable(void **state)
{
    (void)state;
    struct err error;
    static const char *const bad[] = {
        "",
        "correct horse",
        "$argon2i$v=19$m=65536,t=2,p=1$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8",
        "$argon2id$v=16$m=65536,t=2,p=1$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8",
        "$argon2id$v=19$m=1048576,t=2,p=1$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8",
        "$argon2id$v=19$m=65536,t=9,p=1$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8",
        "$argon2id$v=19$m=65536,t=2,p=5$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8",
        "$argon2id$v=19$m=65536,t=2,p=0$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8",
        "$argon2id$v=19$m=65536,t=2,p=1$HUdhpQjnQFCfG6dmaNcWaw",
        "$argon2id$v=19$m=65536,t=2,p=1$$",
        "$argon2id$v=19$m=65536,t=2,p=1$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8!",
        "$2b$12$abcdefghijklmnopqrstuv",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (password_hash_check(str_from(bad[i]), &error))
            fail_msg("%s", bad[i]);
        assert_int_equal(error.code, ERR_INVALID);
    }
    assert_true(password_hash_check(S(FIXTURE_HASH), &error));
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(a_hash_verifies_its_password_only),
        FACT(as_many_as_the_limit_are_in_work),
        cmocka_unit_test(new_passwords_have_a_length),
        cmocka_unit_test(hashes_from_outside_are_argon2id_and_affordable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
