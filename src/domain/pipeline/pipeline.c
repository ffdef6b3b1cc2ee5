/* A project's life beside the server. */
#include "domain/pipeline/pipeline.h"

#include "base/arena.h"

struct pipeline {
    struct pipeline_options options;
    struct list runs;
    struct str url;
};

struct pipeline *pipeline_new(const struct pipeline_options *options, struct err *err)
{
    (void)err;
    struct pipeline *pipeline = mem_new(struct pipeline);
    pipeline->options = *options;
    list_init(&pipeline->runs);
    return pipeline;
}

void pipeline_begin(struct pipeline *pipeline, struct str url)
{
    pipeline->url = url;
}

void pipeline_drain(struct pipeline *pipeline, void (*done)(void *owner), void *owner)
{
    (void)pipeline;
    done(owner);
}

void pipeline_free(struct pipeline **pipeline)
{
    mem_free(*pipeline);
    *pipeline = NULL;
}

const struct project_settings *pipeline_settings(const struct pipeline *pipeline)
{
    return pipeline->options.settings;
}

const struct pipeline_options *pipeline_options(const struct pipeline *pipeline)
{
    return &pipeline->options;
}

struct run_log_list *pipeline_logs(struct pipeline *pipeline)
{
    (void)pipeline;
    return NULL;
}

struct scheduler *pipeline_scheduler(struct pipeline *pipeline)
{
    (void)pipeline;
    return NULL;
}

struct str pipeline_url(const struct pipeline *pipeline)
{
    return pipeline->url;
}

struct list *pipeline_runs(struct pipeline *pipeline)
{
    return &pipeline->runs;
}

void pipeline_graph(struct pipeline *pipeline, pipeline_graph_done *done, void *owner)
{
    (void)pipeline, (void)done, (void)owner;
}

void pipeline_check(struct pipeline *pipeline, struct str environment, pipeline_check_done *done, void *owner)
{
    (void)pipeline, (void)environment, (void)done, (void)owner;
}
