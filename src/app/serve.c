/* The wiring. Built from below to above, taken apart from above to below:
 * loop, signals, data directory, store, tenants, catalog, query, faces, listener. */
#include "app/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/data.h"
#include "app/notify.h"
#include "app/serve_auth.h"
#include "app/serve_catalog.h"
#include "app/serve_flags.h"
#include "app/serve_pipeline.h"
#include "app/serve_tls.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/log_file.h"
#include "cli/layout.h"
#include "domain/catalog/catalog.h"
#include "domain/query/catalog_engine.h"
#include "domain/query/session.h"
#include "domain/tenant/auth.h"
#include "domain/tenant/tenant.h"
#include "domain/tenant/user.h"
#include "face/flight/flight.h"
#include "face/probe/probe.h"
#include "face/rest/rest.h"
#include "platform/rpc/rpc_server.h"
#include "platform/store/store.h"

/* How long answers may take to leave after the last statement has ended. */
#define SERVE_FLUSH_US (5 * CLOCK_SECOND)

struct serve {
    struct arena *arena;
    int64_t started_us;
    struct config_flags flags;
    struct config config;
    struct data data;
    struct loop *loop;
    struct signals signals;
    struct store *store;
    pthread_t store_thread;
    bool store_runs;
    struct tenant_list *tenants;
    struct serve_auth identity;
    struct serve_catalog catalog;
    struct query *query;
    struct query_catalog *engine;
    struct query_schedule *schedule;
    struct serve_pipeline pipeline;
    struct rest *rest;
    struct flight *flight;
    struct probe *probe;
    struct rpc_server *server;
    struct str url;         /* of the first address */
    struct str fingerprint; /* of the certificate at the start; empty: no TLS */
    bool draining;
    struct loop_timer flush;
};

/* As many descriptors as the system lets us have. Files that are made are the user's own. */
static void serve_prepare_process(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    umask(S_IRWXG | S_IRWXO);
}

static void serve_on_flush_timeout(struct loop_timer *timer)
{
    struct serve *serve = timer->owner;
    loop_stop(serve->loop);
}

static void serve_on_stopped(void *owner)
{
    struct serve *serve = owner;
    loop_stop(serve->loop);
}

static void serve_on_catalog_drained(void *owner)
{
    struct serve *serve = owner;
    loop_timer_set(serve->loop, &serve->flush, SERVE_FLUSH_US);
    rpc_server_stop(serve->server, serve_on_stopped, serve);
}

/* The last worker has ended, and with it whoever came by the internal listener. */
static void serve_on_drained(void *owner)
{
    struct serve *serve = owner;
    loop_timer_set(serve->loop, &serve->flush, limits_get(LIMIT_DRAIN) * CLOCK_SECOND);
    catalog_drain(serve->catalog.catalog, serve_on_catalog_drained, serve);
}

/* No run needs the door any more. */
static void serve_on_pipeline_drained(void *owner)
{
    struct serve *serve = owner;
    query_drain(serve->query, serve_on_drained, serve);
}

/* The first SIGTERM or SIGINT: new statements are refused, running ones may finish. The second: out. */
static void serve_stop(struct serve *serve, int signal)
{
    if (serve->draining) {
        log_warn("server.stop_now", LOG_I64("signal", signal));
        loop_stop(serve->loop);
        return;
    }
    serve->draining = true;
    notify_send("STOPPING=1");
    log_info("server.draining", LOG_I64("signal", signal), LOG_I64("limit_s", limits_get(LIMIT_DRAIN)));
    rest_set_ready(serve->rest, false);
    probe_drain(serve->probe);
    iceberg_drain(serve->catalog.iceberg);
    query_schedule_stop(serve->schedule);
    serve_pipeline_drain(&serve->pipeline, serve_on_pipeline_drained, serve);
}

