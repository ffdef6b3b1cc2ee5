/* What the front carried, for /metrics: requests by protocol, method and code, how long they took, open connections. */
#pragma once
#include "base/metric.h"

/* Series are found by number, not by text: this is called for every request. */
void traffic_count_http(const char *protocol, struct str method, int status, double seconds);

/* The two families, for carriers that keep their own series (gRPC methods). */
struct metric *traffic_requests(void);
struct metric *traffic_seconds(void);

/* protocol: "http1", "http2", "new" (not known yet). */
struct metric_series *traffic_connections(const char *protocol);
