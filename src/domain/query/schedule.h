/* Maintenance and publishing by the clock: each goes through the tenants one after the other, then waits for its
 * interval, so that it never runs twice at once. The first run is one interval after the start. Loop thread only. */
#pragma once
#include "domain/query/query.h"

struct catalog;
struct json_writer;
struct query_schedule;

struct query_schedule_plan {
    int64_t maintain_us;           /* 0: not by itself */
    bool compact, expire, orphans; /* what maintenance does */
    int64_t publish_us;            /* 0: not by itself */
    bool with_iceberg;             /* published with Iceberg tables */
    const struct str *published;   /* tenants; lives longer than the schedule */
    size_t published_count;        /* 0: all */
};

struct query_schedule_options {
    struct loop *loop;
    struct query *query;
    struct catalog *catalog;
    struct tenant_list *tenants;
    struct query_schedule_plan plan;
};

struct query_schedule *query_schedule_new(const struct query_schedule_options *options);
/* Nothing begins any more. Accepts NULL. */
void query_schedule_stop(struct query_schedule *schedule);
/* After the query, whose statements tell it their end; before the loop. Accepts NULL inside. */
void query_schedule_free(struct query_schedule **schedule);

/* "kept": [...]: the argument of QUERY_MAINTAIN for a whole warehouse; files elsewhere are orphans. */
void query_maintain_kept(struct catalog *catalog, struct str tenant, struct json_writer *writer);