/* The log level and the certificate are what can change while running; limits and addresses need a restart. */
static void serve_reload(struct serve *serve)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    struct config config;
    struct tls *tls = NULL;
    bool ok = config_reload(arena, &serve->flags, &config, &err);
    if (ok && config_has_tls(&config) != config_has_tls(&serve->config))
        ok = err_set(&err, ERR_PRECONDITION, "tls is switched on and off by a restart only");
    if (!ok || !serve_tls_open(&config, &serve->data, &tls, &err)) {
        log_error("config.not_reloaded", LOG_ERR(&err));
        return;
    }
    log_set_level(config.log_level);
    if (tls && !data_publish(&serve->data, serve->url, tls_fingerprint(tls), &err))
        log_error("config.not_published", LOG_ERR(&err));
    if (tls)
        rpc_server_set_tls(serve->server, tls);
    log_info("config.reloaded", LOG_STR("log_level", str_from(log_level_name(config.log_level))));
}

static void serve_on_signal(void *owner, int signal)
{
    if (signal == SIGHUP)
        serve_reload(owner);
    else
        serve_stop(owner, signal);
}

static void *serve_store_thread(void *owner)
{
    struct serve *serve = owner;
    store_thread(serve->store, serve->loop);
    return NULL;
}

static bool serve_open_store(struct serve *serve, struct err *err)
{
    struct str path = str_format(serve->arena, "%.*s/eider.db", STR_ARG(serve->data.path));
    serve->store = store_open(path, err);
    if (!serve->store)
        return false;
    serve->tenants = tenant_list_open(serve->store, serve->data.path, err);
    if (!serve->tenants ||
        !serve_auth_open(&serve->identity, &serve->config, serve->loop, serve->store, serve->tenants, err))
        return false;
    const struct serve_catalog_options catalog = {
        .arena = serve->arena,
        .config = &serve->config,
        .data = &serve->data,
        .loop = serve->loop,
        .store = serve->store,
        .tenants = serve->tenants,
        .auth = serve->identity.auth,
        .audit = serve->identity.audit,
    };
    if (!serve_catalog_open(&serve->catalog, &catalog, err))
        return false;
    int failed = pthread_create(&serve->store_thread, NULL, serve_store_thread, serve);
    if (failed)
        return err_set(err, ERR_RESOURCE, "cannot start the store's thread: %s", strerror(failed));
    serve->store_runs = true;
    return true;
}

static void serve_on_user_end(void *owner, struct str user)
{
    query_end_user(owner, user);
}

static bool serve_open_query(struct serve *serve, struct err *err)
{
    struct cli_layout layout = cli_layout_find(serve->arena);
    const char *library = getenv("EIDER_LIB");
    if (library && library[0])
        layout.library = str_from(library);
    if (layout.library.len && access(str_cstr(serve->arena, layout.library), R_OK) != 0)
        return err_errno(err, "open %.*s", STR_ARG(layout.library));
    if (layout.library.len == 0) {
        err_set(err, ERR_PRECONDITION, "libduckdb.so was found neither in lib/eider nor in deps/");
        return err_hint(err, "run `make setup`, install eider, or set EIDER_LIB to the file");
    }
    struct query_options options = {
        .data = serve->data.path,
        .program = layout.program,
        .library = layout.library,
        .store = serve->store,
        .catalog = serve->catalog.catalog,
        .catalog_url = serve->catalog.url,
        .extensions = layout.extensions,
        .pool = serve->catalog.pool,
        .project = serve_pipeline_project(serve->arena, &serve->config),
    };
    serve->query = query_new(serve->loop, serve->tenants, &options, err);
    if (!serve->query)
        return false;
    user_on_end(serve->identity.users, serve_on_user_end, serve->query);
    serve->engine = query_catalog_new(serve->query, serve->loop);
    catalog_set_engine(serve->catalog.catalog, query_catalog_engine(serve->engine));
    const struct query_schedule_options schedule = {.loop = serve->loop,
                                                    .query = serve->query,
                                                    .catalog = serve->catalog.catalog,
                                                    .tenants = serve->tenants,
                                                    .plan = serve->config.schedule};
    serve->schedule = query_schedule_new(&schedule);
    const struct serve_pipeline_options pipeline = {
        .config = &serve->config,
        .data = &serve->data,
        .layout = &layout,
        .loop = serve->loop,
        .store = serve->store,
        .tenants = serve->tenants,
        .query = serve->query,
        .auth = serve->identity.auth,
        .audit = serve->identity.audit,
        .pool = serve->catalog.pool,
        .is_private = serve->identity.is_private,
    };
    return serve_pipeline_open(&serve->pipeline, &pipeline, err);
}

