/* Tokens signed here, good ones and each way of being bad. Forged ones of other kinds are in tests/tenant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjose/base64.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <cjose/util.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "platform/jwt/jwt.h"

#define NOW_S 1000000000

struct fixture {
    struct arena *arena;
    cjose_jwk_t *rsa, *ec;
    struct jwt_keys *keys;
    struct jwt_policy policy;
    struct jwt jwt;
    struct err err;
};

static struct str public_json(struct arena *arena, cjose_jwk_t *jwk, const char *id)
{
    char *text = cjose_jwk_to_json(jwk, false, NULL);
    struct str result = str_format(arena, "{\"kid\":\"%s\",%s", id, text + 1);
    cjose_get_dealloc()(text);
    return result;
}

static int open_fixture(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    fixture->arena = arena_new();
    fixture->rsa = cjose_jwk_create_RSA_random(2048, (const uint8_t *)"\x01\x00\x01", 3, NULL);
    fixture->ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
    struct str set = str_format(fixture->arena, "{\"keys\":[%s,%s,{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"c2VjcmV0\"}]}",
                                public_json(fixture->arena, fixture->rsa, "r").ptr,
                                public_json(fixture->arena, fixture->ec, "e").ptr);
    fixture->keys = jwt_keys_parse(set, &fixture->err);
    assert_non_null(fixture->keys);
    fixture->policy = (struct jwt_policy){.issuer = S("https://login.example"),
                                          .audience = S("eider"),
                                          .algorithms = JWT_ALGORITHM_BIT(JWT_RS256) | JWT_ALGORITHM_BIT(JWT_ES256),
                                          .skew_us = 60 * CLOCK_SECOND};
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    jwt_keys_free(&fixture->keys);
    cjose_jwk_release(fixture->rsa);
    cjose_jwk_release(fixture->ec);
    arena_free(&fixture->arena);
    mem_free(fixture);
    return 0;
}

static struct str sign(struct fixture *fixture, cjose_jwk_t *jwk, const char *algorithm, const char *id,
                       const char *claims)
{
    const char *text = NULL;
    cjose_header_t *header = cjose_header_new(NULL);
    cjose_header_set(header, CJOSE_HDR_ALG, algorithm, NULL);
    if (id)
        cjose_header_set(header, CJOSE_HDR_KID, id, NULL);
    cjose_jws_t *jws = cjose_jws_sign(jwk, header, (const uint8_t *)claims, strlen(claims), NULL);
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &text, NULL));
    struct str token = str_copy(fixture->arena, str_from(text));
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}

static bool verify(struct fixture *fixture, struct str token)
{
    return jwt_verify(fixture->keys, &fixture->policy, token, NOW_S * CLOCK_SECOND, fixture->arena, &fixture->jwt,
                      &fixture->err);
}

static void assert_refused(struct fixture *fixture, struct str token, const char *why)
{
    assert_false(verify(fixture, token));
    assert_int_equal(fixture->err.code, ERR_UNAUTHENTICATED);
    if (!strstr(fixture->err.message, why))
        fail_msg("refused with '%s', not '%s'", fixture->err.message, why);
}

#define GOOD "\"iss\":\"https://login.example\",\"aud\":\"eider\",\"sub\":\"ann\""

static void good_tokens_pass(void **state)
{
    struct fixture *fixture = *state;
    assert_true(verify(fixture, sign(fixture, fixture->ec, "ES256", "e", "{" GOOD ",\"exp\":1000000100}")));
    assert_true(str_equal(fixture->jwt.subject, S("ann")));
    assert_int_equal(fixture->jwt.expires_us, 1000000100 * CLOCK_SECOND);
    assert_true(verify(fixture, sign(fixture, fixture->rsa, "RS256", "r", "{" GOOD ",\"exp\":1000000100.5}")));
    assert_true(verify(fixture, sign(fixture, fixture->rsa, "RS256", NULL, "{" GOOD ",\"exp\":1000000100}")));
    assert_true(
        verify(fixture, sign(fixture, fixture->ec, "ES256", "e",
                             "{\"iss\":\"https://login.example\",\"aud\":[\"x\",\"eider\"],\"exp\":999999950}")));
    fixture->policy.algorithms |= JWT_ALGORITHM_BIT(JWT_PS256);
    assert_true(verify(fixture, sign(fixture, fixture->rsa, "PS256", "r", "{" GOOD ",\"exp\":1000000100}")));
}

static void bad_claims_are_refused(void **state)
{
    static const struct {
        const char *claims, *why;
    } cases[] = {
        {"{" GOOD "}", "no time of expiry"},
        {"{" GOOD ",\"exp\":\"1000000100\"}", "no time of expiry"},
        {"{" GOOD ",\"exp\":-5}", "no time of expiry"},
        {"{" GOOD ",\"exp\":999999940}", "expired"},
        {"{" GOOD ",\"exp\":1000000100,\"nbf\":1000000061}", "not valid yet"},
        {"{" GOOD ",\"exp\":1000000100,\"iat\":1000000061}", "not valid yet"},
        {"{" GOOD ",\"exp\":1000000100,\"nbf\":true}", "no number"},
        {"{\"iss\":\"https://login.example\",\"aud\":\"other\",\"exp\":1000000100}", "audience"},
        {"{\"iss\":\"https://login.example\",\"aud\":[[\"eider\"]],\"exp\":1000000100}", "audience"},
        {"{\"iss\":\"https://login.example\",\"exp\":1000000100}", "audience"},
        {"{\"iss\":\"https://evil.example\",\"aud\":\"eider\",\"exp\":1000000100}", "issuer"},
        {"{\"aud\":\"eider\",\"exp\":1000000100}", "issuer"},
        {"[1]", "payload"},
        {"{" GOOD ",\"exp\":1,\"exp\":1000000100}", "payload"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(fixture, sign(fixture, fixture->ec, "ES256", "e", cases[i].claims), cases[i].why);
}

static void bad_signatures_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char claims[] = "{" GOOD ",\"exp\":1000000100}";
    struct str good = sign(fixture, fixture->ec, "ES256", "e", claims);
    struct str rest = good, header, payload;
    assert_true(str_split_next(&rest, '.', &header) && str_split_next(&rest, '.', &payload));
    struct str other = sign(fixture, fixture->ec, "ES256", "e", "{" GOOD ",\"exp\":1000000101}"), skip, forged;
    assert_true(str_split_next(&other, '.', &skip) && str_split_next(&other, '.', &forged));
    assert_refused(fixture,
                   str_format(fixture->arena, "%.*s.%.*s.%.*s", STR_ARG(header), STR_ARG(forged), STR_ARG(rest)),
                   "signature");
    cjose_jwk_t *stranger = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
    assert_refused(fixture, sign(fixture, stranger, "ES256", "e", claims), "signature");
    cjose_jwk_release(stranger);
    assert_refused(fixture, sign(fixture, fixture->rsa, "RS512", "r", claims), "not accepted");
    assert_refused(fixture, sign(fixture, fixture->ec, "ES256", "r", claims), "does not publish");
    assert_refused(fixture, sign(fixture, fixture->ec, "ES256", "x", claims), "does not publish");
}

/* eyJhbGciOiJub25lIn0 is {"alg":"none"}. */
static void what_is_no_token_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, S(""), "neither");
    assert_refused(fixture, S("a.b"), "neither");
    assert_refused(fixture, S("a.b.c.d"), "neither");
    assert_refused(fixture, S("eyJhbGciOiJub25lIn0.e30."), "neither");
    assert_refused(fixture, S("eyJhbGciOiJub25lIn0.e30.eA"), "not accepted");
    assert_refused(fixture, S("!!!.e30.eA"), "header");
    char huge[9000] = {0};
    memset(huge, 'a', sizeof(huge) - 1);
    assert_refused(fixture, str_from(huge), limits_name(LIMIT_JWT));
}

