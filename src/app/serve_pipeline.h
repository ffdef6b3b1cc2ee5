/* The project beside the server, if eider.yaml makes one: its pipelines, from their opening to their end. */
#pragma once
#include "app/config.h"
#include "app/data.h"
#include "cli/layout.h"
#include "domain/pipeline/pipeline.h"
#include "domain/query/query.h"

struct serve_pipeline {
    struct pipeline *pipeline; /* NULL: no project */
};
struct serve_pipeline_options {
    const struct config *config;
    const struct data *data;
    const struct cli_layout *layout;
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct query *query;
    struct auth *auth;
    struct audit *audit;
    struct work_pool *pool;
    bool is_private; /* the server of one command */
};

/* What the door must know of the project before it opens; the texts live in the arena. */
struct query_project serve_pipeline_project(struct arena *arena, const struct config *config);
bool serve_pipeline_open(struct serve_pipeline *serve, const struct serve_pipeline_options *options,
                         struct err *err) MUST_USE;
/* The server listens there now. */
void serve_pipeline_begin(struct serve_pipeline *serve, struct str url);
/* Ends what runs; then drained(owner), at once where there is no project. */
void serve_pipeline_drain(struct serve_pipeline *serve, void (*drained)(void *owner), void *owner);
/* After the query. */
void serve_pipeline_close(struct serve_pipeline *serve);
