/* Users, grants, tokens and their import over a real store. */
#include "domain/tenant/fixture_test.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "domain/tenant/user_priv.h"

static const char *const acme_users = "- {name: root, password_hash: '%H', admin: true}\n"
                                      "- {name: olga, password_hash: '%H'}\n"
                                      "- {name: rita, password_hash: '%H'}\n";

static void start(struct fixture *fixture)
{
    assert_int_equal(fixture_tenant(fixture, "acme"), ERR_OK);
    assert_int_equal(fixture_tenant(fixture, "beta"), ERR_OK);
    if (fixture_import(fixture, acme_users) != ERR_OK)
        fail_msg("%s", fixture->error.message);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "olga", "acme", ROLE_OWNER), ERR_OK);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "acme", ROLE_READER), ERR_OK);
}

/* A user as one who asks, having logged in. */
static struct audit_actor as(struct fixture *fixture, const char *name)
{
    struct principal *who = arena_new_object(fixture->arena, struct principal);
    user_principal(user_find(fixture->users, str_from(name)), fixture->arena, who);
    who->proof = PRINCIPAL_LOGIN;
    return (struct audit_actor){.who = who, .address = S("10.0.0.7:1")};
}

static enum err_code add(struct fixture *fixture, const char *name, const char *password, bool admin)
{
    const struct user_spec spec = {.name = str_from(name), .password = str_from(password), .admin = admin};
    user_add(fixture->users, &fixture_root, &spec, fixture_on_done, fixture);
    return fixture_wait(fixture);
}

static enum err_code drop(struct fixture *fixture, const struct audit_actor *by, const char *name)
{
    user_remove(fixture->users, by, str_from(name), fixture_on_done, fixture);
    return fixture_wait(fixture);
}

static enum err_code set_roles(struct fixture *fixture, const char *name, struct user_roles roles)
{
    user_set_roles(fixture->users, &fixture_root, str_from(name), &roles, fixture_on_done, fixture);
    return fixture_wait(fixture);
}

static enum err_code set_password(struct fixture *fixture, const struct audit_actor *by, const char *name,
                                  const char *password)
{
    user_set_password(fixture->users, by, str_from(name), str_from(password), fixture_on_done, fixture);
    return fixture_wait(fixture);
}

/* --- Facts --- */

static void names_follow_the_rule(void **state)
{
    (void)state;
    struct err error;
    static const char *const good[] = {"a", "alice", "a.b-c_d@example.org", "z9"};
    static const char *const bad[] = {"", "Alice", "1a", "_a", "a b", "a:b", "a/b", "\xc3\xa4", "a'b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(user_name_check(str_from(good[i]), &error));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(user_name_check(str_from(bad[i]), &error));
    char text[64];
    memset(text, 'a', sizeof(text));
    assert_true(user_name_check(str_bytes(text, 63), &error));
    assert_false(user_name_check(str_bytes(text, 64), &error));
}

static void the_first_user_is_an_administrator_with_a_password(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(add(fixture, "alice", FIXTURE_PASSWORD, false), ERR_PRECONDITION);
    assert_non_null(strstr(fixture->error.hint, "--admin"));
    assert_int_equal(add(fixture, "alice", "", true), ERR_PRECONDITION);
    assert_int_equal(add(fixture, "alice", "short", true), ERR_INVALID);
    assert_int_equal(add(fixture, "Alice", FIXTURE_PASSWORD, true), ERR_INVALID);
    assert_false(auth_is_required(fixture->auth));
    assert_int_equal(add(fixture, "alice", FIXTURE_PASSWORD, true), ERR_OK);
    assert_true(auth_is_required(fixture->auth));
    assert_int_equal(add(fixture, "alice", FIXTURE_PASSWORD, true), ERR_EXISTS);
    assert_int_equal(add(fixture, "bob", "", false), ERR_OK);
    fixture_restart(fixture);
    assert_int_equal(user_count(fixture->users), 2);
    const struct user *alice = user_find(fixture->users, S("alice"));
    assert_true(alice->admin && alice->epoch != 0 && str_starts_with(alice->password, S("$argon2id$")));
    assert_true(str_equal(user_at(fixture->users, 1)->name, S("bob")));
}

static void the_last_administrator_stays(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_int_equal(drop(fixture, &fixture_root, "root"), ERR_PRECONDITION);
    assert_int_equal(set_roles(fixture, "root", (struct user_roles){0}), ERR_PRECONDITION);
    assert_int_equal(set_roles(fixture, "root", (struct user_roles){.admin = true, .disabled = true}),
                     ERR_PRECONDITION);
    assert_int_equal(fixture_import(fixture, "- {name: root, password_hash: '%H'}"), ERR_PRECONDITION);
    assert_true(user_find(fixture->users, S("root"))->admin);
    assert_int_equal(set_roles(fixture, "olga", (struct user_roles){.admin = true, .metrics = true}), ERR_OK);
    assert_true(user_find(fixture->users, S("olga"))->metrics);
    assert_int_equal(drop(fixture, &fixture_root, "root"), ERR_OK);
    assert_int_equal(drop(fixture, &fixture_root, "olga"), ERR_PRECONDITION);
}

/* Both see another administrator when they are asked for. */
static void two_removals_at_once_leave_an_administrator(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_import(fixture, "- {name: a, admin: true}\n- {name: b, admin: true}"), ERR_OK);
    user_remove(fixture->users, &fixture_root, S("a"), fixture_on_done, fixture);
    user_remove(fixture->users, &fixture_root, S("b"), fixture_on_done, fixture);
    while (fixture->answers < 3) /* the import and two removals */
        fixture_wait(fixture);
    assert_int_equal(fixture->error.code, ERR_PRECONDITION);
    assert_int_equal(user_count(fixture->users), 1);
}