static void a_token_without_key_id_needs_the_only_key(void **state)
{
    struct fixture *fixture = *state;
    struct str set = str_format(fixture->arena, "{\"keys\":[%s,%s]}", public_json(fixture->arena, fixture->ec, "1").ptr,
                                public_json(fixture->arena, fixture->ec, "2").ptr);
    jwt_keys_free(&fixture->keys);
    fixture->keys = jwt_keys_parse(set, &fixture->err);
    assert_int_equal(jwt_keys_count(fixture->keys), 2);
    assert_refused(fixture, sign(fixture, fixture->ec, "ES256", NULL, "{" GOOD ",\"exp\":1000000100}"), "which key");
}

static void key_sets_are_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(jwt_keys_count(fixture->keys), 2); /* the symmetric one is left out */
    assert_true(jwt_keys_have(fixture->keys, S("e")));
    assert_false(jwt_keys_have(fixture->keys, S("s")));
    struct str token = sign(fixture, fixture->ec, "ES256", "e", "{}");
    assert_true(str_equal(jwt_key_id(fixture->arena, token), S("e")));
    assert_null(jwt_keys_parse(S("{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}"), &fixture->err));
    assert_null(jwt_keys_parse(S("{}"), &fixture->err));
    assert_null(jwt_keys_parse(S("nonsense"), &fixture->err));
    assert_null(jwt_keys_parse(S("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}]}"), &fixture->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_tokens_pass, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(bad_claims_are_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(bad_signatures_are_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_is_no_token_is_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_token_without_key_id_needs_the_only_key, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(key_sets_are_read, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
