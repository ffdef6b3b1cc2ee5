/* One line per request. Requests and their times are counted by the carriers (platform/http, platform/rpc). */
#include "face/edge/edge.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"

static struct metric edge_bytes_in = {
    .name = "eider_request_bytes_in_total", .help = "Payload bytes that requests brought in.", .kind = METRIC_COUNTER};
static struct metric edge_bytes_out = {
    .name = "eider_request_bytes_out_total", .help = "Payload bytes that answers took out.", .kind = METRIC_COUNTER};
static struct metric_series *edge_series_in[EDGE_PROTOCOL_COUNT];
static struct metric_series *edge_series_out[EDGE_PROTOCOL_COUNT];

const char *edge_protocol_name(enum edge_protocol protocol)
{
    static const char *const names[EDGE_PROTOCOL_COUNT] = {"http1", "http2", "grpc"};
    return names[protocol];
}

static void edge_copy(char *target, size_t size, struct str text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0)
        memcpy(target, text.ptr, len);
    target[len] = '\0';
}

void edge_set_tenant(struct edge_request *request, struct str tenant)
{
    edge_copy(request->tenant, sizeof(request->tenant), tenant);
}

void edge_set_statement(struct edge_request *request, struct str statement)
{
    edge_copy(request->statement, sizeof(request->statement), statement);
}

void edge_set_meant(struct edge_request *request, struct tenant_list *tenants, const struct principal *who,
                    struct str tenant)
{
    struct err ignored;
    const struct tenant *meant = tenant_resolve(tenants, who, tenant, &ignored);
    if (meant)
        edge_set_tenant(request, meant->id);
}

static void edge_count(struct metric *metric, struct metric_series **series, enum edge_protocol protocol,
                       uint64_t bytes)
{
    if (!series[protocol]) {
        char labels[64];
        snprintf(labels, sizeof(labels), "protocol=\"%s\"", edge_protocol_name(protocol));
        series[protocol] = metric_series(metric, labels);
    }
    metric_add(series[protocol], (double)bytes);
}

void edge_finish(const struct edge_request *request, const struct err *error, int http_status)
{
    enum err_code code = error ? error->code : ERR_OK;
    edge_count(&edge_bytes_in, edge_series_in, request->protocol, request->bytes_in);
    edge_count(&edge_bytes_out, edge_series_out, request->protocol, request->bytes_out);

    enum log_level level = request->method->quiet ? LOG_DEBUG : LOG_INFO;
    if (code == ERR_INTERNAL || code == ERR_DATA_LOSS)
        level = LOG_ERROR;
    if (!log_is_on(level))
        return; /* probes end here, thousands of times a second */
    int64_t duration_us = clock_now_us() - request->started_us;
    log_at(level, "request.finished", LOG_I64("request", request->id),
           LOG_STR("protocol", str_from(edge_protocol_name(request->protocol))),
           LOG_STR("method", str_from(request->method->name)), LOG_STR("status", str_from(err_code_name(code))),
           LOG_I64("http_status", http_status), LOG_STR("tenant", str_from(request->tenant)),
           LOG_STR("statement", str_from(request->statement)), LOG_I64("duration_us", duration_us),
           LOG_I64("bytes_in", request->bytes_in), LOG_I64("bytes_out", request->bytes_out),
           LOG_STR("error", error ? err_message(error) : S("")));
}
