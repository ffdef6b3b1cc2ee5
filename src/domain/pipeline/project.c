/* A project out of its files: all assets by name, and what is wrong between them. */
#include "domain/pipeline/project.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "domain/pipeline/connection.h"
#include "domain/pipeline/project_files.h"
#include "platform/net/digest.h"

const struct project_environment *project_environment_find(const struct project_settings *settings, struct str name)
{
    for (size_t i = 0; i < settings->environment_count; i++)
        if (name.len == 0 || str_equal(settings->environments[i].name, name))
            return &settings->environments[i];
    return NULL;
}

static int project_by_name(const void *a, const void *b)
{
    const struct asset *const *left = a, *const *right = b;
    int order = str_compare((*left)->name, (*right)->name);
    return order ? order : str_compare((*left)->path, (*right)->path);
}

static void project_problem(struct asset_problems *problems, const struct asset *asset, int line, struct err *err)
{
    asset_problem_add(problems, asset->path, line, asset->name, err);
}

/* Takes out assets of the same name; each of their files has a problem then. */
static void project_keep_unique(struct project *project, struct asset_problems *problems)
{
    size_t kept = 0, end;
    for (size_t i = 0; i < project->asset_count; i = end) {
        const struct asset **same = project->assets + i;
        for (end = i + 1; end < project->asset_count && str_equal(project->assets[end]->name, same[0]->name);)
            end++;
        if (end == i + 1)
            project->assets[kept++] = same[0];
        for (size_t k = 0; end > i + 1 && k < end - i; k++) {
            struct err err = {0};
            (void)err_set(&err, ERR_EXISTS, "two assets are named '%.*s': the other one is %.*s",
                          STR_ARG(same[k]->name), STR_ARG(str_slice(same[k == 0 ? 1 : 0]->path, 0, 300)));
            (void)err_hint(&err, "an asset is named like its file, wherever that lies");
            project_problem(problems, same[k], 0, &err);
        }
    }
    project->asset_count = kept;
}

static void project_check_connection(const struct project *project, const struct asset *asset,
                                     struct asset_problems *problems)
{
    struct err err = {0};
    if (!connection_find(project->settings, asset->connection, &err))
        project_problem(problems, asset, asset->properties_line, &err);
}

/* Two assets cannot write one file. */
static void project_check_exports(struct map *paths, const struct asset *asset, struct asset_problems *problems)
{
    for (size_t i = 0; i < asset->export_count; i++) {
        union {
            const struct asset *asset;
            void *value;
        } mine = {.asset = asset};
        const struct asset *other = map_put(paths, asset->exports[i].path, mine.value);
        struct err err = {0};
        if (!other)
            continue;
        (void)err_set(&err, ERR_EXISTS, "'%.*s' exports to this path too (%.*s)", STR_ARG(other->name),
                      STR_ARG(str_slice(other->path, 0, 300)));
        project_problem(problems, asset, asset->exports[i].line, &err);
    }
}

/* A file of that name is there, right or wrong. */
static bool project_has_file(const struct project *project, struct str name)
{
    for (size_t i = 0; i < project->file_count; i++)
        if (str_equal(project->files[i]->name, name))
            return true;
    return false;
}

static void project_check_after(const struct project *project, const struct asset *asset,
                                struct asset_problems *problems)
{
    for (size_t i = 0; asset->schedule && i < asset->schedule->after_count; i++) {
        struct str name = asset->schedule->after[i];
        struct err err = {0};
        if (project_asset(project, name) || project_has_file(project, name))
            continue;
        (void)err_set(&err, ERR_NOT_FOUND, "after: there is no asset '%.*s'", STR_ARG(str_slice(name, 0, 64)));
        project_problem(problems, asset, asset->schedule->line, &err);
    }
}

static int project_by_place(const void *a, const void *b)
{
    const struct asset_problem *left = a, *right = b;
    int order = str_compare(left->path, right->path);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

static void project_check(struct project *project)
{
    struct asset_problems problems = {.arena = project->arena};
    struct map paths = {0};
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t k = 0; k < project->files[i]->problem_count; k++)
            vec_push(&problems.list, project->files[i]->problems[k]);
    project_keep_unique(project, &problems);
    for (size_t i = 0; i < project->asset_count; i++) {
        const struct asset *asset = project->assets[i];
        if (asset->connection.len > 0)
            project_check_connection(project, asset, &problems);
        project_check_exports(&paths, asset, &problems);
        project_check_after(project, asset, &problems);
    }
    map_done(&paths);
    project->problem_count = problems.list.count;
    if (problems.list.count > 0)
        qsort(problems.list.items, problems.list.count, sizeof(struct asset_problem), project_by_place);
    project->problems =
        arena_copy(project->arena, problems.list.items, problems.list.count * sizeof(struct asset_problem));
    vec_done(&problems.list);
}

static struct str project_digest(const struct project *project)
{
    char sum[DIGEST_TEXT_BYTES + 1];
    AUTO(digest) struct digest *digest = digest_new();
    for (size_t i = 0; i < project->file_count; i++) {
        digest_add(digest, project->files[i]->path);
        digest_add(digest, S("\n"));
        digest_add(digest, project->files[i]->digest);
        digest_add(digest, S("\n"));
    }
    digest_finish(digest, sum);
    return str_copy(project->arena, str_from(sum));
}

struct project *project_load(const struct project_settings *settings, const struct project *before, struct err *err)
{
    struct project_files files;
    if (!project_files_read(settings, before, &files, err))
        return NULL;
    struct arena *arena = arena_new();
    struct project *project = arena_new_object(arena, struct project);
    project->arena = arena;
    project->references = 1;
    project->settings = settings;
    project->file_count = files.list.count;
    project->files = arena_copy(arena, files.list.items, files.list.count * sizeof(struct project_file *));
    project->assets = arena_array(arena, files.list.count, sizeof(*project->assets));
    for (size_t i = 0; i < files.list.count; i++)
        if (files.list.items[i]->asset)
            project->assets[project->asset_count++] = files.list.items[i]->asset;
    vec_done(&files.list);
    if (project->asset_count > 0)
        qsort(project->assets, project->asset_count, sizeof(*project->assets), project_by_name);
    project->digest = project_digest(project);
    project_check(project);
    if (files.too_many) {
        limits_err(LIMIT_PIPELINE_ASSETS, err);
        project_unref(&project);
    }
    return project;
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
    if (!gone || --gone->references > 0)
        return;
    for (size_t i = 0; i < gone->file_count; i++)
        project_file_unref(&gone->files[i]);
    struct arena *arena = gone->arena; /* the project lives in it */
    arena_free(&arena);
}

ptrdiff_t project_find(const struct project *project, struct str name)
{
    size_t low = 0, high = project->asset_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(project->assets[middle]->name, name);
        if (order == 0)
            return (ptrdiff_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

const struct asset *project_asset(const struct project *project, struct str name)
{
    ptrdiff_t index = project_find(project, name);
    return index < 0 ? NULL : project->assets[index];
}
