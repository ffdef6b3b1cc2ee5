#include "app/serve_pipeline.h"

struct query_project serve_pipeline_project(struct arena *arena, const struct config *config)
{
    const struct project_settings *settings = config->project;
    if (!settings)
        return (struct query_project){0};
    struct str *tenants = arena_array(arena, settings->environment_count, sizeof(*tenants));
    for (size_t i = 0; i < settings->environment_count; i++)
        tenants[i] = settings->environments[i].tenant;
    return (struct query_project){
        .root = settings->root, .tenants = tenants, .tenant_count = settings->environment_count};
}

bool serve_pipeline_open(struct serve_pipeline *serve, const struct serve_pipeline_options *options, struct err *err)
{
    if (!options->config->project)
        return true;
    const struct pipeline_options pipeline = {
        .loop = options->loop,
        .store = options->store,
        .tenants = options->tenants,
        .query = options->query,
        .auth = options->auth,
        .audit = options->audit,
        .pool = options->pool,
        .settings = options->config->project,
        .data = options->data->path,
        .program = options->layout->program,
        .library = options->layout->library,
        .extensions = options->layout->extensions,
        .is_private = options->is_private,
    };
    serve->pipeline = pipeline_new(&pipeline, err);
    return serve->pipeline != NULL;
}

void serve_pipeline_begin(struct serve_pipeline *serve, struct str url)
{
    if (serve->pipeline)
        pipeline_begin(serve->pipeline, url);
}

void serve_pipeline_drain(struct serve_pipeline *serve, void (*drained)(void *owner), void *owner)
{
    if (serve->pipeline)
        pipeline_drain(serve->pipeline, drained, owner);
    else
        drained(owner);
}

void serve_pipeline_close(struct serve_pipeline *serve)
{
    pipeline_free(&serve->pipeline);
}