static void on_end(void *owner, struct str user)
{
    struct buf *ended = owner;
    buf_append_str(ended, user);
    buf_append_char(ended, ' ');
}

/* Whom the change before this ended. */
static void assert_ended(struct buf *ended, const char *names)
{
    assert_true(str_equal(buf_str(ended), str_from(names)));
    buf_clear(ended);
}

static void who_may_do_less_than_before_ends(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf ended = {0};
    start(fixture);
    user_on_end(fixture->users, on_end, &ended);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "acme", ROLE_WRITER), ERR_OK);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "beta", ROLE_READER), ERR_OK);
    assert_int_equal(set_roles(fixture, "olga", (struct user_roles){.admin = true, .metrics = true}), ERR_OK);
    assert_ended(&ended, "");
    assert_int_equal(set_roles(fixture, "olga", (struct user_roles){.metrics = true}), ERR_OK);
    assert_ended(&ended, "olga ");
    assert_int_equal(set_roles(fixture, "olga", (struct user_roles){.metrics = true, .disabled = true}), ERR_OK);
    assert_ended(&ended, "olga ");
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "acme", ROLE_READER), ERR_OK);
    assert_ended(&ended, "rita ");
    user_revoke(fixture->users, &fixture_root, S("rita"), S("beta"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_ended(&ended, "rita ");
    assert_int_equal(set_password(fixture, &fixture_root, "rita", "another one"), ERR_OK);
    assert_ended(&ended, "rita ");
    assert_int_equal(drop(fixture, &fixture_root, "nobody"), ERR_NOT_FOUND);
    assert_ended(&ended, "");
    assert_int_equal(fixture_import(fixture, "- {name: rita}\n- {name: olga, password_hash: '%H'}"), ERR_OK);
    assert_ended(&ended, "olga rita ");
    assert_int_equal(drop(fixture, &fixture_root, "rita"), ERR_OK);
    assert_ended(&ended, "rita ");
}

static void rights_decide_who_changes_what(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct audit_actor olga = as(fixture, "olga"), rita = as(fixture, "rita");
    const struct user_spec spec = {.name = S("eve")};
    user_add(fixture->users, &olga, &spec, fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_DENIED);
    assert_int_equal(drop(fixture, &olga, "rita"), ERR_DENIED);
    assert_int_equal(fixture_grant(fixture, &olga, "rita", "acme", ROLE_WRITER), ERR_OK);
    assert_int_equal(user_find(fixture->users, S("rita"))->grants.items[0].role, ROLE_WRITER);
    assert_int_equal(fixture_grant(fixture, &rita, "rita", "acme", ROLE_OWNER), ERR_DENIED);
    /* Hidden tenants look like ones that do not exist. */
    assert_int_equal(fixture_grant(fixture, &olga, "rita", "beta", ROLE_READER), ERR_NOT_FOUND);
    struct err hidden = fixture->error;
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "beto", ROLE_READER), ERR_NOT_FOUND);
    assert_int_equal(strlen(hidden.message), strlen(fixture->error.message));
    assert_int_equal(fixture_grant(fixture, &fixture_root, "nobody", "acme", ROLE_READER), ERR_NOT_FOUND);
    user_revoke(fixture->users, &olga, S("rita"), S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_int_equal(user_find(fixture->users, S("rita"))->grants.count, 0);
    user_revoke(fixture->users, &olga, S("rita"), S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_NOT_FOUND);
    assert_int_equal(set_password(fixture, &rita, "olga", "new password"), ERR_DENIED);
    assert_int_equal(set_password(fixture, &rita, "rita", "new password"), ERR_OK);
    assert_int_equal(set_password(fixture, &fixture_root, "nobody", "new password"), ERR_NOT_FOUND);
}

