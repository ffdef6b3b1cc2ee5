/* Where the parts of the program lie: beside it when it is installed (bin/eider, lib/eider/...), else in the build tree
 * (deps/ of the source directory above it). */
#pragma once
#include "base/arena.h"

struct cli_layout {
    struct str program;    /* absolute path of this program */
    struct str library;    /* libduckdb.so, or what EIDER_LIB names; empty when it is not found */
    struct str extensions; /* directory; empty when it is not found */
};

struct cli_layout cli_layout_find(struct arena *arena);
