/* Processes of this machine by /proc, told from later ones with the same number by when they began. Plain values; any
 * thread. */
#pragma once
#include "base/arena.h"
#include "base/vec.h"

struct process {
    int64_t pid;
    int64_t start; /* clock ticks after boot (proc(5), field 22) */
    int64_t parent;
    bool ended; /* waits for its parent to ask for its end */
};

/* False when there is none of this number. */
bool process_find(int64_t pid, struct process *process_out);
/* It, not a later one, and it still runs. */
bool process_is_alive(const struct process *process);
/* To it and no later one; false when it is gone or is not ours to signal (errno: ESRCH, EPERM). */
bool process_signal(const struct process *process, int signal);

struct process_list {
    VEC(struct process) all; /* vec_done by the owner */
};
/* Adds the children of `root`, theirs, and so on, that are not in the list yet. `root` itself is not. */
void process_add_descendants(int64_t root, struct process_list *list);

#define PROCESS_TEXT 48
/* "4711 873642\n", pid and start: what a lock or pid file holds. text: PROCESS_TEXT bytes; gives the length. */
size_t process_print(const struct process *process, char *text);
/* The other way; parent and ended are not known. */
bool process_parse(struct str text, struct process *process_out);
