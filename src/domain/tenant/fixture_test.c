#include "domain/tenant/fixture_test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "domain/tenant/tenant_priv.h"

static const struct principal fixture_administrator = {
    .user = {"administrator", 13}, .admin = true, .audit = true, .metrics = true};
const struct audit_actor fixture_root = {.who = &fixture_administrator, .address = {"127.0.0.1:1", 11}};

static void *fixture_run_store(void *owner)
{
    struct fixture *fixture = owner;
    store_thread(fixture->store, fixture->loop);
    return NULL;
}

static void *fixture_run_passwords(void *owner)
{
    password_pool_thread(owner);
    return NULL;
}

static void fixture_open(struct fixture *fixture)
{
    struct err error;
    fixture->loop = loop_new(&error);
    fixture->store = store_open(str_format(fixture->arena, "%s/eider.db", fixture->data), &error);
    assert_non_null(fixture->store);
    fixture->tenants = tenant_list_open(fixture->store, str_from(fixture->data), &error);
    assert_non_null(fixture->tenants);
    fixture->audit = audit_open(fixture->loop, fixture->store, &error);
    assert_non_null(fixture->audit);
    fixture->pool = password_pool_new(fixture->loop);
    const struct user_options users = {.loop = fixture->loop,
                                       .store = fixture->store,
                                       .tenants = fixture->tenants,
                                       .pool = fixture->pool,
                                       .audit = fixture->audit};
    fixture->users = user_list_open(&users, &error);
    assert_non_null(fixture->users);
    const struct auth_options auth = {
        .store = fixture->store, .users = fixture->users, .pool = fixture->pool, .audit = fixture->audit};
    fixture->auth = auth_new(&auth, &error);
    assert_non_null(fixture->auth);
    assert_int_equal(pthread_create(&fixture->store_thread, NULL, fixture_run_store, fixture), 0);
    assert_int_equal(pthread_create(&fixture->password_thread, NULL, fixture_run_passwords, fixture->pool), 0);
}

static void fixture_stop(void *owner)
{
    loop_stop(owner);
}

static void fixture_close(struct fixture *fixture)
{
    password_pool_stop(fixture->pool);
    pthread_join(fixture->password_thread, NULL);
    user_list_flush(fixture->users);
    audit_flush(fixture->audit);
    store_stop(fixture->store);
    pthread_join(fixture->store_thread, NULL);
    /* What the threads have posted gives its memory back. */
    loop_post(fixture->loop, fixture_stop, fixture->loop);
    loop_run(fixture->loop);
    auth_free(&fixture->auth);
    user_list_close(&fixture->users);
    password_pool_free(&fixture->pool);
    audit_close(&fixture->audit);
    tenant_list_close(&fixture->tenants);
    store_close(&fixture->store);
    loop_free(&fixture->loop);
}

void fixture_restart(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    snprintf(fixture->data, sizeof(fixture->data), "/tmp/eider-tenant-XXXXXX");
    if (!mkdtemp(fixture->data))
        return -1;
    fixture->arena = arena_new();
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    struct err error;
    fixture_close(fixture);
    bool removed = tenant_tree_remove(S("/tmp"), str_from(fixture->data + strlen("/tmp/")), &error);
    arena_free(&fixture->arena);
    mem_free(fixture);
    return removed ? 0 : -1;
}

enum err_code fixture_wait(struct fixture *fixture)
{
    while (!fixture->done)
        loop_run(fixture->loop);
    fixture->done = false;
    return fixture->error.code;
}

void fixture_on_done(void *owner, const struct err *error)
{
    struct fixture *fixture = owner;
    fixture->done = true;
    fixture->answers++;
    fixture->error = error ? *error : (struct err){0};
    loop_stop(fixture->loop);
}

enum err_code fixture_tenant(struct fixture *fixture, const char *id)
{
    tenant_create(fixture->tenants, NULL, str_from(id), fixture_on_done, fixture);
    return fixture_wait(fixture);
}

