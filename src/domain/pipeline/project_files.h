/* Files of a project: found, read, and kept while they stay the same. Files are counted, because projects of several
 * ages share them; counting is safe between threads. */
#pragma once
#include <stdatomic.h>

#include "base/vec.h"
#include "domain/pipeline/project.h"

struct project_file {
    _Atomic unsigned references;
    struct arena *arena;
    struct str path;                              /* relative to the root */
    struct str name;                              /* the asset's, even if there is none */
    struct str digest;                            /* of what it says */
    int64_t size, modified_ns, changed_ns, inode; /* size -1: read it again whatever they are */
    const struct asset *asset;                    /* NULL: it is wrong */
    const struct asset_problem *problems;
    size_t problem_count;
};

struct project_files {
    VEC(struct project_file *) list; /* references; vec_done by the owner */
    bool too_many;                   /* beyond pipeline.max_assets */
};

/* All of them, ordered by path. */
bool project_files_read(const struct project_settings *settings, const struct project *before,
                        struct project_files *files_out, struct err *err) MUST_USE;
/* Accepts NULL inside. */
void project_file_unref(struct project_file **file);
