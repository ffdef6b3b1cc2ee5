/* The methods of the services by path, and their series. */
#include <stdio.h>

#include "base/clock.h"
#include "platform/http/traffic.h"
#include "platform/rpc/session_priv.h"

static struct str rpc_host_last_part(struct str path)
{
    for (ptrdiff_t slash; (slash = str_find_char(path, '/')) >= 0;)
        path = str_from_index(path, (size_t)slash + 1);
    return path;
}

struct rpc_host *rpc_host_new(struct http_service *http, const struct guard *guard, const struct rpc_service *service)
{
    struct rpc_host *host = mem_new(struct rpc_host);
    host->http = http;
    host->guard = guard;
    host->service = service;
    for (const struct rpc_service *each = service; each; each = each->next)
        host->entry_count += each->method_count;
    host->entries = mem_array(host->entry_count + 1, sizeof(*host->entries));
    struct rpc_entry *entry = host->entries;
    for (const struct rpc_service *each = service; each; each = each->next) {
        for (size_t i = 0; i < each->method_count; i++, entry++) {
            struct str path = str_from(each->methods[i].path);
            *entry = (struct rpc_entry){.method = &each->methods[i], .service = each, .name = rpc_host_last_part(path)};
            map_put(&host->by_path, path, entry);
        }
    }
    entry->name = S("other");
    host->callbacks = rpc_session_callbacks();
    host->option = rpc_session_option();
    return host;
}

void rpc_host_free(struct rpc_host **host_ptr)
{
    struct rpc_host *host = host_ptr ? *host_ptr : NULL;
    if (!host)
        return;
    nghttp2_session_callbacks_del(host->callbacks);
    nghttp2_option_del(host->option);
    map_done(&host->by_path);
    mem_free(host->entries);
    mem_free(host);
    *host_ptr = NULL;
}

struct rpc_entry *rpc_host_find(struct rpc_host *host, struct str path)
{
    struct rpc_entry *entry = map_get(&host->by_path, path);
    return entry ? entry : &host->entries[host->entry_count];
}

void rpc_entry_count(struct rpc_entry *entry, enum err_code code, int64_t started_us)
{
    static const char *const codes[RPC_CODES] = {
        "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    };
    char labels[160];
    if (!entry->counts[code]) {
        snprintf(labels, sizeof(labels), "protocol=\"grpc\",method=\"%.*s\",code=\"%s\"", STR_ARG(entry->name),
                 codes[code]);
        entry->counts[code] = metric_series(traffic_requests(), labels);
    }
    if (!entry->seconds) {
        snprintf(labels, sizeof(labels), "protocol=\"grpc\",method=\"%.*s\"", STR_ARG(entry->name));
        entry->seconds = metric_series(traffic_seconds(), labels);
    }
    metric_add(entry->counts[code], 1);
    metric_observe(entry->seconds, (double)(clock_now_us() - started_us) / (double)CLOCK_SECOND);
}
