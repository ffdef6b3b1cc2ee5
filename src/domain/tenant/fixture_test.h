/* What the tests of this room start: a store, its thread, and what knows who asks. Calls come back when done has. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "domain/tenant/auth.h"
#include "domain/tenant/password.h"
#include "domain/tenant/tenant.h"
#include "domain/tenant/token.h"
#include "platform/net/loop.h"
#include "platform/store/store.h"

/* Argon2id of "correct horse", as cheap as it may be. */
#define FIXTURE_PASSWORD "correct horse"
#define FIXTURE_HASH "$argon2id$v=19$m=8,t=1,p=1$rTKRlT0UIl27rGpP6Nvb7g$AdgdoWEjDstWehVlKyeh7BWI8FasXeCG2pI/aQSZ6zg"

struct fixture {
    char data[64];
    struct arena *arena;
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct audit *audit;
    struct password_pool *pool;
    struct user_list *users;
    struct auth *auth;
    pthread_t store_thread, password_thread;
    bool done;
    size_t answers;
    struct err error;             /* of the last call */
    struct str token_id, token;   /* of the last token_create */
    const struct audit_row *rows; /* of the last audit_list; texts in the arena */
    size_t row_count;
};

/* cmocka's setup and teardown. The store is empty. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Ends everything and starts it over the same files. */
void fixture_restart(struct fixture *fixture);

/* The administrator of an open server, and of one with users. */
extern const struct audit_actor fixture_root;
/* Runs the loop until done; the code of what came. */
enum err_code fixture_wait(struct fixture *fixture);
/* A user_done, tenant_done: owner is the fixture. */
void fixture_on_done(void *owner, const struct err *error);

enum err_code fixture_tenant(struct fixture *fixture, const char *id);
/* users.yaml; %H is FIXTURE_HASH. */
enum err_code fixture_import(struct fixture *fixture, const char *yaml);
enum err_code fixture_grant(struct fixture *fixture, const struct audit_actor *by, const char *user, const char *tenant,
                            enum role role);
enum err_code fixture_token(struct fixture *fixture, const struct audit_actor *by, const struct token_spec *spec);
enum err_code fixture_audit(struct fixture *fixture, const struct principal *who, const struct audit_filter *filter);
/* What auth_check says to an Authorization header, at once or later; the principal is in the fixture's arena. */
enum err_code fixture_check(struct fixture *fixture, const char *authorization, struct principal *who_out);
enum err_code fixture_request(struct fixture *fixture, const struct auth_request *request, struct principal *who_out);
/* "Basic …" */
const char *fixture_basic(struct fixture *fixture, const char *user, const char *password);
