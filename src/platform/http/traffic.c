/* Three metric families; the series of HTTP requests sit in a table by protocol, method and status. */
#include "platform/http/traffic.h"

#include <stdio.h>

static struct metric traffic_requests_total = {
    .name = "eider_requests_total", .help = "Requests and calls that ended.", .kind = METRIC_COUNTER};
static struct metric traffic_request_seconds = {
    .name = "eider_request_seconds", .help = "From the headers to the end of the answer.", .kind = METRIC_HISTOGRAM};
static struct metric traffic_open_connections = {
    .name = "eider_connections", .help = "Open client connections.", .kind = METRIC_GAUGE};

enum { TRAFFIC_HTTP1, TRAFFIC_HTTP2, TRAFFIC_PROTOCOLS };

static const struct str traffic_methods[] = {{"GET", 3},   {"HEAD", 4},   {"POST", 4},    {"PUT", 3},
                                             {"PATCH", 5}, {"DELETE", 6}, {"OPTIONS", 7}, {"other", 5}};
#define TRAFFIC_METHODS (sizeof(traffic_methods) / sizeof(traffic_methods[0]))
/* 100 … 599, and 0 for an answer that never began. */
#define TRAFFIC_STATUSES 501

static struct metric_series *traffic_counts[TRAFFIC_PROTOCOLS][TRAFFIC_METHODS][TRAFFIC_STATUSES];
static struct metric_series *traffic_times[TRAFFIC_PROTOCOLS][TRAFFIC_METHODS];

void traffic_count_http(const char *protocol, struct str method, int status, double seconds)
{
    size_t p = protocol[4] == '2' ? TRAFFIC_HTTP2 : TRAFFIC_HTTP1;
    size_t m = 0;
    while (m < TRAFFIC_METHODS - 1 && !str_equal(traffic_methods[m], method))
        m++;
    size_t s = status >= 100 && status < 600 ? (size_t)status - 99 : 0;
    char labels[96];
    if (!traffic_counts[p][m][s]) {
        snprintf(labels, sizeof(labels), "protocol=\"%s\",method=\"%.*s\",code=\"%d\"", protocol,
                 STR_ARG(traffic_methods[m]), status);
        traffic_counts[p][m][s] = metric_series(&traffic_requests_total, labels);
    }
    if (!traffic_times[p][m]) {
        snprintf(labels, sizeof(labels), "protocol=\"%s\",method=\"%.*s\"", protocol, STR_ARG(traffic_methods[m]));
        traffic_times[p][m] = metric_series(&traffic_request_seconds, labels);
    }
    metric_add(traffic_counts[p][m][s], 1);
    metric_observe(traffic_times[p][m], seconds);
}

struct metric *traffic_requests(void)
{
    return &traffic_requests_total;
}

struct metric *traffic_seconds(void)
{
    return &traffic_request_seconds;
}

struct metric_series *traffic_connections(const char *protocol)
{
    char labels[48];
    snprintf(labels, sizeof(labels), "protocol=\"%s\"", protocol);
    return metric_series(&traffic_open_connections, labels);
}