static void owners_see_their_own_people_only(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "beta", ROLE_OWNER), ERR_OK);
    struct audit_actor olga = as(fixture, "olga"), rita = as(fixture, "rita");
    const struct grant *grants;
    size_t count;
    assert_true(user_view(olga.who, user_find(fixture->users, S("rita")), fixture->arena, &grants, &count));
    assert_int_equal(count, 1);
    assert_true(str_equal(grants[0].tenant, S("acme")));
    assert_false(user_view(rita.who, user_find(fixture->users, S("olga")), fixture->arena, &grants, &count));
    assert_true(user_view(rita.who, user_find(fixture->users, S("rita")), fixture->arena, &grants, &count));
    assert_int_equal(count, 2);
}

static void a_deleted_tenant_takes_its_grants_and_tokens_along(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "rita", "beta", ROLE_READER), ERR_OK);
    struct audit_actor rita = as(fixture, "rita");
    const struct token_spec one = {.user = S("rita"), .name = S("one"), .tenant = S("acme"), .role = ROLE_OWNER};
    const struct token_spec two = {.user = S("rita"), .name = S("two"), .role = ROLE_OWNER};
    assert_int_equal(fixture_token(fixture, &rita, &one), ERR_OK);
    struct str first = fixture->token;
    assert_int_equal(fixture_token(fixture, &rita, &two), ERR_OK);
    tenant_delete(fixture->tenants, &fixture_root, S("acme"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    for (int i = 0; i < 2; i++) {
        const struct user *user = user_find(fixture->users, S("rita"));
        struct err error;
        assert_int_equal(user->grants.count, 1);
        assert_int_equal(user->tokens.count, 1);
        assert_null(token_check(fixture->users, first, &error));
        assert_non_null(token_check(fixture->users, fixture->token, &error));
        assert_int_equal(fixture_tenant(fixture, "acme"), i ? ERR_EXISTS : ERR_OK); /* the name comes back empty */
        fixture_restart(fixture);
    }
}

static void a_token_is_cut_to_its_tenant_and_role(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_int_equal(fixture_grant(fixture, &fixture_root, "olga", "beta", ROLE_READER), ERR_OK);
    struct audit_actor olga = as(fixture, "olga");
    struct err error;
    struct principal who;
    const struct token_spec all = {.user = S("olga"), .name = S("all"), .role = ROLE_WRITER};
    assert_int_equal(fixture_token(fixture, &olga, &all), ERR_OK);
    assert_true(str_starts_with(fixture->token, S(TOKEN_PREFIX)));
    token_principal(token_check(fixture->users, fixture->token, &error), fixture->arena, &who);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_WRITER);
    assert_int_equal(principal_role(&who, S("beta")), ROLE_READER);
    assert_int_equal(principal_role(&who, S("gamma")), ROLE_NONE);
    assert_true(str_equal(who.token, S("all")) && who.login.len == 0 && who.tenant.len == 0);
    const struct token_spec one = {.user = S("olga"), .name = S("one"), .tenant = S("beta"), .role = ROLE_OWNER};
    assert_int_equal(fixture_token(fixture, &olga, &one), ERR_OK);
    token_principal(token_check(fixture->users, fixture->token, &error), fixture->arena, &who);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_NONE);
    assert_int_equal(principal_role(&who, S("beta")), ROLE_READER);
    assert_true(str_equal(tenant_resolve(fixture->tenants, &who, S(""), &error)->id, S("beta")));
    assert_null(tenant_resolve(fixture->tenants, &who, S("acme"), &error));
    assert_int_equal(error.code, ERR_NOT_FOUND);
}

