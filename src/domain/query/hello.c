/* What every worker is told, whatever it serves. */
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/limits.h"
#include "domain/query/process.h"

static uint64_t query_hello_memory(void)
{
    uint64_t configured = (uint64_t)limits_get(LIMIT_WORKER_MEMORY);
    if (configured)
        return configured;
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 2;
}

/* What blocks add to the worker's address space: results, and bodies of uploads that are mapped whole however empty. */
static uint64_t query_hello_shared(void)
{
    uint64_t results = (uint64_t)limits_get(LIMIT_RUNNING) * (uint64_t)limits_get(LIMIT_STREAM_BLOCKS) * 2 *
                       (uint64_t)limits_get(LIMIT_BLOCK);
    return results + 2 * (uint64_t)limits_get(LIMIT_UPLOAD_BUFFER) + 2 * (uint64_t)limits_get(LIMIT_MESSAGE);
}

void query_process_hello(struct channel_hello *hello_out)
{
    int64_t threads = limits_get(LIMIT_WORKER_THREADS);
    *hello_out = (struct channel_hello){.version = CHANNEL_VERSION,
                                        .threads = (uint32_t)(threads ? threads : get_nprocs()),
                                        .max_running = (uint32_t)limits_get(LIMIT_RUNNING) + CHANNEL_RESERVED_MAX,
                                        .block_size = (uint64_t)limits_get(LIMIT_BLOCK),
                                        .memory_limit_bytes = query_hello_memory(),
                                        .shared_bytes = query_hello_shared()};
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        hello_out->limits[i] = limits_get((enum limit)i);
}
