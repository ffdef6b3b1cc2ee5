/* A project under the server's care: its files, graph, runs, schedules, history and logs. One per server, or none. Loop
 * thread only; callbacks always come later. */
#pragma once
#include "domain/pipeline/run.h"

struct audit;
struct auth;
struct catalog;
struct loop;
struct pipeline;
struct query;
struct run_log_list;
struct scheduler;
struct store;
struct tenant_list;
struct work_pool;

struct pipeline_options {
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct query *query;
    struct auth *auth;
    struct audit *audit;
    struct work_pool *pool;
    const struct project_settings *settings; /* as long as the pipeline */
    struct str data;                         /* data directory: logs/runs below it */
    struct str program, library, extensions; /* for import workers and command steps */
    bool is_private;                         /* of one command: nothing starts by itself, and commands may run */
};
/* Marks runs that a killed server left; with settings.resume they go on. */
struct pipeline *pipeline_new(const struct pipeline_options *options, struct err *err);
/* Where it can be reached; command steps get it. Schedules begin. */
void pipeline_begin(struct pipeline *pipeline, struct str url);
/* No new runs; running steps are asked to stop and their runs marked interrupted (they resume); then done(owner).
 * Before query_drain. */
void pipeline_drain(struct pipeline *pipeline, void (*done)(void *owner), void *owner);
/* After the query. Accepts NULL inside. */
void pipeline_free(struct pipeline **pipeline);

const struct project_settings *pipeline_settings(const struct pipeline *pipeline);
const struct pipeline_options *pipeline_options(const struct pipeline *pipeline);
struct run_log_list *pipeline_logs(struct pipeline *pipeline);
struct scheduler *pipeline_scheduler(struct pipeline *pipeline);
struct str pipeline_url(const struct pipeline *pipeline);
/* Runs that have not ended. */
struct list *pipeline_runs(struct pipeline *pipeline);

/* The graph of the files as they are now. graph: valid during done; NULL with an error that is about the project as a
 * whole. */
typedef void pipeline_graph_done(void *owner, const struct graph *graph, const struct err *error);
void pipeline_graph(struct pipeline *pipeline, pipeline_graph_done *done, void *owner);

/* `eider check`: the graph's problems, and what binding against the environment's tables finds. Assets are bound in
 * order against empty stand-ins for what upstream assets would make. */
typedef void pipeline_check_done(void *owner, const struct asset_problem *problems, size_t count, size_t asset_count,
                                 const struct err *error);
void pipeline_check(struct pipeline *pipeline, struct str environment, pipeline_check_done *done, void *owner);