static void server_roles_of_a_token_are_asked_for(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct audit_actor root = as(fixture, "root"), olga = as(fixture, "olga");
    struct err error;
    struct principal who;
    const struct token_spec plain = {.user = S("root"), .name = S("plain"), .role = ROLE_READER};
    assert_int_equal(fixture_token(fixture, &root, &plain), ERR_OK);
    token_principal(token_check(fixture->users, fixture->token, &error), fixture->arena, &who);
    assert_false(who.admin);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_READER);
    assert_int_equal(principal_role(&who, S("beta")), ROLE_READER);
    const struct token_spec one = {.user = S("root"), .name = S("one"), .role = ROLE_WRITER, .tenant = S("beta")};
    assert_int_equal(fixture_token(fixture, &root, &one), ERR_OK);
    token_principal(token_check(fixture->users, fixture->token, &error), fixture->arena, &who);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_NONE);
    assert_int_equal(principal_role(&who, S("beta")), ROLE_WRITER);
    const struct token_spec scraper = {.user = S("root"), .name = S("scraper"), .metrics = true};
    assert_int_equal(fixture_token(fixture, &root, &scraper), ERR_OK);
    token_principal(token_check(fixture->users, fixture->token, &error), fixture->arena, &who);
    assert_true(who.metrics && !who.admin && !who.audit);
    assert_int_equal(principal_role(&who, S("acme")), ROLE_NONE);
    const struct token_spec king = {.user = S("root"), .name = S("king"), .role = ROLE_OWNER, .admin = true};
    assert_int_equal(fixture_token(fixture, &root, &king), ERR_OK);
    token_principal(token_check(fixture->users, fixture->token, &error), fixture->arena, &who);
    assert_true(who.admin);
    const struct token_spec usurper = {.user = S("olga"), .name = S("usurper"), .role = ROLE_OWNER, .admin = true};
    assert_int_equal(fixture_token(fixture, &olga, &usurper), ERR_DENIED);
    const struct token_spec narrow = {.user = S("root"), .name = S("n"), .admin = true, .tenant = S("acme")};
    assert_int_equal(fixture_token(fixture, &root, &narrow), ERR_INVALID);
}

static void tokens_are_made_by_people_and_not_by_tokens(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct audit_actor olga = as(fixture, "olga"), rita = as(fixture, "rita");
    const struct token_spec spec = {.user = S("rita"), .name = S("job"), .role = ROLE_OWNER};
    assert_int_equal(fixture_token(fixture, &olga, &spec), ERR_DENIED);
    assert_int_equal(fixture_token(fixture, &fixture_root, &spec), ERR_OK);
    struct str id = fixture->token_id, text = fixture->token;
    assert_int_equal(fixture_token(fixture, &rita, &spec), ERR_EXISTS);
    struct principal by_token;
    struct err error;
    token_principal(token_check(fixture->users, text, &error), fixture->arena, &by_token);
    const struct audit_actor robot = {.who = &by_token};
    const struct token_spec more = {.user = S("rita"), .name = S("more"), .role = ROLE_OWNER};
    assert_int_equal(fixture_token(fixture, &robot, &more), ERR_DENIED);
    assert_int_equal(set_password(fixture, &robot, "rita", "new password"), ERR_DENIED);
    /* A name in a JWT is the issuer's. */
    struct principal namesake = *rita.who;
    namesake.proof = PRINCIPAL_JWT;
    const struct audit_actor stranger = {.who = &namesake};
    assert_int_equal(fixture_token(fixture, &stranger, &more), ERR_DENIED);
    assert_int_equal(set_password(fixture, &stranger, "rita", "new password"), ERR_DENIED);
    const struct token_spec hidden = {.user = S("rita"), .name = S("x"), .tenant = S("beta"), .role = ROLE_READER};
    assert_int_equal(fixture_token(fixture, &rita, &hidden), ERR_NOT_FOUND);
    token_revoke(fixture->users, &olga, id, fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_NOT_FOUND);
    token_revoke(fixture->users, &rita, S("job"), fixture_on_done, fixture);
    assert_int_equal(fixture_wait(fixture), ERR_OK);
    assert_null(token_check(fixture->users, text, &error));
}

static void a_token_of_another_text_is_refused(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct err error;
    const struct token_spec spec = {.user = S("rita"), .name = S("job"), .role = ROLE_OWNER};
    assert_int_equal(fixture_token(fixture, &fixture_root, &spec), ERR_OK);
    char *text = str_cstr(fixture->arena, fixture->token);
    for (size_t i = 0; i < fixture->token.len; i++) {
        char before = text[i];
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(before ^ (1 << bit));
            assert_null(token_check(fixture->users, str_bytes(text, fixture->token.len), &error));
            assert_int_equal(error.code, ERR_UNAUTHENTICATED);
        }
        text[i] = before;
        assert_null(token_check(fixture->users, str_bytes(text, i), &error));
    }
    assert_null(token_check(fixture->users, str_format(fixture->arena, "%s0", text), &error));
    assert_non_null(token_check(fixture->users, str_from(text), &error));
}