enum err_code fixture_import(struct fixture *fixture, const char *yaml)
{
    AUTO(buf) struct buf text = {0};
    for (const char *next = yaml; *next; next++) {
        if (next[0] == '%' && next[1] == 'H') {
            buf_append_str(&text, S(FIXTURE_HASH));
            next++;
        } else {
            buf_append_char(&text, *next);
        }
    }
    user_import(fixture->users, &fixture_root, buf_str(&text), fixture_on_done, fixture);
    return fixture_wait(fixture);
}

enum err_code fixture_grant(struct fixture *fixture, const struct audit_actor *by, const char *user, const char *tenant,
                            enum role role)
{
    user_grant(fixture->users, by, str_from(user), str_from(tenant), role, fixture_on_done, fixture);
    return fixture_wait(fixture);
}

static void fixture_on_token(void *owner, const struct err *error, struct str id, struct str text)
{
    struct fixture *fixture = owner;
    fixture->token_id = str_copy(fixture->arena, id);
    fixture->token = str_copy(fixture->arena, text);
    fixture_on_done(owner, error);
}

enum err_code fixture_token(struct fixture *fixture, const struct audit_actor *by, const struct token_spec *spec)
{
    token_create(fixture->users, by, spec, fixture_on_token, fixture);
    return fixture_wait(fixture);
}

static void fixture_on_rows(void *owner, const struct audit_row *rows, size_t count, const struct err *error)
{
    struct fixture *fixture = owner;
    struct audit_row *copy = arena_array(fixture->arena, count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = rows[i];
        copy[i].event.user = str_copy(fixture->arena, rows[i].event.user);
        copy[i].event.address = str_copy(fixture->arena, rows[i].event.address);
        copy[i].event.object = str_copy(fixture->arena, rows[i].event.object);
        copy[i].event.tenant = str_copy(fixture->arena, rows[i].event.tenant);
    }
    fixture->rows = copy;
    fixture->row_count = count;
    fixture_on_done(owner, error);
}

enum err_code fixture_audit(struct fixture *fixture, const struct principal *who, const struct audit_filter *filter)
{
    audit_list(fixture->audit, who, filter, fixture_on_rows, fixture);
    return fixture_wait(fixture);
}

struct fixture_answer {
    struct auth_wait wait;
    struct fixture *fixture;
    const struct principal *who;
};

static void fixture_on_answer(struct auth_wait *wait, const struct principal *who, const struct err *error)
{
    struct fixture_answer *answer = wait->owner;
    answer->who = who;
    fixture_on_done(answer->fixture, error);
}

enum err_code fixture_request(struct fixture *fixture, const struct auth_request *request, struct principal *who_out)
{
    struct fixture_answer answer = {.wait = {.done = fixture_on_answer, .owner = &answer}, .fixture = fixture};
    struct principal who;
    fixture->error = (struct err){0};
    switch (auth_check(fixture->auth, request, fixture->arena, &answer.wait, &who, &fixture->error)) {
    case AUTH_DONE:
        *who_out = who;
        return ERR_OK;
    case AUTH_ERROR:
        return fixture->error.code;
    case AUTH_LATER:
        break;
    }
    if (fixture_wait(fixture) == ERR_OK)
        *who_out = *answer.who;
    return fixture->error.code;
}

enum err_code fixture_check(struct fixture *fixture, const char *authorization, struct principal *who_out)
{
    const struct auth_request request = {
        .authorization = str_from(authorization), .remote = S("127.0.0.1:40000"), .loopback = true};
    return fixture_request(fixture, &request, who_out);
}

const char *fixture_basic(struct fixture *fixture, const char *user, const char *password)
{
    struct str pair = str_format(fixture->arena, "%s:%s", user, password);
    size_t size = sodium_base64_encoded_len(pair.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(fixture->arena, size);
    sodium_bin2base64(text, size, (const unsigned char *)pair.ptr, pair.len, sodium_base64_VARIANT_ORIGINAL);
    return str_format(fixture->arena, "Basic %s", text).ptr;
}
