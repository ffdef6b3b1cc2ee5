/* Looking for libduckdb.so and the extensions from where the program is. */
#include "cli/layout.h"

#include <stdlib.h>
#include <unistd.h>

/* A build directory is this deep below the source directory at most (build/src/app/eider). */
#define LEVELS_MAX 5

static struct str parent(struct str path)
{
    while (path.len > 0 && path.ptr[path.len - 1] != '/')
        path.len--;
    return path.len > 1 ? str_slice(path, 0, path.len - 1) : path;
}

static struct str existing(struct arena *arena, struct str directory, const char *name)
{
    struct str path = str_format(arena, "%.*s/%s", STR_ARG(directory), name);
    return access(path.ptr, R_OK) == 0 ? path : S("");
}

struct cli_layout cli_layout_find(struct arena *arena)
{
    struct cli_layout layout = {.library = S(""), .extensions = S("")};
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program));
    layout.program = str_copy(arena, str_bytes(program, len > 0 ? (size_t)len : 0));
    struct str directory = parent(parent(layout.program));
    layout.library = existing(arena, directory, "lib/eider/libduckdb.so");
    layout.extensions = existing(arena, directory, "lib/eider/extensions");
    directory = parent(layout.program);
    for (int level = 0; level < LEVELS_MAX && layout.library.len == 0 && directory.len > 1; level++) {
        layout.library = existing(arena, directory, "deps/duckdb/lib/libduckdb.so");
        layout.extensions = existing(arena, directory, "deps/extensions");
        directory = parent(directory);
    }
    const char *library = getenv("EIDER_LIB");
    if (library && *library)
        layout.library = str_from(library);
    return layout;
}
