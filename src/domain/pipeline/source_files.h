/* Source files as they are now: what globs of a project match. Does I/O, so not on the loop's thread. */
#pragma once
#include "base/arena.h"

struct source_file {
    struct str path; /* relative to the root */
    int64_t size, modified_us;
};

/* Files (of links what they lead to) that any pattern matches, ordered by path, each once. "*", "?" and "[…]" match
 * inside of a name, "**" any number of directories, hidden files are files: as DuckDB's glob. */
const struct source_file *source_files_find(struct str root, const struct str *patterns, size_t count,
                                            struct arena *arena, size_t *count_out);
