/* A project's files as they are now: all assets, and what is wrong with them. Immutable once loaded and counted, so
 * that a run keeps the project it began with while the next one is read. Loading does I/O and runs on a thread of the
 * work pool. */
#pragma once
#include "domain/pipeline/settings.h"

struct project_file;

struct project {
    struct arena *arena;
    unsigned references;
    const struct project_settings *settings;
    struct str digest;           /* of all files: same digest, same project */
    const struct asset **assets; /* ordered by name */
    size_t asset_count;
    const struct asset_problem *problems; /* ordered by path and line: syntax, properties, two of one name */
    size_t problem_count;
    struct project_file **files; /* ordered by path; projects share those that stay the same */
    size_t file_count;
};

/* Reads pipelines/, seeds/ and tests/ below the root. before: what was loaded last, whose files are not parsed again
 * while their size and time are the same; NULL: nothing. Problems of single files are in the project; an error is
 * about the directory itself, or ERR_RESOURCE beyond pipeline.max_assets. Gives a reference. Symbolic links to
 * directories and out of the root are not followed; files beyond pipeline.max_file are problems. */
struct project *project_load(const struct project_settings *settings, const struct project *before, struct err *err);
struct project *project_ref(struct project *project);
/* Accepts NULL inside. */
void project_unref(struct project **project);
/* Index of an asset, or -1. */
ptrdiff_t project_find(const struct project *project, struct str name);
/* NULL when there is none. */
const struct asset *project_asset(const struct project *project, struct str name);
