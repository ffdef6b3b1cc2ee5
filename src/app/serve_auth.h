/* What knows who asks: users, tokens, the audit trail, and the threads that hash passwords. */
#pragma once
#include <pthread.h>

#include "app/config.h"

#define SERVE_PASSWORD_THREADS 2

struct loop;
struct store;
struct tenant_list;

struct serve_auth {
    struct audit *audit;
    struct password_pool *pool;
    struct user_list *users;
    struct auth *auth;
    struct oidc *oidc; /* NULL: no issuer is configured */
    pthread_t oidc_thread;
    bool oidc_runs;
    pthread_t threads[SERVE_PASSWORD_THREADS];
    size_t thread_count;
    bool is_private; /* the server of one command, whose starter has its owner token */
};

/* Before the store's thread runs; imports the file of users that the configuration names. */
bool serve_auth_open(struct serve_auth *identity, const struct config *config, struct loop *loop, struct store *store,
                     struct tenant_list *tenants, struct err *err) MUST_USE;
/* Ends the threads and gives the store what is still to be written: before store_stop. */
void serve_auth_stop(struct serve_auth *identity);
/* After the store's thread has ended. Accepts a half-opened one. */
void serve_auth_close(struct serve_auth *identity);
