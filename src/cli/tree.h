/* Files and directories that must survive a crash: made, written and synced. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* directory/name, NUL-terminated. */
struct str cli_tree_path(struct arena *arena, struct str directory, struct str name);

/* Makes every directory above the last part of the path that is not there. */
bool cli_tree_make_parents(struct arena *arena, struct str path, struct err *err) MUST_USE;
/* Makes the directory (and those above it) if it is not there; ERR_PRECONDITION when there is something in it. */
bool cli_tree_make_empty(struct arena *arena, struct str directory, struct err *err) MUST_USE;
/* True when the path is not there or is an empty directory. */
bool cli_tree_is_empty(struct arena *arena, struct str directory);

/* Creates a file below the directory, with the directories on its way; it must not exist. Returns the descriptor, or
 * -1. */
int cli_tree_create(struct arena *arena, struct str directory, struct str path, struct err *err);
/* Syncs and closes, also on failure. */
bool cli_tree_close(int fd, struct str path, struct err *err) MUST_USE;
/* Syncs a directory itself. */
bool cli_tree_sync(struct arena *arena, struct str directory, struct err *err) MUST_USE;
/* Syncs all that was written to its file system: many files at once. */
bool cli_tree_sync_all(struct arena *arena, struct str directory, struct err *err) MUST_USE;
/* Removes what is below the directory, and it; as far as that goes. */
void cli_tree_remove(struct arena *arena, struct str directory);
/* The directory itself stays; it may be a symbolic link to one. */
void cli_tree_clear(struct arena *arena, struct str directory);
