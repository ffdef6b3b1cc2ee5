/* One line and two metrics per request. Series of successful requests are kept in the method, because a probe or a tiny
 * query costs about as much as looking them up. */
#include "face/edge/edge.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"

static struct metric edge_requests = {.name = "eider_requests_total",
                                      .help = "Requests that ended, by protocol, method and status code.",
                                      .kind = METRIC_COUNTER};
static struct metric edge_seconds = {
    .name = "eider_request_seconds", .help = "Time from a request's headers to its end.", .kind = METRIC_HISTOGRAM};
static struct metric edge_bytes_in = {
    .name = "eider_request_bytes_in_total", .help = "Payload bytes that requests brought in.", .kind = METRIC_COUNTER};
static struct metric edge_bytes_out = {
    .name = "eider_request_bytes_out_total", .help = "Payload bytes that answers took out.", .kind = METRIC_COUNTER};

const char *edge_protocol_name(enum edge_protocol protocol)
{
    static const char *const names[EDGE_PROTOCOL_COUNT] = {"http1", "http2", "flight"};
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

static struct metric_series *edge_request_series(const struct edge_request *request, enum err_code code)
{
    char labels[192];
    snprintf(labels, sizeof(labels), "protocol=\"%s\",method=\"%s\",code=\"%s\"", edge_protocol_name(request->protocol),
             request->method->name, err_code_name(code));
    return metric_series(&edge_requests, labels);
}

static void edge_bytes(struct metric *metric, enum edge_protocol protocol, uint64_t bytes)
{
    if (bytes == 0)
        return;
    char labels[64];
    snprintf(labels, sizeof(labels), "protocol=\"%s\"", edge_protocol_name(protocol));
    metric_add(metric_series(metric, labels), (double)bytes);
}

static void edge_count(const struct edge_request *request, enum err_code code, int64_t duration_us)
{
    struct edge_method *method = request->method;
    enum edge_protocol protocol = request->protocol;
    if (!method->seconds[protocol]) {
        char labels[160];
        snprintf(labels, sizeof(labels), "protocol=\"%s\",method=\"%s\"", edge_protocol_name(protocol), method->name);
        method->seconds[protocol] = metric_series(&edge_seconds, labels);
        method->ok[protocol] = edge_request_series(request, ERR_OK);
    }
    metric_add(code == ERR_OK ? method->ok[protocol] : edge_request_series(request, code), 1);
    metric_observe(method->seconds[protocol], (double)duration_us / 1e6);
    edge_bytes(&edge_bytes_in, protocol, request->bytes_in);
    edge_bytes(&edge_bytes_out, protocol, request->bytes_out);
}

void edge_finish(const struct edge_request *request, const struct err *error, int http_status)
{
    enum err_code code = error ? error->code : ERR_OK;
    int64_t duration_us = clock_now_us() - request->started_us;
    edge_count(request, code, duration_us);

    enum log_level level = request->method->quiet ? LOG_DEBUG : LOG_INFO;
    if (code == ERR_INTERNAL || code == ERR_DATA_LOSS)
        level = LOG_ERROR;
    log_at(level, "request.finished", LOG_I64("request", request->id),
           LOG_STR("protocol", str_from(edge_protocol_name(request->protocol))),
           LOG_STR("method", str_from(request->method->name)), LOG_STR("status", str_from(err_code_name(code))),
           LOG_I64("http_status", http_status), LOG_STR("tenant", str_from(request->tenant)),
           LOG_STR("statement", str_from(request->statement)), LOG_I64("duration_us", duration_us),
           LOG_I64("bytes_in", request->bytes_in), LOG_I64("bytes_out", request->bytes_out),
           LOG_STR("error", error ? err_message(error) : S("")));
}

const struct principal *edge_principal(void)
{
    static const struct principal administrator = {.user = {"administrator", 13}, .admin = true};
    return &administrator;
}
