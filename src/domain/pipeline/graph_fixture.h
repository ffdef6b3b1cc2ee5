/* For tests: a project out of texts in memory, and what a worker would find in them. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "domain/pipeline/graph.h"

struct fixture_file {
    const char *path, *text;
    const char *reads; /* "orders iceberg.customers": the first in line 1, the second in line 2, … */
};

struct fixture {
    struct arena *arena;
    struct project_settings settings;
    struct project *project;
    struct analysis *analyses;
    size_t analysis_count;
    struct graph *graph;
};

static int fixture_by_name(const void *a, const void *b)
{
    const struct asset *const *left = a, *const *right = b;
    return str_compare((*left)->name, (*right)->name);
}

static const struct analysis_read *fixture_reads(struct arena *arena, const char *text, size_t *count_out)
{
    struct str rest = str_from(text), word, part;
    struct analysis_read *reads = arena_array(arena, rest.len + 1, sizeof(*reads));
    *count_out = 0;
    while (str_split_next(&rest, ' ', &word)) {
        struct analysis_read *read = &reads[(*count_out)++];
        *read = (struct analysis_read){
            .catalog = S(""), .schema = S(""), .table = S(""), .line = (int)*count_out, .column = 3};
        while (str_split_next(&word, '.', &part)) {
            read->catalog = read->schema;
            read->schema = read->table;
            read->table = part;
        }
    }
    return reads;
}

/* Everything with the tenants tenant_acme and tenant_acme_dev. */
static struct fixture fixture_new(const struct fixture_file *files, size_t count)
{
    static const struct project_environment environments[] = {
        {.name = {"production", 10}, .tenant = {"tenant_acme", 11}, .schedules = true},
        {.name = {"dev", 3}, .tenant = {"tenant_acme_dev", 15}}};
    struct fixture fixture = {.arena = arena_new()};
    struct arena *arena = arena_new();
    struct project *project = arena_new_object(arena, struct project);
    struct project_settings *settings = arena_new_object(arena, struct project_settings);
    struct asset_problems problems = {.arena = arena};
    struct analysis *analyses = arena_array(arena, count, sizeof(*analyses));
    *settings = (struct project_settings){.environments = environments, .environment_count = 2, .root = S("/")};
    *project = (struct project){.arena = arena, .references = 1, .settings = settings};
    project->assets = arena_array(arena, count, sizeof(*project->assets));
    for (size_t i = 0; i < count; i++) {
        const struct asset *asset = asset_parse(arena, str_from(files[i].path), str_from(files[i].text), &problems);
        if (asset)
            project->assets[project->asset_count++] = asset;
        struct analysis *analysis = &analyses[fixture.analysis_count];
        if (!asset || !files[i].reads)
            continue;
        analysis->asset = asset->name;
        analysis->reads = fixture_reads(arena, files[i].reads, &analysis->read_count);
        fixture.analysis_count++;
    }
    if (project->asset_count)
        qsort(project->assets, project->asset_count, sizeof(*project->assets), fixture_by_name);
    project->problem_count = problems.list.count;
    project->problems = arena_copy(arena, problems.list.items, problems.list.count * sizeof(struct asset_problem));
    vec_done(&problems.list);
    fixture.project = project;
    fixture.analyses = analyses;
    fixture.graph = graph_new(project, analyses, fixture.analysis_count);
    return fixture;
}

static void fixture_done(struct fixture *fixture)
{
    graph_free(&fixture->graph);
    project_unref(&fixture->project);
    arena_free(&fixture->arena);
}

/* "a b c" of the nodes that are chosen; NULL: all, in their order. */
static inline const char *fixture_names(struct fixture *fixture, const bool *chosen)
{
    struct str names = S("");
    for (size_t i = 0; i < fixture->graph->node_count; i++)
        if (!chosen || chosen[i])
            names = str_format(fixture->arena, "%.*s%s%.*s", STR_ARG(names), names.len ? " " : "",
                               STR_ARG(fixture->graph->nodes[i].asset->name));
    return str_cstr(fixture->arena, names);
}