static void a_token_expires_and_remembers_its_use(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct err error;
    struct token_spec spec = {.user = S("rita"), .name = S("job"), .role = ROLE_OWNER};
    int64_t now_us = clock_now_us(), wall_us = clock_wall_us();
    spec.expires_us = wall_us - 1;
    assert_int_equal(fixture_token(fixture, &fixture_root, &spec), ERR_INVALID);
    spec.expires_us = wall_us + 60 * CLOCK_SECOND;
    assert_int_equal(fixture_token(fixture, &fixture_root, &spec), ERR_OK);
    clock_fake(now_us, wall_us + 59 * CLOCK_SECOND);
    assert_non_null(token_check(fixture->users, fixture->token, &error));
    clock_fake(now_us, wall_us + 60 * CLOCK_SECOND);
    assert_null(token_check(fixture->users, fixture->token, &error));
    assert_non_null(strstr(error.message, "expired"));
    clock_real();
    /* A change of the user reads him again; the use is not lost by it, nor by a restart. */
    assert_int_equal(set_roles(fixture, "rita", (struct user_roles){.metrics = true}), ERR_OK);
    assert_true(user_find(fixture->users, S("rita"))->tokens.items[0].used_us == wall_us + 59 * CLOCK_SECOND);
    fixture_restart(fixture);
    assert_true(user_find(fixture->users, S("rita"))->tokens.items[0].used_us == wall_us + 59 * CLOCK_SECOND);
    assert_int_equal(set_roles(fixture, "rita", (struct user_roles){.disabled = true}), ERR_OK);
    assert_null(token_check(fixture->users, fixture->token, &error));
}

static void the_number_of_tokens_is_limited(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct err error;
    assert_true(limits_set(S("user.max_tokens"), 1, &error));
    const struct token_spec one = {.user = S("rita"), .name = S("one"), .role = ROLE_OWNER};
    const struct token_spec two = {.user = S("rita"), .name = S("two"), .role = ROLE_OWNER};
    assert_int_equal(fixture_token(fixture, &fixture_root, &one), ERR_OK);
    assert_int_equal(fixture_token(fixture, &fixture_root, &two), ERR_RESOURCE);
    assert_true(limits_set(S("user.max_tokens"), 100, &error));
    assert_int_equal(fixture->token.len, 0);
}

/* --- users.yaml --- */

static void an_import_describes_users_as_a_whole(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    int64_t epoch = user_find(fixture->users, S("rita"))->epoch;
    assert_int_equal(fixture_import(fixture, "- name: rita\n"
                                             "  password_hash: %H\n"
                                             "  metrics: true\n"
                                             "  grants: {later: owner, beta: writer}\n"
                                             "- name: olga\n"),
                     ERR_OK);
    for (int i = 0; i < 2; i++) {
        const struct user *rita = user_find(fixture->users, S("rita")), *olga = user_find(fixture->users, S("olga"));
        assert_int_equal(user_count(fixture->users), 3);
        assert_true(rita->epoch == epoch && rita->metrics && rita->grants.count == 2);
        assert_true(str_equal(rita->grants.items[0].tenant, S("beta")));
        assert_int_equal(rita->grants.items[1].role, ROLE_OWNER);
        assert_true(olga->grants.count == 0 && olga->password.len == 0);
        fixture_restart(fixture);
    }
}

static void import_errors_name_the_line(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *yaml, *message;
    } bad[] = {
        {"{name: a}", "line 1: expected a list"},
        {"- name: a\n- b\n", "line 2: a user is a map"},
        {"- password_hash: %H\n", "line 1: a user needs a name"},
        {"- name: Alice\n", "line 1: 'Alice' is not a user's name"},
        {"- name: a\n  password: secret\n", "line 2: 'password' is refused"},
        {"- name: a\n  password_hash: secret\n", "line 2: this is not an argon2id hash"},
        {"- name: a\n  password_hash: $argon2id$v=19$m=99999999,t=2,p=1$aaaa$bbbb\n", "line 2: this is not"},
        {"- name: a\n  pasword_hash: x\n", "line 2"},
        {"- name: a\n  admin: maybe\n", "line 2: admin is true or false"},
        {"- name: a\n  grants: [acme]\n", "line 2: grants is a map"},
        {"- name: a\n  grants:\n    acme: king\n", "line 3: unknown role 'king'"},
        {"- name: a\n  grants:\n    A: reader\n", "line 3: 'A' is not a tenant id"},
        {"- {name: a, password_hash: %H}\n", "line 1: this is not an argon2id hash"},
        {"- name: a\n- name: a\n", "line 2: this name is in the list already"},
        {"- name: a\n", "the first user has to be an administrator"},
        {"- {name: a\n", "line"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        enum err_code code = fixture_import(fixture, bad[i].yaml);
        if (code == ERR_OK || !strstr(fixture->error.message, bad[i].message))
            fail_msg("%s: %s", bad[i].yaml, fixture->error.message);
        assert_int_equal(user_count(fixture->users), 0);
    }
}