static bool serve_open_faces(struct serve *serve, struct err *err)
{
    struct rest_options rest = {
        .loop = serve->loop,
        .query = serve->query,
        .tenants = serve->tenants,
        .store = serve->store,
        .data = serve->data.path,
        .version = S(APP_VERSION),
        .catalog = serve->catalog.catalog,
        .auth = serve->identity.auth,
        .users = serve->identity.users,
        .audit = serve->identity.audit,
        .pipeline = serve->pipeline.pipeline,
    };
    struct flight_options flight = {.loop = serve->loop,
                                    .query = serve->query,
                                    .tenants = serve->tenants,
                                    .auth = serve->identity.auth,
                                    .audit = serve->identity.audit};
    serve->rest = rest_new(&rest, err);
    serve->flight = serve->rest ? flight_new(&flight, err) : NULL;
    if (!serve->flight)
        return false;
    serve->probe = probe_new(serve->identity.auth, flight_rpc_service(serve->flight));
    struct rpc_server_options server = {
        .listen = {.addresses = serve->config.listen, .address_count = serve->config.listen_count},
        .hosts = serve->config.hosts,
        .host_count = serve->config.host_count,
        .proxied = serve->config.tls.proxy,
        .form_path = S(ICEBERG_TOKEN_PATH),
    };
    if (!serve_tls_open(&serve->config, &serve->data, &server.tls, err))
        return false;
    serve->fingerprint = server.tls ? str_copy(serve->arena, tls_fingerprint(server.tls)) : S("");
    struct http_service *http = iceberg_public_service(serve->catalog.iceberg, rest_http_service(serve->rest));
    serve->server = rpc_server_new(serve->loop, &server, http, probe_rpc_service(serve->probe), err);
    return serve->server != NULL;
}

/* Who is not on this machine has to say who he is. */
static bool serve_check_users(const struct serve *serve, struct err *err)
{
    if (!config_needs_users(&serve->config) || auth_is_required(serve->identity.auth))
        return true;
    err_set(err, ERR_PRECONDITION, "other machines can reach this server, and it has no users");
    return err_hint(err,
                    "add one with `eider user add` while it listens on 127.0.0.1, or name a file: users: users.yaml");
}

/* An address that a client on this machine can use, for one that means every interface. */
static struct str serve_url(struct serve *serve)
{
    struct str address = rpc_server_address(serve->server, 0);
    unsigned port = rpc_server_port(serve->server, 0);
    const char *scheme = config_has_tls(&serve->config) ? "https" : "http";
    if (str_starts_with(address, S("0.0.0.0:")))
        return str_format(serve->arena, "%s://127.0.0.1:%u", scheme, port);
    if (str_starts_with(address, S("[::]:")))
        return str_format(serve->arena, "%s://[::1]:%u", scheme, port);
    return str_format(serve->arena, "%s://%.*s", scheme, STR_ARG(address));
}

static bool serve_announce(struct serve *serve, struct err *err)
{
    struct str url = serve->url = serve_url(serve);
    if (!data_publish(&serve->data, url, serve->fingerprint, err))
        return false;
    for (size_t i = 0; i < rpc_server_address_count(serve->server) && serve->config.insecure; i++) {
        if (!config_is_loopback(rpc_server_address(serve->server, i)))
            log_warn("server.insecure", LOG_STR("address", rpc_server_address(serve->server, i)),
                     LOG_STR("meaning", S("everybody who can connect may read, change and delete everything")));
    }
    log_info("server.ready", LOG_STR("url", url), LOG_I64("pid", getpid()),
             LOG_I64("startup_ms", (clock_now_us() - serve->started_us) / CLOCK_MILLISECOND),
             LOG_STR("version", S(APP_VERSION)), LOG_STR("data", serve->data.path),
             LOG_I64("tenants", tenant_count(serve->tenants)));
    notify_send("READY=1");
    if (isatty(STDOUT_FILENO))
        printf("eider %s is ready at %.*s; Ctrl-C stops it\n", APP_VERSION, STR_ARG(url));
    fflush(stdout);
    serve_pipeline_begin(&serve->pipeline, url);
    return true;
}

