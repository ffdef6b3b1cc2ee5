/* What makes the server an Iceberg catalog: the threads that read and write its files, the catalog, its face, and the
 * internal listener by which the server's own workers reach it. */
#pragma once
#include <pthread.h>

#include "app/config.h"
#include "app/data.h"
#include "face/iceberg/iceberg.h"

struct audit;
struct auth;
struct catalog;
struct loop;
struct rpc_server;
struct store;
struct tenant_list;
struct work_pool;

struct serve_catalog {
    struct work_pool *pool;
    pthread_t *threads;
    size_t thread_count;
    struct catalog *catalog;
    struct iceberg *iceberg;
    struct rpc_server *listener; /* on 127.0.0.1, for workers: open until the last of them has ended */
    struct str url;              /* "http://127.0.0.1:4711/iceberg", in the arena of serve_catalog_open */
};

struct serve_catalog_options {
    struct arena *arena; /* lives longer */
    const struct config *config;
    const struct data *data;
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct auth *auth;
    struct audit *audit;
};

/* Before the store's thread runs. */
bool serve_catalog_open(struct serve_catalog *catalog, const struct serve_catalog_options *options,
                        struct err *err) MUST_USE;
/* Drops the internal connections and ends the threads: before store_stop. */
void serve_catalog_stop(struct serve_catalog *catalog);
/* After the store's thread has ended, and its users before. Accepts a half-opened one. */
void serve_catalog_close(struct serve_catalog *catalog);