static void a_file_is_imported_at_start(void **state)
{
    struct fixture *fixture = *state;
    struct err error = {0};
    struct str path = str_format(fixture->arena, "%s/users.yaml", fixture->data);
    assert_false(user_import_file(fixture->store, path, &error));
    FILE *file = fopen(path.ptr, "w");
    assert_non_null(file);
    fprintf(file, "- {name: root, admin: true, password_hash: '%s'}\n", FIXTURE_HASH);
    fclose(file);
    struct store *store = store_open(str_format(fixture->arena, "%s/eider.db", fixture->data), &error);
    assert_non_null(store);
    assert_true(user_import_file(store, path, &error));
    file = fopen(path.ptr, "w");
    fprintf(file, "- {name: root, admin: true, password: secret}\n");
    fclose(file);
    assert_false(user_import_file(store, path, &error));
    assert_non_null(strstr(error.message, "users.yaml: line 1: 'password' is refused"));
    store_close(&store);
    fixture_restart(fixture);
    assert_non_null(user_find(fixture->users, S("root")));
}

static void changes_leave_rows_refused_or_not(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct audit_actor rita = as(fixture, "rita");
    assert_int_equal(drop(fixture, &rita, "olga"), ERR_DENIED);
    assert_int_equal(drop(fixture, &fixture_root, "olga"), ERR_OK);
    fixture_restart(fixture);
    const struct audit_filter filter = {.action = S("user.remove")};
    assert_int_equal(fixture_audit(fixture, fixture_root.who, &filter), ERR_OK);
    assert_int_equal(fixture->row_count, 2);
    assert_int_equal(fixture->rows[0].event.result, ERR_OK);
    assert_true(str_equal(fixture->rows[0].event.user, S("administrator")));
    assert_int_equal(fixture->rows[1].event.result, ERR_DENIED);
    assert_true(str_equal(fixture->rows[1].event.user, S("rita")));
    assert_true(str_equal(fixture->rows[1].event.object, S("olga")));
    assert_true(str_equal(fixture->rows[1].event.address, S("10.0.0.7:1")));
    const struct audit_filter grants = {.tenant = S("acme")};
    struct audit_actor olga = {
        .who =
            &(struct principal){.user = S("olga"), .grants = &(struct grant){S("acme"), ROLE_OWNER}, .grant_count = 1}};
    assert_int_equal(fixture_audit(fixture, olga.who, &grants), ERR_OK);
    assert_int_equal(fixture->row_count, 2);
    assert_int_equal(fixture_audit(fixture, rita.who, &grants), ERR_DENIED);
    assert_int_equal(fixture_audit(fixture, olga.who, &filter), ERR_DENIED);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_rule),
        FACT(the_first_user_is_an_administrator_with_a_password),
        FACT(the_last_administrator_stays),
        FACT(two_removals_at_once_leave_an_administrator),
        FACT(who_may_do_less_than_before_ends),
        FACT(rights_decide_who_changes_what),
        FACT(owners_see_their_own_people_only),
        FACT(a_deleted_tenant_takes_its_grants_and_tokens_along),
        FACT(a_token_is_cut_to_its_tenant_and_role),
        FACT(server_roles_of_a_token_are_asked_for),
        FACT(tokens_are_made_by_people_and_not_by_tokens),
        FACT(a_token_of_another_text_is_refused),
        FACT(a_token_expires_and_remembers_its_use),
        FACT(the_number_of_tokens_is_limited),
        FACT(an_import_describes_users_as_a_whole),
        FACT(import_errors_name_the_line),
        FACT(a_file_is_imported_at_start),
        FACT(changes_leave_rows_refused_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
