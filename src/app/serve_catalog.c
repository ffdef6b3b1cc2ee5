#include "app/serve_catalog.h"

#include <unistd.h>

#include "base/log.h"
#include "domain/catalog/catalog.h"
#include "platform/net/work.h"
#include "platform/rpc/rpc_server.h"

/* Jobs wait for disks and for other machines more than they compute. */
#define SERVE_CATALOG_THREADS_MIN 16
#define SERVE_CATALOG_THREADS_PER_CPU 2

static void *serve_catalog_thread(void *owner)
{
    work_pool_thread(owner);
    return NULL;
}

static bool serve_catalog_start(struct serve_catalog *catalog, struct err *err)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = processors > 0 ? (size_t)processors * SERVE_CATALOG_THREADS_PER_CPU : 0;
    if (wanted < SERVE_CATALOG_THREADS_MIN)
        wanted = SERVE_CATALOG_THREADS_MIN;
    catalog->threads = mem_array(wanted, sizeof(*catalog->threads));
    while (catalog->thread_count < wanted) {
        int failed =
            pthread_create(&catalog->threads[catalog->thread_count], NULL, serve_catalog_thread, catalog->pool);
        if (failed)
            return err_set(err, ERR_RESOURCE, "cannot start a thread of the work pool: %s", strerror(failed));
        catalog->thread_count++;
    }
    return true;
}

static bool serve_catalog_listen(struct serve_catalog *catalog, const struct serve_catalog_options *options,
                                 struct err *err)
{
    const struct str address = S("127.0.0.1:0");
    const struct rpc_server_options server = {.listen = {.addresses = &address, .address_count = 1}};
    catalog->listener = rpc_server_new(options->loop, &server, iceberg_internal_service(catalog->iceberg), NULL, err);
    if (!catalog->listener)
        return err_wrap(err, "the workers' way to the catalog");
    catalog->url =
        str_format(options->arena, "http://127.0.0.1:%u" ICEBERG_BASE, (unsigned)rpc_server_port(catalog->listener, 0));
    return true;
}

bool serve_catalog_open(struct serve_catalog *catalog, const struct serve_catalog_options *options, struct err *err)
{
    const struct catalog_warehouse in_data = {
        .root = str_format(options->arena, "file://%.*s/warehouse", STR_ARG(options->data->path))};
    catalog->pool = work_pool_new(options->loop);
    const struct catalog_options domain = {
        .loop = options->loop,
        .store = options->store,
        .tenants = options->tenants,
        .audit = options->audit,
        .pool = catalog->pool,
        .warehouse = options->config->warehouse ? options->config->warehouse : &in_data,
    };
    catalog->catalog = catalog_new(&domain, err);
    if (!catalog->catalog)
        return false;
    const struct iceberg_options face = {
        .catalog = catalog->catalog, .tenants = options->tenants, .auth = options->auth, .audit = options->audit};
    catalog->iceberg = iceberg_new(&face);
    if (domain.warehouse->outside)
        log_warn("warehouse.outside", LOG_STR("meaning", S("whoever may write a table decides which files are read")));
    return serve_catalog_listen(catalog, options, err) && serve_catalog_start(catalog, err);
}

void serve_catalog_stop(struct serve_catalog *catalog)
{
    rpc_server_free(&catalog->listener);
    if (catalog->pool)
        work_pool_stop(catalog->pool);
    while (catalog->thread_count > 0)
        pthread_join(catalog->threads[--catalog->thread_count], NULL);
}

void serve_catalog_close(struct serve_catalog *catalog)
{
    iceberg_free(&catalog->iceberg);
    catalog_free(&catalog->catalog);
    work_pool_free(&catalog->pool);
    mem_free(catalog->threads);
    catalog->threads = NULL;
}
