/* Reading a project's directory. */
#include "domain/pipeline/project.h"

const struct project_environment *project_environment_find(const struct project_settings *settings, struct str name)
{
    for (size_t i = 0; i < settings->environment_count; i++)
        if (name.len == 0 || str_equal(settings->environments[i].name, name))
            return &settings->environments[i];
    return NULL;
}

struct project *project_load(const struct project_settings *settings, const struct project *before, struct err *err)
{
    (void)settings, (void)before;
    (void)err_set(err, ERR_UNIMPLEMENTED, "projects are not read yet");
    return NULL;
}

struct project *project_ref(struct project *project)
{
    project->references++;
    return project;
}

void project_unref(struct project **project)
{
    struct project *gone = *project;
    *project = NULL;
    if (gone && --gone->references == 0)
        arena_free(&gone->arena);
}

const struct asset *project_asset(const struct project *project, struct str name)
{
    size_t low = 0, high = project->asset_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(project->assets[middle]->name, name);
        if (order == 0)
            return project->assets[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