static bool serve_open(struct serve *serve, struct err *err)
{
    if (!config_load(serve->arena, &serve->flags, &serve->config, err))
        return false;
    log_set_level(serve->config.log_level);
    if (serve->flags.log_file.len &&
        !log_file_open(serve->flags.log_file, limits_get(LIMIT_LOG_FILE), limits_get(LIMIT_LOG_FILES), err))
        return false;
    if (!data_open(serve->arena, serve->config.data, &serve->data, err))
        return false;
    if (serve->flags.pid_file.len && !data_write_process(&serve->data, serve->arena, serve->flags.pid_file, err))
        return false;
    serve->loop = loop_new(err);
    serve->flush = (struct loop_timer){.on_time = serve_on_flush_timeout, .owner = serve};
    return serve->loop && signals_open(&serve->signals, serve->loop, serve_on_signal, serve, err) &&
           serve_open_store(serve, err) && serve_check_users(serve, err) && serve_open_query(serve, err) &&
           serve_open_faces(serve, err) && serve_announce(serve, err);
}

static void serve_posts_taken(void *owner)
{
    loop_stop(owner);
}

/* What the threads have posted goes to its owners, while they are there. */
static void serve_take_posts(struct serve *serve)
{
    loop_post(serve->loop, serve_posts_taken, serve->loop);
    loop_run(serve->loop);
}

/* Also for a server that was only half built. */
static void serve_close(struct serve *serve)
{
    rpc_server_free(&serve->server);
    serve_catalog_stop(&serve->catalog);
    serve_auth_stop(&serve->identity);
    if (serve->store_runs) {
        store_stop(serve->store);
        pthread_join(serve->store_thread, NULL);
        serve_take_posts(serve);
    }
    probe_free(&serve->probe);
    flight_free(&serve->flight);
    rest_free(&serve->rest);
    if (serve->query)
        user_on_end(serve->identity.users, NULL, NULL);
    if (serve->catalog.catalog)
        catalog_set_engine(serve->catalog.catalog, NULL);
    query_catalog_free(&serve->engine);
    query_free(&serve->query);
    serve_pipeline_close(&serve->pipeline);
    query_schedule_free(&serve->schedule);
    serve_catalog_close(&serve->catalog);
    serve_auth_close(&serve->identity);
    tenant_list_close(&serve->tenants);
    store_close(&serve->store);
    signals_close(&serve->signals);
    loop_free(&serve->loop);
    data_close(&serve->data);
    arena_free(&serve->arena);
}

int serve_main(int argc, char **argv)
{
    struct serve serve = {.arena = arena_new(), .started_us = clock_now_us(), .data = {.lock_fd = -1}};
    struct err err = {0};
    serve_prepare_process();
    enum serve_flags_outcome outcome = serve_flags_parse(serve.arena, argc, argv, &serve.flags, &err);
    bool ok = outcome == SERVE_FLAGS_RUN && serve_open(&serve, &err);
    if (ok) {
        loop_run(serve.loop);
        log_info("server.stopped", LOG_I64("ran_s", (clock_now_us() - serve.started_us) / CLOCK_SECOND));
    } else if (outcome != SERVE_FLAGS_HELP) {
        fprintf(stderr, "eider: %s\n", err.message);
        if (err.hint[0])
            fprintf(stderr, "hint: %s\n", err.hint);
    }
    serve_close(&serve);
    if (outcome == SERVE_FLAGS_WRONG)
        return 2;
    return ok || outcome == SERVE_FLAGS_HELP ? 0 : 1;
}
